//! What the queue holds, read at one instant: for whoever watches it.

use std::time::Duration;

use domain::usage::Lane;
use ports::PortError;
use ports::usage::Books;
use redis::{RedisResult, Value, cmd};

use super::link::{Link, port_error};
use super::{books, facts, keys};

/// See the script.
const LOOK: &str = include_str!("look/look.lua");

/// Looks at the queue, over a connection of its own.
pub struct RedisQueueWatch {
    link: Link,
    shards: u16,
}

/// What there was to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLook {
    /// What became of all arrivals.
    pub books: Books,
    /// How many dead letters there are.
    pub letters: u64,
    /// What waits, by lane.
    pub lanes: Vec<LaneLook>,
    /// How much memory Redis uses, in bytes.
    pub memory_bytes: u64,
    /// How much it may use; 0 when it has no bound.
    pub memory_bytes_max: u64,
    /// Whether its file is in order: it writes one, and the last write to it and the last rewriting of it went well.
    pub file_is_sound: bool,
}

/// What waits in a lane, in all shards together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLook {
    /// What it is called.
    pub lane: &'static str,
    /// How many entries wait, taken or not.
    pub entries: u64,
    /// How many of these are taken and not settled.
    pub taken: u64,
    /// How many bytes of memory they take.
    pub bytes: u64,
    /// How long ago the oldest of them was put there, by Redis' clock; none when there is none.
    pub oldest: Option<Duration>,
}

impl RedisQueueWatch {
    pub(super) fn new(link: Link, shards: u16) -> Self {
        Self { link, shards }
    }

    /// Looks.
    ///
    /// # Errors
    /// When Redis cannot be asked.
    pub async fn look(&self) -> Result<QueueLook, PortError> {
        let looked = self.ask().await;
        looked.map_err(|error| port_error("look at the queue", error))
    }

    async fn ask(&self) -> RedisResult<QueueLook> {
        let streams: Vec<String> = Lane::ALL
            .into_iter()
            .flat_map(|lane| (0..self.shards).map(move |shard| keys::pings(shard, lane)))
            .collect();
        let mut look = cmd("EVAL");
        look.arg(LOOK).arg(2 + streams.len()).arg(keys::BOOKS).arg(keys::DEAD);
        look.arg(&streams).arg(&books::FIELDS);
        let mut answers: Vec<Value> = self.link.query_again(&look).await?;
        let streams: Vec<Stream> = answers
            .drain(3..)
            .map(redis::from_redis_value)
            .collect::<Result<_, _>>()?;
        let (books, letters, now_ms): ([Option<u64>; 6], u64, u64) = redis::from_redis_value(Value::Array(answers))?;
        let info: String = self
            .link
            .query_again(cmd("INFO").arg("memory").arg("persistence"))
            .await?;
        let info = facts::said(&info);
        let number = |name: &str| info.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
        let is = |name: &str, value: &str| info.get(name).is_some_and(|said| *said == value);
        Ok(QueueLook {
            books: books::of(books),
            letters,
            lanes: Lane::ALL
                .into_iter()
                .zip(streams.chunks(usize::from(self.shards)))
                .map(|(lane, streams)| LaneLook::of(name(lane), streams, now_ms))
                .collect(),
            memory_bytes: number("used_memory"),
            memory_bytes_max: number("maxmemory"),
            file_is_sound: is("aof_enabled", "1")
                && is("aof_last_write_status", "ok")
                && is("aof_last_bgrewrite_status", "ok"),
        })
    }
}

/// What a lane is called where people read it.
fn name(lane: Lane) -> &'static str {
    match lane {
        Lane::Live => "live",
        Lane::Bulk => "bulk",
    }
}

/// Of a stream: its entries, how many are taken, its bytes, when its first was put there (0: never).
type Stream = (u64, u64, u64, u64);

impl LaneLook {
    fn of(lane: &'static str, streams: &[Stream], now_ms: u64) -> Self {
        let firsts = streams.iter().map(|stream| stream.3).filter(|first| *first > 0);
        Self {
            lane,
            entries: streams.iter().map(|stream| stream.0).sum(),
            taken: streams.iter().map(|stream| stream.1).sum(),
            bytes: streams.iter().map(|stream| stream.2).sum(),
            oldest: firsts
                .min()
                .map(|first| Duration::from_millis(now_ms.saturating_sub(first))),
        }
    }
}
