//! What every program takes from its surroundings without asking, and we ask for: the time, how it passes, and new ids.

use std::time::Duration;

use domain::time::UnixMs;
use uuid::Uuid;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// The present instant, cut to the millisecond.
    fn now(&self) -> UnixMs;
}

/// A clock that measures and tells no time of day.
pub trait SteadyClock: Send + Sync {
    /// The time since a moment that stays the same while the process runs. It is never set, never goes back, and goes on while the process is stopped and
    /// while the machine sleeps.
    fn elapsed(&self) -> Duration;
}

/// Where new ids come from.
pub trait Ids: Send + Sync {
    /// An id nobody has: a UUID of version 7 (RFC 9562), so that ids sort roughly by age.
    fn new_id(&self) -> Uuid;
}
