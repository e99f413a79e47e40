//! The buckets of one limit: the generic cell rate algorithm, which needs one number for each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::StateInformationMiddleware;

use super::Rate;
use super::bounded::Bounded;

/// How many buckets are kept for one limit; together they take a few megabytes.
const KEYS_MAX: usize = 100_000;
/// When there is no room, how often it is looked for.
const MAKE_ROOM_EVERY: Duration = Duration::from_secs(1);

/// A bucket for each key.
pub(super) struct Buckets<C: Clock = DefaultClock> {
    limiter: RateLimiter<u128, Bounded, C, StateInformationMiddleware>,
    rate: Rate,
    keys_max: usize,
    started: C::Instant,
    /// Before when no room is looked for, in nanoseconds after the start.
    rest_until: AtomicU64,
}

/// What became of a request for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many more are there.
    pub(super) remaining: u32,
    /// When all are back.
    pub(super) full_in: Duration,
    /// How long to wait for one, if there was none.
    pub(super) wait: Option<Duration>,
}

impl Buckets {
    /// Each full at first.
    pub(super) fn new(rate: Rate) -> Self {
        Self::with(rate, DefaultClock::default(), KEYS_MAX)
    }
}

impl<C: Clock> Buckets<C> {
    fn with(rate: Rate, clock: C, keys_max: usize) -> Self {
        let started = clock.now();
        Self {
            limiter: RateLimiter::new(rate.quota(), Bounded::new(keys_max), clock),
            rate,
            keys_max,
            started,
            rest_until: AtomicU64::new(0),
        }
    }

    /// Takes a token out of the bucket of `key`.
    pub(super) fn take(&self, key: u128) -> Taken {
        if self.limiter.len() >= self.keys_max {
            self.make_room();
        }
        let (remaining, wait) = match self.limiter.check_key(&key) {
            Ok(left) => (left.remaining_burst_capacity(), None),
            Err(not_until) => (0, Some(not_until.wait_time_from(self.limiter.clock().now()))),
        };
        Taken {
            remaining,
            full_in: self.rate.time_of(self.rate.burst() - remaining),
            wait,
        }
    }

    /// Forgets the buckets that have been full for as long as a token takes to come back: a new one is as full.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
    }

    /// Sweeps, unless that was done a moment ago: whoever fills the buckets up must not make each request dear.
    fn make_room(&self) {
        let now = self.limiter.clock().now().duration_since(self.started).as_u64();
        let rest = self.rest_until.load(Ordering::Relaxed);
        if now < rest {
            return;
        }
        let next = now.saturating_add(u64::try_from(MAKE_ROOM_EVERY.as_nanos()).unwrap_or(u64::MAX));
        let mine = self
            .rest_until
            .compare_exchange(rest, next, Ordering::Relaxed, Ordering::Relaxed);
        if mine.is_ok() {
            self.sweep();
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn buckets(rate: &str, keys_max: usize) -> (Buckets<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let rate = rate.parse().expect("a rate");
        (Buckets::with(rate, clock.clone(), keys_max), clock)
    }

    fn left(remaining: u32, full_in_ms: u64) -> Taken {
        Taken {
            remaining,
            full_in: Duration::from_millis(full_in_ms),
            wait: None,
        }
    }

    #[test]
    fn a_bucket_holds_its_burst_and_fills_at_its_rate() {
        let (buckets, clock) = buckets("50/s burst 3", 10);
        assert_eq!(
            [1, 1, 1].map(|key| buckets.take(key)),
            [left(2, 20), left(1, 40), left(0, 60)]
        );
        let refused = Taken {
            wait: Some(Duration::from_millis(20)),
            ..left(0, 60)
        };
        assert_eq!(buckets.take(1), refused);
        assert_eq!(buckets.take(2), left(2, 20), "another key has a bucket of its own");
        clock.advance(Duration::from_millis(19));
        assert_eq!(buckets.take(1).wait, Some(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(buckets.take(1).wait, None, "what is refused takes nothing");
        clock.advance(Duration::from_hours(1));
        assert_eq!(buckets.take(1), left(2, 20), "more than its burst is never saved");
    }

    #[test]
    fn sweeping_forgets_what_is_full_and_nothing_else() {
        let (buckets, clock) = buckets("1/s burst 2", 10);
        buckets.take(1);
        clock.advance(Duration::from_secs(2));
        buckets.take(2);
        buckets.take(2);
        buckets.sweep();
        assert_eq!(buckets.limiter.len(), 1);
        assert!(buckets.take(2).wait.is_some());
        assert_eq!(buckets.take(1).remaining, 1);
        clock.advance(Duration::from_secs(3));
        buckets.sweep();
        assert_eq!(buckets.limiter.len(), 0);
    }

    #[test]
    fn keys_for_which_there_is_no_room_share_a_bucket() {
        let (buckets, clock) = buckets("1/h burst 2", 3);
        for key in 0..3 {
            assert_eq!(buckets.take(key).remaining, 1);
        }
        let strangers = [10, 11, 12].map(|key| buckets.take(key).wait.is_none());
        assert_eq!(strangers, [true, true, false], "two tokens for all of them");
        assert_eq!(buckets.limiter.len(), 3);
        assert_eq!(buckets.take(0).remaining, 0, "who has a bucket keeps it");
        clock.advance(Duration::from_hours(3));
        assert_eq!(buckets.take(13).remaining, 1, "room is made where there is some");
        assert_eq!(buckets.limiter.len(), 1);
    }

    #[test]
    fn room_is_looked_for_once_in_a_while() {
        let (buckets, clock) = buckets("1/s burst 1", 1);
        let granted = |key| buckets.take(key).wait.is_none();
        assert!(granted(1), "and there is room for nobody else");
        clock.advance(Duration::from_millis(1_500));
        assert!(granted(2), "out of the shared bucket: there was no room");
        clock.advance(Duration::from_millis(700));
        assert!(!granted(3), "there would be room by now, but nobody looks");
        clock.advance(Duration::from_millis(300));
        assert!(
            granted(4) && granted(5),
            "one has the room that was made, and one shares"
        );
    }

    #[test]
    fn as_many_keys_as_there_is_room_for() {
        let (buckets, _) = buckets("1/h burst 1", KEYS_MAX);
        for key in 0..u128::try_from(KEYS_MAX).expect("fits") + 1_000 {
            buckets.take(key << 64);
        }
        assert_eq!(buckets.limiter.len(), KEYS_MAX);
    }
}
