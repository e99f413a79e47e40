//! Takes a caller's pings and keeps them durably. Never touches the database.

use std::sync::Arc;

use domain::accounts::Caller;
use domain::fault::Fault;
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Ping, Rules, Seq};
use ports::usage::PingQueue;
use ports::{Clock, PortError};

/// The use case.
#[derive(Clone)]
pub struct TrackPings {
    queue: Arc<dyn PingQueue>,
    clock: Arc<dyn Clock>,
    rules: Rules,
}

/// What became of a caller's pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked {
    /// Through which number the device's pings are in the timeline, where it numbers them and it is known.
    pub merged_through: Option<u64>,
}

/// What may be claimed at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Claimable {
    rules: Rules,
    now: UnixMs,
}

impl Claimable {
    /// The span of a ping, when it may be claimed.
    ///
    /// # Errors
    /// Every fault of `start_time` and `end_time`.
    pub fn span(&self, start: UnixMs, end: UnixMs) -> Result<Span, Vec<Fault>> {
        self.rules.span(start, end, self.now)
    }
}

impl TrackPings {
    /// Over these ports, under these rules.
    #[must_use]
    pub fn new(queue: Arc<dyn PingQueue>, clock: Arc<dyn Clock>, rules: Rules) -> Self {
        Self { queue, clock, rules }
    }

    /// What may be claimed now: looked at once for all pings of a request.
    #[must_use]
    pub fn now(&self) -> Claimable {
        Claimable {
            rules: self.rules,
            now: self.clock.now(),
        }
    }

    /// Keeps `pings`, and settles the numbers of those that were `refused` at the door, where they have one. `Ok` is the promise behind a 202.
    ///
    /// # Errors
    /// When the queue cannot keep them: the caller sends them again.
    pub async fn track(
        &self,
        caller: &Caller,
        pings: Vec<Ping>,
        refused: Vec<Option<Seq>>,
    ) -> Result<Tracked, PortError> {
        let accepted = pings.len() as u64;
        metrics::counter!("daybook_pings_refused_total").increment(refused.len() as u64);
        let settled = |seq| Arrival::Refused {
            user: caller.user,
            device: caller.device,
            seq,
        };
        let refused = refused.into_iter().flatten().map(settled);
        let arrivals: Vec<Arrival> = pings
            .into_iter()
            .map(|ping| ping.sent_by(caller))
            .chain(refused)
            .collect();
        if arrivals.is_empty() {
            return Ok(Tracked { merged_through: None });
        }
        let merged_through = self.queue.push(arrivals).await?;
        metrics::counter!("daybook_pings_accepted_total").increment(accepted);
        Ok(Tracked { merged_through })
    }
}
