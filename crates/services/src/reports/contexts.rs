//! How long, by day and by what heartbeats said: project, language, editor and so on.

use chrono::NaiveDate;
use domain::accounts::{Caller, DeviceId};
use domain::reports::{SaidTally, SaidTotals, Zone};
use domain::time::Span;
use futures_util::{StreamExt, stream};

use super::totals::{CHUNK_MS, CHUNKS_AT_ONCE, DAYS_MAX, chunks};
use super::{Asked, Period, Reports, ReportsError};

/// What is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContextsQuestion {
    /// The days.
    pub asked: Asked,
    /// The zone; the person's own when not given.
    pub zone: Option<Zone>,
    /// Count one device only.
    pub device: Option<DeviceId>,
}

/// What was said in a period, day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextsAnswer {
    /// The days asked for.
    pub period: Period,
    /// Each of them, in order, also where it holds nothing.
    pub days: Vec<DayContexts>,
}

/// What was said in a day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayContexts {
    /// The day.
    pub date: NaiveDate,
    /// For how long.
    pub totals: SaidTotals,
}

impl ContextsAnswer {
    /// The days added up.
    #[must_use]
    pub fn sum(&self) -> SaidTotals {
        let mut sum = SaidTotals::default();
        for day in &self.days {
            sum.add_all(&day.totals);
        }
        sum
    }
}

impl Reports {
    /// The caller's time that heartbeats hold, by day and by what they said. Exact: no gap is bridged.
    ///
    /// # Errors
    /// [`ReportsError::Invalid`] for a period that runs backwards or is longer than 366 days; otherwise something outside.
    pub async fn contexts(&self, caller: &Caller, question: ContextsQuestion) -> Result<ContextsAnswer, ReportsError> {
        let user = self.user(caller).await?;
        let period = Period::resolve(question.asked, question.zone, &user, self.clock.now())
            .and_then(|period| period.bounded(DAYS_MAX))
            .map_err(|fault| ReportsError::Invalid(vec![fault]))?;

        let windows: Vec<Span> = period.dates().filter_map(|date| period.days.span(date)).collect();
        let mut tally = SaidTally::new(windows);
        if let Some(span) = period.days.range(period.first, period.last) {
            let read = |chunk| async move { (chunk, self.contexts.held(caller.user, chunk).await) };
            let mut reads = stream::iter(chunks(span, CHUNK_MS)).map(read).buffered(CHUNKS_AT_ONCE);
            while let Some((chunk, held)) = reads.next().await {
                let held = held?;
                for held in held
                    .iter()
                    .filter(|held| question.device.is_none_or(|only| only == held.device))
                {
                    tally.push(held, chunk);
                }
            }
        }
        let mut totals = tally.into_totals().into_iter();
        let of_date = |date| {
            // A date that never was has no window, and no time.
            let totals = period.days.span(date).and_then(|_| totals.next()).unwrap_or_default();
            DayContexts { date, totals }
        };
        Ok(ContextsAnswer {
            period,
            days: period.dates().map(of_date).collect(),
        })
    }
}
