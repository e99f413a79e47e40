//! Moments at which calendars are awkward: midnights, ends of months, clock changes.

use chrono::{Datelike, Offset, TimeZone};
use chrono_tz::Tz;
use domain::time::{DAY_MS, UnixMs};

/// The zones in which people live and days are counted.
pub(crate) const ZONES: [Tz; 6] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Africa__Cairo,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
    Tz::UTC,
];
/// How far back pings go: a day short of what the server takes, so that no ping becomes too old while it is retried.
pub(crate) const BACK_DAYS: i64 = 89;

const MINUTE_MS: i64 = 60_000;

/// The instants from which on a zone's clocks show another offset from UTC, in the days before `now` that pings go back to.
#[must_use]
pub(crate) fn clock_changes(zone: Tz, now: UnixMs) -> Vec<UnixMs> {
    let offset = |at: i64| {
        UnixMs(at)
            .to_utc()
            .map(|at| zone.offset_from_utc_datetime(&at.naive_utc()).fix())
    };
    let first = now.day_start().0 - BACK_DAYS * DAY_MS;
    let mut changes = Vec::new();
    let mut at = first;
    while at < now.0 {
        let hour_later = at + 60 * MINUTE_MS;
        if offset(at) != offset(hour_later) {
            let exact = (at + MINUTE_MS..=hour_later)
                .step_by(60_000)
                .find(|later| offset(*later) != offset(at));
            changes.extend(exact.map(UnixMs));
        }
        at = hour_later;
    }
    changes
}

/// All of them, before `now`: the clock changes of every zone, ends of months, and every local and UTC midnight.
pub(super) fn moments(now: UnixMs) -> Vec<UnixMs> {
    let mut moments: Vec<UnixMs> = ZONES.iter().flat_map(|zone| clock_changes(*zone, now)).collect();
    for back in 1..BACK_DAYS {
        let midnight = now.day_start().plus_ms(-back * DAY_MS);
        moments.push(midnight);
        if midnight.to_utc().is_some_and(|at| at.day() == 1) {
            // Months are where partitions meet, so they count as often as clock changes.
            moments.extend([midnight; 4]);
        }
    }
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_changes_are_those_of_the_published_rules() {
        // 2026-11-22T12:00:00Z: the ninety days before hold every change of that autumn.
        let now = UnixMs(1_795_348_800_000);
        let texts = |zone| {
            clock_changes(zone, now)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(Tz::Europe__Berlin), ["2026-10-25T01:00:00Z"]);
        assert_eq!(texts(Tz::America__New_York), ["2026-11-01T06:00:00Z"]);
        assert_eq!(texts(Tz::Africa__Cairo), ["2026-10-29T21:00:00Z"]);
        assert_eq!(texts(Tz::Australia__Lord_Howe), ["2026-10-03T15:30:00Z"]);
        assert!(texts(Tz::Asia__Kathmandu).is_empty() && texts(Tz::UTC).is_empty());
    }

    #[test]
    fn every_moment_is_past_and_not_too_old() {
        let now = UnixMs(1_795_348_800_000);
        let all = moments(now);
        assert!(all.len() > 90);
        assert!(all.iter().all(|at| *at < now && now.0 - at.0 <= 90 * DAY_MS));
    }
}
