//! Instants and stretches of time: whole milliseconds, UTC, half-open.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds in a second.
pub const SECOND_MS: i64 = 1_000;
/// Milliseconds in a UTC day. UTC here has no leap seconds, as Unix time has none.
pub const DAY_MS: i64 = 86_400 * SECOND_MS;

/// An instant: whole milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// The instant cut down to the millisecond that holds it, also before 1970.
    #[must_use]
    pub fn floor(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }

    /// `self` moved by `ms` milliseconds, held at the ends of the range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// `self` moved back by `duration`.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        self.plus_ms(-duration_ms(duration))
    }

    /// `self` moved on by `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        self.plus_ms(duration_ms(duration))
    }

    /// The start of the UTC day that holds the instant.
    #[must_use]
    pub fn day_start(self) -> Self {
        Self(self.0.div_euclid(DAY_MS) * DAY_MS)
    }

    /// The calendar's word for the instant; `None` outside the years chrono knows (±262,000).
    #[must_use]
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.0)
    }
}

/// RFC 3339 in UTC, with milliseconds where there are any: `2026-03-01T09:00:00Z`, `2026-03-01T09:00:00.250Z`.
impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0.rem_euclid(SECOND_MS) == 0 {
            SecondsFormat::Secs
        } else {
            SecondsFormat::Millis
        };
        match self.to_utc() {
            Some(at) => f.write_str(&at.to_rfc3339_opts(format, true)),
            None => write!(f, "{} ms", self.0),
        }
    }
}

fn duration_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A stretch of time `[start, end)` that holds at least one millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: UnixMs,
    end: UnixMs,
}

impl Span {
    /// `[start, end)`, or nothing when that is empty or turned round.
    #[must_use]
    pub fn new(start: UnixMs, end: UnixMs) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The first instant.
    #[must_use]
    pub fn start(self) -> UnixMs {
        self.start
    }

    /// The first instant after the stretch.
    #[must_use]
    pub fn end(self) -> UnixMs {
        self.end
    }

    /// Its length, at least 1.
    #[must_use]
    pub fn ms(self) -> i64 {
        self.end.0 - self.start.0
    }

    /// What both hold.
    #[must_use]
    pub fn clip(self, to: Span) -> Option<Self> {
        Self::new(self.start.max(to.start), self.end.min(to.end))
    }

    /// The stretch and `ms` milliseconds more on either side.
    #[must_use]
    pub fn widen(self, ms: i64) -> Self {
        Self {
            start: self.start.plus_ms(-ms),
            end: self.end.plus_ms(ms),
        }
    }

    /// The stretch cut at every UTC midnight, in order.
    pub fn utc_days(self) -> impl Iterator<Item = Span> {
        let mut from = self.start;
        std::iter::from_fn(move || {
            let piece = Span::new(from, from.day_start().plus_ms(DAY_MS).min(self.end))?;
            from = piece.end;
            Some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_turned_span_is_none() {
        assert_eq!(Span::new(UnixMs(5), UnixMs(5)), None);
        assert_eq!(Span::new(UnixMs(6), UnixMs(5)), None);
    }

    #[test]
    fn instants_before_1970_belong_to_the_day_that_holds_them() {
        assert_eq!(UnixMs(-1).day_start(), UnixMs(-DAY_MS));
        assert_eq!(UnixMs(0).day_start(), UnixMs(0));
    }

    #[test]
    fn a_span_is_cut_at_each_midnight_and_nowhere_else() {
        let span = Span::new(UnixMs(DAY_MS - 5), UnixMs(3 * DAY_MS)).expect("not empty");
        let days: Vec<_> = span.utc_days().map(|day| (day.start().0, day.end().0)).collect();
        assert_eq!(
            days,
            [(DAY_MS - 5, DAY_MS), (DAY_MS, 2 * DAY_MS), (2 * DAY_MS, 3 * DAY_MS)]
        );
    }

    #[test]
    fn milliseconds_are_written_only_where_there_are_any() {
        assert_eq!(UnixMs(1_772_355_600_000).to_string(), "2026-03-01T09:00:00Z");
        assert_eq!(UnixMs(1_772_355_600_250).to_string(), "2026-03-01T09:00:00.250Z");
    }
}
