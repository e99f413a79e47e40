//! The months of UTC for which `app_usage` has a partition, as far as this process knows.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{Datelike, Months as ChronoMonths, NaiveDate};
use domain::time::{Span, UnixMs};

use super::failure::Failure;

/// One month of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(NaiveDate);

impl Month {
    /// The month that holds `at`.
    pub(super) fn of(at: UnixMs) -> Result<Self, Failure> {
        at.to_utc()
            .and_then(|at| at.date_naive().with_day(1))
            .map(Self)
            .ok_or_else(|| Failure::Broken(format!("{at} lies outside the calendar")))
    }

    /// Its first instant.
    pub(super) fn start(self) -> UnixMs {
        UnixMs::floor(self.0.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    fn next(self) -> Option<Self> {
        self.0.checked_add_months(ChronoMonths::new(1)).map(Self)
    }
}

/// `2026-03`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

/// The most months that are made room for at once: a decade.
const MONTHS_MAX: usize = 120;

/// The months that hold instants of `span`, in order.
pub(super) fn months_of(span: Span) -> Result<BTreeSet<Month>, Failure> {
    let last = Month::of(span.end().plus_ms(-1))?;
    let first = Month::of(span.start())?;
    let months: BTreeSet<_> = std::iter::successors(Some(first), |month| month.next())
        .take_while(|month| *month <= last)
        .take(MONTHS_MAX + 1)
        .collect();
    if months.len() > MONTHS_MAX {
        let refused = format!("{} to {} holds more than {MONTHS_MAX} months", span.start(), span.end());
        return Err(Failure::Broken(refused));
    }
    Ok(months)
}

/// The months known to have a partition. Partitions are never made and forgotten by a merge, so knowing spares it a question.
#[derive(Debug, Default)]
pub(super) struct KnownMonths(Mutex<BTreeSet<Month>>);

impl KnownMonths {
    /// Of `months`, those not known.
    pub(super) fn unknown_of(&self, months: &BTreeSet<Month>) -> BTreeSet<Month> {
        months.difference(&self.lock()).copied().collect()
    }

    /// Remembers a month.
    pub(super) fn learn(&self, month: Month) {
        self.lock().insert(month);
    }

    /// Forgets all, because one turned out to be gone.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    // A set of dates is whole at every moment, also after a panic elsewhere.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Month>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::DAY_MS;

    fn at(text: &str) -> UnixMs {
        UnixMs::floor(text.parse().expect(text))
    }

    fn names(from: &str, to: &str) -> Vec<String> {
        let span = Span::new(at(from), at(to)).expect("not empty");
        let months = months_of(span).expect("few");
        months.iter().map(Month::to_string).collect()
    }

    #[test]
    fn a_span_names_each_month_it_holds_an_instant_of() {
        assert_eq!(names("2026-02-28T23:59:59.999Z", "2026-03-01T00:00:00Z"), ["2026-02"]);
        assert_eq!(
            names("2026-11-30T00:00:00Z", "2027-02-01T00:00:00.001Z"),
            ["2026-11", "2026-12", "2027-01", "2027-02"]
        );
    }

    #[test]
    fn a_decade_is_the_most() {
        assert_eq!(names("2020-01-15T00:00:00Z", "2029-12-31T00:00:00Z").len(), MONTHS_MAX);
        let span = Span::new(at("2020-01-15T00:00:00Z"), at("2030-01-02T00:00:00Z")).expect("not empty");
        assert!(months_of(span).is_err());
        assert!(Month::of(UnixMs(i64::MAX)).is_err());
    }

    #[test]
    fn a_month_is_known_until_all_are_forgotten() {
        let known = KnownMonths::default();
        let months = months_of(Span::new(UnixMs(0), UnixMs(40 * DAY_MS)).expect("not empty")).expect("two");
        assert_eq!(known.unknown_of(&months), months);
        for month in &months {
            known.learn(*month);
        }
        assert!(known.unknown_of(&months).is_empty());
        known.forget();
        assert_eq!(known.unknown_of(&months), months);
    }
}
