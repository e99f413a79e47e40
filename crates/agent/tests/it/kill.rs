//! `kill -9` in the middle of everything.

use agent::spool::{self, Spool};

use crate::rig::{pings, run, status, taken, wait_until};
use crate::stub::{Fault, Stub};

#[test]
fn killed_again_and_again_while_sending_it_loses_nothing() {
    const COUNT: u64 = 6_000;
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().session_file = Some(dir.path().join("session.json"));
    let all = pings(0..COUNT);
    Spool::open(dir.path(), 100_000)
        .and_then(|mut spool| spool.keep(&all))
        .expect("kept");
    for round in 0..5 {
        let before = stub.ledger().requests.len();
        if round > 0 {
            stub.fault([Fault::Swallow, Fault::Cut, Fault::Half]);
        }
        let agent = run(dir.path(), &stub.url(), &["--resend-secs", "1"]);
        stub.wait_until("it sends", |ledger| ledger.requests.len() >= before + 2);
        agent.kill_dead();
        let summary = spool::summary(dir.path()).expect("readable");
        let merged = stub.ledger().progress.through();
        assert!(
            summary.merged <= merged,
            "round {round}: cut through {} of {merged}",
            summary.merged
        );
        assert_eq!(summary.waiting as u64, COUNT - summary.merged, "round {round}");
    }
    stub.ledger().faults.clear();
    let agent = run(dir.path(), &stub.url(), &["--resend-secs", "1"]);
    stub.wait_until("all are merged", |ledger| ledger.progress.through() == COUNT);
    wait_until("all are cut", || status(dir.path(), "waiting") == "0");
    agent.stop();
    let ledger = stub.ledger();
    for (seq, ping) in (1..).zip(&all) {
        assert_eq!(ledger.taken[&seq], [taken(ping)], "{seq}");
    }
    assert_eq!(
        (ledger.taken.len() as u64, &ledger.unsaved_tokens),
        (COUNT, &Vec::new())
    );
}
