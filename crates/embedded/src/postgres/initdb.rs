//! Makes a cluster, whole or not at all.

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use rustix::process::{Signal, geteuid};

use super::SUPERUSER;
use crate::account::Account;
use crate::binaries::PostgresBinaries;
use crate::data_dir::private_dir;
use crate::error::EmbeddedError;
use crate::leftovers;
use crate::server::Place;
use crate::spawner;

/// The character classes of Unicode with the order of bytes, which no update of the C library changes under an index.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// The settings that a new cluster begins with, for a small machine. They stand in its `postgresql.conf`, where its operator may
/// change them.
const SETTINGS: [(&str, &str); 14] = [
    ("shared_buffers", "'128MB'"),
    ("max_connections", "50"),
    ("max_wal_size", "'1GB'"),
    ("checkpoint_timeout", "'15min'"),
    ("wal_compression", "on"),
    // A disk without moving parts.
    ("random_page_cost", "1.1"),
    // Compiling costs more than the short queries of this database.
    ("jit", "off"),
    ("huge_pages", "off"),
    ("timezone", "'UTC'"),
    ("log_timezone", "'UTC'"),
    ("log_line_prefix", "'%m [%p] '"),
    ("log_checkpoints", "off"),
    ("log_autovacuum_min_duration", "'10min'"),
    ("idle_in_transaction_session_timeout", "'60s'"),
];

/// How a cluster is made.
#[derive(Clone, Copy, Debug)]
pub struct Initdb {
    /// Whether it is on disk when it is made. A test may do without.
    pub durable: bool,
    /// The size of a file of the write-ahead log: a power of two from 1 to 1024 MB.
    pub wal_segment_mb: u16,
}

impl Default for Initdb {
    fn default() -> Self {
        Self {
            durable: true,
            wal_segment_mb: 16,
        }
    }
}

/// Makes the cluster in `place.dir` unless it is there already. True if it was made.
pub(super) fn initialize(binaries: &PostgresBinaries, place: &Place, how: Initdb) -> Result<bool, EmbeddedError> {
    if place.dir.join("PG_VERSION").exists() {
        return Ok(false);
    }
    // What is there and is no cluster is not ours to remove.
    if place.dir.exists() {
        fs::remove_dir(&place.dir).map_err(EmbeddedError::on("make room for a cluster at", &place.dir))?;
    }
    // Made beside its place and renamed: a start that is killed in the middle leaves nothing that looks like a cluster.
    let new = beside(&place.dir);
    let mut output = None;
    for locale in LOCALES {
        prepare(&new, &place.account)?;
        let made = run(binaries, &new, &place.account, &initdb_args(&new, how, locale))?;
        let unknown_locale = String::from_utf8_lossy(&made.stderr).contains("invalid locale");
        output = Some(made);
        if !unknown_locale {
            break;
        }
    }
    let output = output.expect("LOCALES is not empty, so initdb has run");
    if !output.status.success() {
        return Err(failed(&binaries.program("initdb"), &output));
    }
    configure(&new, how)?;
    fs::rename(&new, &place.dir).map_err(EmbeddedError::on("move a new cluster to", &place.dir))?;
    if how.durable {
        let parent = place.dir.parent().unwrap_or(&place.dir);
        File::open(parent)
            .and_then(|dir| dir.sync_all())
            .map_err(EmbeddedError::on("sync", parent))?;
    }
    Ok(true)
}

fn initdb_args(dir: &Path, how: Initdb, locale: &str) -> Vec<String> {
    let mut args = vec![
        format!("--pgdata={}", dir.display()),
        format!("--username={SUPERUSER}"),
        "--encoding=UTF8".to_owned(),
        "--locale=C".to_owned(),
        format!("--lc-ctype={locale}"),
        "--data-checksums".to_owned(),
        // Whoever can enter the private directory of the socket is trusted.
        "--auth-local=trust".to_owned(),
        "--auth-host=reject".to_owned(),
        format!("--wal-segsize={}", how.wal_segment_mb),
        "--no-instructions".to_owned(),
    ];
    if !how.durable {
        args.push("--no-sync".to_owned());
    }
    args
}

fn prepare(new: &Path, account: &Account) -> Result<(), EmbeddedError> {
    if new.exists() {
        // A set-up that was killed is dead, but not at once what it had started.
        leftovers::kill_in(new, &["initdb", "postgres"])?;
        fs::remove_dir_all(new).map_err(EmbeddedError::on("remove the unfinished", new))?;
    }
    private_dir(new, account)
}

fn run(binaries: &PostgresBinaries, dir: &Path, account: &Account, args: &[String]) -> Result<Output, EmbeddedError> {
    let program = binaries.program("initdb");
    let mut command = binaries.command("initdb");
    account.apply(&mut command);
    command
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // On any other signal it would tidy up, in a directory that may be another one's by then.
    let ended = spawner::spawn(command, Signal::KILL).and_then(Child::wait_with_output);
    ended.map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => account.refused(dir, &program),
        _ => EmbeddedError::on("run", &program)(source),
    })
}

fn configure(dir: &Path, how: Initdb) -> Result<(), EmbeddedError> {
    let path = dir.join("postgresql.conf");
    let settings = SETTINGS.iter().fold(
        "\n# Daybook's settings for a small machine\n".to_owned(),
        |mut text, (name, value)| {
            writeln!(text, "{name} = {value}").expect("a String takes every write");
            text
        },
    );
    let append = || -> io::Result<()> {
        let mut file = File::options().append(true).open(&path)?;
        io::Write::write_all(&mut file, settings.as_bytes())?;
        if how.durable { file.sync_all() } else { Ok(()) }
    };
    append().map_err(EmbeddedError::on("write", &path))
}

fn failed(program: &Path, output: &Output) -> EmbeddedError {
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("could not look up effective user ID") {
        return EmbeddedError::NoPasswdEntry {
            uid: geteuid().as_raw(),
        };
    }
    EmbeddedError::Program {
        program: program.to_owned(),
        status: output.status,
        output: text.trim().to_owned(),
    }
}

fn beside(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
