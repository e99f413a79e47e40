//! What every program takes from its surroundings without asking, and we ask for: the time and new ids.

use domain::time::UnixMs;
use uuid::Uuid;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// The present instant, cut to the millisecond.
    fn now(&self) -> UnixMs;
}

/// Where new ids come from.
pub trait Ids: Send + Sync {
    /// An id nobody has: a UUID of version 7 (RFC 9562), so that ids sort roughly by age.
    fn new_id(&self) -> Uuid;
}
