//! Where buckets and events are kept: what the rules of ActivityWatch ask of a store.

use super::event::{Bucket, Event, Extent};

/// The store could not do as asked: a full or broken disk, or a fault of its own.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} what ActivityWatch's watchers sent")]
pub struct StoreError {
    doing: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// `doing` is a verb: `"read"`.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self { doing, source }
    }
}

/// Which events of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Those that end at this microsecond or later.
    pub from_us: i64,
    /// Those that start at this microsecond or earlier.
    pub to_us: i64,
    /// At most so many of the newest.
    pub limit: usize,
}

impl Window {
    /// All of them.
    pub const ALL: Self = Self {
        from_us: i64::MIN,
        to_us: i64::MAX,
        limit: usize::MAX,
    };
}

/// The buckets that there are.
pub trait Catalogue {
    /// All of them, by name.
    fn buckets(&self) -> Result<Vec<Extent>, StoreError>;
    /// The one of that name.
    fn bucket(&self, id: &str) -> Result<Option<Extent>, StoreError>;
    /// Keeps a bucket: a new one, or new properties of one that is there.
    fn keep_bucket(&mut self, bucket: &Bucket) -> Result<(), StoreError>;
    /// Forgets a bucket and its events. False if there is none.
    fn delete_bucket(&mut self, id: &str) -> Result<bool, StoreError>;
}

/// The events of buckets. Of a bucket that is not there, there are none.
pub trait Events {
    /// Those of a window, the latest start first, of two with one start the one kept later.
    fn events(&self, bucket: &str, window: &Window) -> Result<Vec<Event>, StoreError>;
    /// The one that starts first after this microsecond.
    fn after(&self, bucket: &str, start_us: i64) -> Result<Option<Event>, StoreError>;
    /// How many there are in a window.
    fn count(&self, bucket: &str, window: &Window) -> Result<u64, StoreError>;
    /// The one of that number.
    fn event(&self, bucket: &str, id: i64) -> Result<Option<Event>, StoreError>;
    /// Keeps an event and gives its number. One of the bucket with that number is replaced.
    fn keep_event(&mut self, bucket: &str, event: &Event) -> Result<i64, StoreError>;
    /// Forgets an event. False if there is none of that number.
    fn delete_event(&mut self, bucket: &str, id: i64) -> Result<bool, StoreError>;
}

/// Both.
pub trait Store: Catalogue + Events {}

impl<T: Catalogue + Events> Store for T {}
