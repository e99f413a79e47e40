//! The time and new ids, in the hands of a test.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use domain::time::UnixMs;
use ports::{Clock, Ids, SteadyClock};
use uuid::Uuid;

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// A clock that says `now`.
    #[must_use]
    pub fn at(now: UnixMs) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Puts the clock to `now`, forwards or back.
    pub fn set(&self, now: UnixMs) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock on by `by`.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().after(by));
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// Passes as it is moved.
impl SteadyClock for TestClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.now().0).unwrap_or(0))
    }
}

/// Ids that count up from 1: UUIDs of version 7 by their form, the same in every run.
#[derive(Debug, Default)]
pub struct TestIds(AtomicU64);

impl Ids for TestIds {
    fn new_id(&self) -> Uuid {
        const VERSION_7: u128 = 0x7 << 76;
        const VARIANT_RFC: u128 = 0b10 << 62;
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        // The count stands in the 48 bits that hold a real id's time, so ids sort by age as real ones do.
        Uuid::from_u128(u128::from(count) << 80 | VERSION_7 | VARIANT_RFC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_it_is_moved() {
        let clock = TestClock::at(UnixMs(1_000));
        assert_eq!((clock.now(), clock.now()), (UnixMs(1_000), UnixMs(1_000)));
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.now(), UnixMs(1_005));
        clock.set(UnixMs(7));
        assert_eq!(clock.now(), UnixMs(7));
    }

    #[test]
    fn ids_have_the_form_of_version_7_and_sort_by_age() {
        let ids = TestIds::default();
        let first = ids.new_id();
        let second = ids.new_id();
        assert_eq!(first.get_version_num(), 7);
        assert_eq!(first.get_variant(), uuid::Variant::RFC4122);
        assert!(first < second);
    }
}
