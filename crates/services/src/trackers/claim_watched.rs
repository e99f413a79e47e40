//! Makes claims of what watchers told: the stretches that were touched are joined again, what that says goes into the queue, and only then the marks go. Doing
//! it twice changes nothing.

use std::sync::Arc;

use domain::accounts::{Caller, SessionId};
use domain::time::{SECOND_MS, Span, UnixMs};
use domain::trackers::activitywatch::{GAP_MAX_MS, Touched, Used, Watched};
use domain::usage::{Arrival, Attention, Label, Ping, Rules};
use ports::trackers::{Mark, WatchMarks, Watcher};
use ports::usage::PingQueue;
use ports::{Clock, PortError};
use uuid::Uuid;

/// How many marks are looked at together.
const MARKS_MAX: usize = 512;
/// How much time is joined at once, so that a long backlog is one of many short works. No claim is longer.
const STEP_MS: i64 = 6 * 3_600 * SECOND_MS;
/// A step of which there are more rows than are read is tried again this many times shorter: from the longest to the shortest in fewer reads than a request has.
const SHORTER: i64 = 4;
/// No step is shorter. Rows beyond the bound are no watcher's then, and the claim does without them.
const STEP_MIN_MS: i64 = 60 * SECOND_MS;
/// How many rows of each bucket are read for a step: in six hours a watcher writes some hundred.
const ROWS_MAX: usize = 1_000;
/// How many claims are put into the queue together.
const TOGETHER_MAX: usize = 1_000;

/// What of a label may be claimed: makes that of it, or answers false where it is nothing.
pub(super) type Admits<'a> = &'a (dyn Fn(&mut Label) -> bool + Send + Sync);

/// The use case.
#[derive(Clone)]
pub struct ClaimWatched {
    /// What was touched, and what is known of it.
    pub marks: Arc<dyn WatchMarks>,
    /// Where claims go.
    pub queue: Arc<dyn PingQueue>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// What may be claimed.
    pub rules: Rules,
}

/// Marks that meet, as one.
struct Run {
    span: Span,
    marks: Vec<i64>,
    precedence: i32,
}

impl ClaimWatched {
    /// Claims what a device's watchers told of all that is marked, in at most so many steps, tried ones among them. What is left stays marked, and so does what is
    /// still to come: an event may be told to last, and be cut short by another.
    ///
    /// # Errors
    /// When something is away. What was not claimed stays marked.
    pub(super) async fn claim(&self, of: Watcher, steps_max: usize, admits: Admits<'_>) -> Result<(), PortError> {
        let now = self.clock.now();
        let oldest = now.before(self.rules.age_max);
        let marks = self.marks.marks(of, now, MARKS_MAX).await?;
        let mut left = steps_max;
        for run in runs(&marks) {
            let end = run.span.end().min(now);
            let (mut at, mut step_ms) = (run.span.start().max(oldest), STEP_MS);
            while let Some(step) = Span::new(at, at.plus_ms(step_ms).min(end)) {
                if left == 0 {
                    return self.marks.settle(of, &run.marks, at).await;
                }
                left -= 1;
                let told = self.marks.watched(of, step.widen(GAP_MAX_MS), ROWS_MAX).await?;
                let length_ms = step.end().0 - step.start().0;
                if !told.are_all && length_ms > STEP_MIN_MS {
                    step_ms = (length_ms / SHORTER).max(STEP_MIN_MS);
                    continue;
                }
                if !told.are_all {
                    warn_of_surplus(of, step);
                }
                self.claim_step(of, (step, &told.watched), (run.precedence, admits))
                    .await?;
                (at, step_ms) = (step.end(), (2 * step_ms).min(STEP_MS));
            }
            self.marks.settle(of, &run.marks, end).await?;
        }
        Ok(())
    }

    async fn claim_step(
        &self,
        of: Watcher,
        (step, watched): (Span, &Watched),
        (precedence, admits): (i32, Admits<'_>),
    ) -> Result<(), PortError> {
        let by = Caller {
            user: of.user,
            device: of.device,
            // A claim does not say by which sign-in it was made.
            session: SessionId(Uuid::nil()),
            precedence,
        };
        let claim = |used: Used| ping(used, admits).map(|ping| ping.sent_by(&by));
        let claims: Vec<Arrival> = watched.join(step).into_iter().filter_map(claim).collect();
        for some in claims.chunks(TOGETHER_MAX) {
            self.queue.push(some.to_vec()).await?;
            metrics::counter!("daybook_pings_accepted_total").increment(some.len() as u64);
        }
        Ok(())
    }
}

fn ping(used: Used, admits: Admits<'_>) -> Option<Ping> {
    let mut label = used.label;
    admits(&mut label).then_some(Ping {
        span: used.span,
        label,
        attention: Attention::Active,
        seq: None,
    })
}

fn warn_of_surplus(of: Watcher, step: Span) {
    tracing::warn!(
        user.id = %of.user,
        device.id = %of.device,
        rows_max = ROWS_MAX,
        "a bucket has more events around {} than are looked at: those that start first are left out",
        step.start()
    );
}

/// The earliest first.
fn runs(marks: &[Mark]) -> Vec<Run> {
    let mut touched = Touched::default();
    for mark in marks {
        touched.add(mark.span);
    }
    let run = |span: Span| {
        let of_it: Vec<&Mark> = marks.iter().filter(|mark| mark.span.clip(span).is_some()).collect();
        Run {
            span,
            marks: of_it.iter().map(|mark| mark.id).collect(),
            precedence: of_it
                .iter()
                .max_by_key(|mark| mark.id)
                .map_or(0, |mark| mark.precedence),
        }
    };
    touched.take().into_iter().map(run).collect()
}

/// A stretch and a short gap on either side: of so much a new event tells.
pub(super) fn around(start: UnixMs, end: UnixMs) -> Option<Span> {
    Span::new(start.plus_ms(-GAP_MAX_MS), end.plus_ms(GAP_MAX_MS))
}
