//! The supervising process is killed: its servers end, and the next start finds everything that was acknowledged.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{self, Child, Command};

use embedded::Signal;
use rustix::process::{Pid, kill_process};

use crate::support::{Supervisor, process_named, processes, scratch, start, store, supervisor, until};

#[test]
fn the_servers_end_with_the_process_that_supervises_them() {
    let dir = scratch();
    let mut supervisor = Supervisor::start(dir.path(), None);
    let (database_url, redis_url) = supervisor.outcome.clone().unwrap();
    assert_eq!(store(&database_url, &redis_url), (1, 1));
    supervisor.kill();
    until("the servers have ended", || processes(dir.path()).is_empty());
}

#[test]
fn a_start_right_after_the_kill_finds_what_was_stored() {
    let dir = scratch();
    for times in 1..=3 {
        let mut supervisor = Supervisor::start(dir.path(), None);
        let (database_url, redis_url) = supervisor.outcome.clone().unwrap();
        assert_eq!(store(&database_url, &redis_url), (times, times));
        supervisor.kill();
    }
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (4, 4));
}

#[test]
fn a_start_finds_what_was_stored_after_everything_was_killed_at_once() {
    let dir = scratch();
    let mut supervisor = Supervisor::start(dir.path(), None);
    let (database_url, redis_url) = supervisor.outcome.clone().unwrap();
    assert_eq!(store(&database_url, &redis_url), (1, 1));
    // First the process that would start them again.
    supervisor.kill();
    signal_all(&dir, Signal::KILL);
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (2, 2));
}

#[test]
fn a_start_after_a_kill_while_the_cluster_was_made_makes_it() {
    let dir = scratch();
    let unfinished = dir.path().join("postgres.new");
    let mut supervisor = supervisor(dir.path(), None);
    // It has begun, and is far from the end.
    until("a cluster is being made", || unfinished.join("PG_VERSION").exists());
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    assert!(unfinished.exists());
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    assert!(!unfinished.exists());
}

#[test]
fn leftovers_that_do_not_end_by_themselves_are_ended() {
    let dir = scratch();
    let mut supervisor = Supervisor::start(dir.path(), None);
    let (database_url, redis_url) = supervisor.outcome.clone().unwrap();
    assert_eq!(store(&database_url, &redis_url), (1, 1));
    let companions = companions(&processes(dir.path()));
    assert_eq!(companions.len(), 2, "one in the group of each server");
    until("all are paused", || {
        signal_all(&dir, Signal::STOP);
        processes(dir.path()).into_iter().all(is_paused)
    });
    let paused = processes(dir.path());
    supervisor.kill();
    assert_eq!(processes(dir.path()), paused);
    let servers = start(dir.path());
    assert!(processes(dir.path()).iter().all(|pid| !paused.contains(pid)));
    assert_eq!(store(servers.database_url(), servers.redis_url()), (2, 2));
    for mut companion in companions {
        companion.kill().expect("our own child");
        companion.wait().expect("our own child");
    }
}

#[test]
fn a_process_that_is_no_server_of_ours_is_not_touched() {
    let dir = scratch();
    start(dir.path()).stop();
    let mut visitor = process_named("visitor", &dir.path().join("postgres"));
    // The id in the file of the last postmaster belongs to somebody else by now, as after a restart of the machine.
    fs::write(
        dir.path().join("postgres/postmaster.pid"),
        format!("{}\n", visitor.id()),
    )
    .unwrap();
    fs::write(dir.path().join("run/.s.PGSQL.5432.lock"), format!("{}\n", visitor.id())).unwrap();
    fs::write(dir.path().join("run/redis.pid"), format!("{}\n", visitor.id())).unwrap();
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    drop(servers);
    assert!(visitor.try_wait().unwrap().is_none(), "the visitor was ended");
    visitor.kill().unwrap();
    visitor.wait().unwrap();
}

/// A child of this process in the group of each of `leaders` that is of its session. A group of which nobody has a parent in the session any more is woken when
/// its last such parent ends, so what was paused would end by itself.
fn companions(leaders: &[u32]) -> Vec<Child> {
    let ours = session(process::id()).expect("our own session");
    let of_ours = leaders.iter().filter(|pid| session(**pid) == Some(ours));
    let beside = |leader: &u32| {
        Command::new("sleep")
            .arg("600")
            .process_group(leader.cast_signed())
            .spawn()
    };
    of_ours.map(|leader| beside(leader).expect("a process")).collect()
}

/// Of process `pid`, while there is one; `0` if its leader is outside the process ids that are seen here, as in a container that was entered.
fn session(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')').expect("a name");
    let id = after_name.split_ascii_whitespace().nth(3).expect("a session");
    Some(id.parse().expect("an id"))
}

fn is_paused(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| status.contains("State:\tT"))
}

fn signal_all(dir: &tempfile::TempDir, signal: Signal) {
    for pid in processes(dir.path()) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("an id");
        // One that has ended in between is as good as signalled.
        let _ = kill_process(pid, signal);
    }
}
