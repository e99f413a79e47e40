//! Holds the store against the ledger, when everything is healed: nothing that was accepted may be missing, nothing else may be there, and nothing may be left over.

mod api;
mod compare;
mod days;
mod leftovers;
mod numbers;
mod people;
mod queue;
mod shown;
mod stored;
mod sums;

use std::time::{Duration, Instant};

use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Segment, Timeline};
use testkit::runs::Failure;

use crate::ledger::{Ledger, Standing, now};
use crate::reach::Reach;
use crate::violation::Violation;

use api::Api;
use days::Calendar;
use queue::Queue;
use stored::Store;

/// What came out.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Promises that were broken: none, if all is well.
    pub violations: Vec<Violation>,
    /// Pings that were accepted.
    pub acknowledged: u64,
    /// Pings that were refused, as they should be.
    pub refused: u64,
    /// Pings of which nobody knows.
    pub unknown: u64,
    /// How often an accepted ping was sent again.
    pub resent: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Pieces of timelines that are stored.
    pub pieces: u64,
    /// Pings that had to be sent again so that their device is told of a number: the server may forget numbers above too many gaps, never pings.
    pub renumbered: u64,
    /// What is worth knowing and breaks no promise.
    pub notes: Vec<String>,
    /// How long the queue took to drain.
    pub drained: Duration,
    /// How long everything else took.
    pub checked: Duration,
}

/// Waits until the queue is drained, and looks at everything that `ledger` says something of.
///
/// # Errors
/// When something cannot be asked at all; a broken promise is no error.
pub async fn check(reach: &Reach, ledger: &Ledger) -> Result<Verdict, Failure> {
    let began = Instant::now();
    let mut queue = Queue::connect(reach).await?;
    let store = Store::connect(&reach.database_url).await?;
    let mut api = Api::new(reach)?;
    let mut verdict = Verdict {
        violations: ledger.violations.clone(),
        acknowledged: ledger.count(Standing::Acknowledged),
        refused: ledger.count(Standing::Refused),
        unknown: ledger.count(Standing::Unknown),
        resent: ledger.logs.iter().map(|log| log.resent).sum(),
        requests: ledger.logs.iter().map(|log| log.requests.len() as u64).sum(),
        notes: ledger.notes.clone(),
        ..Verdict::default()
    };
    verdict.violations.extend(proves_nothing(&verdict));
    verdict.violations.extend(queue.drain().await?);
    verdict.drained = began.elapsed();
    verdict.violations.extend(leftovers::check(&mut queue, ledger).await?);

    let mut calendar = Calendar::until(now());
    for person in 0..ledger.people.len() {
        let found = people::check(&store, &mut api, &mut calendar, (ledger, person)).await?;
        verdict.pieces += found.pieces;
        verdict.violations.extend(found.violations);
    }
    verdict.violations.extend(stored::strangers(&store, ledger).await?);
    verdict.violations.extend(stored::unguarded(&store).await?);

    let numbers = numbers::check(&store, &mut queue, &mut api, ledger).await?;
    verdict.renumbered = numbers.renumbered;
    verdict.violations.extend(numbers.violations);
    verdict.checked = began.elapsed().saturating_sub(verdict.drained);
    Ok(verdict)
}

/// A run in which nothing was accepted looks at nothing.
fn proves_nothing(verdict: &Verdict) -> Option<Violation> {
    (verdict.acknowledged == 0).then(|| Violation {
        promise: "pings are accepted".to_owned(),
        found: format!("none was, in {} requests", verdict.requests),
        history: Vec::new(),
    })
}

/// What a person's pings make of their time: what must be there, and what may be.
struct Claimed {
    /// What was accepted, as it was sent: overlapping, and in any order.
    accepted: Vec<Segment>,
    /// What nobody knows of.
    unknown: Vec<Segment>,
    /// The join of all that was accepted.
    joined: Timeline,
}

impl Claimed {
    fn of(ledger: &Ledger, person: usize) -> Self {
        let claims = |standing| ledger.of(person).flat_map(move |log| log.claims(standing));
        Self::new(
            claims(Standing::Acknowledged).collect(),
            claims(Standing::Unknown).collect(),
        )
    }

    fn new(accepted: Vec<Segment>, unknown: Vec<Segment>) -> Self {
        Self {
            joined: Timeline::of(accepted.clone()),
            accepted,
            unknown,
        }
    }
}

/// The whole of the time in which pings can lie, in stretches of `days` days.
fn windows(now: UnixMs, days: i64) -> Vec<Span> {
    let (mut from, end) = (
        now.day_start().plus_ms(-95 * DAY_MS),
        now.day_start().plus_ms(2 * DAY_MS),
    );
    let mut windows = Vec::new();
    while let Some(window) = Span::new(from, from.plus_ms(days * DAY_MS).min(end)) {
        windows.push(window);
        from = window.end();
    }
    windows
}
