//! What is told of batches: at `info` one line for those of a few seconds, at `debug` one for each.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::usage::Arrival;
use ports::usage::Batch;
use services::usage::MergeSummary;

/// How long lines at `info` are apart, at least.
const EVERY: Duration = Duration::from_secs(10);

/// The lines of one worker. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Lines>);

#[derive(Default)]
struct Lines {
    told_at: Mutex<Option<Instant>>,
    untold: Mutex<Sum>,
}

/// What has been done since the last line.
#[derive(Debug, PartialEq, Eq, Default)]
struct Sum {
    batches: usize,
    pings: usize,
    dead: usize,
    dropped: usize,
    rows: usize,
    busy: Duration,
}

impl Told {
    /// A batch is done, and took so long.
    pub(super) fn tell(&self, batch: &Batch, summary: &MergeSummary, took: Duration) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            let users: HashSet<_> = batch.arrivals.iter().map(Arrival::user).collect();
            tracing::debug!(
                shard = batch.receipt.shard,
                lane = ?batch.receipt.lane,
                pings = batch.arrivals.len(),
                users = users.len(),
                dead = summary.dead,
                dropped = summary.dropped,
                rows = summary.rows,
                duration_ms = took.as_millis(),
                "a batch is merged"
            );
        }
        self.0.untold().add(batch.arrivals.len(), summary, took);
        if self.0.is_due(Instant::now()) {
            self.0.tell();
        }
    }
}

impl Lines {
    fn is_due(&self, now: Instant) -> bool {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told_at.is_none_or(|at| now.duration_since(at) >= EVERY);
        if is_due {
            *told_at = Some(now);
        }
        is_due
    }

    fn tell(&self) {
        let sum = std::mem::take(&mut *self.untold());
        if sum.batches > 0 {
            tracing::info!(
                batches = sum.batches,
                pings = sum.pings,
                dead = sum.dead,
                dropped = sum.dropped,
                rows = sum.rows,
                duration_ms = sum.busy.as_millis(),
                "pings merged"
            );
        }
    }

    fn untold(&self) -> MutexGuard<'_, Sum> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker has ended: what is left is told.
impl Drop for Lines {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Sum {
    fn add(&mut self, pings: usize, summary: &MergeSummary, took: Duration) {
        self.batches += 1;
        self.pings += pings;
        self.dead += summary.dead;
        self.dropped += summary.dropped;
        self.rows += summary.rows;
        self.busy += took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_comes_at_once_and_the_next_after_a_while() {
        let lines = Lines::default();
        let begin = Instant::now();
        assert!(lines.is_due(begin));
        assert!(!lines.is_due(begin + EVERY / 2));
        assert!(lines.is_due(begin + EVERY));
        assert!(!lines.is_due(begin + EVERY));
    }

    #[test]
    fn a_line_tells_of_all_batches_since_the_last() {
        let lines = Lines::default();
        let summary = MergeSummary {
            merged: 7,
            dead: 2,
            dropped: 1,
            rows: 3,
        };
        for pings in [10, 20] {
            lines.untold().add(pings, &summary, Duration::from_millis(5));
        }
        let expected = Sum {
            batches: 2,
            pings: 30,
            dead: 4,
            dropped: 2,
            rows: 6,
            busy: Duration::from_millis(10),
        };
        assert_eq!(*lines.untold(), expected);
        lines.tell();
        assert_eq!(*lines.untold(), Sum::default());
    }
}
