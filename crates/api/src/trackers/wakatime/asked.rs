//! What a query of a client of WakaTime asks for. What is not known in it is passed over: clients add what they like.

use std::borrow::Cow;

use actix_web::HttpRequest;
use chrono::{Datelike, Days, NaiveDate};
use domain::reports::Zone;

use crate::calendar;
use crate::faults::FieldFault;
use crate::problem::Problem;
use crate::query::decode;

/// The parameters of a query, as they were meant.
pub(super) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    /// Of `request`. What cannot be decoded is as good as absent.
    pub(super) fn of(request: &'a HttpRequest) -> Self {
        Self::read(request.query_string())
    }

    fn read(query: &'a str) -> Self {
        let pairs = query.split('&').filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decode(name).ok()?, decode(value).ok()?))
        });
        Self(pairs.collect())
    }

    /// The value of a parameter, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(given, value)| given == name && !value.is_empty());
        pair.map(|(_, value)| value.as_ref())
    }

    /// The zone in which days are counted, where another than the person's own is asked for.
    ///
    /// # Errors
    /// A zone that is none.
    pub(super) fn zone(&self) -> Result<Option<Zone>, Problem> {
        let zone = self.get("timezone").map(|name| calendar::zone("timezone", name));
        zone.transpose()
            .map_err(|fault| Problem::invalid(FieldFault::of("/query", fault).into()))
    }

    /// The first and the last day, both included: a `range` by its name, or `start` and `end`, or today.
    ///
    /// # Errors
    /// A range or a day that is none.
    pub(super) fn days(&self, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Problem> {
        if let Some(name) = self.get("range") {
            return range(name, today).ok_or_else(|| invalid("range", "must be a range such as last_7_days"));
        }
        let start = self.day("start", today)?.unwrap_or(today);
        let end = self.day("end", today)?.unwrap_or(today);
        if end < start {
            let fault = FieldFault::new("/query/end", "before_start", "must not be before start");
            return Err(Problem::invalid(fault.into()));
        }
        Ok((start, end))
    }

    fn day(&self, name: &'static str, today: NaiveDate) -> Result<Option<NaiveDate>, Problem> {
        let day = self
            .get(name)
            .map(|text| day(text, today).ok_or_else(|| invalid(name, "must be a day, YYYY-MM-DD")));
        day.transpose()
    }
}

fn invalid(name: &str, detail: &str) -> Problem {
    Problem::invalid(FieldFault::new(format!("/query/{name}"), "invalid_day", detail).into())
}

/// A day in the calendar's words or in those of a clock, or relative to `today`.
fn day(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    match text {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        _ => {
            let day = text.get(.."YYYY-MM-DD".len())?;
            let is_end = text[day.len()..]
                .chars()
                .next()
                .is_none_or(|next| matches!(next, 'T' | 't' | ' ' | '+'));
            is_end.then(|| calendar::day("date", day).ok()).flatten()
        }
    }
}

/// The first and the last day of a range by its name, in any spelling that clients use: `Last 7 Days`, `last_7_days`.
pub(super) fn range(name: &str, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let name = name.to_ascii_lowercase().replace(['_', '+'], " ");
    let back = |days: u64| today.checked_sub_days(Days::new(days));
    let month = |day: NaiveDate| day.with_day(1);
    let monday = back(today.weekday().num_days_from_monday().into())?;
    match name.as_str() {
        "today" => Some((today, today)),
        "yesterday" => Some((back(1)?, back(1)?)),
        "last 7 days" => Some((back(6)?, today)),
        "last 7 days from yesterday" => Some((back(7)?, back(1)?)),
        "last 14 days" => Some((back(13)?, today)),
        "last 30 days" => Some((back(29)?, today)),
        "last 6 months" => Some((back(179)?, today)),
        "last year" => Some((back(364)?, today)),
        "this week" => Some((monday, today)),
        "last week" => Some((monday.checked_sub_days(Days::new(7))?, monday.pred_opt()?)),
        "this month" => Some((month(today)?, today)),
        "last month" => {
            let last = month(today)?.pred_opt()?;
            Some((month(last)?, last))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A Sunday.
    const TODAY: &str = "2026-03-01";

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn days(query: &str) -> Option<(String, String)> {
        let days = Params::read(query).days(date(TODAY));
        days.ok().map(|(first, last)| (first.to_string(), last.to_string()))
    }

    #[test]
    fn days_are_named_in_many_ways() {
        for (query, first, last) in [
            ("", TODAY, TODAY),
            ("api_key=x&cache=1", TODAY, TODAY),
            ("start=2026-02-01&end=2026-02-03", "2026-02-01", "2026-02-03"),
            (
                "start=2026-02-01T00%3A00%3A00Z&end=2026-02-03T23:59:59Z",
                "2026-02-01",
                "2026-02-03",
            ),
            ("start=2026-02-27", "2026-02-27", TODAY),
            ("start=today&end=today", TODAY, TODAY),
            ("start=yesterday&end=today", "2026-02-28", TODAY),
            ("range=Today", TODAY, TODAY),
            ("range=Last%207%20Days", "2026-02-23", TODAY),
            ("range=Last+7+Days+from+Yesterday", "2026-02-22", "2026-02-28"),
            ("range=last_30_days&start=2020-01-01", "2026-01-31", TODAY),
            ("range=this_week", "2026-02-23", TODAY),
            ("range=last_week", "2026-02-16", "2026-02-22"),
            ("range=This+Month", TODAY, TODAY),
            ("range=last_month", "2026-02-01", "2026-02-28"),
            ("range=last_year", "2025-03-02", TODAY),
        ] {
            assert_eq!(days(query), Some((first.to_owned(), last.to_owned())), "{query}");
        }
    }

    #[test]
    fn what_names_no_day_is_refused() {
        for query in [
            "start=x",
            "end=2026-02-29",
            "start=2026-02-01x",
            "range=ever",
            "start=ääääääääää",
            "start=2026-2-1",
        ] {
            assert_eq!(days(query), None, "{query}");
        }
        assert!(Params::read("timezone=Atlantis").zone().is_err());
        assert!(
            Params::read("timezone=Etc/GMT+5")
                .zone()
                .is_ok_and(|zone| zone.is_some())
        );
        assert!(Params::read("timezone=").zone().is_ok_and(|zone| zone.is_none()));
    }

    proptest! {
        #[test]
        fn any_query_asks_for_something_or_is_refused(query in "((start|end|range|timezone)=)?.{0,20}(&(start|end)=.{0,12})?") {
            let params = Params::read(&query);
            let _ = params.days(date(TODAY));
            let _ = params.zone();
        }
    }
}
