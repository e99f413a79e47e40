//! The directory that holds everything of one instance: the servers' data, sockets and logs, and the lock that makes it one.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use crate::account::Account;
use crate::error::EmbeddedError;
use crate::{postgres, redis};

/// The longest path of a socket: `sun_path` has 108 bytes, one of them the final zero.
const SOCKET_PATH_MAX: usize = 107;
/// How long the directory may still be held by another process. One that was just killed holds it until the kernel has closed its files.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);
/// How often it is tried meanwhile.
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// The directories of one instance.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
    sockets: PathBuf,
}

/// The data directory taken by this process, until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl DataDir {
    /// Makes `root` if it is missing and plans what lies in it.
    ///
    /// The sockets lie in `run` below it. Where their paths would be too long, they lie in a private directory for temporary files.
    pub fn open(root: &Path) -> Result<Self, EmbeddedError> {
        // Servers that run under another account must pass through; what needs to be private below is so itself.
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(root)
            .map_err(EmbeddedError::on("make the directory", root))?;
        let root = root.canonicalize().map_err(EmbeddedError::on("look at", root))?;
        let sockets = sockets_of(&root, &env::temp_dir())?;
        Ok(Self { root, sockets })
    }

    /// The Postgres cluster.
    #[must_use]
    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// The data of Redis.
    #[must_use]
    pub fn redis(&self) -> PathBuf {
        self.root.join("redis")
    }

    /// The directory of the sockets.
    #[must_use]
    pub fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// Where clients of the instance connect to its database as the owner of that, while it runs.
    #[must_use]
    pub fn database_url(&self) -> String {
        postgres::owner_url_in(&self.sockets)
    }

    /// Where clients of the instance connect to its Redis, while it runs.
    #[must_use]
    pub fn redis_url(&self) -> String {
        redis::url_in(&self.sockets)
    }

    /// The log file of `server`.
    #[must_use]
    pub fn log(&self, server: &str) -> PathBuf {
        self.root.join("log").join(format!("{server}.log"))
    }

    /// Takes the directory for this process. Waits a little for one that ends, and refuses when it does not.
    pub fn lock(&self) -> Result<Lock, EmbeddedError> {
        let began = Instant::now();
        self.lock_while(|| {
            thread::sleep(LOCK_EVERY);
            began.elapsed() < LOCK_WAIT_MAX
        })
    }

    /// Takes the directory, and tries again for as long as that is worth it: asked after each time that another had it.
    fn lock_while(&self, mut is_worth_it: impl FnMut() -> bool) -> Result<Lock, EmbeddedError> {
        let path = self.root.join("daybook.lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(EmbeddedError::on("open", &path))?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if is_worth_it() => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file.read_to_string(&mut holder);
                    return Err(EmbeddedError::InUse {
                        dir: self.root.clone(),
                        pid: holder.trim().parse().ok(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(EmbeddedError::on("lock", &path)(source)),
            }
        }
        let mut write = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", process::id())
        };
        write().map_err(EmbeddedError::on("write", &path))?;
        Ok(Lock { _file: file })
    }

    /// Makes the directories for the servers, which run as `account`.
    pub(crate) fn prepare(&self, account: &Account) -> Result<(), EmbeddedError> {
        let log = self.root.join("log");
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&log)
            .map_err(EmbeddedError::on("make the directory", &log))?;
        for dir in [self.redis(), self.sockets.clone()] {
            private_dir(&dir, account)?;
        }
        if self.postgres().exists() {
            account.own(&self.postgres())?;
        }
        Ok(())
    }
}

/// Makes `dir` if it is missing, for `account` alone.
pub(crate) fn private_dir(dir: &Path, account: &Account) -> Result<(), EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(EmbeddedError::on("make the directory", dir)(error)),
    }
    // In a directory for temporary files, it could be another user's, or a link to one.
    let metadata = fs::symlink_metadata(dir).map_err(EmbeddedError::on("look at", dir))?;
    let ours = metadata.uid() == account.uid() || metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_dir() || !ours {
        return Err(EmbeddedError::NotPrivate {
            dir: dir.to_owned(),
            uid: account.uid(),
        });
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(EmbeddedError::on("close", dir))?;
    }
    account.own(dir)
}

fn sockets_of(root: &Path, temp: &Path) -> Result<PathBuf, EmbeddedError> {
    let wanted = root.join("run");
    let short = format!("daybook-{:016x}", fnv1a(root.as_os_str().as_bytes()));
    [wanted.clone(), temp.join(&short), Path::new("/tmp").join(&short)]
        .into_iter()
        .find(|dir| fits(dir))
        .ok_or(EmbeddedError::SocketPath {
            wanted,
            max: SOCKET_PATH_MAX,
        })
}

fn fits(dir: &Path) -> bool {
    [postgres::SOCKET_NAME, redis::SOCKET_NAME]
        .iter()
        .all(|name| dir.join(name).as_os_str().len() <= SOCKET_PATH_MAX)
}

/// FNV-1a: the same name for the same directory in every version of this program, which std's hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{DataDir, SOCKET_PATH_MAX, fits, fnv1a, private_dir, sockets_of};
    use crate::account::Account;
    use crate::error::EmbeddedError;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};

    fn root_of_length(bytes: usize) -> PathBuf {
        PathBuf::from(format!("/{}", "d".repeat(bytes - 1)))
    }

    #[test]
    fn sockets_lie_below_the_root_up_to_the_last_byte() {
        let longest = SOCKET_PATH_MAX - "/run/.s.PGSQL.5432".len();
        let root = root_of_length(longest);
        assert_eq!(sockets_of(&root, Path::new("/tmp")).unwrap(), root.join("run"));
        let root = root_of_length(longest + 1);
        let elsewhere = sockets_of(&root, Path::new("/tmp")).unwrap();
        assert!(
            elsewhere.starts_with("/tmp") && fits(&elsewhere),
            "{}",
            elsewhere.display()
        );
    }

    #[test]
    fn a_long_directory_for_temporary_files_is_passed_over() {
        let elsewhere = sockets_of(&root_of_length(200), &root_of_length(150)).unwrap();
        assert_eq!(elsewhere.parent(), Some(Path::new("/tmp")));
    }

    #[test]
    fn long_roots_have_places_of_their_own() {
        let one = sockets_of(&root_of_length(200), Path::new("/tmp")).unwrap();
        let other = sockets_of(&root_of_length(201), Path::new("/tmp")).unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn a_private_directory_is_closed_to_others() {
        let account = Account::of_servers().unwrap();
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("run");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        private_dir(&dir, &account).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_link_or_a_file_is_no_private_directory() {
        let account = Account::of_servers().unwrap();
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("elsewhere")).unwrap();
        symlink(temp.path().join("elsewhere"), temp.path().join("link")).unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        for name in ["link", "file"] {
            let refused = private_dir(&temp.path().join(name), &account);
            assert!(matches!(refused, Err(EmbeddedError::NotPrivate { .. })), "{name}");
        }
    }

    #[test]
    fn a_directory_is_taken_once_its_holder_lets_go_and_refused_when_that_was_waited_for_in_vain() {
        let temp = tempfile::tempdir().unwrap();
        let dirs = DataDir::open(temp.path()).unwrap();
        let mut holder = Some(dirs.lock_while(|| panic!("nobody has it")).unwrap());
        let mut asked = 0;
        let refused = dirs.lock_while(|| {
            asked += 1;
            asked < 3
        });
        assert!(
            matches!(refused, Err(EmbeddedError::InUse { pid: Some(pid), .. }) if pid == std::process::id()),
            "{refused:?}"
        );
        assert_eq!(asked, 3);
        let next = dirs.lock_while(|| holder.take().is_some()).unwrap();
        assert!(holder.is_none(), "it was in use when it was first tried");
        drop(next);
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
