//! The relay in the program: what it says, and what it goes on without.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;

use agent::spool::Spool;
use serde_json::{Value, json};

use crate::rig::{Program, call, pings, program, status, wait_until};
use crate::stub::{EMAIL, PASSWORD, Stub};

use super::client;

/// The program with a relay, and where its log is.
fn start(dir: &Path, url: &str, arguments: &[&str]) -> Program {
    let log = File::options()
        .append(true)
        .create(true)
        .open(dir.join("log"))
        .expect("made");
    let mut command = program(dir);
    command
        .env_remove("DAYBOOK_AGENT_NO_RELAY")
        .env("DAYBOOK_PASSWORD", PASSWORD)
        .args(["run", "--server", url, "--email", EMAIL, "--ping-secs", "1"])
        .args(arguments)
        .stderr(log);
    command.spawn().expect("the program starts").into()
}

fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).unwrap_or_default()
}

/// The port that it says it listens on.
pub fn port_in(log: &Path) -> u16 {
    let mut port = None;
    wait_until("it says where it listens", || {
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let line = log
            .lines()
            .find(|line| line.contains("listening to ActivityWatch's watchers"));
        port = line.and_then(|line| line.rsplit('=').next()?.trim().parse().ok());
        port.is_some()
    });
    port.expect("just waited for")
}

#[test]
fn what_watchers_send_arrives_and_status_tells_of_it() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let agent = start(
        dir.path(),
        &stub.url(),
        &["--source", "activitywatch", "--relay-port", "0"],
    );
    let address = format!("http://127.0.0.1:{}/api/0/buckets", port_in(&dir.path().join("log")));
    let post = |path: &str, body: &Value| {
        let request = client()
            .post(format!("{address}/{path}"))
            .content_type("application/json");
        let status = request.send(body.to_string()).expect("an answer").status();
        assert!(status.is_success(), "{path}: {status}");
    };
    let at = agent::clock::wall().plus_ms(-60_000);
    for (bucket, kind, data) in [
        ("w", "currentwindow", json!({"app": "Editor", "title": "t"})),
        ("a", "afkstatus", json!({"status": "not-afk"})),
    ] {
        post(bucket, &json!({"client": "c", "type": kind, "hostname": "here"}));
        post(
            &format!("{bucket}/heartbeat?pulsetime=2"),
            &json!({"timestamp": at.to_string(), "duration": 30, "data": data}),
        );
    }
    // While it runs, without waiting for its end.
    stub.wait_until("it is sent", |ledger| ledger.ms_of("Editor") == 30_000);
    assert_eq!(
        status(dir.path(), "from watchers").split(',').next(),
        Some("2 events in 2 buckets")
    );
    assert_eq!(
        (status(dir.path(), "since"), status(dir.path(), "given up")),
        (at.to_string(), "0".to_owned())
    );
    agent.stop();
}

#[test]
fn without_the_port_it_says_so_and_goes_on() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    Spool::open(dir.path(), 1_000)
        .and_then(|mut spool| spool.keep(&pings(0..3)))
        .expect("kept");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let agent = start(dir.path(), &stub.url(), &["--relay-port", &port.to_string()]);
    stub.wait_until("it sends", |ledger| ledger.taken.len() == 3);
    let log = log(dir.path());
    assert!(
        log.contains(&format!(
            "cannot listen on 127.0.0.1:{port}, which another program has: ActivityWatch itself?"
        )),
        "{log}"
    );
    agent.stop();
    assert_eq!(status(dir.path(), "from watchers"), "none");
}

#[test]
fn a_source_that_is_switched_off_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let (success, _, error) = call(program(dir.path()).args(["run", "--source", "activitywatch"]));
    assert!(!success && error.contains("--no-relay switches it off"), "{error}");
}
