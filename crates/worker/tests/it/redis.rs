//! The worker on a queue in a real Redis.

use std::sync::Arc;
use std::time::Duration;

use adapters::redis::{Redis, RedisPingSource, Taking};
use async_trait::async_trait;
use domain::accounts::UserId;
use domain::time::UnixMs;
use domain::usage::Lane;
use ports::PortError;
use ports::usage::{Backlog, Batch, Outcome, Part, PingQueue, PingSource, Receipt};
use testkit::arrivals::ping;
use testkit::memory::timelines::MemoryTimelines;
use testkit::servers::{Fsync, TestRedis};
use tokio::sync::Notify;

use crate::scenes::{Gated, NEVER, Running, emptied, push, soon, the_law_holds};

fn source(redis: &Redis, name: &str, abandoned_after: Duration) -> Arc<RedisPingSource> {
    Arc::new(redis.ping_source(&Taking {
        wait: Duration::from_millis(50),
        abandoned_after,
        ..Taking::by(name)
    }))
}

async fn nothing_is_left(source: &dyn PingSource) {
    let backlog = source.backlog().await.expect("a backlog");
    assert_eq!(backlog, Backlog::default());
}

#[tokio::test]
async fn what_is_pushed_comes_into_the_timelines() {
    let server = TestRedis::start();
    let redis = Redis::new(server.url(), 4).expect("a URL");
    let (door, source) = (redis.ping_queue(), source(&redis, "a", NEVER));
    let timelines = Arc::new(MemoryTimelines::default());
    let running = Running::start(source.clone(), timelines.clone());
    push(&door, 20, 50).await;
    emptied(&*source).await;
    the_law_holds(&*timelines, 20, 50).await;
    running.end().await;
    nothing_is_left(&*source).await;
}

#[tokio::test]
async fn a_worker_survives_that_redis_is_not_there_at_first_and_dies_in_the_middle() {
    let mut server = TestRedis::start_with(Fsync::Always, 0);
    server.kill();
    let redis = Redis::new(server.url(), 4).expect("a URL");
    let (door, source) = (redis.ping_queue(), source(&redis, "a", NEVER));
    let store = Gated::closed();
    let running = Running::start(source.clone(), store.clone());
    assert!(door.push(vec![ping(0, 0)]).await.expect_err("away").is_unavailable());
    server.restart();
    push(&door, 8, 5).await;
    // Batches are in hand when it dies, and are settled after it is back.
    store.begun(1).await;
    server.kill();
    store.open();
    server.restart();
    push(&door, 8, 10).await;
    emptied(&*source).await;
    the_law_holds(&store.timelines, 8, 10).await;
    running.end().await;
    nothing_is_left(&*source).await;
}

/// A queue whose worker dies after it has merged and before it can settle.
struct Dying {
    source: Arc<RedisPingSource>,
    settling: Notify,
}

#[async_trait]
impl PingSource for Dying {
    fn shards(&self) -> u16 {
        self.source.shards()
    }

    async fn ready(&self) -> Result<Vec<(u16, Lane)>, PortError> {
        self.source.ready().await
    }

    async fn take(&self, shard: u16, part: Part, arrivals_max: usize) -> Result<Option<Batch>, PortError> {
        self.source.take(shard, part, arrivals_max).await
    }

    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.source.hold(receipt).await
    }

    async fn settle(&self, _: &Receipt, _: &Outcome) -> Result<(), PortError> {
        self.settling.notify_one();
        std::future::pending().await
    }

    async fn backlog(&self) -> Result<Backlog, PortError> {
        self.source.backlog().await
    }

    async fn oldest(&self) -> Result<Option<UnixMs>, PortError> {
        self.source.oldest().await
    }
}

#[tokio::test]
async fn a_crash_between_merge_and_settle_repeats_the_merge_and_changes_nothing() {
    let server = TestRedis::start();
    let redis = Redis::new(server.url(), 4).expect("a URL");
    let door = redis.ping_queue();
    let timelines = Arc::new(MemoryTimelines::default());
    let dying = Arc::new(Dying {
        source: source(&redis, "stable", NEVER),
        settling: Notify::new(),
    });
    door.push((0..100).map(|count| ping(1, count)).collect())
        .await
        .expect("kept");
    let running = Running::start(dying.clone(), timelines.clone());
    soon(dying.settling.notified()).await;
    drop(running);
    the_law_holds(&*timelines, 0, 0).await;

    let source = source(&redis, "stable", NEVER);
    let running = Running::start(source.clone(), timelines.clone());
    emptied(&*source).await;
    assert_eq!(merged(&timelines, testkit::arrivals::user(1)).await, 100);
    running.end().await;
    nothing_is_left(&*source).await;
}

/// How many segments a person has. The pings of a test alternate, so each makes one.
async fn merged(timelines: &MemoryTimelines, user: UserId) -> usize {
    use ports::reports::TimelineReader;
    let ever = domain::time::Span::new(domain::time::UnixMs(0), domain::time::UnixMs(i64::MAX)).expect("not empty");
    timelines.pieces(user, ever).await.expect("pieces").len()
}

#[tokio::test]
async fn what_a_killed_process_had_is_taken_over_by_another() {
    let server = TestRedis::start();
    let redis = Redis::new(server.url(), 4).expect("a URL");
    let door = redis.ping_queue();
    let stuck = Gated::closed();
    let killed = Running::start(source(&redis, "killed", NEVER), stuck.clone());
    push(&door, 8, 1).await;
    stuck.begun(1).await;
    drop(killed);
    push(&door, 8, 5).await;

    let timelines = Arc::new(MemoryTimelines::default());
    let heir = source(&redis, "heir", Duration::from_millis(100));
    let running = Running::start(heir.clone(), timelines.clone());
    emptied(&*heir).await;
    the_law_holds(&*timelines, 8, 5).await;
    running.end().await;
    nothing_is_left(&*heir).await;
}

#[tokio::test]
async fn two_processes_share_the_work() {
    let server = TestRedis::start();
    let redis = Redis::new(server.url(), 4).expect("a URL");
    let door = redis.ping_queue();
    let timelines = Arc::new(MemoryTimelines::default());
    let one = source(&redis, "one", NEVER);
    let other = source(&redis, "other", NEVER);
    let both = [
        Running::start(one.clone(), timelines.clone()),
        Running::start(other, timelines.clone()),
    ];
    push(&door, 20, 30).await;
    emptied(&*one).await;
    the_law_holds(&*timelines, 20, 30).await;
    for running in both {
        running.end().await;
    }
    nothing_is_left(&*one).await;
}
