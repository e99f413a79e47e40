//! The directory of a run, and those that runs which were killed have left.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Failure;

/// Held by the run that uses the directory.
const LOCK: &str = "lock";
/// What it is called until it is held.
const LOCK_IN_THE_MAKING: &str = "lock.new";

/// A directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
    _lock: File,
}

impl Home {
    /// A new one in `parent` whose name begins with `prefix`, after removing those whose runs were killed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_dir(parent: &Path, prefix: &str) -> Result<Self, Failure> {
        let failed = || Failure::because(format!("could not make a directory in {}", parent.display()));
        for path in abandoned(parent, prefix) {
            // What cannot be removed, because another user's run left it, is left to them.
            let _ = fs::remove_dir_all(path);
        }
        let dir = tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(parent)
            .map_err(failed())?;
        // The servers have an account of their own when this runs as root, and must pass through.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).map_err(failed())?;
        let lock = lock(dir.path()).map_err(failed())?;
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

/// Makes `dir` somebody's for as long as they hold what this answers.
pub(crate) fn lock(dir: &Path) -> io::Result<File> {
    // Under another name first: a lock that is there and free would say that nobody has the directory.
    let new = dir.join(LOCK_IN_THE_MAKING);
    let lock = File::create(&new)?;
    lock.try_lock()?;
    fs::rename(&new, dir.join(LOCK))?;
    Ok(lock)
}

/// Directories in `parent` whose names begin with `prefix` and whose lock can be taken: they belong to nobody any more. One without a lock is being made at
/// this moment, or is none of ours.
pub(crate) fn abandoned(parent: &Path, prefix: &str) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let homes = entries.filter(move |entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)));
    let is_free = |path: &PathBuf| File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
    homes.map(|entry| entry.path()).filter(is_free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_killed_run_is_removed_and_that_of_another_run_is_not() {
        let parent = tempfile::tempdir().expect("a directory");
        let killed = parent.path().join("some-run-killed");
        fs::create_dir(&killed).expect("a directory");
        drop(lock(&killed).expect("a lock"));
        let strangers = parent.path().join("other-run-killed");
        fs::create_dir(&strangers).expect("a directory");
        drop(lock(&strangers).expect("a lock"));
        let other = Home::in_dir(parent.path(), "some-run-").expect("a home");
        assert!(!killed.exists() && strangers.exists());
        let home = Home::in_dir(parent.path(), "some-run-").expect("a home");
        assert!(other.path().exists() && home.path().exists());
        drop((other, home));
        assert_eq!(fs::read_dir(parent.path()).expect("readable").count(), 1);
    }

    #[test]
    fn a_directory_that_is_kept_stays() {
        let parent = tempfile::tempdir().expect("a directory");
        let mut home = Home::in_dir(parent.path(), "some-run-").expect("a home");
        home.keep();
        let path = home.path().to_owned();
        drop(home);
        assert!(path.exists());
    }
}
