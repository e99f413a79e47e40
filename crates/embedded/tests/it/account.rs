//! Whose processes the servers are: root's never, and what is said when an account does not do.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use embedded::{Account, EmbeddedError, Servers};
use rustix::process::geteuid;

use crate::support::{Supervisor, options, processes, scratch, start, store};

/// `nobody`, on every system that these tests know.
const NOBODY: u32 = 65534;
/// In no passwd file.
const UNKNOWN: u32 = 54321;

#[expect(
    clippy::print_stdout,
    reason = "whoever reads the output of the tests sees what was not tested"
)]
fn is_root() -> bool {
    let root = geteuid().is_root();
    if !root {
        println!("skipped: only root can run servers as another user");
    }
    root
}

/// Of a process that has ended in between, there is nothing to say.
fn is_of(pid: u32, uid: u32) -> bool {
    fs::metadata(format!("/proc/{pid}")).map_or(true, |process| process.uid() == uid)
}

#[test]
fn the_servers_and_their_data_belong_to_an_account_that_is_not_root() {
    let dir = scratch();
    let servers = start(dir.path());
    let account = Account::of_servers().unwrap();
    assert_ne!(account.uid(), 0);
    if !geteuid().is_root() {
        assert_eq!(account.uid(), geteuid().as_raw());
    }
    assert!(processes(dir.path()).into_iter().all(|pid| is_of(pid, account.uid())));
    for part in ["postgres", "redis", "run"] {
        assert_eq!(
            fs::metadata(dir.path().join(part)).unwrap().uid(),
            account.uid(),
            "{part}"
        );
    }
    drop(servers);
}

#[test]
fn a_cluster_that_root_owns_after_a_restore_is_given_back() {
    if !is_root() {
        return;
    }
    let dir = scratch();
    start(dir.path()).stop();
    let cluster = dir.path().join("postgres");
    chown(cluster.join("PG_VERSION"), Some(0), Some(0)).unwrap();
    chown(&cluster, Some(0), Some(0)).unwrap();
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
}

#[test]
fn a_data_directory_that_the_account_cannot_reach_is_named_with_what_closes_it() {
    if !is_root() {
        return;
    }
    let dir = scratch();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    let error = Servers::start(&options(&dir.path().join("data"))).err().unwrap();
    assert!(
        matches!(&error, EmbeddedError::Unreachable { blocked_by: Some(closed), .. } if closed == dir.path()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("chmod o+x {}", dir.path().display())),
        "{error}"
    );
}

#[test]
fn a_user_runs_servers_without_root() {
    if !is_root() {
        return;
    }
    let dir = scratch();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    for times in 1..=2 {
        let mut supervisor = Supervisor::start(&data, Some(NOBODY));
        let (database_url, redis_url) = supervisor.outcome.clone().unwrap();
        assert_eq!(store(&database_url, &redis_url), (times, times));
        assert!(processes(&data).into_iter().all(|pid| is_of(pid, NOBODY)));
        supervisor.stop();
        assert_eq!(processes(&data), []);
    }
}

#[test]
fn a_user_without_an_entry_in_passwd_is_told_so() {
    if !is_root() {
        return;
    }
    let dir = scratch();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(UNKNOWN), Some(UNKNOWN)).unwrap();
    let supervisor = Supervisor::start(&data, Some(UNKNOWN));
    let why = supervisor.outcome.clone().unwrap_err();
    assert!(why.contains("uid 54321 has no entry in /etc/passwd"), "{why}");
}
