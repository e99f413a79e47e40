//! Where a local day starts and ends, in any zone, across clock changes.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

use crate::accounts::DayStart;
use crate::time::{Span, UnixMs};

/// The days of a person: their zone, and when after local midnight a day starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The zone.
    pub zone: Tz,
    /// The start of a day.
    pub day_start: DayStart,
}

impl Days {
    /// The day of `date`: `[local midnight + day start, next local midnight + day start)`, usually 24 hours long, 23 or 25 where clocks change. The day start is
    /// time that passes after midnight, so where clocks change in between, they show an hour more or less when the day starts.
    /// `None` for a date that never was, such as 2011-12-30 in Apia, and after the last year of the calendar.
    #[must_use]
    pub fn span(&self, date: NaiveDate) -> Option<Span> {
        self.range(date, date)
    }

    /// The days from `first` to `last`, both included; `None` when that holds no time.
    #[must_use]
    pub fn range(&self, first: NaiveDate, last: NaiveDate) -> Option<Span> {
        let offset_ms = self.day_start.ms();
        let start = midnight(self.zone, first).plus_ms(offset_ms);
        let end = midnight(self.zone, last.succ_opt()?).plus_ms(offset_ms);
        Span::new(start, end)
    }

    /// The date of the day that holds `at`; `None` outside the calendar's years.
    #[must_use]
    pub fn date_of(&self, at: UnixMs) -> Option<NaiveDate> {
        let shifted = at.plus_ms(-self.day_start.ms()).to_utc()?;
        Some(shifted.with_timezone(&self.zone).date_naive())
    }
}

/// The first instant of `date` in `zone`: local midnight; of two midnights the first; of none the first instant after the gap.
fn midnight(zone: Tz, date: NaiveDate) -> UnixMs {
    let local = date.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&local).earliest() {
        Some(at) => UnixMs(at.timestamp_millis()),
        None => after_gap(zone, local),
    }
}

/// The first instant whose local time is `local` or later, where no instant has just that. No zone was ever further than 16 hours from UTC, and between
/// the two ends of the search local time only goes up, so halving finds it.
fn after_gap(zone: Tz, local: NaiveDateTime) -> UnixMs {
    const FURTHEST_MS: i64 = 16 * 3_600_000;
    let as_utc_ms = local.and_utc().timestamp_millis();
    let reached = |ms: i64| {
        UnixMs(ms)
            .to_utc()
            .is_none_or(|at| at.with_timezone(&zone).naive_local() >= local)
    };
    let (mut before, mut from) = (as_utc_ms - FURTHEST_MS, as_utc_ms + FURTHEST_MS);
    while from - before > 1 {
        let middle = before + (from - before) / 2;
        if reached(middle) {
            from = middle;
        } else {
            before = middle;
        }
    }
    UnixMs(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Datelike;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect(text)
    }

    fn days(zone: &str) -> Days {
        Days {
            zone: zone.parse().expect(zone),
            day_start: DayStart::default(),
        }
    }

    fn span(zone: &str, day: &str) -> Option<(String, String)> {
        days(zone)
            .span(date(day))
            .map(|span| (span.start().to_string(), span.end().to_string()))
    }

    #[test]
    fn days_on_which_clocks_change_have_the_right_bounds() {
        // Bounds computed from the zones' published rules, not from this code.
        for (zone, day, start, end) in [
            (
                "Europe/Berlin",
                "2026-03-01",
                "2026-02-28T23:00:00Z",
                "2026-03-01T23:00:00Z",
            ),
            (
                "America/New_York",
                "2026-03-08",
                "2026-03-08T05:00:00Z",
                "2026-03-09T04:00:00Z",
            ),
            (
                "America/New_York",
                "2026-11-01",
                "2026-11-01T04:00:00Z",
                "2026-11-02T05:00:00Z",
            ),
            (
                "Africa/Cairo",
                "2026-04-24",
                "2026-04-23T22:00:00Z",
                "2026-04-24T21:00:00Z",
            ),
            (
                "America/Havana",
                "2026-11-01",
                "2026-11-01T04:00:00Z",
                "2026-11-02T05:00:00Z",
            ),
            (
                "Australia/Lord_Howe",
                "2026-04-05",
                "2026-04-04T13:00:00Z",
                "2026-04-05T13:30:00Z",
            ),
            (
                "Asia/Beirut",
                "2026-03-29",
                "2026-03-28T22:00:00Z",
                "2026-03-29T21:00:00Z",
            ),
            (
                "Asia/Kathmandu",
                "2026-03-01",
                "2026-02-28T18:15:00Z",
                "2026-03-01T18:15:00Z",
            ),
        ] {
            assert_eq!(
                span(zone, day),
                Some((start.to_owned(), end.to_owned())),
                "{zone} {day}"
            );
        }
    }

    #[test]
    fn a_date_that_never_was_has_no_day_and_its_neighbours_meet() {
        assert_eq!(span("Pacific/Apia", "2011-12-30"), None);
        let before = span("Pacific/Apia", "2011-12-29").expect("a day");
        let after = span("Pacific/Apia", "2011-12-31").expect("a day");
        assert_eq!(before.1, after.0);
    }

    #[test]
    fn a_later_day_start_moves_both_ends() {
        let four = Days {
            day_start: DayStart::from_secs(4 * 3_600).expect("valid"),
            ..days("Europe/Berlin")
        };
        let span = four.span(date("2026-03-01")).expect("a day");
        assert_eq!(span.start().to_string(), "2026-03-01T03:00:00Z");
        assert_eq!(span.end().to_string(), "2026-03-02T03:00:00Z");
        assert_eq!(four.date_of(span.start()), Some(date("2026-03-01")));
        assert_eq!(four.date_of(span.start().plus_ms(-1)), Some(date("2026-02-28")));
    }

    #[test]
    fn a_day_starts_so_much_time_after_midnight_whatever_the_clocks_show_then() {
        let four = Days {
            day_start: DayStart::from_secs(4 * 3_600).expect("valid"),
            ..days("Europe/Berlin")
        };
        // Clocks went from 03:00 back to 02:00 on 2026-10-25, and from 02:00 on to 03:00 on 2026-03-29: bounds reckoned by hand.
        for (day, start, end, shown, hours) in [
            (
                "2026-10-24",
                "2026-10-24T02:00:00Z",
                "2026-10-25T02:00:00Z",
                "04:00",
                24,
            ),
            (
                "2026-10-25",
                "2026-10-25T02:00:00Z",
                "2026-10-26T03:00:00Z",
                "03:00",
                25,
            ),
            (
                "2026-10-26",
                "2026-10-26T03:00:00Z",
                "2026-10-27T03:00:00Z",
                "04:00",
                24,
            ),
            (
                "2026-03-28",
                "2026-03-28T03:00:00Z",
                "2026-03-29T03:00:00Z",
                "04:00",
                24,
            ),
            (
                "2026-03-29",
                "2026-03-29T03:00:00Z",
                "2026-03-30T02:00:00Z",
                "05:00",
                23,
            ),
            (
                "2026-03-30",
                "2026-03-30T02:00:00Z",
                "2026-03-31T02:00:00Z",
                "04:00",
                24,
            ),
        ] {
            let span = four.span(date(day)).expect("a day");
            assert_eq!(
                (span.start().to_string(), span.end().to_string()),
                (start.to_owned(), end.to_owned())
            );
            let local = span.start().to_utc().expect("a time").with_timezone(&four.zone);
            assert_eq!(local.format("%H:%M").to_string(), shown, "{day}");
            assert_eq!(span.end().0 - span.start().0, hours * 3_600_000, "{day}");
            assert_eq!(four.date_of(span.start()), Some(date(day)));
            assert_eq!(four.date_of(span.start().plus_ms(-1)), date(day).pred_opt());
        }
    }

    #[test]
    fn in_every_zone_days_of_ten_years_follow_each_other_without_gap_and_hold_their_own_instants() {
        for zone in chrono_tz::TZ_VARIANTS {
            let days = Days {
                zone,
                day_start: DayStart::default(),
            };
            let mut day = date("2020-01-01");
            let mut start = midnight(zone, day);
            while day.year() < 2030 {
                let next = day.succ_opt().expect("before 2030");
                let end = midnight(zone, next);
                assert!(start <= end, "{zone} {day}");
                if start < end {
                    assert_eq!(days.date_of(start), Some(day), "{zone} {day}: its first instant");
                    assert!(
                        days.date_of(start.plus_ms(-1)) < Some(day),
                        "{zone} {day}: the instant before"
                    );
                }
                (day, start) = (next, end);
            }
        }
    }
}
