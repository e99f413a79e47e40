//! Takes the history that a person brings from other trackers: the same pings, heartbeats and rules as at the other door, of a device that comes after all
//! devices they sign in on. Or only says what that would change.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, DeviceId, ImportSource};
use domain::fault::Fault;
use domain::time::Span;
use domain::usage::{
    Arrival, Beat, Forecast, HeartbeatPing, Lane, Patience, Ping, Rules, Segment, Timeline, beats_near, claims_of,
};
use ports::accounts::{IMPORT_DEVICES_MAX, ImportDevices, ImportPlace, NewImport};
use ports::usage::{OwnTimeline, PendingPings, PingQueue};
use ports::{Clock, Ids, PortError};

use crate::accounts::RulesInForce;

use super::Claimable;

/// The use case.
#[derive(Clone)]
pub struct ImportHistory {
    /// Where arrivals wait.
    pub queue: Arc<dyn PingQueue>,
    /// Where the devices of imported history are kept.
    pub devices: Arc<dyn ImportDevices>,
    /// What of the caller's still waits.
    pub pending: Arc<dyn PendingPings>,
    /// What is stored of the caller.
    pub timeline: Arc<dyn OwnTimeline>,
    /// The rules of everybody.
    pub privacy: Arc<RulesInForce>,
    /// What may be claimed, which reaches further back than at the other door.
    pub rules: Rules,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids of devices begin.
    pub ids: Arc<dyn Ids>,
}

/// What was found in another tracker's records. How long its heartbeats wait for a later one was settled when something came from its source first, and is set
/// here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Which tracker, or file.
    pub source: ImportSource,
    /// Stretches of time. Their numbers mean nothing.
    pub pings: Vec<Ping>,
    /// Points in time.
    pub heartbeats: Vec<HeartbeatPing>,
}

impl History {
    /// How much time the history may lie in for what it would change to be told: as much of what is stored is read at once.
    pub const FORETOLD_MAX: Duration = Duration::from_hours(31 * 24);

    /// Makes sure that it is told at once what would change.
    fn check_length(&self) -> Result<(), Fault> {
        let points = || self.heartbeats.iter().map(|beat| beat.at);
        let first = self.pings.iter().map(|ping| ping.span.start()).chain(points()).min();
        let last_ping = self.pings.iter().map(|ping| ping.span.end()).max();
        let last = last_ping.max(points().max());
        let is_short = first
            .zip(last)
            .is_none_or(|(first, last)| last <= first.after(Self::FORETOLD_MAX));
        if is_short {
            return Ok(());
        }
        let field = if last == last_ping { "pings" } else { "heartbeats" };
        let days = Self::FORETOLD_MAX.as_secs() / 86_400;
        let detail = format!("must end at most {days} days after the first instant of the request, in a dry run");
        Err(Fault::new(field, "too_long", detail))
    }
}

/// What was made of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// How many pings and heartbeats are kept.
    pub accepted: usize,
    /// How many the person's privacy rules exclude: nothing of them is kept.
    pub excluded: usize,
    /// How long the heartbeats of the source wait for a later one; none where nothing is kept.
    pub patience: Option<Patience>,
}

/// What would be made of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foretold {
    /// What would be kept of it.
    pub imported: Imported,
    /// What that would change of the timeline as it is stored.
    pub forecast: Forecast,
    /// Whether something that the caller imported before still waits, so that it is not in what is stored.
    pub is_early: bool,
}

/// What can go wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Values that cannot be: a source more than a person may have, or more time than is foretold at once.
    #[error("values that cannot be")]
    Invalid(Fault),
    /// The person is gone though their token is alive.
    #[error("the account no longer exists")]
    AccountGone,
    /// Something outside failed.
    #[error(transparent)]
    Outside(#[from] PortError),
}

impl ImportHistory {
    /// What may be claimed now: looked at once for all of a request.
    #[must_use]
    pub fn now(&self) -> Claimable {
        Claimable::at(self.rules, self.clock.now())
    }

    /// Keeps what the caller's privacy rules leave of a history, to be merged after everything that is recorded now. `Ok` is the promise behind a 202. The device
    /// of the source is made where there is none, unless nothing is kept.
    ///
    /// # Errors
    /// [`ImportError`]; where something is away, the caller sends it again.
    pub async fn import(&self, caller: &Caller, history: History) -> Result<Imported, ImportError> {
        let (history, mut imported) = self.allowed(caller, history).await?;
        if imported.accepted > 0 {
            let import = self.new_import(caller, &history.source);
            let bound = Bound::to(self.devices.keep(&import).await?, caller)?;
            imported.patience = Some(bound.patience);
            self.queue.push_by(Lane::Bulk, bound.arrivals(history)).await?;
        }
        metrics::counter!("daybook_pings_accepted_total").increment(imported.accepted as u64);
        metrics::counter!("daybook_pings_excluded_total").increment(imported.excluded as u64);
        Ok(imported)
    }

    /// What [`Self::import`] would keep of a history, and what that would change of the caller's timeline as it is stored now. Nothing is kept, and no device is
    /// made. Where `within` is given, nothing but that stretch is told of: so a history that is shown in parts is told of without counting anything twice, though
    /// what is claimed between two heartbeats is in the part of either. Of what stays, a part need not tell of time that none but stored heartbeats claim.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn foretell(
        &self,
        caller: &Caller,
        history: History,
        within: Option<Span>,
    ) -> Result<Foretold, ImportError> {
        history.check_length().map_err(ImportError::Invalid)?;
        // Before anything is read: what does not wait by now is in what is read.
        let pending = self.pending.of(caller.user).await?;
        let is_early = pending.entries.iter().any(|(lane, _)| *lane == Lane::Bulk);
        let (history, mut imported) = self.allowed(caller, history).await?;
        let import = self.new_import(caller, &history.source);
        let bound = Bound::to(self.devices.foresee(&import).await?, caller)?;
        imported.patience = (imported.accepted > 0).then_some(bound.patience);
        let mut claims = Vec::with_capacity(history.pings.len());
        let mut points = Vec::with_capacity(history.heartbeats.len());
        for arrival in bound.arrivals(history) {
            match arrival {
                Arrival::Claim { claim, .. } => claims.push(claim.segment),
                Arrival::Heartbeat { heartbeat } => points.push(heartbeat.beat),
                Arrival::Refused { .. } => {}
            }
        }
        // The points first: of what is merged meanwhile, a claim that was derived from two points may be found with them, and then changes nothing.
        claims.extend(self.derived(caller, &points).await?);
        let told = |claim: Segment| {
            let span = within.map_or(Some(claim.span), |within| claim.span.clip(within))?;
            Some(Segment { span, ..claim })
        };
        let claims = Timeline::of(claims.into_iter().filter_map(told));
        let stored = match hull(&claims) {
            Some(window) => self.timeline.stored(caller.user, window).await?,
            None => Vec::new(),
        };
        Ok(Foretold {
            imported,
            forecast: Forecast::of(stored, claims),
            is_early,
        })
    }

    /// Leaves of a history what the caller's privacy rules let through.
    async fn allowed(&self, caller: &Caller, mut history: History) -> Result<(History, Imported), PortError> {
        let in_force = self.privacy.of(caller.user).await?;
        let sent = history.pings.len() + history.heartbeats.len();
        let mut screening = in_force.screening();
        history.pings.retain_mut(|ping| screening.admits(&mut ping.label));
        history.heartbeats.retain_mut(|beat| screening.admits(&mut beat.label));
        let accepted = history.pings.len() + history.heartbeats.len();
        let imported = Imported {
            accepted,
            excluded: sent - accepted,
            patience: None,
        };
        Ok((history, imported))
    }

    fn new_import(&self, caller: &Caller, source: &ImportSource) -> NewImport {
        NewImport {
            user: caller.user,
            source: source.clone(),
            new_device: DeviceId(self.ids.new_id()),
            now: self.clock.now(),
        }
    }

    /// What points claim, together with those of their device that are stored. One that is stored already claims what it would if it were new, so that what is
    /// imported again covers the same time.
    async fn derived(&self, caller: &Caller, points: &[Beat]) -> Result<Vec<Segment>, PortError> {
        let near = beats_near(points);
        let mut known = self.timeline.beats(caller.user, &near).await?;
        let sent: HashSet<&Beat> = points.iter().collect();
        known.retain(|beat| !sent.contains(beat));
        Ok(claims_of(&known, points))
    }
}

/// A history on its way to the device of its source.
struct Bound {
    sender: Caller,
    patience: Patience,
}

impl Bound {
    fn to(place: ImportPlace, caller: &Caller) -> Result<Self, ImportError> {
        match place {
            ImportPlace::Device {
                id,
                precedence,
                patience,
            } => {
                let sender = Caller {
                    device: id,
                    precedence,
                    ..*caller
                };
                Ok(Self { sender, patience })
            }
            ImportPlace::TooMany => {
                let detail = format!("must be one of the {IMPORT_DEVICES_MAX} that there are, which is the most");
                Err(ImportError::Invalid(Fault::new("source", "too_many", detail)))
            }
            ImportPlace::Gone => Err(ImportError::AccountGone),
        }
    }

    /// From here on the rank and the patience of each are fixed.
    fn arrivals(&self, history: History) -> Vec<Arrival> {
        let pings = history.pings.into_iter().map(|ping| Ping { seq: None, ..ping });
        let beats = history.heartbeats.into_iter().map(|beat| HeartbeatPing {
            patience: self.patience,
            ..beat
        });
        let pings = pings.map(|ping| ping.sent_by(&self.sender));
        pings.chain(beats.map(|beat| beat.sent_by(&self.sender))).collect()
    }
}

/// From the first instant that is claimed to the last.
fn hull(claims: &Timeline) -> Option<Span> {
    let (first, last) = (claims.segments().first()?, claims.segments().last()?);
    Span::new(first.span.start(), last.span.end())
}
