//! How many pings a device makes until when: by the clock alone, whatever becomes of them, so that a server that falls behind has no less to do, and the end of a long run has a bound.

use std::time::Duration;

/// How many pings a device makes in a second. With the heavy one the usual fleet makes 4,760: more than workers merge while faults strike, so that there is always something in flight,
/// and so little more that they soon make up for it.
const PER_SEC: u64 = 120;
/// How many the heavy device makes.
const HEAVY_PER_SEC: u64 = 2_000;
/// How many of them it makes in one surge, the first at once: what is lost with the queue is seen only while workers are behind.
const SURGE: u64 = 60_000;
/// How many pings a device makes in a run. One that is too long for this many at full pace has them spread over its length.
const PINGS_MAX: u64 = 80_000;
/// How many the heavy device makes.
const HEAVY_PINGS_MAX: u64 = 480_000;

/// The pace of one device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    per_sec: u64,
    surge: u64,
    pings_max: u64,
    lasts: Duration,
}

impl Pace {
    /// Over a run in which faults strike for as long as `lasts`.
    pub(super) fn of(heavy: bool, lasts: Duration) -> Self {
        let (per_sec, surge, pings_max) = if heavy {
            (HEAVY_PER_SEC, SURGE, HEAVY_PINGS_MAX)
        } else {
            (PER_SEC, 1, PINGS_MAX)
        };
        Self {
            per_sec,
            surge,
            pings_max,
            lasts,
        }
    }

    /// How many pings must have been made so long after the beginning. What is made in one go may run ahead of it, and the device waits then.
    pub(super) fn due(&self, elapsed: Duration) -> u64 {
        let elapsed_ms = elapsed.as_millis();
        let full = u128::from(self.per_sec) * elapsed_ms / 1_000;
        let spread = u128::from(self.pings_max) * elapsed_ms / self.lasts.as_millis().max(1);
        let even = u64::try_from(full.min(spread)).unwrap_or(u64::MAX).min(self.pings_max);
        even.next_multiple_of(self.surge).min(self.pings_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(20);
    const LONG: Duration = Duration::from_mins(30);

    #[test]
    fn a_short_run_has_the_full_pace_and_goes_on_with_it_until_all_is_healed() {
        let pace = Pace::of(false, SHORT);
        assert_eq!(pace.due(Duration::ZERO), 0);
        assert_eq!(pace.due(Duration::from_millis(500)), PER_SEC / 2);
        assert_eq!(pace.due(SHORT), 20 * PER_SEC);
        assert_eq!(pace.due(SHORT + Duration::from_secs(5)), 25 * PER_SEC);
    }

    #[test]
    fn the_heavy_device_has_the_same_mean_in_surges() {
        let pace = Pace::of(true, SHORT);
        let surges = |elapsed_ms| pace.due(Duration::from_millis(elapsed_ms)) / SURGE;
        let surge_ms = 1_000 * SURGE / HEAVY_PER_SEC;
        assert_eq!((surges(0), surges(1), surges(surge_ms)), (0, 1, 1));
        assert_eq!((surges(surge_ms + 1), surges(2 * surge_ms)), (2, 2));
    }

    #[test]
    fn a_long_run_has_as_many_pings_as_a_device_ever_makes_spread_over_it() {
        for (heavy, pings_max) in [(false, PINGS_MAX), (true, HEAVY_PINGS_MAX)] {
            let pace = Pace::of(heavy, LONG);
            assert_eq!(pace.due(LONG / 2), pings_max / 2);
            assert_eq!(pace.due(LONG), pings_max);
            assert_eq!(pace.due(2 * LONG), pings_max);
        }
    }

    #[test]
    fn no_run_is_too_short_or_too_long() {
        assert_eq!(Pace::of(false, Duration::ZERO).due(Duration::from_secs(1)), PER_SEC);
        let days = Duration::from_hours(24);
        assert_eq!(Pace::of(true, days).due(days), HEAVY_PINGS_MAX);
        assert_eq!(Pace::of(true, days).due(Duration::MAX), HEAVY_PINGS_MAX);
    }
}
