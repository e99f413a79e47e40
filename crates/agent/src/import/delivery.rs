//! Sends what sources tell, list by list, until the server has all of it, or has said of all of it what it would change.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use domain::time::UnixMs;

use crate::account::Account;
use crate::schedule::Schedule;
use crate::server::{ChangeBody, History, ImportReceipt, Imported, Refusal, SignInError};

use super::lists::{self, COUNT_MAX};
use super::places::{Becomes, Places, Row};
use super::report::Reasons;
use super::sources::Source;

/// After so many failures in a row it is given up: a quarter of an hour, about, with the pauses between them.
pub const FAILURES_MAX: u32 = 20;
/// How long a dry run waits in all for the server to merge what was imported before.
pub const MERGE_WAIT_MAX: Duration = Duration::from_mins(10);
/// How long it waits before it asks again.
const MERGE_WAIT: Duration = Duration::from_secs(1);
/// Nothing waits here to be merged, so nothing is sent again on that account.
const NO_RESEND: Duration = Duration::MAX;

/// Sends.
pub struct Delivery<'a> {
    /// As whom.
    pub account: &'a mut Account,
    /// Whether only to ask what would change.
    pub is_dry_run: bool,
    /// Where in their files is what is sent.
    pub places: &'a mut Places,
    /// Lets time pass.
    pub wait: &'a mut dyn FnMut(Duration),
    /// A number from 0 up to 1, at random.
    pub dice: fn() -> f64,
    /// How long it has waited for what was imported before; none at first.
    pub waited: Duration,
}

/// What the server said to everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many claims and heartbeats it took.
    pub accepted: u64,
    /// How many of them the person's rules exclude there.
    pub excluded: u64,
    /// Which it will never take: rows of the files, each once, however many claims it is sent as.
    pub rejected: Reasons,
    rejected_rows: HashSet<Row>,
    /// What would change; only after a dry run.
    pub change: Change,
    /// Whether something that was imported before is not in what would change, since the server has not merged it yet.
    pub is_early: bool,
    /// How many seconds a heartbeat waits for a later one, by source; only of sources that have any.
    pub timeouts: BTreeMap<String, u64>,
}

/// What the timeline would gain and lose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Time that nobody claimed before.
    pub added_ms: i64,
    /// Time that would have another label.
    pub replaced_ms: i64,
    /// Time that stays as it is.
    pub kept_ms: i64,
    /// What each application would gain, of time that nobody claimed and of time that another has.
    pub items: BTreeMap<String, (i64, i64)>,
}

/// Something could not be sent. What was sent before stays: to go on, import the same once more.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Nobody is signed in.
    #[error("cannot sign in")]
    SignIn(#[source] SignInError),
    /// The server does not take such a thing.
    #[error("the server refuses to import: {0}")]
    Refused(String),
    /// There is no server to be reached.
    #[error(
        "gave up after {failures} attempts: {why}; what was sent is kept, and importing the same once more sends the rest"
    )]
    GaveUp {
        /// How many in a row failed.
        failures: u32,
        /// Why the last one did.
        why: String,
    },
}

/// An answer to a list.
enum Reply {
    Taken(ImportReceipt),
    Invalid(Vec<Refusal>),
    TooLarge,
}

/// A list on its way.
struct List<'a> {
    history: History<'a>,
    /// How many of it are its own.
    own: usize,
}

impl List<'_> {
    /// When that was of which the server speaks, and what it is.
    fn at(&self, index: usize) -> Option<(UnixMs, Becomes)> {
        let ping = self.history.pings.get(index).map(|ping| ping.span.start());
        let point = || self.history.points.get(index).map(|point| point.at);
        ping.map(|at| (at, Becomes::Claims))
            .or_else(|| point().map(|at| (at, Becomes::Points)))
    }
}

impl Delivery<'_> {
    /// Sends all that the source tells. `sent` hears how many claims and heartbeats went through.
    pub fn deliver(&mut self, source: &Source, sent: &mut dyn FnMut(usize)) -> Result<Outcome, DeliveryError> {
        let Source { name, pings, points } = source;
        let mut outcome = Outcome::default();
        let of_pings = |from, count_max| {
            let range = lists::of_pings(pings, from, count_max);
            List {
                own: range.len(),
                history: History {
                    source: name,
                    pings: &pings[range],
                    points: &[],
                    told: [None, None],
                },
            }
        };
        self.deliver_lists(pings.len(), of_pings, (&mut outcome, &mut *sent))?;
        let is_dry_run = self.is_dry_run;
        let of_points = |from, count_max| {
            let beats = lists::of_points(points, from, count_max);
            // What is kept finds its neighbours there; what is only looked at has to bring them.
            let more = if is_dry_run { beats.more } else { 0 };
            let own = beats.own.clone();
            // Between a heartbeat of this list and one that is stored may be time of another list, which tells of it.
            let begin = points.get(own.start).filter(|_| own.start > 0);
            List {
                own: own.len(),
                history: History {
                    source: name,
                    pings: &[],
                    points: &points[own.start..own.end + more],
                    told: [begin, points.get(own.end)].map(|point| point.map(|point| point.at)),
                },
            }
        };
        self.deliver_lists(points.len(), of_points, (&mut outcome, sent))?;
        Ok(outcome)
    }

    fn deliver_lists<'s>(
        &mut self,
        total: usize,
        cut: impl Fn(usize, usize) -> List<'s>,
        (outcome, sent): (&mut Outcome, &mut dyn FnMut(usize)),
    ) -> Result<(), DeliveryError> {
        let (mut from, mut count_max) = (0, COUNT_MAX);
        while from < total {
            let list = cut(from, count_max);
            match self.ask(list.history)? {
                Reply::Taken(receipt) => outcome.take(&list, receipt, self.places),
                Reply::Invalid(refusals) => outcome.refuse(&list, &refusals, self.places)?,
                Reply::TooLarge if list.own > 1 => {
                    count_max = list.own / 2;
                    continue;
                }
                Reply::TooLarge => return Err(DeliveryError::Refused("413, for a single one".to_owned())),
            }
            from += list.own;
            sent(list.own);
        }
        Ok(())
    }

    /// Asks until there is an answer.
    fn ask(&mut self, history: History<'_>) -> Result<Reply, DeliveryError> {
        let mut schedule = Schedule::new(NO_RESEND);
        loop {
            let token = match self.account.token() {
                Ok(token) => token,
                Err(SignInError::Later(delay)) => {
                    self.postpone(&mut schedule, "the server asks to sign in later", delay)?;
                    continue;
                }
                Err(SignInError::Unknown(why)) => {
                    self.postpone(&mut schedule, &why, None)?;
                    continue;
                }
                Err(error) => return Err(DeliveryError::SignIn(error)),
            };
            match self.account.server.import(&token.secret, history, self.is_dry_run) {
                Imported::Taken(receipt) if receipt.waiting && self.waited < MERGE_WAIT_MAX => {
                    if self.waited.is_zero() {
                        tracing::info!("the server still merges what was imported before: waiting for it");
                    }
                    self.waited += MERGE_WAIT;
                    (self.wait)(MERGE_WAIT);
                }
                Imported::Taken(receipt) => return Ok(Reply::Taken(receipt)),
                Imported::Invalid(refusals) => return Ok(Reply::Invalid(refusals)),
                Imported::TooLarge => return Ok(Reply::TooLarge),
                Imported::Refused(why) => return Err(DeliveryError::Refused(why)),
                Imported::SignedOut => {
                    self.account.token_was_refused();
                    if token.is_new {
                        self.postpone(&mut schedule, "a new token was refused", None)?;
                    }
                }
                Imported::Later(delay) => self.postpone(&mut schedule, "the server asks to send later", delay)?,
                Imported::Unknown(why) => self.postpone(&mut schedule, &why, None)?,
            }
        }
    }

    /// Waits, and every time longer, or gives up.
    fn postpone(&mut self, schedule: &mut Schedule, why: &str, delay: Option<Duration>) -> Result<(), DeliveryError> {
        let (now, dice) = (Instant::now(), (self.dice)());
        match delay {
            Some(delay) => schedule.told(delay, now, dice),
            None => schedule.failed(now, dice),
        }
        let failures = schedule.failures();
        if failures >= FAILURES_MAX {
            let why = why.to_owned();
            return Err(DeliveryError::GaveUp { failures, why });
        }
        let pause = schedule.pause(now).unwrap_or_default();
        tracing::warn!(
            why,
            pause_ms = pause.as_millis(),
            "not sent: trying again after a pause"
        );
        (self.wait)(pause);
        Ok(())
    }
}

impl Outcome {
    fn take(&mut self, list: &List<'_>, receipt: ImportReceipt, places: &mut Places) {
        // One may have several faults, of which one is told.
        let mut refused: BTreeMap<usize, &Refusal> = BTreeMap::new();
        for refusal in &receipt.rejected {
            if let Some((index, _)) = refusal.place().filter(|(index, _)| *index < list.own) {
                refused.entry(index).or_insert(refusal);
            }
        }
        for (index, refusal) in &refused {
            self.reject(list, *index, Some(refusal), places);
        }
        self.excluded += receipt.excluded;
        self.is_early |= receipt.waiting;
        if let (Some(timeout_secs), false) = (receipt.heartbeat_timeout, list.history.points.is_empty()) {
            self.timeouts.insert(list.history.source.to_owned(), timeout_secs);
        }
        // Of what it brings of the next list nothing is counted here.
        let others = (list.history.pings.len() + list.history.points.len() - list.own) as u64;
        let own = (list.own - refused.len()) as u64;
        self.accepted += receipt.accepted.saturating_sub(others).min(own);
        if let Some(change) = receipt.change {
            self.change.add(&change);
        }
    }

    /// Nothing of the list was acceptable: each that is its own was refused, if any single one is named.
    fn refuse(&mut self, list: &List<'_>, refusals: &[Refusal], places: &mut Places) -> Result<(), DeliveryError> {
        let mut named: BTreeMap<usize, &Refusal> = BTreeMap::new();
        for refusal in refusals {
            if let Some((index, _)) = refusal.place() {
                named.entry(index).or_insert(refusal);
            }
        }
        if named.is_empty() {
            let whole = refusals
                .iter()
                .map(|refusal| format!("{} {}", refusal.pointer, refusal.detail));
            let whole: Vec<String> = whole.collect();
            return Err(DeliveryError::Refused(format!("422 {}", whole.join(", "))));
        }
        for index in 0..list.own {
            self.reject(list, index, named.get(&index).copied(), places);
        }
        Ok(())
    }

    /// Notes the row that the one at this place of the list comes from, once.
    fn reject(&mut self, list: &List<'_>, index: usize, refusal: Option<&Refusal>, places: &mut Places) {
        let Some((at, becomes)) = list.at(index) else {
            return;
        };
        let row = places.find(list.history.source, becomes, at);
        // A long row is sent as several claims.
        let is_known = becomes == Becomes::Claims && row.is_some_and(|row| !self.rejected_rows.insert(row));
        if is_known {
            return;
        }
        let field = refusal.and_then(Refusal::place).map_or("", |(_, field)| field);
        let reason = refusal.map_or_else(
            || "not acceptable".to_owned(),
            |refusal| format!("{field}: {}", refusal.code),
        );
        let place = || row.map_or_else(|| at.to_string(), |row| format!("{} ({at})", places.name(row)));
        self.rejected.note(&reason, place);
        if let Some(refusal) = refusal {
            self.rejected.explain(&reason, &format!("{field}: {}", refusal.detail));
        }
    }

    /// Adds what was said of another source.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.excluded += other.excluded;
        self.is_early |= other.is_early;
        self.rejected.merge(other.rejected);
        self.timeouts.extend(other.timeouts);
        let Change {
            added_ms,
            replaced_ms,
            kept_ms,
            items,
        } = other.change;
        self.change.added_ms += added_ms;
        self.change.replaced_ms += replaced_ms;
        self.change.kept_ms += kept_ms;
        for (app, (added_ms, replaced_ms)) in items {
            let item = self.change.items.entry(app).or_default();
            *item = (item.0 + added_ms, item.1 + replaced_ms);
        }
    }
}

impl Change {
    fn add(&mut self, body: &ChangeBody) {
        self.added_ms += ms(body.added_seconds);
        self.replaced_ms += ms(body.replaced_seconds);
        self.kept_ms += ms(body.kept_seconds);
        for item in &body.items {
            let known = self.items.entry(item.app_name.clone()).or_default();
            *known = (known.0 + ms(item.added_seconds), known.1 + ms(item.replaced_seconds));
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a conversion of a float holds at the ends of the range"
)]
fn ms(seconds: f64) -> i64 {
    (seconds * 1e3).round() as i64
}
