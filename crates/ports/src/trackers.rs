//! What trackers that people already have keep here: the buckets and events of ActivityWatch's watchers, as far as they count.

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{Stretch, Told, Watched};

use crate::PortError;

/// How many events a bucket holds at most: those of some months of somebody busy.
pub const EVENTS_MAX: i64 = 200_000;
/// The most buckets that a device may have.
pub const BUCKETS_MAX: usize = 32;
/// How many events of a bucket that start shortly before a stretch, the last of them, are looked at for those that last into it.
pub const EARLIER_MAX: usize = 20_000;
/// An hour: what lasts longer is known by itself, so that nothing else that started longer ago than that is looked at.
pub const LASTING_US: i64 = 3_600_000_000;
/// How many of those that last longer are looked at, the last that were kept: more than there are one after the other in 90 days.
pub const LASTING_MAX: usize = 2_500;
/// How many events of one start are looked at for one that is there already.
pub const SAME_START_MAX: usize = 16;

/// A device whose watchers send: that of an API key. What it keeps is seen by no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watcher {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
}

/// A stream of events of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchBucket {
    /// Its name.
    pub id: String,
    /// The word for what its events hold.
    pub kind: String,
    /// The program that writes it.
    pub client: String,
    /// The machine that it tells of.
    pub hostname: String,
    /// Since when it is there, in microseconds since 1970.
    pub created_us: i64,
    /// From its first start to its last end; nothing for an empty one. Not kept: found out when it is read.
    pub stretch: Option<Stretch>,
}

/// What became of a bucket that somebody wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketOutcome {
    /// It is made.
    Made,
    /// There is one of that name, which stays as it is.
    There,
    /// The device has as many as it may.
    TooMany,
}

/// An event, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// Its number in its bucket.
    pub id: i64,
    /// When it was.
    pub stretch: Stretch,
    /// What of it counts.
    pub told: Told,
}

/// Which events of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventWindow {
    /// Those that end at this microsecond or later.
    pub from_us: i64,
    /// Those that start at this microsecond or earlier.
    pub to_us: i64,
    /// At most so many of the newest.
    pub limit: usize,
}

/// What is to be seen of a bucket before something of it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The event that starts last at this microsecond or before.
    pub at_us: i64,
    /// And those that start later, up to this one.
    pub until_us: i64,
    /// At most so many of these, the first.
    pub limit: usize,
    /// And those of these numbers.
    pub ids: Vec<i64>,
    /// And those that start at exactly these microseconds, of each [`SAME_START_MAX`] at most: the ones with the lowest numbers.
    pub starts_us: Vec<i64>,
}

/// What was seen of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The word for what its events hold.
    pub kind: String,
    /// Which state of it that is.
    pub version: i64,
    /// The greatest number that was given to an event.
    pub last_id: i64,
    /// The lowest number of an event that is there.
    pub first_id: Option<i64>,
    /// The event that starts last at the instant or before; of two with one start the one with the greater number.
    pub before: Option<WatchEvent>,
    /// Those that start after it, in the order of their starts and numbers.
    pub after: Vec<WatchEvent>,
    /// Those that were asked for by number, in no order.
    pub named: Vec<WatchEvent>,
    /// Those that were asked for by their starts, in no order.
    pub started: Vec<WatchEvent>,
}

/// A change of a bucket's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The state of the bucket that was seen.
    pub seen: i64,
    /// The greatest number that was given to an event, with those of this change.
    pub last_id: i64,
    /// Events that go.
    pub removed: Vec<i64>,
    /// Events that are there afterwards, each with a number of its own: new ones, and others in the place of those that have their numbers.
    pub put: Vec<WatchEvent>,
    /// Of which stretches of time something new is known.
    pub touched: Vec<Span>,
    /// The rank of what is claimed from it.
    pub precedence: i32,
    /// When that is.
    pub now: UnixMs,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditOutcome {
    /// It is kept, and what it touched is marked.
    Kept,
    /// Somebody else changed the bucket meanwhile, or it is gone; nothing was changed.
    Changed,
}

/// A stretch of time of which something is known that is not in the queue yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its name.
    pub id: i64,
    /// When.
    pub span: Span,
    /// The rank of what is claimed there.
    pub precedence: i32,
}

/// The rows of all buckets of a device around a stretch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchedRows {
    /// What they tell.
    pub watched: Watched,
    /// Whether these are all. If not, those that start first are left out, of each bucket that has more than were asked for.
    pub are_all: bool,
}

/// The buckets of devices.
#[async_trait]
pub trait WatchBuckets: Send + Sync {
    /// All of a device, or the one of that name, in the order of their names.
    async fn buckets(&self, of: Watcher, id: Option<&str>) -> Result<Vec<WatchBucket>, PortError>;

    /// Keeps a new bucket, unless the device has [`BUCKETS_MAX`]. Then an empty one gives way of which nothing was kept since the first of these instants, of
    /// which the second is now: the one that is silent for longest.
    async fn create(
        &self,
        of: Watcher,
        bucket: &WatchBucket,
        when: (UnixMs, UnixMs),
    ) -> Result<BucketOutcome, PortError>;

    /// Keeps another kind, client and hostname of a bucket. False if there is none of that name.
    async fn change(&self, of: Watcher, bucket: &WatchBucket) -> Result<bool, PortError>;

    /// Forgets a bucket's events, bit by bit, and then the bucket. False if there is none of that name.
    async fn delete(&self, of: Watcher, id: &str) -> Result<bool, PortError>;
}

/// The events of a device's buckets.
#[async_trait]
pub trait WatchEvents: Send + Sync {
    /// Those of a window, the latest start first, of two with one start the one with the greater number. None of a bucket that is not there.
    async fn events(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<Vec<WatchEvent>, PortError>;

    /// How many there are in a window, whatever its limit.
    async fn count(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<u64, PortError>;

    /// What is to be seen of a bucket; nothing if there is none of that name.
    async fn look(&self, of: Watcher, bucket: &str, look: &Look) -> Result<Option<Seen>, PortError>;

    /// Changes the events of a bucket and marks what that touched, all or nothing; on disk when it returns. Whether there is
    /// room, in [`EVENTS_MAX`], is for the caller to see.
    async fn keep(&self, of: Watcher, bucket: &str, edit: &Edit) -> Result<EditOutcome, PortError>;
}

/// What was touched, and what is known of it.
#[async_trait]
pub trait WatchMarks: Send + Sync {
    /// Up to `limit` marks of a device that begin before an instant, the earliest first.
    async fn marks(&self, of: Watcher, before: UnixMs, limit: usize) -> Result<Vec<Mark>, PortError>;

    /// The rows of all buckets of a device that hold an instant of `reach` or touch it, of each bucket up to `limit`. Of those that start up to
    /// [`LASTING_US`] before it only the last [`EARLIER_MAX`] of a bucket are looked at, and of those that last longer [`LASTING_MAX`].
    async fn watched(&self, of: Watcher, reach: Span, limit: usize) -> Result<WatchedRows, PortError>;

    /// Forgets those of these marks that end by an instant, and lets the others begin there.
    async fn settle(&self, of: Watcher, marks: &[i64], until: UnixMs) -> Result<(), PortError>;
}

/// What is left to whoever looks after all devices.
#[async_trait]
pub trait WatchUpkeep: Send + Sync {
    /// Up to `limit` devices with a mark that was made before `marked` and begins before `now`.
    async fn left_behind(&self, marked: UnixMs, now: UnixMs, limit: usize) -> Result<Vec<Watcher>, PortError>;

    /// Forgets up to `limit` events that ended before an instant, and answers how many.
    async fn forget_events(&self, before: UnixMs, limit: usize) -> Result<u64, PortError>;
}

/// What is kept of a person's watchers, for themselves.
#[async_trait]
pub trait WatchReader: Send + Sync {
    /// All their events that start in a window, in the order of their starts, each with its device and bucket.
    async fn watched_events(&self, user: UserId, window: Span) -> Result<Vec<WatchedEvent>, PortError>;
}

/// An event of a person, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedEvent {
    /// The device that sent it.
    pub device: DeviceId,
    /// The name of its bucket.
    pub bucket: String,
    /// The machine that it tells of.
    pub hostname: String,
    /// What it is.
    pub event: WatchEvent,
}
