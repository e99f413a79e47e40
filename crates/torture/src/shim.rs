//! The power cut: what a killed server wrote and never forced to disk is taken back, as the notes of a preloaded shim say.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use embedded::Account;
use testkit::runs::Failure;

/// The shared object, as build.rs made it.
const SHIM: &[u8] = include_bytes!(env!("POWERCUT_SHIM"));
/// What the file of it is called.
const SHIM_NAME: &str = "powercut.so";
/// The directory of the notes.
const UNDO: &str = "undo";
/// Here while the disk is full.
const FULL: &str = "full";

/// What begins a file of notes.
const MAGIC: u64 = 0x3154_5543_5257_4f50;
/// The numbers of a header: magic, epoch, end, synced.
const HEADER_BYTES: u64 = 32;
/// Those before the old bytes of a note: offset, old size, length.
const NOTE_BYTES: u64 = 24;

/// The shim of one server, and what it has noted.
#[derive(Debug, Clone)]
pub struct PowerCut {
    home: PathBuf,
    data: PathBuf,
}

/// What a power cut took back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// How many files had writes that were not on disk.
    pub files: usize,
    /// How many writes those were.
    pub writes: usize,
}

impl PowerCut {
    /// The shim for the server whose data are in `data`, with what it needs in `home`, which is made for `account`. `home` must not lie in `data`.
    pub fn install(home: &Path, data: &Path, account: &Account) -> Result<Self, Failure> {
        let failed = || Failure::because(format!("could not install the shim in {}", home.display()));
        DirBuilder::new().mode(0o711).create(home).map_err(failed())?;
        let undo = home.join(UNDO);
        DirBuilder::new().mode(0o700).create(&undo).map_err(failed())?;
        account
            .own(&undo)
            .map_err(Failure::because("could not give the notes to the servers"))?;
        let shim = home.join(SHIM_NAME);
        fs::write(&shim, SHIM).map_err(failed())?;
        fs::set_permissions(&shim, Permissions::from_mode(0o755)).map_err(failed())?;
        Ok(Self {
            home: home.to_owned(),
            data: data.to_owned(),
        })
    }

    /// Has `command` run under the shim.
    pub fn preload(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", self.home.join(SHIM_NAME))
            .env("POWERCUT_DATA", &self.data)
            .env("POWERCUT_UNDO", self.home.join(UNDO))
            .env("POWERCUT_FULL", self.home.join(FULL));
    }

    /// Fails unless the process `pid` runs under the shim: a power cut that takes nothing back would prove nothing.
    pub fn check(&self, pid: u32) -> Result<(), Failure> {
        let maps = format!("/proc/{pid}/maps");
        let mapped = fs::read_to_string(&maps).map_err(Failure::because(format!("could not read {maps}")))?;
        if mapped.contains(SHIM_NAME) {
            Ok(())
        } else {
            Err(Failure::new(format!("process {pid} does not run under the shim")))
        }
    }

    /// Fills the disk for the server, or makes room again.
    pub fn set_full(&self, is_full: bool) -> Result<(), Failure> {
        let flag = self.home.join(FULL);
        let set = if is_full {
            File::create(&flag).map(drop)
        } else {
            fs::remove_file(&flag).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
        };
        set.map_err(Failure::because(format!("could not change {}", flag.display())))
    }

    /// Counts what these files hold as durable: somebody else has forced it to disk, while no process of the server ran.
    pub fn forced(&self, files: &[PathBuf]) -> io::Result<()> {
        for file in files {
            let notes = self.home.join(UNDO).join(key(&fs::symlink_metadata(file)?));
            match fs::remove_file(notes) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes back, newest first, every write that no fsync has followed. To be called when all processes of the server have been killed.
    ///
    /// Notes are kept over restarts without a power cut: a kill alone makes nothing durable, unless whoever starts the server forces it ([`Self::forced`]).
    pub fn apply(&self) -> Result<Cut, Failure> {
        let undo = self.home.join(UNDO);
        let failed = || Failure::because(format!("could not take back what {} notes", undo.display()));
        let mut files = HashMap::new();
        index(&self.data, &mut files).map_err(failed())?;
        let mut cut = Cut::default();
        for entry in fs::read_dir(&undo).map_err(failed())? {
            let notes = entry.map_err(failed())?;
            // A file that was removed needs nothing.
            let file = notes.file_name().to_str().and_then(|key| files.get(key));
            let writes = file.map_or(Ok(0), |file| take_back(&notes.path(), file));
            let writes = writes.map_err(failed())?;
            cut.files += usize::from(writes > 0);
            cut.writes += writes;
            fs::remove_file(notes.path()).map_err(failed())?;
        }
        Ok(cut)
    }
}

/// Every file below `dir`, by the name that its notes have.
fn index(dir: &Path, files: &mut HashMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_dir() {
            index(&path, files)?;
        } else if metadata.is_file() {
            files.insert(key(&metadata), path);
        }
    }
    Ok(())
}

/// The name of a file's notes.
fn key(metadata: &Metadata) -> String {
    let born = metadata
        .created()
        .ok()
        .and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let (secs, nanos) = born.map_or((0, 0), |born| (born.as_secs(), born.subsec_nanos()));
    format!("{}-{secs}.{nanos:09}", metadata.ino())
}

/// Takes back what `notes` says of `file`, and answers how many writes that were.
fn take_back(notes: &Path, file: &Path) -> io::Result<usize> {
    let notes = File::open(notes)?;
    let Some([magic, _, end, synced]) = numbers::<4>(&notes, 0)? else {
        // It was opened, and nothing noted yet.
        return Ok(0);
    };
    if magic != MAGIC {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "these are no notes of the shim",
        ));
    }
    let mut writes = Vec::new();
    let mut at = synced.max(HEADER_BYTES);
    while at < end {
        let torn = || io::Error::new(io::ErrorKind::UnexpectedEof, "a note is cut off");
        let note = numbers::<3>(&notes, at)?.ok_or_else(torn)?;
        writes.push((at, note));
        at += NOTE_BYTES + note[2];
    }
    let file = File::options().write(true).open(file)?;
    for &(at, [offset, old_size, length]) in writes.iter().rev() {
        let mut old = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        notes.read_exact_at(&mut old, at + NOTE_BYTES)?;
        file.write_all_at(&old, offset)?;
        file.set_len(old_size)?;
    }
    Ok(writes.len())
}

/// `COUNT` numbers of `file` from `at` on, in the order of bytes of this machine; none when it ends before.
fn numbers<const COUNT: usize>(file: &File, at: u64) -> io::Result<Option<[u64; COUNT]>> {
    let mut numbers = [0; COUNT];
    for (index, number) in numbers.iter_mut().enumerate() {
        let mut bytes = [0; 8];
        match file.read_exact_at(&mut bytes, at + 8 * index as u64) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        *number = u64::from_ne_bytes(bytes);
    }
    Ok(Some(numbers))
}
