//! The directory of a run, and those that runs which were killed have left.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::failure::Failure;

/// How the directory's name begins.
const PREFIX: &str = "daybook-torture-";
/// Held by the run that uses the directory.
const LOCK: &str = "lock";

/// A directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
    _lock: File,
}

impl Home {
    /// A new one in `parent`, after removing those whose runs were killed.
    pub fn in_dir(parent: &Path) -> Result<Self, Failure> {
        let failed = || Failure::because(format!("could not make a directory in {}", parent.display()));
        sweep(parent);
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)
            .map_err(failed())?;
        // The servers have an account of their own when this runs as root, and must pass through.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).map_err(failed())?;
        let lock = File::create(dir.path().join(LOCK)).map_err(failed())?;
        lock.try_lock().map_err(io::Error::from).map_err(failed())?;
        Ok(Self { dir, _lock: lock })
    }

    /// Leaves it in its place when it is dropped.
    pub fn keep(&mut self) {
        self.dir.disable_cleanup(true);
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// A directory whose lock can be taken belongs to nobody any more. One without a lock is being made at this moment, or is none of ours. What cannot be
/// removed, because another user's run left it, is left to them.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_home = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_free = || File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_home && is_free() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_killed_run_is_removed_and_that_of_another_run_is_not() {
        let parent = tempfile::tempdir().expect("a directory");
        let killed = parent.path().join("daybook-torture-killed");
        fs::create_dir(&killed).expect("a directory");
        File::create(killed.join(LOCK)).expect("a lock");
        let other = Home::in_dir(parent.path()).expect("a home");
        assert!(!killed.exists());
        let home = Home::in_dir(parent.path()).expect("a home");
        assert!(other.path().exists() && home.path().exists());
        drop((other, home));
        assert_eq!(fs::read_dir(parent.path()).expect("readable").count(), 0);
    }
}
