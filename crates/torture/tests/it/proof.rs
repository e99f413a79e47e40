//! The proof itself, in short: no seed breaks a promise, and a promise that is broken on purpose is found.

use std::time::Duration;

use testkit::runs::{Profile, daybook};
use torture::report::Report;
use torture::run::{Order, run, until_found};
use torture::sabotage::Sabotage;
use torture::world::Setup;

/// How long faults strike.
const LASTS: Duration = Duration::from_secs(15);
/// How long they do where each of them loses something.
const CONTROL_LASTS: Duration = Duration::from_secs(5);
const PEOPLE: usize = 6;

fn order(seed: u64, sabotage: Option<Sabotage>) -> Order {
    Order {
        seed,
        lasts: if sabotage.is_some() { CONTROL_LASTS } else { LASTS },
        people: PEOPLE,
        setup: Setup {
            daybook: daybook(Profile::Dev).expect("a server"),
            data_dir: std::env::temp_dir(),
            keep: false,
            sabotage,
        },
    }
}

async fn proven(seed: u64) {
    let report = run(&order(seed, None))
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.in_full()));
    assert!(report.is_as_it_should_be(), "{report}");
    assert!(report.acknowledged > 1_000 && report.faults.len() >= 5, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ping_is_lost_with_seed_1() {
    proven(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ping_is_lost_with_seed_2() {
    proven(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ping_is_lost_with_seed_3() {
    proven(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_answers_before_it_syncs_is_found() {
    let found: Report = until_found(&order(1, Some(Sabotage::Everysec)))
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.in_full()));
    assert!(found.is_as_it_should_be(), "{found}");
}
