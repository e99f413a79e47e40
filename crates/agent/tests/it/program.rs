//! The program: its commands, its refusals and its files.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use agent::spool::Spool;

use crate::rig::{call, ping, pings, program, run, status, taken, wait_until};
use crate::stub::{EMAIL, PASSWORD, Stub};

#[test]
fn after_a_login_it_runs_without_a_password_and_says_how_it_stands() {
    let (home, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let dir = home.path().join("data");
    let (success, text, error) = call(
        program(&dir)
            .args(["login", "--server", &stub.url(), "--email", EMAIL])
            .env("DAYBOOK_PASSWORD", PASSWORD),
    );
    assert!(success, "{error}");
    assert!(
        text.starts_with("Signed in as ada@example.org at http://127.0.0.1:"),
        "{text}"
    );
    let mode = |name: &str| fs::metadata(dir.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("session.json"), mode("device.json")),
        (0o700, 0o600, 0o600)
    );
    Spool::open(&dir, 1_000)
        .and_then(|mut spool| spool.keep(&pings(0..3)))
        .expect("kept");
    assert_eq!(
        (status(&dir, "waiting"), status(&dir, "running")),
        ("3".to_owned(), "no".to_owned())
    );
    let agent = program(&dir)
        .args(["run", "--resend-secs", "1"])
        .spawn()
        .expect("started");
    let agent = crate::rig::Program::from(agent);
    stub.wait_until("all are taken", |ledger| ledger.taken.len() == 3);
    wait_until("all are cut", || status(&dir, "waiting") == "0");
    assert_eq!(status(&dir, "running"), "yes");
    assert_eq!(
        (status(&dir, "merged through"), status(&dir, "numbered through")),
        ("3".to_owned(), "3".to_owned())
    );
    assert_ne!(status(&dir, "last sent"), "none");
    let (success, _, error) = call(program(&dir).arg("run"));
    assert!(!success && error.contains("another daybook-agent runs on"), "{error}");
    agent.stop();
    assert_eq!(status(&dir, "running"), "no");
    let ledger = stub.ledger();
    assert_eq!(
        (ledger.logins, ledger.refreshes),
        (1, 0),
        "the session of the login was used"
    );
    assert_eq!(ledger.taken[&1], [taken(&ping(0))]);
}

#[test]
fn it_does_not_give_secrets_to_another_machine_over_plain_http() {
    let dir = tempfile::tempdir().expect("a directory");
    for command in ["login", "run"] {
        let mut told = program(dir.path());
        told.args([command, "--server", "http://192.0.2.1", "--email", EMAIL]);
        let (success, _, error) = call(told.env("DAYBOOK_PASSWORD", PASSWORD));
        assert!(
            !success && error.contains("plain http, and not this machine"),
            "{error}"
        );
        assert!(error.contains("--allow-http") && !error.contains(PASSWORD), "{error}");
    }
}

#[test]
fn a_refused_password_is_said_and_not_shown() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let file = dir.path().join("password");
    fs::write(&file, "wrong secret\n").expect("written");
    let mut told = program(dir.path());
    told.args(["login", "--server", &stub.url(), "--email", EMAIL, "--password-file"])
        .arg(&file);
    let (success, _, error) = call(&mut told);
    assert!(
        !success && error.contains("cannot sign in: the server refused: 401"),
        "{error}"
    );
    assert!(!error.contains("wrong secret"));
    assert!(!dir.path().join("session.json").exists());
}

#[test]
fn pings_of_one_account_are_not_sent_for_another() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let mut spool = Spool::open(dir.path(), 1_000).expect("opened");
    spool.own("bob@example.org").expect("written");
    spool.keep(&pings(0..2)).expect("kept");
    drop(spool);
    for command in ["login", "run"] {
        let mut told = program(dir.path());
        told.args([command, "--server", &stub.url(), "--email", EMAIL]);
        let (success, _, error) = call(told.env("DAYBOOK_PASSWORD", PASSWORD));
        assert!(!success && error.contains("2 pings of bob@example.org wait"), "{error}");
    }
    assert!(stub.ledger().taken.is_empty());
}

#[test]
fn nothing_to_go_by_is_said_as_such() {
    let dir = tempfile::tempdir().expect("a directory");
    let (success, _, error) = call(program(dir.path()).arg("run"));
    assert!(!success && error.contains("which server?"), "{error}");
    let (success, _, error) = call(program(dir.path()).args(["run", "--idle-secs", "0"]));
    assert!(!success && error.contains("--idle-secs"), "{error}");
    let (success, text, _) = call(program(dir.path()).arg("status"));
    assert!(success && text.contains("waiting           0\n"), "{text}");
}

#[test]
fn a_server_that_does_not_answer_holds_up_the_end_for_seconds_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    Spool::open(dir.path(), 1_000)
        .and_then(|mut spool| spool.keep(&pings(0..3)))
        .expect("kept");
    let url = format!("http://{}", silent.local_addr().expect("bound"));
    let agent = run(dir.path(), &url, &[]);
    let (connection, _) = silent.accept().expect("it connects");
    // The request hangs, and its own bound is half a minute.
    agent.stop();
    drop(connection);
    assert_eq!(status(dir.path(), "waiting"), "3");
}
