//! Makes claims of what watchers told: the stretches that were touched are joined again, what that says goes into the queue, and only then the marks go. Doing
//! it twice changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::accounts::{Caller, SessionId};
use domain::time::{SECOND_MS, Span, UnixMs};
use domain::trackers::activitywatch::{GAP_MAX_MS, Used, Watched, united};
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

/// Marks of one rank: what a device told before it got another is claimed as it was told.
struct Run {
    /// Sorted, never overlapping and never touching.
    spans: Vec<Span>,
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
        let mut left = steps_max;
        for _ in 0..steps_max {
            let marks = self.marks.marks(of, now, MARKS_MAX).await?;
            for run in runs(&marks) {
                self.claim_run(of, (&run, now, &mut left), admits).await?;
            }
            if marks.len() < MARKS_MAX || left == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn claim_run(
        &self,
        of: Watcher,
        (run, now, left): (&Run, UnixMs, &mut usize),
        admits: Admits<'_>,
    ) -> Result<(), PortError> {
        let (mut at, mut step_ms) = (now.before(self.rules.age_max), STEP_MS);
        while let Some(step) = run.step(at, step_ms, now) {
            if *left == 0 {
                return self.marks.settle(of, &run.marks, at).await;
            }
            *left -= 1;
            let told = self.marks.watched(of, step.widen(GAP_MAX_MS), ROWS_MAX).await?;
            if !told.are_all && step.ms() > STEP_MIN_MS {
                step_ms = (step.ms() / SHORTER).max(STEP_MIN_MS);
                continue;
            }
            if !told.are_all {
                warn_of_surplus(of, step);
            }
            self.claim_step(of, (step, &told.watched), (run, admits)).await?;
            (at, step_ms) = (step.end(), (2 * step_ms).min(STEP_MS));
        }
        self.marks.settle(of, &run.marks, now).await
    }

    async fn claim_step(
        &self,
        of: Watcher,
        (step, watched): (Span, &Watched),
        (run, admits): (&Run, Admits<'_>),
    ) -> Result<(), PortError> {
        let by = Caller {
            user: of.user,
            device: of.device,
            // A claim does not say by which sign-in it was made.
            session: SessionId(Uuid::nil()),
            precedence: run.precedence,
        };
        let claim = |used: Used| ping(used, admits).map(|ping| ping.sent_by(&by));
        let used = watched.join(step).into_iter();
        let claims: Vec<Arrival> = used.flat_map(|used| run.marked(used)).filter_map(claim).collect();
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

impl Run {
    /// The next stretch from an instant on that holds something marked, up to so long and up to now.
    fn step(&self, at: UnixMs, step_ms: i64, now: UnixMs) -> Option<Span> {
        let next = self.spans.iter().find(|span| span.end() > at)?;
        let start = next.start().max(at);
        let end = self.spans.last().map_or(start, |last| last.end());
        Span::new(start, start.plus_ms(step_ms).min(end).min(now))
    }

    /// What is marked of it: the rest was claimed before, with the rank that it had then.
    fn marked(&self, used: Used) -> impl Iterator<Item = Used> {
        let first = self.spans.partition_point(|span| span.end() <= used.span.start());
        let spans = self.spans[first..].iter().map_while(move |span| span.clip(used.span));
        spans.map(move |span| Used {
            span,
            label: used.label.clone(),
        })
    }
}

fn runs(marks: &[Mark]) -> Vec<Run> {
    let mut ranks: BTreeMap<i32, Vec<&Mark>> = BTreeMap::new();
    for mark in marks {
        ranks.entry(mark.precedence).or_default().push(mark);
    }
    let run = |(precedence, marks): (i32, Vec<&Mark>)| Run {
        spans: united(marks.iter().map(|mark| mark.span)),
        marks: marks.iter().map(|mark| mark.id).collect(),
        precedence,
    };
    ranks.into_iter().map(run).collect()
}

/// A stretch and a short gap on either side: of so much a new event tells.
pub(super) fn around(start: UnixMs, end: UnixMs) -> Option<Span> {
    Span::new(start.plus_ms(-GAP_MAX_MS), end.plus_ms(GAP_MAX_MS))
}
