//! The directories of test servers: one for each server, below one for each user, where those of killed tests are swept away.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use embedded::{Account, Place, processes_in, release_shared_memory};
use tempfile::TempDir;

use crate::runs::{abandoned, lock};

/// How the name of a server's directory begins.
const PREFIX: &str = "run-";
/// The data of the server.
const DATA: &str = "data";
/// Its sockets; short, because a socket's path has at most 107 bytes.
const SOCKETS: &str = "s";
/// Held by the test that makes or removes one.
const LOCK: &str = "lock";

/// The directory of one test server, removed when dropped.
pub(super) struct Home {
    dir: TempDir,
    account: Account,
    _lock: File,
}

impl Home {
    /// Where a server lives in it.
    pub(super) fn place(&self) -> Place {
        Place {
            dir: self.dir.path().join(DATA),
            sockets: self.dir.path().join(SOCKETS),
            log: self.dir.path().join("log"),
            account: self.account.clone(),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Of a Postgres that the test has killed for good.
        let _ = release_shared_memory(&self.dir.path().join(DATA));
    }
}

/// The directory of one user's test servers, held against the user's other tests.
pub(super) struct Root {
    path: PathBuf,
    _lock: File,
}

impl Root {
    /// Waits until the other tests have let go of it.
    pub(super) fn take() -> Self {
        let temp = std::env::temp_dir();
        let user = fs::metadata("/proc/self")
            .unwrap_or_else(|error| panic!("/proc/self: {error}"))
            .uid();
        let path = temp.join(format!("daybook-testkit-{user}"));
        // The servers' account has to pass through.
        match DirBuilder::new().mode(0o711).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => panic!("{}: {error}", path.display()),
            Ok(()) | Err(_) => {}
        }
        let found = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            found.is_dir() && found.uid() == user,
            "{} must be a directory of uid {user}",
            path.display()
        );
        let lock = locked(&path.join(LOCK));
        Self { path, _lock: lock }
    }

    /// An empty directory for a server, after removing those of killed tests.
    pub(super) fn home(&self) -> Home {
        self.sweep();
        let account = Account::of_servers().unwrap_or_else(|error| panic!("an account for test servers: {error}"));
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&self.path);
        let dir = dir.unwrap_or_else(|error| panic!("a directory in {}: {error}", self.path.display()));
        let lock = lock(dir.path()).unwrap_or_else(|error| panic!("lock {}: {error}", dir.path().display()));
        for part in [DATA, SOCKETS] {
            let part = dir.path().join(part);
            let made = DirBuilder::new().mode(0o700).create(&part);
            made.unwrap_or_else(|error| panic!("{}: {error}", part.display()));
        }
        account.own(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        Home {
            dir,
            account,
            _lock: lock,
        }
    }

    /// A path in it.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes what tests that were killed have left.
    fn sweep(&self) {
        for path in abandoned(&self.path, PREFIX) {
            // The servers of a killed test are told to end by the kernel, and end a moment later.
            if processes_in(&path.join(DATA), &[""]).is_empty() {
                let _ = release_shared_memory(&path.join(DATA));
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

fn locked(path: &Path) -> File {
    let open = || {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    };
    open().unwrap_or_else(|error: io::Error| panic!("lock {}: {error}", path.display()))
}
