//! The agent's files: private to their user, and replaced whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", path.display())]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// `doing` is a verb: `"read"`.
    pub(crate) fn new(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self { doing, path, source }
    }
}

/// Makes the directory and those above it. What is made is closed to others.
pub fn make_private_dir(dir: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| FileError::new("make", dir, source))
}

/// What is in the file, or nothing if there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::new("read", path, source)),
    }
}

/// A file that cannot be understood counts as absent: all that are read so can be made again, and an agent that does not start helps nobody.
pub(crate) fn load<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, FileError> {
    let Some(bytes) = read(path)? else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&bytes);
    if value.is_err() {
        tracing::warn!(file = %path.display(), "cannot be understood, and is made anew");
    }
    Ok(value.ok())
}

/// A value as it is written into a file.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("strings and numbers have a JSON form")
}

/// Writes the file as a whole, readable by its owner alone. After a crash it holds either what it held before or this; once the call returned, this.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace_with(path, |file| file.write_all(bytes)).map(drop)
}

/// As [`replace`], for content that is written in pieces. The open file is given back, for appending.
pub(crate) fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<File, FileError> {
    let failed = |source| FileError::new("write", path, source);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // One left behind by a crash may have other rights, or be somebody's link.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    write(&mut file).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_private_and_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().join("a/b");
        make_private_dir(&home).expect("made");
        make_private_dir(&home).expect("made before");
        let path = home.join("file");
        assert_eq!(read(&path).expect("read"), None);
        fs::write(home.join("file.new"), "left by a crash, and longer").expect("written");
        for text in ["first", "second"] {
            replace(&path, text.as_bytes()).expect("replaced");
            assert_eq!(read(&path).expect("read").as_deref(), Some(text.as_bytes()));
        }
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&home), mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&home).expect("there").count(), 1);
    }
}
