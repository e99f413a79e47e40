//! The log file of a server: bounded by rotation when the server starts, and read back when a start fails.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::EmbeddedError;

/// A log longer than this is put aside before its server is started again.
const LENGTH_MAX: u64 = 16 * 1024 * 1024;
/// How much of a log an error quotes.
const TAIL_MAX: u64 = 2048;

/// Opens the log for a new process and says how long it is.
pub(crate) fn open(path: &Path) -> Result<(File, u64), EmbeddedError> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LENGTH_MAX) {
        rotate(path)?;
    }
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(EmbeddedError::on("open", path))?;
    let length = file.metadata().map_err(EmbeddedError::on("look at", path))?.len();
    Ok((file, length))
}

/// Puts the log aside as the one old log that is kept.
pub(crate) fn rotate(path: &Path) -> Result<(), EmbeddedError> {
    if path.exists() {
        fs::rename(path, old(path)).map_err(EmbeddedError::on("put aside", path))?;
    }
    Ok(())
}

/// What was written to the log after its first `from` bytes, at most the last of it.
pub(crate) fn tail(path: &Path, from: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL_MAX))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_or_else(
        |error| format!("({error})"),
        |bytes| String::from_utf8_lossy(&bytes).trim().to_owned(),
    )
}

fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::{LENGTH_MAX, TAIL_MAX, open, rotate, tail};
    use std::fs;
    use std::io::Write;

    #[test]
    fn the_tail_is_what_came_after_the_start_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        fs::write(&path, "old\nnew\n").unwrap();
        assert_eq!(tail(&path, 4), "new");
        fs::write(&path, "y".repeat(10_000)).unwrap();
        assert_eq!(tail(&path, 0).len() as u64, TAIL_MAX);
    }

    #[test]
    fn one_old_log_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        for text in ["first", "second", "third"] {
            rotate(&path).unwrap();
            fs::write(&path, text).unwrap();
        }
        assert_eq!(fs::read_to_string(dir.path().join("x.log.1")).unwrap(), "second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_over_its_bound_is_put_aside_and_one_at_its_bound_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.log");
        fs::File::create(&path).unwrap().set_len(LENGTH_MAX).unwrap();
        let (mut log, length) = open(&path).unwrap();
        assert_eq!(length, LENGTH_MAX);
        log.write_all(b"x").unwrap();
        let (_, length) = open(&path).unwrap();
        assert_eq!(length, 0);
    }
}
