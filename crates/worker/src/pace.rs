//! How fast and how patiently is worked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ports::PortError;

/// How often things are done, and how long they are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How often a batch that takes long is held, so that no other process takes it over.
    pub hold_every: Duration,
    /// How long the first wait is after something failed; each that follows is twice as long.
    pub retry_first: Duration,
    /// And how long a wait is at most.
    pub retry_max: Duration,
    /// How often room is made in the storage ahead of time.
    pub prepare_every: Duration,
    /// How often it is looked whether it can be forgotten that somebody was erased.
    pub forget_every: Duration,
    /// How long what was taken may need after the wish to end.
    pub grace: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            hold_every: Duration::from_secs(3),
            retry_first: Duration::from_millis(50),
            retry_max: Duration::from_secs(5),
            prepare_every: Duration::from_hours(1),
            forget_every: Duration::from_mins(5),
            grace: Duration::from_secs(20),
        }
    }
}

impl Pace {
    /// The waits after one failure and the next.
    pub(crate) fn retries(&self) -> Retries {
        Retries {
            next: self.retry_first,
            max: self.retry_max,
        }
    }
}

/// Waits that double up to a bound.
pub(crate) struct Retries {
    next: Duration,
    max: Duration,
}

impl Retries {
    /// The wait before the next try.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next.min(self.max);
        self.next = wait.saturating_mul(2);
        wait
    }
}

/// Something that several tasks need and that may be away: it is logged when the first of them notices and when the first gets it back.
#[derive(Clone)]
pub(crate) struct Outage {
    of: &'static str,
    is_on: Arc<AtomicBool>,
}

impl Outage {
    pub(crate) fn of(of: &'static str) -> Self {
        Self {
            of,
            is_on: Arc::default(),
        }
    }

    /// It failed.
    pub(crate) fn noticed(&self, error: &PortError) {
        if !self.is_on.swap(true, Ordering::Relaxed) {
            tracing::warn!(error = error.chain(), "{} fails; trying again until it works", self.of);
        }
    }

    /// It works.
    pub(crate) fn over(&self) {
        if self.is_on.load(Ordering::Relaxed) && self.is_on.swap(false, Ordering::Relaxed) {
            tracing::info!("{} works again", self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound() {
        let pace = Pace {
            retry_first: Duration::from_millis(50),
            retry_max: Duration::from_millis(300),
            ..Pace::default()
        };
        let mut retries = pace.retries();
        let waits: Vec<u128> = (0..5).map(|_| retries.next().as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 300, 300]);
    }
}
