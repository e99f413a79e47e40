//! The worker's side of the queue: takes batches, holds them, settles them.

mod newest;
mod orphans;
mod reader;
mod reply;

use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use domain::usage::Lane;
use ports::PortError;
use ports::usage::{Backlog, Batch, Dead, DeadContent, Fates, Outcome, Part, PingSource, Receipt};
use redis::{Pipeline, RedisResult, Value, cmd};

use super::entry;
use super::keys;
use super::link::{Link, is_without_stream, port_error};
use reader::Reader;

/// See the script.
const SETTLE: &str = include_str!("source/settle.lua");

/// How a worker takes from the queue.
#[derive(Debug, Clone)]
pub struct Taking {
    /// The worker's name: no two that run at the same time have the same. One that keeps its name over a restart goes on at once with what it held.
    pub name: String,
    /// How long `ready` waits for pings.
    pub wait: Duration,
    /// How long a batch is not held before another worker takes it over.
    pub abandoned_after: Duration,
    /// How much older than the last entry of a live lane those in front are when the newest are taken before them.
    pub lags_after: Duration,
    /// How long a worker that holds nothing is not heard of before its name is forgotten.
    pub forgotten_after: Duration,
}

impl Taking {
    /// By a worker of this name, waiting at most a second, taking over what was not held for 15, the newest first after 10, forgetting who was not heard of
    /// for an hour.
    pub fn by(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            wait: Duration::from_secs(1),
            abandoned_after: Duration::from_secs(15),
            lags_after: Duration::from_secs(10),
            forgotten_after: Duration::from_hours(1),
        }
    }
}

/// The queue in Redis Streams, as consumer groups see it.
pub struct RedisPingSource {
    shards: u16,
    /// One for each stream, those of a shard beside each other.
    readers: Vec<Reader>,
    /// For what waits.
    waiting: Link,
    /// For everything that does not.
    link: Link,
    taking: Taking,
}

impl RedisPingSource {
    /// `link` makes connections with the given bound on an answer.
    pub(super) fn new(taking: &Taking, shards: u16, answer_max: Duration, link: impl Fn(Duration) -> Link) -> Self {
        let readers = |shard| Lane::ALL.map(|lane| Reader::new(shard, lane, taking.clone()));
        Self {
            shards,
            readers: (0..shards).flat_map(readers).collect(),
            waiting: link(taking.wait + answer_max),
            link: link(answer_max),
            taking: taking.clone(),
        }
    }

    fn reader(&self, shard: u16, lane: Lane) -> Option<&Reader> {
        let mut readers = self.readers.iter();
        readers.find(|reader| (reader.shard, reader.lane) == (shard, lane))
    }

    /// The readers that have something to do. Unless some have without it, waits for what is new, and has them begin with that.
    async fn ready_readers(&self) -> RedisResult<Vec<&Reader>> {
        let (mut ready, mut beginners) = (Vec::new(), Vec::new());
        for reader in &self.readers {
            if reader.is_due().await {
                ready.push(reader);
            }
            if reader.may_begin().await {
                beginners.push(reader);
            }
        }
        if beginners.is_empty() {
            return Ok(ready);
        }
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(keys::GROUP).arg(&self.taking.name);
        // One of each stream tells that there is something; the others are taken when it is their turn.
        read.arg("COUNT").arg(1);
        if ready.is_empty() {
            // 0 would be for ever.
            read.arg("BLOCK").arg(reader::ms(self.taking.wait).max(1));
        }
        read.arg("STREAMS");
        for reader in &beginners {
            read.arg(&reader.stream);
        }
        for _ in &beginners {
            read.arg(">");
        }
        for (stream, entries) in reply::read(self.waiting.query(&read).await?)? {
            if let Some(reader) = beginners.iter().find(|reader| reader.stream == stream) {
                reader.begin(entries).await;
                ready.push(reader);
            }
        }
        Ok(ready)
    }
}

#[async_trait]
impl PingSource for RedisPingSource {
    fn shards(&self) -> u16 {
        self.shards
    }

    async fn ready(&self) -> Result<Vec<(u16, Lane)>, PortError> {
        let ready = match self.ready_readers().await {
            Ok(ready) => ready,
            Err(error) => {
                for reader in &self.readers {
                    reader.start_over().await;
                }
                if !is_without_stream(&error) {
                    return Err(port_error("wait for pings", error));
                }
                self.readers.iter().collect()
            }
        };
        let mut ready: Vec<_> = ready.iter().map(|reader| (reader.shard, reader.lane)).collect();
        ready.sort_unstable_by_key(|(shard, lane)| (*lane, *shard));
        ready.dedup();
        Ok(ready)
    }

    async fn take(&self, shard: u16, part: Part, arrivals_max: usize) -> Result<Option<Batch>, PortError> {
        let attempted = || format!("take pings of shard {shard}");
        let reader = self
            .reader(shard, part.lane())
            .ok_or_else(|| PortError::bug(attempted(), format!("there are {} shards", self.shards)))?;
        let taken = match part {
            Part::Newest => reader.take_newest(&self.link, arrivals_max).await,
            Part::Live | Part::Bulk => reader.take(&self.link, arrivals_max).await,
        };
        taken.map_err(|error| port_error(attempted(), error))
    }

    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError> {
        if receipt.entries.is_empty() {
            return Ok(());
        }
        let mut claim = cmd("XCLAIM");
        claim
            .arg(keys::pings(receipt.shard, receipt.lane))
            .arg(keys::GROUP)
            .arg(&self.taking.name)
            .arg(0);
        for entry in &receipt.entries {
            claim.arg(&entry.name);
        }
        // Does not count as a delivery.
        claim.arg("JUSTID");
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
            .arg(4)
            .arg(keys::pings(receipt.shard, receipt.lane))
            .arg(keys::DEAD)
            .arg(keys::MERGED)
            .arg(keys::BOOKS)
            .arg(keys::GROUP)
            .arg(receipt.shard)
            .arg(receipt.entries.len());
        for entry in &receipt.entries {
            settle.arg(&entry.name);
        }
        for fates in Fates::of(receipt, outcome) {
            settle.arg(&[fates.merged, fates.refused, fates.dropped, fates.dead]);
        }
        settle.arg(outcome.dead.len());
        for Dead { entry, letter } in &outcome.dead {
            let (arrivals, bytes) = match &letter.content {
                DeadContent::Arrival(arrival) => (1, entry::alone(arrival)),
                DeadContent::Unreadable(bytes) => (entry::unreadable_arrivals(bytes), bytes.clone()),
            };
            settle.arg(*entry).arg(arrivals).arg(bytes).arg(&letter.reason);
        }
        settle.arg(outcome.merged_through.len());
        for (device, _) in &outcome.merged_through {
            settle.arg(device.0.as_bytes());
        }
        for (_, number) in &outcome.merged_through {
            settle.arg(*number);
        }
        let settled = self.link.query_again::<(u64, i64)>(&settle).await;
        let (arrivals, at_ms) = settled.map_err(|error| {
            let attempted = format!("settle {} entries of shard {}", receipt.entries.len(), receipt.shard);
            port_error(attempted, error)
        })?;
        if arrivals > 0 {
            show_lag(receipt, at_ms);
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, PortError> {
        let mut commands = Pipeline::new();
        // A stream that is not there yet has no group, which is an error of its command and means that nothing is taken.
        commands.ignore_errors();
        for stream in keys::streams(self.shards()) {
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
        for stream in keys::streams(self.shards()) {
            commands.cmd("XRANGE").arg(stream).arg("-").arg("+").arg("COUNT").arg(1);
        }
        let answers = self.link.query_all_again(&commands).await;
        answers
            .and_then(reply::oldest)
            .map_err(|error| port_error("ask for the oldest entry of the queue", error))
    }
}

/// Shows how long the entries took from the door to here, both by Redis' clock.
fn show_lag(receipt: &Receipt, settled_at_ms: i64) {
    let lag = metrics::histogram!("daybook_lag_seconds");
    for put_at in receipt.entries.iter().filter_map(|entry| keys::put_at(&entry.name)) {
        let lag_ms = u64::try_from(settled_at_ms - put_at.0).unwrap_or(0);
        lag.record(Duration::from_millis(lag_ms));
    }
}
