//! Where local days begin and end, found by looking at the clock of a zone hour by hour, and minute by minute where the date changes: too simple to be wrong in the way of
//! cleverer code.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::time::{DAY_MS, Span, UnixMs};

/// How far back it goes.
const BACK_DAYS: i64 = 93;
const MINUTE_MS: i64 = 60_000;

/// The days of any zone, up to the day after now.
pub(super) struct Calendar {
    now: UnixMs,
    zones: HashMap<Tz, BTreeMap<NaiveDate, Span>>,
}

impl Calendar {
    pub(super) fn until(now: UnixMs) -> Self {
        Self {
            now,
            zones: HashMap::new(),
        }
    }

    /// The whole days of a zone, in order.
    pub(super) fn days(&mut self, zone: Tz) -> &BTreeMap<NaiveDate, Span> {
        let now = self.now;
        self.zones.entry(zone).or_insert_with(|| days(zone, now))
    }
}

fn days(zone: Tz, now: UnixMs) -> BTreeMap<NaiveDate, Span> {
    let first = now.day_start().plus_ms(-BACK_DAYS * DAY_MS);
    let last = now.day_start().plus_ms(3 * DAY_MS);
    let date = |at: UnixMs| at.to_utc().map(|at| at.with_timezone(&zone).date_naive());
    let mut starts: Vec<(NaiveDate, UnixMs)> = Vec::new();
    let mut hour = first;
    while hour < last {
        // Where a date begins within the hour, each of its minutes is looked at.
        let next = hour.plus_ms(60 * MINUTE_MS);
        let step_ms = if date(hour) == date(next) {
            60 * MINUTE_MS
        } else {
            MINUTE_MS
        };
        let mut at = hour;
        while at < next {
            // A date that comes a second time, because clocks went back over midnight, has begun already.
            starts.extend(
                date(at)
                    .filter(|date| starts.last().is_none_or(|(latest, _)| date > latest))
                    .map(|date| (date, at)),
            );
            at = at.plus_ms(step_ms);
        }
        hour = next;
    }
    // The first day had begun before; the last ends later.
    let whole = starts.windows(2).skip(1);
    whole
        .filter_map(|pair| Some((pair[0].0, Span::new(pair[0].1, pair[1].1)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T12:00:00Z.
    const NOW: UnixMs = UnixMs(1_795_348_800_000);

    #[test]
    fn days_on_which_clocks_change_have_the_bounds_of_the_published_rules() {
        let mut calendar = Calendar::until(NOW);
        for (zone, day, start, hours) in [
            (Tz::Europe__Berlin, "2026-10-25", "2026-10-24T22:00:00Z", 25.0),
            (Tz::America__New_York, "2026-11-01", "2026-11-01T04:00:00Z", 25.0),
            (Tz::Africa__Cairo, "2026-10-29", "2026-10-28T21:00:00Z", 25.0),
            (Tz::Australia__Lord_Howe, "2026-10-04", "2026-10-03T13:30:00Z", 23.5),
            (Tz::Asia__Kathmandu, "2026-10-04", "2026-10-03T18:15:00Z", 24.0),
        ] {
            let span = calendar.days(zone)[&day.parse().expect(day)];
            #[expect(clippy::cast_precision_loss, reason = "a day has few milliseconds")]
            let length = span.ms() as f64 / 3_600_000.0;
            assert_eq!(
                (span.start().to_string().as_str(), length),
                (start, hours),
                "{zone} {day}"
            );
        }
    }

    #[test]
    fn days_follow_each_other_over_all_the_time_in_which_pings_can_lie() {
        let mut calendar = Calendar::until(NOW);
        for zone in crate::trackers::ZONES {
            let days: Vec<Span> = calendar.days(zone).values().copied().collect();
            assert!(days.windows(2).all(|pair| pair[0].end() == pair[1].start()), "{zone}");
            assert!(days[0].start() < NOW.plus_ms(-91 * DAY_MS), "{zone}");
            assert!(days[days.len() - 1].end() > NOW.plus_ms(DAY_MS), "{zone}");
        }
    }
}
