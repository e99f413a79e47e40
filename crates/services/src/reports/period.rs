//! Which days a question is about.

use chrono::NaiveDate;
use domain::accounts::User;
use domain::fault::Fault;
use domain::reports::{Days, Zone};
use domain::time::UnixMs;

/// The days asked for, as they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    /// The day that it is now, in the zone asked for.
    #[default]
    Today,
    /// One day.
    Date(NaiveDate),
    /// From the first to the second, both included.
    Range(NaiveDate, NaiveDate),
}

/// Days in a row, in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: NaiveDate,
    /// The last day, included.
    pub last: NaiveDate,
    /// How days are cut.
    pub days: Days,
}

impl Period {
    /// The days that were `asked` for, in `zone` or else the person's own; at most `days_max` of them.
    pub(super) fn resolve(asked: Asked, zone: Option<Zone>, user: &User, now: UnixMs) -> Result<Self, Fault> {
        let days = Days {
            zone: zone.unwrap_or(user.timezone),
            day_start: user.day_start,
        };
        let (first, last) = match asked {
            Asked::Today => {
                let outside = || Fault::new("date", "out_of_range", "the server's clock is outside the calendar");
                let today = days.date_of(now).ok_or_else(outside)?;
                (today, today)
            }
            Asked::Date(date) => (date, date),
            Asked::Range(first, last) => (first, last),
        };
        Ok(Self { first, last, days })
    }

    /// The period itself, unless it runs backwards or is longer than `days_max` days.
    pub(super) fn bounded(self, days_max: u16) -> Result<Self, Fault> {
        let days = (self.last - self.first).num_days() + 1;
        if days < 1 {
            return Err(Fault::new("to", "before_from", "must not be before from"));
        }
        if days > i64::from(days_max) {
            return Err(Fault::new(
                "to",
                "too_long",
                format!("must be at most {days_max} days from from, both included"),
            ));
        }
        Ok(self)
    }

    /// The dates, in order.
    pub(super) fn dates(self) -> impl Iterator<Item = NaiveDate> {
        self.first.iter_days().take_while(move |date| *date <= self.last)
    }
}
