//! Keeping the servers running: each is started again when it ends, and nothing that was acknowledged is missing.

use std::fs;

use embedded::{ServerState, Servers, Signal, release_shared_memory};
use rustix::process::{Pid, getpgid, kill_process};

use crate::support::{scratch, start, store, until};

fn kill(pid: u32, signal: Signal) {
    kill_process(pid_of(pid), signal).expect("a process of ours");
}

fn pid_of(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).expect("an id")
}

fn postgres_restarted(servers: &Servers, times: u64) -> bool {
    let status = servers.status().postgres;
    status.state == ServerState::Up && status.restarts >= times
}

fn redis_restarted(servers: &Servers, times: u64) -> bool {
    let status = servers.status().redis;
    status.state == ServerState::Up && status.restarts >= times
}

#[test]
fn a_killed_postgres_comes_back_with_its_data() {
    let dir = scratch();
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    for times in 1..=2 {
        let status = servers.status();
        kill(status.postgres.pid.unwrap(), Signal::KILL);
        until("postgres is up again", || postgres_restarted(&servers, times));
        assert_ne!(servers.status().postgres.pid, status.postgres.pid);
        assert_eq!(servers.status().redis, status.redis);
    }
    assert_eq!(store(servers.database_url(), servers.redis_url()), (2, 2));
}

#[test]
fn a_killed_redis_comes_back_with_its_data() {
    let dir = scratch();
    let servers = start(dir.path());
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
    for times in 1..=2 {
        let status = servers.status();
        kill(status.redis.pid.unwrap(), Signal::KILL);
        until("redis is up again", || redis_restarted(&servers, times));
        assert_ne!(servers.status().redis.pid, status.redis.pid);
        assert_eq!(servers.status().postgres, status.postgres);
    }
    assert_eq!(store(servers.database_url(), servers.redis_url()), (2, 2));
}

#[test]
fn a_server_that_ended_in_order_comes_back_too() {
    let dir = scratch();
    let servers = start(dir.path());
    kill(servers.status().postgres.pid.unwrap(), Signal::INT);
    kill(servers.status().redis.pid.unwrap(), Signal::TERM);
    until("both are up again", || {
        postgres_restarted(&servers, 1) && redis_restarted(&servers, 1)
    });
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
}

#[test]
fn a_start_that_fails_is_tried_until_it_succeeds() {
    let dir = scratch();
    let servers = start(dir.path());
    let (settings, aside) = (dir.path().join("postgres/postgresql.conf"), dir.path().join("aside"));
    fs::rename(&settings, &aside).unwrap();
    kill(servers.status().postgres.pid.unwrap(), Signal::KILL);
    until("it was tried twice", || servers.status().postgres.restarts >= 2);
    assert_eq!(servers.status().postgres.state, ServerState::Restarting);
    fs::rename(&aside, &settings).unwrap();
    until("postgres is up again", || postgres_restarted(&servers, 2));
    assert_eq!(store(servers.database_url(), servers.redis_url()), (1, 1));
}

#[test]
fn servers_that_are_being_started_again_can_be_stopped() {
    let dir = scratch();
    let servers = start(dir.path());
    fs::remove_file(dir.path().join("postgres/postgresql.conf")).unwrap();
    kill(servers.status().postgres.pid.unwrap(), Signal::KILL);
    until("postgres is down", || {
        servers.status().postgres.state == ServerState::Restarting
    });
    servers.stop();
    assert_eq!(crate::support::processes(dir.path()), []);
    // The killed one could not give it back, and no start on this directory follows that would.
    release_shared_memory(&dir.path().join("postgres")).unwrap();
}

#[test]
fn a_paused_server_is_stopped_all_the_same() {
    let dir = scratch();
    let servers = start(dir.path());
    for pid in [servers.status().postgres.pid, servers.status().redis.pid] {
        kill(pid.unwrap(), Signal::STOP);
    }
    servers.stop();
    assert_eq!(crate::support::processes(dir.path()), []);
}

#[test]
fn an_interrupt_at_the_terminal_does_not_reach_the_servers() {
    let dir = scratch();
    let servers = start(dir.path());
    for pid in [servers.status().postgres.pid, servers.status().redis.pid] {
        let pid = pid_of(pid.unwrap());
        assert_eq!(getpgid(Some(pid)).unwrap(), pid);
    }
}

#[test]
fn redis_is_up_only_when_it_has_loaded_its_data() {
    const KEYS: u64 = 500_000;
    let dir = scratch();
    let servers = start(dir.path());
    let client = redis::Client::open(servers.redis_url()).unwrap();
    let fill = "for i = 1, ARGV[1] do redis.call('SET', i, string.rep('x', 100)) end";
    let mut connection = client.get_connection().unwrap();
    redis::cmd("EVAL")
        .arg(fill)
        .arg(0)
        .arg(KEYS)
        .exec(&mut connection)
        .unwrap();
    kill(servers.status().redis.pid.unwrap(), Signal::KILL);
    until("redis is up again", || redis_restarted(&servers, 1));
    let mut connection = client.get_connection().unwrap();
    assert_eq!(redis::cmd("DBSIZE").query::<u64>(&mut connection).unwrap(), KEYS);
}
