//! The queue in memory: nothing in it survives the process, everything else is as it is in earnest.

mod pending;
mod source;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::usage::{Arrival, Lane};
use ports::usage::{Books, DeadContent, DeadLetters, KeptLetter, PingErasure, PingQueue};
use ports::{Clock, PortError};
use tokio::sync::Notify;

pub use source::MemoryPingSource;

use super::away::Away;
use state::{Buried, Content, State};

/// What Redis is in earnest: shared by doors and workers, each of which has a clone.
#[derive(Clone)]
pub struct MemoryQueue {
    shards: u16,
    state: Arc<Mutex<State>>,
    pushed: Arc<Notify>,
    away: Arc<Away>,
    clock: Arc<dyn Clock>,
}

impl MemoryQueue {
    /// An empty queue of so many shards. Entries and dead letters are dated by `clock`.
    #[must_use]
    pub fn new(shards: u16, clock: Arc<dyn Clock>) -> Self {
        Self {
            shards,
            state: Arc::default(),
            pushed: Arc::default(),
            away: Arc::default(),
            clock,
        }
    }

    /// The worker's side, for the worker of that name; see [`MemoryPingSource`].
    #[must_use]
    pub fn source(&self, name: &str, abandoned_after: Duration) -> MemoryPingSource {
        MemoryPingSource::new(self.clone(), name, abandoned_after)
    }

    /// From now on every call fails as if the queue were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
        self.pushed.notify_waiters();
    }

    /// Puts bytes into a shard that nobody can read.
    pub fn push_unreadable(&self, shard: u16, bytes: Vec<u8>) {
        let way = (shard, Lane::Live);
        self.lock().receive(way, Content::Unreadable(bytes), self.clock.now());
        self.pushed.notify_waiters();
    }

    /// What became of all arrivals.
    #[must_use]
    pub fn books(&self) -> Books {
        self.lock().books
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if the queue is there.
    fn open(&self, attempted: &str) -> Result<MutexGuard<'_, State>, PortError> {
        self.away.check(attempted)?;
        Ok(self.lock())
    }

    fn shard_of(&self, user: UserId) -> u16 {
        let sum: u16 = user.0.as_bytes().iter().map(|byte| u16::from(*byte)).sum();
        sum % self.shards
    }
}

#[async_trait]
impl PingQueue for MemoryQueue {
    async fn push_by(&self, lane: Lane, arrivals: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        let mut state = self.open("keep pings in the queue")?;
        let Some(first) = arrivals.first() else {
            return Ok(None);
        };
        let way = (self.shard_of(first.user()), lane);
        let asks = arrivals.iter().find_map(Arrival::numbered);
        let merged = asks.and_then(|(device, _)| state.merged.get(&device).copied());
        for part in arrivals.chunks(State::ENTRY_ARRIVALS_MAX) {
            state.receive(way, Content::Arrivals(part.to_vec()), self.clock.now());
        }
        drop(state);
        self.pushed.notify_waiters();
        Ok(merged)
    }
}

#[async_trait]
impl DeadLetters for MemoryQueue {
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<KeptLetter>, PortError> {
        let state = self.open("list the dead letters")?;
        let Ok(after) = after.map_or(Ok(0), str::parse::<u64>) else {
            return Ok(Vec::new());
        };
        let later = state.dead.range(after.saturating_add(1)..).take(limit);
        Ok(later.map(kept).collect())
    }

    async fn find(&self, id: &str) -> Result<Option<KeptLetter>, PortError> {
        let state = self.open("read a dead letter")?;
        Ok(id.parse().ok().and_then(|id| state.dead.get_key_value(&id)).map(kept))
    }

    async fn replay(&self, id: &str) -> Result<bool, PortError> {
        let mut state = self.open("put a dead letter back into the queue")?;
        let Some(dead) = id.parse().ok().and_then(|id: u64| state.dead.remove(&id)) else {
            return Ok(false);
        };
        let content = Content::from(dead.letter.content);
        let shard = match &content {
            Content::Arrivals(arrivals) => arrivals.first().map_or(dead.shard, |first| self.shard_of(first.user())),
            Content::Unreadable(_) => dead.shard,
        };
        // Each letter is one arrival.
        state.books.dead -= 1;
        state.push((shard, Lane::Live), content, self.clock.now());
        drop(state);
        self.pushed.notify_waiters();
        Ok(true)
    }
}

fn kept((id, dead): (&u64, &Buried)) -> KeptLetter {
    KeptLetter {
        id: id.to_string(),
        died_at: dead.died_at,
        letter: dead.letter.clone(),
    }
}

#[async_trait]
impl PingErasure for MemoryQueue {
    async fn erase(&self, users: &[UserId], devices: &[DeviceId]) -> Result<(), PortError> {
        let mut state = self.open("forget what the queue knows of people")?;
        let is_theirs = |content: &DeadContent| match content {
            DeadContent::Arrival(arrival) => users.contains(&arrival.user()),
            DeadContent::Unreadable(bytes) => {
                let mut ids = bytes.windows(16);
                ids.any(|id| users.iter().any(|user| user.0.as_bytes() == id))
            }
        };
        let letters = state.dead.len();
        state.dead.retain(|_, dead| !is_theirs(&dead.letter.content));
        let forgotten = (letters - state.dead.len()) as u64;
        state.books.dead -= forgotten;
        state.books.dropped += forgotten;
        state.merged.retain(|device, _| !devices.contains(device));
        Ok(())
    }
}
