//! Forgets even that people were erased, once nothing of theirs can be on its way to the timelines any more.

use std::sync::Arc;
use std::time::Duration;

use ports::usage::{Erased, Erasures, PingErasure, PingSource};
use ports::{Clock, PortError};

/// How long after an erasure pings of the person may still come into the queue: three times what an access token lives. Leaves room for clocks that disagree.
const STRAGGLERS_MAX: Duration = Duration::from_mins(15);
/// How many people are forgotten at once.
const AT_ONCE: usize = 500;

/// The use case; safe on every replica, as often as one likes.
#[derive(Clone)]
pub struct ForgetErasures {
    /// Where it is noted who was erased.
    pub erasures: Arc<dyn Erasures>,
    /// Says how old the oldest ping is that waits.
    pub source: Arc<dyn PingSource>,
    /// Forgets what the queue knows.
    pub pings: Arc<dyn PingErasure>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl ForgetErasures {
    /// Forgets those who were erased before everything that waits in the queue, and answers how many.
    ///
    /// A batch that was in hand while somebody was erased may have left a dead letter or a number of theirs afterwards. It was settled before the queue was
    /// asked here, or its entries would be the oldest; so that is found and forgotten as well.
    ///
    /// # Errors
    /// When something is away; what is left is forgotten the next time.
    pub async fn forget(&self) -> Result<usize, PortError> {
        let now = self.clock.now();
        let oldest = self.source.oldest().await?;
        let before = oldest.unwrap_or(now).min(now).before(STRAGGLERS_MAX);
        let mut forgotten = 0;
        loop {
            let some = self.erasures.before(before, AT_ONCE).await?;
            if some.is_empty() {
                return Ok(forgotten);
            }
            self.forget_some(&some).await?;
            forgotten += some.len();
        }
    }

    async fn forget_some(&self, some: &[Erased]) -> Result<(), PortError> {
        let users: Vec<_> = some.iter().map(|erased| erased.user).collect();
        let devices: Vec<_> = some.iter().flat_map(|erased| erased.devices.iter().copied()).collect();
        self.pings.erase(&users, &devices).await?;
        self.erasures.forget(some).await
    }
}
