//! Takes a caller's pings and keeps them durably. Never touches the database.

use std::sync::Arc;

use domain::accounts::Caller;
use domain::fault::Fault;
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, HeartbeatPing, Ping, Rules, Seq};
use ports::usage::PingQueue;
use ports::{Clock, PortError};

use crate::accounts::RulesInForce;

/// The use case.
#[derive(Clone)]
pub struct TrackPings {
    queue: Arc<dyn PingQueue>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    privacy: Arc<RulesInForce>,
}

/// What became of a caller's pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked {
    /// How many pings the person's privacy rules exclude: nothing of them is kept, and their numbers are settled.
    pub excluded: usize,
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
    /// Under `rules` at `now`.
    pub(super) fn at(rules: Rules, now: UnixMs) -> Self {
        Self { rules, now }
    }

    /// The span of a ping, when it may be claimed.
    ///
    /// # Errors
    /// Every fault of `start_time` and `end_time`.
    pub fn span(&self, start: UnixMs, end: UnixMs) -> Result<Span, Vec<Fault>> {
        self.rules.span(start, end, self.now)
    }

    /// The instant of a heartbeat, when one may have it.
    ///
    /// # Errors
    /// Every fault of `time`.
    pub fn instant(&self, at: UnixMs) -> Result<UnixMs, Vec<Fault>> {
        self.rules.instant(at, self.now)
    }
}

impl TrackPings {
    /// Over these ports, under these rules and those of each person.
    #[must_use]
    pub fn new(queue: Arc<dyn PingQueue>, clock: Arc<dyn Clock>, rules: Rules, privacy: Arc<RulesInForce>) -> Self {
        Self {
            queue,
            clock,
            rules,
            privacy,
        }
    }

    /// What may be claimed now: looked at once for all pings of a request.
    #[must_use]
    pub fn now(&self) -> Claimable {
        Claimable::at(self.rules, self.clock.now())
    }

    /// Keeps what the caller's privacy rules leave of `pings`, and settles the numbers of those that they exclude or that were `refused` at the door, where
    /// they have one. `Ok` is the promise behind a 202.
    ///
    /// # Errors
    /// When the queue cannot keep them, or it cannot be known what may be kept: the caller sends them again.
    pub async fn track(
        &self,
        caller: &Caller,
        mut pings: Vec<Ping>,
        mut refused: Vec<Option<Seq>>,
    ) -> Result<Tracked, PortError> {
        metrics::counter!("daybook_pings_refused_total").increment(refused.len() as u64);
        let excluded = self.exclude(caller, &mut pings, &mut refused).await?;
        let accepted = pings.len() as u64;
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
        let merged_through = if arrivals.is_empty() {
            None
        } else {
            self.queue.push(arrivals).await?
        };
        metrics::counter!("daybook_pings_accepted_total").increment(accepted);
        metrics::counter!("daybook_pings_excluded_total").increment(excluded as u64);
        Ok(Tracked {
            excluded,
            merged_through,
        })
    }

    /// Leaves of `pings` what the caller's privacy rules let through, and adds the numbers of the others to `refused`. Everything that comes through a door
    /// goes through here before it goes anywhere else.
    async fn exclude(
        &self,
        caller: &Caller,
        pings: &mut Vec<Ping>,
        refused: &mut Vec<Option<Seq>>,
    ) -> Result<usize, PortError> {
        if pings.is_empty() {
            return Ok(0);
        }
        let in_force = self.privacy.of(caller.user).await?;
        let mut screening = in_force.screening();
        let sent = pings.len();
        pings.retain_mut(|ping| {
            let is_kept = screening.admits(&mut ping.label);
            if !is_kept {
                refused.push(ping.seq);
            }
            is_kept
        });
        Ok(sent - pings.len())
    }

    /// Keeps what the caller's privacy rules leave of heartbeats. `Ok` is the same promise. Of an excluded one nothing is kept, not even that there was one, so
    /// the heartbeat before it claims as far as if it had not been sent.
    ///
    /// # Errors
    /// When the queue cannot keep them, or it cannot be known what may be kept: the caller sends them again.
    pub async fn track_heartbeats(&self, caller: &Caller, mut beats: Vec<HeartbeatPing>) -> Result<(), PortError> {
        if beats.is_empty() {
            return Ok(());
        }
        let in_force = self.privacy.of(caller.user).await?;
        let mut screening = in_force.screening();
        let sent = beats.len();
        beats.retain_mut(|beat| screening.admits(&mut beat.label));
        let accepted = beats.len();
        if accepted > 0 {
            let arrivals = beats.into_iter().map(|beat| beat.sent_by(caller)).collect();
            self.queue.push(arrivals).await?;
        }
        metrics::counter!("daybook_pings_accepted_total").increment(accepted as u64);
        metrics::counter!("daybook_pings_excluded_total").increment((sent - accepted) as u64);
        Ok(())
    }
}
