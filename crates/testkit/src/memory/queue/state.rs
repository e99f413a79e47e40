//! What the queue holds.

use std::collections::{BTreeMap, HashMap};

use domain::accounts::DeviceId;
use domain::time::UnixMs;
use domain::usage::Arrival;
use ports::usage::{DeadContent, DeadLetter};
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<(u16, u64), Entry>,
    pub(super) merged: HashMap<DeviceId, u64>,
    pub(super) dead: BTreeMap<u64, Dead>,
    last_id: u64,
}

impl State {
    /// The most arrivals in an entry.
    pub(super) const ENTRY_ARRIVALS_MAX: usize = 256;

    pub(super) fn push(&mut self, shard: u16, content: Content, put_at: UnixMs) {
        let id = self.next_id();
        let entry = Entry {
            content,
            put_at,
            taken: None,
        };
        self.entries.insert((shard, id), entry);
    }

    pub(super) fn bury(&mut self, dead: Dead) {
        let id = self.next_id();
        self.dead.insert(id, dead);
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

pub(super) struct Entry {
    pub(super) content: Content,
    pub(super) put_at: UnixMs,
    pub(super) taken: Option<Taken>,
}

/// Who has an entry, and since when it was not heard of.
#[derive(Clone)]
pub(super) struct Taken {
    pub(super) by: String,
    pub(super) held_at: Instant,
}

#[derive(Clone)]
pub(super) enum Content {
    Arrivals(Vec<Arrival>),
    Unreadable(Vec<u8>),
}

impl From<DeadContent> for Content {
    fn from(content: DeadContent) -> Self {
        match content {
            DeadContent::Arrival(arrival) => Self::Arrivals(vec![arrival]),
            DeadContent::Unreadable(bytes) => Self::Unreadable(bytes),
        }
    }
}

pub(super) struct Dead {
    pub(super) shard: u16,
    pub(super) died_at: UnixMs,
    pub(super) letter: DeadLetter,
}
