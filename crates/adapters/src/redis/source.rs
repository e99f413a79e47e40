//! The worker's side of the queue: takes batches, holds them, settles them.

mod reader;
mod reply;

use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::PortError;
use ports::usage::{Backlog, Batch, DeadContent, Outcome, PingSource, Receipt};
use redis::{Pipeline, Value, cmd};

use super::entry;
use super::keys;
use super::link::{Link, is_without_stream, port_error};
pub use reader::ARRIVALS_MAX as BATCH_ARRIVALS_MAX;
use reader::Reader;

/// See the script.
const SETTLE: &str = include_str!("source/settle.lua");

/// How a worker takes from the queue.
#[derive(Debug, Clone)]
pub struct Taking {
    /// The worker's name: no two that run at the same time have the same. One that keeps its name over a restart goes on at once with what it held.
    pub name: String,
    /// How long `take` waits for pings.
    pub wait: Duration,
    /// How long a batch is not held before another worker takes it over.
    pub abandoned_after: Duration,
    /// How long a worker that holds nothing is not heard of before its name is forgotten.
    pub forgotten_after: Duration,
}

impl Taking {
    /// By a worker of this name, waiting at most a second, taking over what was not held for 15, forgetting who was not heard of for an hour.
    pub fn by(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            wait: Duration::from_secs(1),
            abandoned_after: Duration::from_secs(15),
            forgotten_after: Duration::from_hours(1),
        }
    }
}

/// The queue in Redis Streams, as consumer groups see it.
pub struct RedisPingSource {
    /// One for each shard, each with a connection of its own because it waits on it.
    readers: Vec<Reader>,
    /// For everything that does not wait.
    link: Link,
    name: String,
}

impl RedisPingSource {
    /// `link` makes connections with the given bound on an answer.
    pub(super) fn new(taking: &Taking, shards: u16, answer_max: Duration, link: impl Fn(Duration) -> Link) -> Self {
        let reader = |shard| Reader::new(shard, taking.clone(), link(taking.wait + answer_max));
        Self {
            readers: (0..shards).map(reader).collect(),
            link: link(answer_max),
            name: taking.name.clone(),
        }
    }
}

#[async_trait]
impl PingSource for RedisPingSource {
    fn shards(&self) -> u16 {
        u16::try_from(self.readers.len()).unwrap_or(u16::MAX)
    }

    async fn take(&self, shard: u16) -> Result<Option<Batch>, PortError> {
        let attempted = || format!("take pings of shard {shard}");
        match self.readers.get(usize::from(shard)) {
            Some(reader) => reader.take().await.map_err(|error| port_error(attempted(), error)),
            None => Err(PortError::bug(
                attempted(),
                format!("there are {} shards", self.readers.len()),
            )),
        }
    }

    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError> {
        if receipt.entries.is_empty() {
            return Ok(());
        }
        let mut claim = cmd("XCLAIM");
        claim
            .arg(keys::pings(receipt.shard))
            .arg(keys::GROUP)
            .arg(&self.name)
            .arg(0)
            .arg(&receipt.entries)
            // Does not count as a delivery.
            .arg("JUSTID");
        match self.link.query_again::<Value>(&claim).await {
            Err(error) if !is_without_stream(&error) => {
                let attempted = format!("hold {} entries of shard {}", receipt.entries.len(), receipt.shard);
                Err(port_error(attempted, error))
            }
            // Of entries that are gone there is nothing to hold.
            _ => Ok(()),
        }
    }

    async fn settle(&self, receipt: &Receipt, outcome: &Outcome) -> Result<(), PortError> {
        let mut settle = cmd("EVAL");
        settle
            .arg(SETTLE)
            .arg(3)
            .arg(keys::pings(receipt.shard))
            .arg(keys::DEAD)
            .arg(keys::MERGED)
            .arg(keys::GROUP)
            .arg(receipt.shard)
            .arg(receipt.entries.len())
            .arg(&receipt.entries)
            .arg(outcome.dead.len());
        for letter in &outcome.dead {
            match &letter.content {
                DeadContent::Arrival(arrival) => settle.arg(entry::alone(arrival)),
                DeadContent::Unreadable(bytes) => settle.arg(bytes),
            };
            settle.arg(&letter.reason);
        }
        settle.arg(outcome.merged_through.len());
        for (device, _) in &outcome.merged_through {
            settle.arg(device.0.as_bytes());
        }
        for (_, number) in &outcome.merged_through {
            settle.arg(*number);
        }
        let settled = self.link.query_again::<u64>(&settle).await;
        settled.map(drop).map_err(|error| {
            let attempted = format!("settle {} entries of shard {}", receipt.entries.len(), receipt.shard);
            port_error(attempted, error)
        })
    }

    async fn backlog(&self) -> Result<Backlog, PortError> {
        let mut commands = Pipeline::new();
        // A stream that is not there yet has no group, which is an error of its command and means that nothing is taken.
        commands.ignore_errors();
        for shard in 0..self.shards() {
            let stream = keys::pings(shard);
            commands.cmd("XLEN").arg(&stream);
            commands.cmd("XPENDING").arg(&stream).arg(keys::GROUP);
        }
        commands.cmd("XLEN").arg(keys::DEAD);
        let answers = self.link.query_all_again(&commands).await;
        answers
            .and_then(reply::backlog)
            .map_err(|error| port_error("count what waits in the queue", error))
    }

    async fn oldest(&self) -> Result<Option<UnixMs>, PortError> {
        let mut commands = Pipeline::new();
        for shard in 0..self.shards() {
            commands
                .cmd("XRANGE")
                .arg(keys::pings(shard))
                .arg("-")
                .arg("+")
                .arg("COUNT")
                .arg(1);
        }
        let answers = self.link.query_all_again(&commands).await;
        answers
            .and_then(reply::oldest)
            .map_err(|error| port_error("ask for the oldest entry of the queue", error))
    }
}
