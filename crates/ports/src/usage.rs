//! Pings on their way: the queue they wait in, and the timelines they are merged into.

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Lane};

use crate::PortError;

mod books;
mod erasure;
mod own;
mod pending;

pub use books::{Books, Fates};
pub use erasure::{Erased, Erasures, PingErasure, TimelineErasure};
pub use own::OwnTimeline;
pub use pending::{Pending, PendingPings};

/// The queue, from the door's side.
#[async_trait]
pub trait PingQueue: Send + Sync {
    /// Keeps `arrivals`, all of one device, in an order that need not be theirs, in this lane. `Ok` is the promise behind a 202: they are on disk and survive the
    /// crash of any one process. After an error they may or may not be kept.
    ///
    /// Answers through which number the device's pings were merged when this was asked, where the arrivals are numbered and it is known.
    async fn push_by(&self, lane: Lane, arrivals: Vec<Arrival>) -> Result<Option<u64>, PortError>;

    /// The same in the lane of so many that a device sends at once: [`Lane::of`].
    async fn push(&self, arrivals: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        self.push_by(Lane::of(arrivals.len()), arrivals).await
    }
}

/// The queue, from the worker's side: shards, each with all arrivals of its users. Every arrival is delivered at least once.
#[async_trait]
pub trait PingSource: Send + Sync {
    /// How many shards there are; they are numbered from 0.
    fn shards(&self) -> u16;

    /// Waits a bounded time until something can be taken, and answers where, live lanes first; nowhere when nothing came. What is named may turn out to be
    /// empty; what is named and not taken is named again. One caller at a time.
    async fn ready(&self) -> Result<Vec<(u16, Lane)>, PortError>;

    /// Takes the next batch of a shard, `None` when there is none; never waits. It has no more than `arrivals_max` arrivals, except where a single entry has,
    /// and never more than [`Batch::ARRIVALS_MAX`].
    ///
    /// What was taken by a worker that has died is taken over once it has not been held for a while. What ended its workers again and again is taken over
    /// entry by entry, and in the end given up.
    async fn take(&self, shard: u16, part: Part, arrivals_max: usize) -> Result<Option<Batch>, PortError>;

    /// Says that the batch is still being worked on, so that nobody takes it over. Called every few seconds while work lasts.
    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError>;

    /// Ends the batch, in one step: keeps `outcome.dead` with the dead letters, tells the door how far devices are merged, forgets the arrivals, and counts in
    /// the [`Books`] what became of them. What somebody else has settled already is neither kept nor counted again.
    async fn settle(&self, receipt: &Receipt, outcome: &Outcome) -> Result<(), PortError>;

    /// How much waits, for the gauges.
    async fn backlog(&self) -> Result<Backlog, PortError>;

    /// When the oldest entry that is not settled was put there, in any shard, by the queue's clock; `None` when there is none.
    async fn oldest(&self) -> Result<Option<UnixMs>, PortError>;
}

/// What of a shard is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The newest of the live lane, where much older ones wait in front of them: nothing otherwise. They come once more behind the older ones, unless they
    /// are settled by then, so a worker that dies with them loses nothing.
    Newest,
    /// The oldest of the live lane.
    Live,
    /// The oldest of the bulk lane.
    Bulk,
}

impl Part {
    /// The lane that it is of.
    #[must_use]
    pub fn lane(self) -> Lane {
        match self {
            Self::Newest | Self::Live => Lane::Live,
            Self::Bulk => Lane::Bulk,
        }
    }
}

/// Arrivals taken from the queue together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The arrivals, in the order of the queue.
    pub arrivals: Vec<Arrival>,
    /// What is given up: nobody can read it, or whoever had it came to an end, again and again.
    pub unreadable: Vec<Dead>,
    /// What to hold and settle it by.
    pub receipt: Receipt,
}

impl Batch {
    /// The most arrivals in a batch.
    pub const ARRIVALS_MAX: usize = 8_192;

    /// Which entry of the receipt an arrival was in, both counted from 0.
    #[must_use]
    pub fn entry_of(&self, arrival: usize) -> usize {
        let mut end = 0;
        let ends = self.receipt.entries.iter().map(|entry| {
            end += entry.pings + entry.refused;
            end
        });
        ends.take_while(|end| *end <= arrival as u64).count()
    }
}

/// Names a taken batch to the queue that gave it; means nothing to anybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The shard it came from.
    pub shard: u16,
    /// And the lane.
    pub lane: Lane,
    /// Its parts, in the order of its arrivals.
    pub entries: Vec<Entry>,
}

/// A part of a batch, as the queue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The queue's own name for it.
    pub name: String,
    /// How many of the batch's arrivals are its pings.
    pub pings: u64,
    /// How many are its numbers of refused pings.
    pub refused: u64,
    /// How many arrivals it counts as where it is given up, and holds none of the batch's then; otherwise 0.
    pub unreadable: u64,
}

/// How a batch ended. What is not said to be dead or dropped was merged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Through which number each device's pings are merged now.
    pub merged_through: Vec<(DeviceId, u64)>,
    /// What can never be merged.
    pub dead: Vec<Dead>,
    /// What was dropped because its people were erased.
    pub dropped: Vec<Dropped>,
}

/// What can never be merged, and which entry of the receipt it was in.
#[derive(Debug, Clone, PartialEq)]
pub struct Dead {
    /// The entry, counted from 0.
    pub entry: usize,
    /// What and why.
    pub letter: DeadLetter,
}

/// How much of an entry of the receipt was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// The entry, counted from 0.
    pub entry: usize,
    /// How many pings.
    pub pings: u64,
    /// How many numbers of refused ones.
    pub refused: u64,
}

/// Something that can never be merged as it is, kept until a person decides.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// What it is.
    pub content: DeadContent,
    /// Why it cannot be merged, on one line.
    pub reason: String,
}

/// What a dead letter holds.
#[derive(Debug, Clone, PartialEq)]
pub enum DeadContent {
    /// An arrival that the storage refuses.
    Arrival(Arrival),
    /// Bytes of a queue entry that nobody can read.
    Unreadable(Vec<u8>),
}

/// How much waits in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Entries not yet settled, taken or not. An entry holds one or more arrivals.
    pub entries: u64,
    /// Of these, taken and not settled.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
}

/// The dead letters, for the operator, and for people theirs.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Up to `limit` letters, oldest first, after the one named `after`, or after where it was; none when that is no name of a letter.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<KeptLetter>, PortError>;

    /// The letter of that id; `None` when there is none.
    async fn find(&self, id: &str) -> Result<Option<KeptLetter>, PortError>;

    /// Puts a letter back into the queue and forgets it, in one step. `false` when there is none of that id.
    async fn replay(&self, id: &str) -> Result<bool, PortError>;
}

/// A dead letter as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptLetter {
    /// Its id.
    pub id: String,
    /// When it was put there.
    pub died_at: UnixMs,
    /// What, and why.
    pub letter: DeadLetter,
}

impl KeptLetter {
    /// The arrival it holds; `None` when nobody can read it.
    #[must_use]
    pub fn arrival(&self) -> Option<&Arrival> {
        match &self.letter.content {
            DeadContent::Arrival(arrival) => Some(arrival),
            DeadContent::Unreadable(_) => None,
        }
    }
}

/// Everybody's timelines, written.
#[async_trait]
pub trait TimelineStore: Send + Sync {
    /// Joins `arrivals` of any number of people into their timelines and settles their numbers, all or nothing; `Ok` means committed. Doing it again
    /// changes nothing. Merges of one person never run at the same time, whoever calls. Arrivals of people who were erased are dropped.
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError>;

    /// Makes room ahead of time for segments in `span`, so that a merge need not.
    async fn prepare(&self, span: Span) -> Result<(), PortError>;
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Through which number the pings of each device that numbers them are merged now.
    pub merged_through: Vec<(DeviceId, u64)>,
    /// Rows written: inserted, updated and deleted.
    pub rows: usize,
    /// People who were erased, in any order: their arrivals were dropped, all of them.
    pub erased: Vec<UserId>,
}
