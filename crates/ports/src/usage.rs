//! Pings on their way: the queue they wait in, and the timelines they are merged into.

use async_trait::async_trait;
use domain::accounts::DeviceId;
use domain::time::{Span, UnixMs};
use domain::usage::Arrival;

use crate::PortError;

mod erasure;

pub use erasure::{Erased, Erasures, PingErasure, TimelineErasure};

/// The queue, from the door's side.
#[async_trait]
pub trait PingQueue: Send + Sync {
    /// Keeps `arrivals`, all of one caller's device, in an order that need not be theirs. `Ok` is the promise behind a 202: they are on disk and survive the
    /// crash of any one process. After an error they may or may not be kept.
    ///
    /// Answers through which number the device's pings were merged when this was asked, where the arrivals are numbered and it is known.
    async fn push(&self, arrivals: Vec<Arrival>) -> Result<Option<u64>, PortError>;
}

/// The queue, from the worker's side: shards, each with all arrivals of its users. Every arrival is delivered at least once.
#[async_trait]
pub trait PingSource: Send + Sync {
    /// How many shards there are; they are numbered from 0.
    fn shards(&self) -> u16;

    /// Takes the next batch of a shard; waits a bounded time for one, then answers `None`. What was taken by a worker that has died is taken over once it
    /// has not been held for a while.
    async fn take(&self, shard: u16) -> Result<Option<Batch>, PortError>;

    /// Says that the batch is still being worked on, so that nobody takes it over. Called every few seconds while work lasts.
    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError>;

    /// Ends the batch, in one step: keeps `outcome.dead` with the dead letters, tells the door how far devices are merged, and forgets the arrivals.
    async fn settle(&self, receipt: &Receipt, outcome: &Outcome) -> Result<(), PortError>;

    /// How much waits, for the gauges.
    async fn backlog(&self) -> Result<Backlog, PortError>;

    /// When the oldest entry that is not settled was put there, in any shard, by the queue's clock; `None` when there is none.
    async fn oldest(&self) -> Result<Option<UnixMs>, PortError>;
}

/// Arrivals taken from the queue together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The arrivals, in the order of the queue.
    pub arrivals: Vec<Arrival>,
    /// What the queue held but nobody can read.
    pub unreadable: Vec<DeadLetter>,
    /// What to hold and settle it by.
    pub receipt: Receipt,
}

/// Names a taken batch to the queue that gave it; means nothing to anybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The shard it came from.
    pub shard: u16,
    /// The queue's own names for its parts.
    pub entries: Vec<String>,
}

/// How a batch ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Through which number each device's pings are merged now.
    pub merged_through: Vec<(DeviceId, u64)>,
    /// What can never be merged.
    pub dead: Vec<DeadLetter>,
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

/// The dead letters, for the operator.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Up to `limit` letters, oldest first, after the one named `after`.
    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<KeptLetter>, PortError>;

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
    /// Arrivals dropped because their people were erased.
    pub dropped: usize,
}
