//! The checker on a whole Daybook: nothing to say where nothing is wrong, and each thing that is broken by hand is named.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use testkit::runs::{Profile, daybook};
use torture::books::Scraper;
use torture::checker::{Verdict, check};
use torture::ledger::Ledger;
use torture::random::Random;
use torture::reach::Reach;
use torture::trackers::{Fleet, FleetPlan};
use torture::violation::Violation;
use torture::world::{Setup, World};

/// The longest that the test waits for anything.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long a queue may stay as it is before the checker gives it up, where it must.
const STUCK_AFTER: Duration = Duration::from_secs(4);
/// How many pings are accepted before everybody stops.
const ACCEPTED: u64 = 12_000;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_with_a_quiet_run_and_all_that_is_broken_by_hand_is_named() {
    let setup = Setup {
        daybook: daybook(Profile::Dev).expect("a server"),
        data_dir: std::env::temp_dir(),
        keep: false,
        sabotage: None,
    };
    let world = World::start(&setup).await.expect("a world");
    let reach = world.reach();
    let logs = tempfile::tempdir().expect("a directory");
    let plan = FleetPlan {
        people: 3,
        pause_max: Duration::from_millis(20),
        directory: Some(logs.path().to_owned()),
        ..FleetPlan::default()
    };
    let mut fleet = Fleet::prepare(&reach, &world.doors(), plan, Random::new(1))
        .await
        .expect("a fleet");
    let scraper = Scraper::start(&reach).expect("metrics");
    fleet.start();
    wait_until("enough pings are accepted", || fleet.accepted() >= ACCEPTED).await;
    wait_until("the books were read", || scraper.read() > 0).await;
    let mut ledger = fleet.finish().await;
    let verdict = verdict(&reach, &ledger).await;
    assert_eq!(scraper.stop().await, []);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.unknown, verdict.notes), (0, Vec::new()));
    assert!(verdict.acknowledged >= 1_000 && verdict.refused > 0 && verdict.resent > 0 && verdict.pieces > 100);
    let written = std::fs::read_to_string(logs.path().join("person-0-device-0.log")).expect("a log");
    assert!(written.contains("ping 0 ") && written.contains(" sent to door ") && written.contains(" 202 "));

    let hands = Hands::of(&reach).await;
    what_the_server_forgot_is_told_again_and_is_no_violation(&reach, &hands, &mut ledger).await;
    let impatient = Reach {
        stuck_after: STUCK_AFTER,
        ..reach
    };
    for (broken, promises) in BROKEN {
        hands.break_it(*broken).await;
        let verdict = self::verdict(&impatient, &ledger).await;
        let found = promises_of(&verdict.violations);
        let letter = verdict
            .violations
            .iter()
            .find(|violation| violation.promise == "no ping becomes a dead letter");
        assert!(
            letter.is_none_or(|letter| letter.to_string().contains("entry")),
            "{letter:?}"
        );
        for promise in *promises {
            assert!(
                found.contains(*promise),
                "{broken} must be found as {promise:?}: {found:#?}"
            );
        }
    }
}

/// Numbers that lie above too many gaps may be forgotten by the server, and pings may not: a device that sends them again is told of them.
async fn what_the_server_forgot_is_told_again_and_is_no_violation(reach: &Reach, hands: &Hands, ledger: &mut Ledger) {
    hands
        .break_it(Broken::Sql(
            "WITH open AS (UPDATE usage_open SET numbered_by = NULL, merged_through = NULL) UPDATE usage_progress SET merged_through = 0, ahead = '{}'",
        ))
        .await;
    hands.break_it(Broken::Redis(&["DEL", "daybook:merged"])).await;
    for log in &mut ledger.logs {
        log.told = 0;
    }
    let verdict = verdict(reach, ledger).await;
    assert_eq!(verdict.violations, []);
    assert!(verdict.renumbered > 0);
    let verdict = self::verdict(reach, ledger).await;
    assert_eq!((verdict.violations, verdict.renumbered), (vec![], 0));
}

/// What is done by hand, and at least what must be found then.
const BROKEN: &[(Broken, &[&str])] = &[
    (
        Broken::Sql(
            "DELETE FROM app_usage WHERE (user_id, start_time) IN (SELECT user_id, min(start_time) FROM app_usage GROUP BY user_id)",
        ),
        &[
            "every accepted instant is stored",
            "reports add up to the time that was claimed",
        ],
    ),
    (
        Broken::Sql(
            "UPDATE app_usage SET app_name = 'Other' WHERE (user_id, start_time) IN (SELECT user_id, min(start_time) FROM app_usage GROUP BY user_id)",
        ),
        &[
            "every instant is held by the greatest claim to it",
            "reports add up to the time that was claimed",
        ],
    ),
    (
        Broken::Sql("UPDATE usage_open SET end_time = end_time + interval '1 millisecond'"),
        &["nothing is stored that nobody claimed"],
    ),
    (
        Broken::Sql(
            "WITH open AS (UPDATE usage_open SET merged_through = merged_through + 1) UPDATE usage_progress SET merged_through = merged_through + 1",
        ),
        &["numbers are settled with their pings"],
    ),
    (
        Broken::Redis(&["HINCRBY", "daybook:pings:books", "received", "1"]),
        &["every ping that was received is accounted for"],
    ),
    (
        Broken::Redis(&["XADD", "daybook:pings:0", "*", "p", "garbage"]),
        &["no ping becomes a dead letter"],
    ),
    (
        Broken::Redis(&["XADD", "daybook:pings:99", "*", "p", "nobody reads this"]),
        &["the queue drains"],
    ),
];

/// Something that is broken by hand.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Sql(&'static str),
    Redis(&'static [&'static str]),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql(sql) => f.write_str(sql),
            Self::Redis(words) => f.write_str(&words.join(" ")),
        }
    }
}

struct Hands {
    postgres: tokio_postgres::Client,
    redis: redis::aio::MultiplexedConnection,
}

impl Hands {
    async fn of(reach: &Reach) -> Self {
        let connected = tokio_postgres::connect(&reach.database_url, tokio_postgres::NoTls).await;
        let (postgres, connection) = connected.expect("the database is there");
        tokio::spawn(connection);
        let client = redis::Client::open(reach.redis_url.as_str()).expect("a URL");
        let redis = client.get_multiplexed_async_connection().await.expect("Redis is there");
        Self { postgres, redis }
    }

    async fn break_it(&self, broken: Broken) {
        match broken {
            Broken::Sql(sql) => assert!(self.postgres.execute(sql, &[]).await.expect(sql) > 0, "{sql}"),
            Broken::Redis(words) => {
                let mut command = redis::cmd(words[0]);
                command.arg(&words[1..]);
                let _: redis::Value = command.query_async(&mut self.redis.clone()).await.expect(words[0]);
            }
        }
    }
}

async fn verdict(reach: &Reach, ledger: &Ledger) -> Verdict {
    check(reach, ledger)
        .await
        .unwrap_or_else(|failure| panic!("{}", failure.in_full()))
}

fn promises_of(violations: &[Violation]) -> BTreeSet<&str> {
    violations.iter().map(|violation| violation.promise.as_str()).collect()
}

/// Looks again and again.
async fn wait_until(what: &str, reached: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !reached() {
        assert!(Instant::now() < deadline, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
