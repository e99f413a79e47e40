//! The queue as it stands in Redis, looked at from outside: which streams there are, what is in them, and what the books say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use domain::accounts::DeviceId;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Value, cmd};
use testkit::runs::Failure;
use uuid::Uuid;

use crate::reach::Reach;
use crate::violation::Violation;

/// What the streams of pings are called.
const STREAMS: &str = "daybook:pings:*";
/// The stream of dead letters, which is not one of them.
const DEAD: &str = "daybook:pings:dead";
/// What was counted of all pings.
const BOOKS: &str = "daybook:pings:books";
/// Through which number each device's pings are merged.
const MERGED: &str = "daybook:merged";
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Of how many dead letters the reason is told.
const REASONS_MAX: usize = 5;
/// How long Redis may take to be back.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// The queue.
pub(super) struct Queue {
    redis: MultiplexedConnection,
    shards: u16,
    stuck_after: Duration,
}

/// What is in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Waiting {
    /// Entries.
    pub(super) entries: u64,
    /// Those of them that were taken and not settled.
    pub(super) pending: u64,
}

impl Queue {
    pub(super) async fn connect(reach: &Reach) -> Result<Self, Failure> {
        let deadline = Instant::now() + CONNECT_MAX;
        let client =
            redis::Client::open(reach.redis_url.as_str()).map_err(Failure::because("read the URL of Redis"))?;
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(redis) => {
                    return Ok(Self {
                        redis,
                        shards: reach.shards,
                        stuck_after: reach.stuck_after,
                    });
                }
                Err(error) if Instant::now() >= deadline => return Err(Failure::because("connect to Redis")(error)),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Waits until nothing waits, or nothing moves any more; a violation for each stream that is not empty then.
    pub(super) async fn drain(&mut self) -> Result<Vec<Violation>, Failure> {
        let (mut least, mut since) = (u64::MAX, Instant::now());
        loop {
            let waiting = self.waiting().await?;
            let left: Vec<_> = waiting
                .into_iter()
                .filter(|(_, waiting)| *waiting != Waiting::default())
                .collect();
            let entries = left.iter().map(|(_, waiting)| waiting.entries).sum();
            if entries < least {
                (least, since) = (entries, Instant::now());
            }
            if left.is_empty() || since.elapsed() > self.stuck_after {
                return Ok(left.iter().map(undrained).collect());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// How many dead letters there are.
    pub(super) async fn dead(&mut self) -> Result<u64, Failure> {
        self.ask(cmd("XLEN").arg(DEAD)).await
    }

    /// Why the first of them are dead.
    pub(super) async fn reasons(&mut self) -> Result<Vec<String>, Failure> {
        let mut first = cmd("XRANGE");
        first.arg(DEAD).arg("-").arg("+").arg("COUNT").arg(REASONS_MAX);
        let letters: Vec<(String, BTreeMap<String, Vec<u8>>)> = self.ask(&first).await?;
        let reason = |(id, fields): (String, BTreeMap<String, Vec<u8>>)| {
            let reason = fields.get("reason").map(Vec::as_slice).unwrap_or_default();
            format!("{id}: {}", String::from_utf8_lossy(reason))
        };
        Ok(letters.into_iter().map(reason).collect())
    }

    /// What was counted of all pings; empty when nothing ever was.
    pub(super) async fn books(&mut self) -> Result<BTreeMap<String, i64>, Failure> {
        self.ask(cmd("HGETALL").arg(BOOKS)).await
    }

    /// Through which number each device is told that its pings are merged.
    pub(super) async fn merged(&mut self) -> Result<BTreeMap<DeviceId, u64>, Failure> {
        let all: Vec<(Vec<u8>, u64)> = self.ask(cmd("HGETALL").arg(MERGED)).await?;
        let device = |id: Vec<u8>| Uuid::from_slice(&id).map(DeviceId);
        let all: Result<_, _> = all
            .into_iter()
            .map(|(id, through)| Ok((device(id)?, through)))
            .collect();
        all.map_err(Failure::because::<uuid::Error>("read whose numbers are merged"))
    }

    /// What is in each stream, those of both lanes of each shard and any other of that name.
    async fn waiting(&mut self) -> Result<BTreeMap<String, Waiting>, Failure> {
        let mut names: BTreeSet<String> = (0..self.shards)
            .flat_map(|shard| [format!("daybook:pings:{shard}"), format!("daybook:pings:{shard}:bulk")])
            .collect();
        names.extend(self.scan().await?);
        names.remove(DEAD);
        let mut waiting = BTreeMap::new();
        for name in names {
            let entries = self.ask(cmd("XLEN").arg(&name)).await?;
            let pending = self.pending(&name).await?;
            waiting.insert(name, Waiting { entries, pending });
        }
        Ok(waiting)
    }

    async fn scan(&mut self) -> Result<Vec<String>, Failure> {
        let mut cursor = "0".to_owned();
        let mut names = Vec::new();
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(&cursor)
                .arg("MATCH")
                .arg(STREAMS)
                .arg("COUNT")
                .arg(1_000)
                .arg("TYPE")
                .arg("stream");
            let (next, found): (String, Vec<String>) = self.ask(&scan).await?;
            names.extend(found);
            if next == "0" {
                return Ok(names);
            }
            cursor = next;
        }
    }

    /// Over all groups of a stream.
    async fn pending(&mut self, stream: &str) -> Result<u64, Failure> {
        let groups: RedisResult<Vec<BTreeMap<String, Value>>> = cmd("XINFO")
            .arg("GROUPS")
            .arg(stream)
            .query_async(&mut self.redis)
            .await;
        let groups = match groups {
            // It is not there yet, and so has no groups.
            Err(error) if error.to_string().contains("no such key") => Vec::new(),
            groups => groups.map_err(Failure::because(format!("ask for the groups of {stream}")))?,
        };
        let pending = groups.iter().filter_map(|group| match group.get("pending") {
            Some(Value::Int(pending)) => u64::try_from(*pending).ok(),
            _ => None,
        });
        Ok(pending.sum())
    }

    async fn ask<T: redis::FromRedisValue>(&mut self, command: &redis::Cmd) -> Result<T, Failure> {
        let answer = command.query_async(&mut self.redis).await;
        answer.map_err(Failure::because("ask Redis what is left in it"))
    }
}

fn undrained((stream, waiting): &(String, Waiting)) -> Violation {
    Violation {
        promise: "the queue drains".to_owned(),
        found: format!(
            "{stream} holds {} entries, {} of them taken, and no more are settled though everything is healed",
            waiting.entries, waiting.pending
        ),
        history: Vec::new(),
    }
}
