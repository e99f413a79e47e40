//! What the queue holds.

use std::collections::btree_map::{Range, RangeMut};
use std::collections::{BTreeMap, HashMap};

use domain::accounts::DeviceId;
use domain::time::UnixMs;
use domain::usage::{Arrival, Lane};
use ports::usage::{Books, DeadContent, DeadLetter, Fates};
use tokio::time::Instant;

/// Shard, lane and number of an entry.
pub(super) type Key = (u16, Lane, u64);

#[derive(Default)]
pub(super) struct State {
    pub(super) books: Books,
    pub(super) entries: BTreeMap<Key, Entry>,
    /// After which entry of a shard's live lane the newest are taken, where the others lag.
    pub(super) newest_after: HashMap<u16, u64>,
    pub(super) merged: HashMap<DeviceId, u64>,
    pub(super) dead: BTreeMap<u64, Buried>,
    last_id: u64,
}

impl State {
    /// The most arrivals in an entry.
    pub(super) const ENTRY_ARRIVALS_MAX: usize = 256;

    /// Keeps what came in through the door.
    pub(super) fn receive(&mut self, way: (u16, Lane), content: Content, put_at: UnixMs) {
        self.books.received += content.arrivals();
        self.push(way, content, put_at);
    }

    /// Keeps what is in the books already.
    pub(super) fn push(&mut self, (shard, lane): (u16, Lane), content: Content, put_at: UnixMs) {
        self.books.in_flight += content.arrivals();
        let id = self.next_id();
        let entry = Entry {
            content,
            put_at,
            taken: None,
            given_out: 0,
        };
        self.entries.insert((shard, lane, id), entry);
    }

    /// The entries of a lane, in their order.
    pub(super) fn lane(&self, shard: u16, lane: Lane) -> Range<'_, Key, Entry> {
        self.entries.range((shard, lane, 0)..=(shard, lane, u64::MAX))
    }

    /// The same, to be changed.
    pub(super) fn lane_mut(&mut self, shard: u16, lane: Lane) -> RangeMut<'_, Key, Entry> {
        self.entries.range_mut((shard, lane, 0)..=(shard, lane, u64::MAX))
    }

    /// Counts what became of an entry that was removed.
    pub(super) fn settle(&mut self, fates: Fates) {
        let Fates {
            merged,
            refused,
            dropped,
            dead,
        } = fates;
        self.books.in_flight -= merged + refused + dropped + dead;
        self.books.merged += merged;
        self.books.refused += refused;
        self.books.dropped += dropped;
        self.books.dead += dead;
    }

    pub(super) fn bury(&mut self, dead: Buried) {
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
    /// How often.
    pub(super) given_out: u64,
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

impl Content {
    /// How many arrivals it counts as.
    pub(super) fn arrivals(&self) -> u64 {
        match self {
            Self::Arrivals(arrivals) => arrivals.len() as u64,
            Self::Unreadable(_) => 1,
        }
    }
}

impl From<DeadContent> for Content {
    fn from(content: DeadContent) -> Self {
        match content {
            DeadContent::Arrival(arrival) => Self::Arrivals(vec![arrival]),
            DeadContent::Unreadable(bytes) => Self::Unreadable(bytes),
        }
    }
}

pub(super) struct Buried {
    pub(super) shard: u16,
    pub(super) died_at: UnixMs,
    pub(super) letter: DeadLetter,
}
