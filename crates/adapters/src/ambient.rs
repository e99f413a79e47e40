//! The clock and the ids of the machine, for programs. Everybody else is given them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::UnixMs;
use ports::{Clock, Ids, SteadyClock};
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

/// The system's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMs {
        #[expect(clippy::disallowed_methods, reason = "this is the edge where the clock comes in")]
        let now = SystemTime::now();
        let whole_ms = |since: std::time::Duration| i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        match now.duration_since(UNIX_EPOCH) {
            Ok(since) => UnixMs(whole_ms(since)),
            // Cut to the millisecond that holds it, also before 1970.
            Err(before) => UnixMs(-whole_ms(before.duration() + std::time::Duration::from_nanos(999_999))),
        }
    }
}

/// The time since the machine started, that of its sleep included.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSteadyClock;

impl SteadyClock for SystemSteadyClock {
    fn elapsed(&self) -> Duration {
        let since_start = clock_gettime(ClockId::Boottime);
        // Neither part is ever below zero.
        let secs = u64::try_from(since_start.tv_sec).unwrap_or(0);
        Duration::new(secs, u32::try_from(since_start.tv_nsec).unwrap_or(0))
    }
}

/// UUIDs of version 7, from the system's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn new_id(&self) -> Uuid {
        #[expect(clippy::disallowed_methods, reason = "this is the edge where ids come in")]
        let id = Uuid::now_v7();
        id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_clock_shows_milliseconds_of_this_century() {
        let year = SystemClock.now().to_utc().map(|at| chrono::Datelike::year(&at));
        assert!(year.is_some_and(|year| (2025..2100).contains(&year)), "{year:?}");
    }

    #[test]
    fn the_steady_clock_never_goes_back_and_never_stands_still() {
        let readings: Vec<Duration> = (0..1_000).map(|_| SystemSteadyClock.elapsed()).collect();
        assert!(readings.is_sorted() && readings[0] > Duration::ZERO);
        while SystemSteadyClock.elapsed() == readings[999] {}
    }

    #[test]
    fn ids_are_of_version_7_rise_and_never_repeat() {
        let ids: Vec<Uuid> = (0..1_000).map(|_| SystemIds.new_id()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
