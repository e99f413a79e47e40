//! Makes room in the storage before pings need it.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Span;
use domain::usage::Rules;
use ports::usage::TimelineStore;
use ports::{Clock, PortError};

/// How far ahead of the clock room is made: a worker that is down for less than this leaves nothing to do on demand.
const AHEAD: Duration = Duration::from_hours(62 * 24);

/// The use case; safe on every replica, as often as one likes.
#[derive(Clone)]
pub struct PrepareStorage {
    store: Arc<dyn TimelineStore>,
    clock: Arc<dyn Clock>,
    rules: Rules,
}

impl PrepareStorage {
    /// Over these ports, for pings under these rules.
    #[must_use]
    pub fn new(store: Arc<dyn TimelineStore>, clock: Arc<dyn Clock>, rules: Rules) -> Self {
        Self { store, clock, rules }
    }

    /// Makes room for every instant that a ping may claim from now until two months ahead.
    ///
    /// # Errors
    /// When the storage is away or refuses.
    pub async fn prepare(&self) -> Result<(), PortError> {
        let now = self.clock.now();
        match Span::new(now.before(self.rules.age_max), now.after(AHEAD)) {
            Some(span) => self.store.prepare(span).await,
            None => Ok(()),
        }
    }
}
