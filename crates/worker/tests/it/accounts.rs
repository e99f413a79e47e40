//! Nodes that keep informed of sessions, over a real Redis: each test has a server of its own, and nodes that know nothing of each other.

use std::sync::Arc;

use adapters::ambient::{SystemClock, SystemSteadyClock};
use adapters::redis::Redis;
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use metrics_exporter_prometheus::PrometheusBuilder;
use ports::accounts::{Announcements, StandingChange};
use ports::{Clock, Probe};
use services::accounts::{FollowStandings, RelayEnded, RelayFrom, Standing, Standings};
use testkit::memory::standing::MemoryEndedSessions;
use testkit::servers::{Fsync, TestRedis};
use tokio::task::JoinHandle;
use uuid::Uuid;
use worker::KeepStandings;

use crate::scenes::{eventually, soon};

struct House {
    server: TestRedis,
    redis: Redis,
    ended: Arc<MemoryEndedSessions>,
}

/// A node at work.
struct Node {
    standings: Arc<Standings>,
    work: JoinHandle<()>,
}

impl House {
    fn start() -> Self {
        let server = TestRedis::start_with(Fsync::Always, 0);
        let redis = Redis::new(server.url(), 4).expect("a URL");
        Self {
            server,
            redis,
            ended: Arc::default(),
        }
    }

    fn keep(&self) -> KeepStandings {
        let standings = Arc::new(Standings::new(Arc::new(SystemSteadyClock)));
        let from = RelayFrom {
            ended: self.ended.clone(),
            announcements: Arc::new(self.redis.announcements()),
            clock: Arc::new(SystemClock),
        };
        KeepStandings {
            follow: FollowStandings::new(Arc::new(self.redis.hearing()), standings.clone()),
            relay: RelayEnded::new(from, standings.clone()),
            standings,
        }
    }

    /// A node that starts as `daybook api` does.
    async fn node(&self) -> Node {
        let mut keep = self.keep();
        soon(keep.catch_up()).await.expect("both are there");
        let standings = keep.standings.clone();
        let work = tokio::spawn(async move { match keep.go_on().await {} });
        Node { standings, work }
    }

    async fn announce(&self, change: StandingChange) {
        let told = self.redis.announcements().announce(&[change]).await;
        told.expect("told");
    }
}

impl Node {
    fn of(&self, session: u128) -> Standing {
        self.standings.of(&Caller {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            session: id(session),
            precedence: 1,
        })
    }

    async fn becomes(&self, session: u128, standing: Standing) {
        eventually(async || self.of(session) == standing).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.work.abort();
    }
}

const GOOD: Standing = Standing::Good { precedence: 1 };

fn id(session: u128) -> SessionId {
    SessionId(Uuid::from_u128(session))
}

fn ended(session: u128) -> StandingChange {
    StandingChange::Ended(id(session))
}

#[tokio::test]
async fn every_node_knows_of_an_end_and_of_a_precedence_also_one_that_starts_later() {
    let house = House::start();
    let nodes = [house.node().await, house.node().await];
    for node in &nodes {
        node.becomes(1, GOOD).await;
    }
    house.announce(ended(1)).await;
    let reordered = StandingChange::Precedence {
        session: id(2),
        precedence: 9,
    };
    house.announce(reordered).await;
    for node in nodes.iter().chain([&house.node().await]) {
        node.becomes(1, Standing::Ended).await;
        node.becomes(2, Standing::Good { precedence: 9 }).await;
        node.becomes(3, GOOD).await;
    }
}

#[tokio::test]
async fn while_redis_stalls_nothing_is_known_and_afterwards_everything_is() {
    let mut house = House::start();
    let node = house.node().await;
    house.announce(ended(1)).await;
    node.becomes(1, Standing::Ended).await;
    house.server.pause();
    node.becomes(2, Standing::Unknown).await;
    assert!(
        node.standings
            .check()
            .await
            .expect_err("nothing is heard")
            .is_unavailable()
    );
    assert_eq!(node.of(1), Standing::Ended, "what is known stays known");
    // Told to a server that reads it when it goes on.
    let told = house.redis.announcements();
    let told = tokio::spawn(async move { told.announce(&[ended(2)]).await });
    house.server.resume();
    soon(told).await.expect("no panic").expect("told");
    node.becomes(2, Standing::Ended).await;
    node.becomes(3, GOOD).await;
    node.standings.check().await.expect("known");
}

#[tokio::test]
async fn a_redis_that_dies_and_comes_back_has_kept_what_was_announced() {
    let mut house = House::start();
    let node = house.node().await;
    house.announce(ended(1)).await;
    house.server.kill();
    node.becomes(3, Standing::Unknown).await;
    house.server.restart();
    node.becomes(3, GOOD).await;
    let late = house.node().await;
    for node in [&node, &late] {
        node.becomes(1, Standing::Ended).await;
    }
    house.announce(ended(2)).await;
    for node in [&node, &late] {
        node.becomes(2, Standing::Ended).await;
    }
}

#[tokio::test]
async fn a_redis_that_lost_everything_is_told_again_from_the_database() {
    let mut house = House::start();
    let node = house.node().await;
    house.ended.keep(id(1), SystemClock.now());
    house.announce(ended(1)).await;
    node.becomes(1, Standing::Ended).await;
    let client = redis_client(&house);
    let mut connection = client.get_multiplexed_async_connection().await.expect("connect");
    ::redis::cmd("FLUSHALL")
        .query_async::<()>(&mut connection)
        .await
        .expect("emptied");
    house.server.kill();
    house.server.restart();
    let late = house.node().await;
    assert_eq!(late.of(1), Standing::Ended, "before it lets anybody in");
    // It told those who could not read it themselves.
    let deaf = Arc::new(Standings::new(Arc::new(SystemSteadyClock)));
    let mut follow = FollowStandings::new(Arc::new(house.redis.hearing()), deaf.clone());
    soon(follow.follow()).await.expect("heard");
    assert_eq!(deaf.ended(), 1);
    house.announce(ended(2)).await;
    for node in [&node, &late] {
        node.becomes(1, Standing::Ended).await;
        node.becomes(2, Standing::Ended).await;
        node.becomes(3, GOOD).await;
    }
}

fn redis_client(house: &House) -> ::redis::Client {
    ::redis::Client::open(house.server.url()).expect("a URL")
}

#[tokio::test]
async fn an_end_that_nobody_could_announce_is_obeyed_and_nothing_waits_for_the_database() {
    let house = House::start();
    let nodes = [house.node().await, house.node().await];
    house.ended.keep(id(1), SystemClock.now());
    for node in &nodes {
        node.becomes(1, Standing::Ended).await;
    }
    house.ended.fail(true);
    house.announce(ended(2)).await;
    for node in &nodes {
        node.becomes(2, Standing::Ended).await;
        node.becomes(3, GOOD).await;
    }
    house.ended.keep(id(3), SystemClock.now());
    house.ended.fail(false);
    for node in &nodes {
        node.becomes(3, Standing::Ended).await;
    }
}

#[tokio::test]
async fn a_node_that_cannot_know_does_not_start() {
    let mut house = House::start();
    house.ended.fail(true);
    let failed = soon(house.keep().catch_up()).await;
    assert!(failed.expect_err("the database is away").is_unavailable());
    house.ended.fail(false);
    house.server.kill();
    let failed = soon(house.keep().catch_up()).await;
    assert!(failed.expect_err("Redis is away").is_unavailable());
}

#[tokio::test]
async fn what_is_known_is_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let exporter = recorder.handle();
    // The test's runtime has one thread.
    let _local = metrics::set_default_local_recorder(&recorder);
    let shows = async |wanted: &dyn Fn(&str, f64) -> bool| {
        let page = exporter.render();
        let mut lines = page.lines().filter_map(|line| line.split_once(' '));
        lines.any(|(name, value)| value.parse().is_ok_and(|value| wanted(name, value)))
    };
    let mut house = House::start();
    let node = house.node().await;
    house.announce(ended(1)).await;
    node.becomes(1, Standing::Ended).await;
    eventually(async || {
        let young = shows(&|name, age| name == "daybook_standing_age_seconds" && age < 1.0).await;
        young && shows(&|name, ended| name == "daybook_ended_sessions" && ended > 0.0).await
    })
    .await;
    house.server.pause();
    eventually(async || shows(&|name, age| name == "daybook_standing_age_seconds" && age > 1.0).await).await;
}
