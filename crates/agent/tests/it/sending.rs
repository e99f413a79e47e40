//! Nothing is lost, whatever the server does.

use std::net::TcpListener;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use serde_json::json;

use crate::rig::{Sending, ping_of, pings, taken, wait_until};
use crate::stub::{Fault, Merging, Stub};

/// So long that no test resends by it.
const NEVER: Duration = Duration::from_hours(1);
const SOON: Duration = Duration::from_millis(300);

/// Every ping under its own number, as it was, and nothing else under it.
fn assert_all_taken(stub: &Stub, count: u64) {
    let ledger = stub.ledger();
    let expected: Vec<_> = (1..=count)
        .zip(pings(0..count).iter().map(|ping| vec![taken(ping)]))
        .collect();
    let all: Vec<_> = ledger.taken.iter().map(|(seq, taken)| (*seq, taken.clone())).collect();
    assert_eq!(all, expected);
}

/// Numbers that come for the first time come in order: those of the backlog, and those of the last hundred and after, which have turns of their own.
fn assert_in_order(stub: &Stub, backlog: u64) {
    let mut next = [1, backlog + 1];
    for seq in stub.ledger().requests.iter().flatten() {
        let next = &mut next[usize::from(*seq > backlog)];
        assert!(*seq <= *next, "{seq} came before {next}");
        *next = (*next).max(seq + 1);
    }
}

#[test]
fn pings_are_sent_in_order_and_go_when_they_are_merged() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..1_200));
    stub.wait_until("all are taken", |ledger| ledger.taken.len() == 1_200);
    // The answer to the last request could not know that it is merged. The next one tells.
    sending.wait_until_empty();
    assert_all_taken(&stub, 1_200);
    assert_in_order(&stub, 1_100);
    assert!(stub.ledger().requests.iter().all(|request| request.len() <= 500));
    sending.stop();
}

#[test]
fn no_fault_of_server_or_connection_loses_or_changes_a_ping() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..1));
    sending.wait_until_empty();
    stub.fault([
        Fault::Cut,
        Fault::Swallow,
        Fault::Half,
        Fault::Gibberish,
        Fault::Answer {
            status: 500,
            body: json!({"title": "Oops"}),
        },
        Fault::Busy { retry_after_secs: 1 },
    ]);
    for from in (1..600).step_by(50) {
        sending.keep(&pings(from..600.min(from + 50)));
    }
    stub.wait_until("all are taken", |ledger| {
        ledger.taken.len() == 600 && ledger.faults.is_empty()
    });
    sending.wait_until_empty();
    assert_all_taken(&stub, 600);
    sending.stop();
}

#[test]
fn what_is_taken_and_not_merged_is_kept_and_sent_again() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().merging = Merging::Never;
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..10));
    stub.wait_until("they came three times", |ledger| ledger.requests.len() >= 3);
    assert_eq!(sending.waiting(), 10);
    {
        // Half of them, as a worker that was stopped in the middle.
        let mut ledger = stub.ledger();
        ledger.progress = domain::usage::Progress::trusted(5, &[]);
    }
    wait_until("five are left", || sending.waiting() == 5);
    stub.ledger().merging = Merging::AtOnce;
    sending.wait_until_empty();
    assert_all_taken(&stub, 10);
    assert_eq!(
        stub.ledger().requests.last().map(Vec::as_slice),
        Some(&[6, 7, 8, 9, 10][..])
    );
    sending.stop();
}

#[test]
fn a_server_that_refuses_connections_is_tried_until_it_listens() {
    // Bound and not listening: connections are refused, and nobody else can have the port.
    let reserved = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(
        &reserved,
        &std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 0),
    )
    .expect("a free port");
    let address = std::net::SocketAddr::try_from(getsockname(&reserved).expect("bound")).expect("an IP address");
    let dir = tempfile::tempdir().expect("a directory");
    let sending = Sending::start(dir.path(), &format!("http://{address}"), SOON);
    sending.keep(&pings(0..3));
    listen(&reserved, 16).expect("listening");
    let stub = Stub::serve(TcpListener::from(reserved));
    sending.keep(&pings(3..6));
    stub.wait_until("all are taken", |ledger| ledger.taken.len() == 6);
    sending.wait_until_empty();
    assert_all_taken(&stub, 6);
    sending.stop();
}

#[test]
fn an_expired_token_is_renewed_and_saved_before_it_is_used() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().session_file = Some(dir.path().join("session.json"));
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..3));
    stub.wait_until("the first are taken", |ledger| ledger.taken.len() == 3);
    stub.ledger().expire_access();
    sending.keep(&pings(3..6));
    stub.wait_until("more are taken", |ledger| ledger.taken.len() == 6);
    // The session was ended, as by its user from elsewhere, so only the password helps.
    stub.ledger().end_session();
    sending.keep(&pings(6..9));
    stub.wait_until("all are taken", |ledger| ledger.taken.len() == 9);
    sending.wait_until_empty();
    assert_all_taken(&stub, 9);
    let ledger = stub.ledger();
    assert_eq!(
        (ledger.logins, ledger.refreshes, &ledger.unsaved_tokens),
        (2, 2, &Vec::new())
    );
    assert_eq!(ledger.devices[0], ledger.devices[1], "the same device each time");
    drop(ledger);
    sending.stop();
}

#[test]
fn one_ping_that_spoils_every_request_blocks_no_other() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().poison = vec!["Poison".to_owned()];
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    let mut all = pings(0..300);
    all[137] = ping_of(137, "Poison");
    sending.keep(&all);
    stub.wait_until("all numbers are taken", |ledger| ledger.taken.len() == 300);
    sending.wait_until_empty();
    let ledger = stub.ledger();
    for (seq, ping) in (1..).zip(&all) {
        // The number of the ping that was given up came with the next, so that everything above could be merged.
        let expected = if seq == 138 { &all[138] } else { ping };
        assert_eq!(ledger.taken[&seq], [taken(expected)], "{seq}");
    }
    drop(ledger);
    assert_eq!(sending.outbox.lock().spool.summary().refused, 1);
    sending.stop();
}

#[test]
fn requests_shrink_to_what_the_server_takes() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().batch_max = 70;
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..500));
    stub.wait_until("all are taken", |ledger| ledger.taken.len() == 500);
    sending.wait_until_empty();
    assert_all_taken(&stub, 500);
    assert_eq!(sending.outbox.lock().spool.summary().refused, 0);
    sending.stop();
}

#[test]
fn what_the_server_rejects_is_settled_one_by_one_or_all_together() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().rejects = vec!["Bad".to_owned()];
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    let mut all = pings(0..20);
    for number in [3, 4, 11] {
        all[number] = ping_of(3, "Bad");
    }
    sending.keep(&all);
    stub.wait_until("all numbers are taken", |ledger| ledger.taken.len() == 20);
    sending.wait_until_empty();
    // A request in which nothing is acceptable is a 422 that names each.
    sending.keep(&[ping_of(21, "Bad"), ping_of(22, "Bad")]);
    wait_until("they are given up", || sending.waiting() == 0);
    assert_eq!(sending.outbox.lock().spool.summary().refused, 2);
    sending.keep(&pings(23..24));
    stub.wait_until("the next is taken", |ledger| ledger.taken.len() == 23);
    sending.wait_until_empty();
    sending.stop();
}

#[test]
fn a_spool_that_was_lost_goes_on_above_the_numbers_that_the_server_knows() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().progress = domain::usage::Progress::trusted(5_000, &[]);
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..7));
    stub.wait_until("all are taken under new numbers", |ledger| {
        ledger.taken.contains_key(&5_007)
    });
    sending.wait_until_empty();
    let ledger = stub.ledger();
    for (seq, ping) in (5_001..).zip(pings(0..7)) {
        assert_eq!(ledger.taken[&seq], [taken(&ping)]);
    }
    drop(ledger);
    sending.stop();
}

#[test]
fn a_first_answer_that_was_lost_costs_a_second_sending() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.fault([Fault::Swallow]);
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..7));
    // The numbers that are merged now are its own, but it cannot know that.
    stub.wait_until("all are taken again", |ledger| ledger.taken.contains_key(&14));
    sending.wait_until_empty();
    let ledger = stub.ledger();
    for ping in pings(0..7) {
        let times = ledger
            .taken
            .values()
            .flatten()
            .filter(|it| **it == taken(&ping))
            .count();
        assert_eq!(times, 2);
    }
    drop(ledger);
    sending.stop();
}

#[test]
fn a_server_that_lost_everything_gets_what_is_left_and_counts_anew() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let sending = Sending::start(dir.path(), &stub.url(), SOON);
    sending.keep(&pings(0..7));
    stub.wait_until("all are taken", |ledger| ledger.taken.len() == 7);
    sending.wait_until_empty();
    {
        let mut ledger = stub.ledger();
        ledger.progress = domain::usage::Progress::default();
        ledger.taken.clear();
    }
    sending.keep(&pings(7..10));
    sending.wait_until_empty();
    let ledger = stub.ledger();
    for (seq, ping) in (1..).zip(pings(7..10)) {
        assert_eq!(ledger.taken[&seq], [taken(&ping)]);
    }
    drop(ledger);
    sending.stop();
}

#[test]
fn stopping_sends_what_is_left_once() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.fault([Fault::Busy { retry_after_secs: 600 }]);
    let sending = Sending::start(dir.path(), &stub.url(), NEVER);
    sending.keep(&pings(0..700));
    stub.wait_until("the first request came", |ledger| ledger.faults.is_empty());
    assert!(stub.ledger().taken.is_empty());
    // The pause ends with the agent, and both requests go.
    sending.stop();
    assert_all_taken(&stub, 700);
}
