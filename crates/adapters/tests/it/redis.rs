//! The queue in a real Redis, one for each test.

mod books;
mod door;
mod facts;
mod faults;
mod look;
mod room;
mod standing;
mod throttle;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use adapters::redis::{Redis, RedisPingSource, Taking};
use async_trait::async_trait;
use domain::usage::Arrival;
use ports::usage::{Batch, Books, DeadLetters, Outcome, Part, PendingPings, PingErasure, PingQueue, PingSource};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, cmd};
use testkit::contract::queue::QueueUnderTest;
use testkit::servers::{Fsync, TestRedis};
use tokio::time::timeout;

const SHARDS: u16 = 4;
/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);
/// Longer than any test lasts.
const NEVER: Duration = Duration::from_hours(1);

/// A queue in a Redis of its own.
struct House {
    server: TestRedis,
    redis: Redis,
}

impl House {
    fn start() -> Self {
        Self::on(TestRedis::start())
    }

    fn durable() -> Self {
        Self::on(TestRedis::start_with(Fsync::Always, 0))
    }

    fn on(server: TestRedis) -> Self {
        let redis = Redis::new(server.url(), SHARDS).expect("a URL");
        Self { server, redis }
    }

    fn source(&self, name: &str) -> RedisPingSource {
        self.redis.ping_source(&taking(name, NEVER))
    }

    /// A connection to do what no adapter does.
    async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.server.url()).expect("a URL");
        client.get_multiplexed_async_connection().await.expect("a connection")
    }

    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.raw().await).await.expect("an answer")
    }

    /// How many entries wait in all shards.
    async fn entries(&self) -> u64 {
        self.source("auditor").backlog().await.expect("a backlog").entries
    }

    async fn nothing_is_left(&self) {
        let backlog = self.source("auditor").backlog().await.expect("a backlog");
        assert_eq!(
            (backlog.entries, backlog.in_flight),
            (0, 0),
            "entries, of them in flight"
        );
        let books = self.redis.books().await.expect("Redis is there");
        assert!(books.balance() && books.in_flight == 0, "{books:?}");
    }
}

#[async_trait]
impl QueueUnderTest for House {
    fn door(&self) -> Arc<dyn PingQueue> {
        Arc::new(self.redis.ping_queue())
    }

    fn worker(&self, name: &str, abandoned_after: Duration) -> Arc<dyn PingSource> {
        Arc::new(self.redis.ping_source(&taking(name, abandoned_after)))
    }

    fn impatient_worker(&self, name: &str) -> Arc<dyn PingSource> {
        Arc::new(self.redis.ping_source(&Taking {
            lags_after: Duration::ZERO,
            ..taking(name, NEVER)
        }))
    }

    fn letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.redis.dead_letters())
    }

    fn erasure(&self) -> Arc<dyn PingErasure> {
        Arc::new(self.redis.ping_erasure())
    }

    fn pending(&self) -> Arc<dyn PendingPings> {
        Arc::new(self.redis.pending_pings())
    }

    async fn books(&self) -> Books {
        self.redis.books().await.expect("Redis is there")
    }

    async fn push_unreadable(&self, shard: u16, bytes: Vec<u8>) {
        let mut add = redis::pipe();
        add.atomic();
        add.cmd("XADD")
            .arg(format!("daybook:pings:{shard}"))
            .arg("*")
            .arg("p")
            .arg(bytes);
        for field in ["received", "in_flight"] {
            add.cmd("HINCRBY").arg("daybook:pings:books").arg(field).arg(1);
        }
        add.exec_async(&mut self.raw().await).await.expect("added");
    }
}

testkit::queue_contract!(House::start());

fn taking(name: &str, abandoned_after: Duration) -> Taking {
    Taking {
        wait: Duration::from_millis(20),
        abandoned_after,
        ..Taking::by(name)
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(SOON, what).await.expect("it comes in time")
}

async fn taken(source: &impl PingSource, shard: u16, part: Part) -> Option<Batch> {
    let taken = source.take(shard, part, Batch::ARRIVALS_MAX).await;
    taken.expect("Redis is there")
}

/// Takes and settles until nothing comes; answers all batches.
async fn drained(source: &RedisPingSource) -> Vec<Batch> {
    let mut batches = Vec::new();
    for shard in 0..SHARDS {
        for part in [Part::Live, Part::Bulk] {
            while let Some(batch) = taken(source, shard, part).await {
                source
                    .settle(&batch.receipt, &Outcome::default())
                    .await
                    .expect("settled");
                batches.push(batch);
            }
        }
    }
    batches
}

async fn drained_arrivals(source: &RedisPingSource) -> Vec<Arrival> {
    let batches = drained(source).await;
    batches.into_iter().flat_map(|batch| batch.arrivals).collect()
}
