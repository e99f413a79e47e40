//! The worker's side of the queue in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::PortError;
use ports::usage::{Backlog, Batch, DeadContent, DeadLetter, Outcome, PingSource, Receipt};
use tokio::time::{Instant, timeout_at};

use super::MemoryQueue;
use super::state::{Content, Dead, Entry, State, Taken};

/// How long `take` waits for pings.
const WAIT: Duration = Duration::from_millis(50);
/// The most arrivals in a batch.
const ARRIVALS_MAX: usize = 8_192;

/// One worker process: making another of the same name is restarting it.
pub struct MemoryPingSource {
    queue: MemoryQueue,
    name: String,
    abandoned_after: Duration,
    /// After which of its own entries each shard is looked through for what was held before the start; none once it has it all.
    own_after: Mutex<HashMap<u16, Option<u64>>>,
}

impl MemoryPingSource {
    pub(super) fn new(queue: MemoryQueue, name: &str, abandoned_after: Duration) -> Self {
        Self {
            queue,
            name: name.to_owned(),
            abandoned_after,
            own_after: Mutex::default(),
        }
    }

    fn take_now(&self, state: &mut State, shard: u16) -> Option<Batch> {
        let now = Instant::now();
        let own_after = self.own_after(shard);
        if let Some(after) = own_after {
            let is_own =
                |id: u64, entry: &Entry| id > after && entry.taken.as_ref().is_some_and(|taken| taken.by == self.name);
            let own = self.gather(state, shard, is_own);
            let last = own
                .as_ref()
                .and_then(|batch| batch.receipt.entries.last()?.parse().ok());
            self.set_own_after(shard, last);
            if own.is_some() {
                return own;
            }
        }
        let is_abandoned = |_, entry: &Entry| {
            let taken = entry.taken.as_ref();
            taken.is_some_and(|taken| now.duration_since(taken.held_at) >= self.abandoned_after)
        };
        self.gather(state, shard, is_abandoned)
            .or_else(|| self.gather(state, shard, |_, entry| entry.taken.is_none()))
    }

    fn gather(&self, state: &mut State, shard: u16, is_wanted: impl Fn(u64, &Entry) -> bool) -> Option<Batch> {
        let mut batch = Batch {
            arrivals: Vec::new(),
            unreadable: Vec::new(),
            receipt: Receipt {
                shard,
                entries: Vec::new(),
            },
        };
        for ((_, id), entry) in state.entries.range_mut((shard, 0)..=(shard, u64::MAX)) {
            if !is_wanted(*id, entry) {
                continue;
            }
            match &entry.content {
                Content::Arrivals(arrivals) if batch.arrivals.len() + arrivals.len() > ARRIVALS_MAX => break,
                Content::Arrivals(arrivals) => batch.arrivals.extend_from_slice(arrivals),
                Content::Unreadable(bytes) => batch.unreadable.push(DeadLetter {
                    content: DeadContent::Unreadable(bytes.clone()),
                    reason: "nobody can read it".to_owned(),
                }),
            }
            entry.taken = Some(self.taken());
            batch.receipt.entries.push(id.to_string());
        }
        (!batch.receipt.entries.is_empty()).then_some(batch)
    }

    fn taken(&self) -> Taken {
        Taken {
            by: self.name.clone(),
            held_at: Instant::now(),
        }
    }

    fn own_after(&self, shard: u16) -> Option<u64> {
        let after = self.own_after.lock().unwrap_or_else(PoisonError::into_inner);
        after.get(&shard).copied().unwrap_or(Some(0))
    }

    fn set_own_after(&self, shard: u16, after: Option<u64>) {
        let mut own_after = self.own_after.lock().unwrap_or_else(PoisonError::into_inner);
        own_after.insert(shard, after);
    }
}

fn keys(receipt: &Receipt) -> impl Iterator<Item = (u16, u64)> {
    let ids = receipt.entries.iter().filter_map(|id| id.parse().ok());
    ids.map(|id| (receipt.shard, id))
}

#[async_trait]
impl PingSource for MemoryPingSource {
    fn shards(&self) -> u16 {
        self.queue.shards
    }

    async fn take(&self, shard: u16) -> Result<Option<Batch>, PortError> {
        if shard >= self.queue.shards {
            let there_are = format!("there are {} shards", self.queue.shards);
            return Err(PortError::bug(format!("take pings of shard {shard}"), there_are));
        }
        let until = Instant::now() + WAIT;
        loop {
            let pushed = self.queue.pushed.notified();
            tokio::pin!(pushed);
            // From here on no push is missed.
            pushed.as_mut().enable();
            let batch = self.take_now(&mut *self.queue.open("take pings")?, shard);
            if batch.is_some() || timeout_at(until, pushed).await.is_err() {
                return Ok(batch);
            }
        }
    }

    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError> {
        let mut state = self.queue.open("hold pings")?;
        for key in keys(receipt) {
            if let Some(entry) = state.entries.get_mut(&key) {
                entry.taken = Some(self.taken());
            }
        }
        Ok(())
    }

    async fn settle(&self, receipt: &Receipt, outcome: &Outcome) -> Result<(), PortError> {
        let mut state = self.queue.open("settle pings")?;
        let mut forgot = false;
        for key in keys(receipt) {
            forgot |= state.entries.remove(&key).is_some();
        }
        for letter in outcome.dead.iter().filter(|_| forgot) {
            state.bury(Dead {
                shard: receipt.shard,
                died_at: self.queue.clock.now(),
                letter: letter.clone(),
            });
        }
        for (device, through) in &outcome.merged_through {
            let known = state.merged.entry(*device).or_default();
            *known = (*known).max(*through);
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, PortError> {
        let state = self.queue.open("count what waits in the queue")?;
        let in_flight = state.entries.values().filter(|entry| entry.taken.is_some()).count();
        Ok(Backlog {
            entries: state.entries.len() as u64,
            in_flight: in_flight as u64,
            dead: state.dead.len() as u64,
        })
    }

    async fn oldest(&self) -> Result<Option<UnixMs>, PortError> {
        let state = self.queue.open("ask for the oldest entry of the queue")?;
        Ok(state.entries.values().map(|entry| entry.put_at).min())
    }
}
