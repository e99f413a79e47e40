//! How long, by day and label.

use chrono::NaiveDate;
use domain::accounts::{Caller, DeviceId};
use domain::reports::{Bridge, LabelTotals, Stint, Tally, Zone};
use domain::time::{DAY_MS, Span};
use futures_util::{StreamExt, stream};

use super::{Asked, Period, Reports, ReportsError};

/// The most days one report covers: a leap year.
const DAYS_MAX: u16 = 366;
/// How much time is read at once, so that a heavy year does not have to fit into memory.
const CHUNK_MS: i64 = 31 * DAY_MS;
/// How many of these are read at the same time: the next one while one is added up.
const CHUNKS_AT_ONCE: usize = 2;

/// A period's totals, day by day.
#[derive(Debug, Clone, PartialEq)]
pub struct TotalsAnswer {
    /// The days asked for.
    pub period: Period,
    /// Each of them, in order, also where it holds nothing.
    pub days: Vec<DayTotals>,
}

/// A day's totals.
#[derive(Debug, Clone, PartialEq)]
pub struct DayTotals {
    /// The day.
    pub date: NaiveDate,
    /// Milliseconds by label.
    pub totals_ms: LabelTotals,
}

/// What a report is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct TotalsQuestion {
    /// The days.
    pub asked: Asked,
    /// The zone; the person's own when not given.
    pub zone: Option<Zone>,
    /// Which gaps to bridge.
    pub bridge: Bridge,
    /// Count one device only.
    pub device: Option<DeviceId>,
}

impl TotalsAnswer {
    /// The days' totals added up.
    #[must_use]
    pub fn sum_ms(&self) -> LabelTotals {
        let mut sum = LabelTotals::new();
        for (label, ms) in self.days.iter().flat_map(|day| &day.totals_ms) {
            match sum.get_mut(label) {
                Some(total) => *total += ms,
                None => drop(sum.insert(label.clone(), *ms)),
            }
        }
        sum
    }
}

impl Reports {
    /// The caller's time by day and label.
    ///
    /// # Errors
    /// [`ReportsError::Invalid`] for a period that runs backwards or is longer than 366 days; otherwise something outside.
    pub async fn totals(&self, caller: &Caller, question: TotalsQuestion) -> Result<TotalsAnswer, ReportsError> {
        let user = self.user(caller).await?;
        let period = Period::resolve(question.asked, question.zone, &user, self.clock.now())
            .and_then(|period| period.bounded(DAYS_MAX))
            .map_err(|fault| ReportsError::Invalid(vec![fault]))?;

        let windows: Vec<Span> = period.dates().filter_map(|date| period.days.span(date)).collect();
        let mut tally = Tally::new(windows, question.bridge).of_device(question.device);
        if let Some(span) = period.days.range(period.first, period.last) {
            let read = |chunk| async move { (chunk, self.reader.stints(caller.user, chunk).await) };
            let mut reads = stream::iter(chunks(span.widen(question.bridge.ms())))
                .map(read)
                .buffered(CHUNKS_AT_ONCE);
            while let Some((chunk, stints)) = reads.next().await {
                for stint in stints? {
                    if let Some(span) = stint.span.clip(chunk) {
                        tally.push(&Stint { span, ..stint });
                    }
                }
            }
        }
        let mut totals = tally.into_totals_ms().into_iter();
        let of_date = |date| {
            // A date that never was has no window, and no time.
            let totals_ms = period
                .days
                .span(date)
                .and_then(|_| totals.next())
                .map(|(_, totals)| totals)
                .unwrap_or_default();
            DayTotals { date, totals_ms }
        };
        Ok(TotalsAnswer {
            period,
            days: period.dates().map(of_date).collect(),
        })
    }
}

fn chunks(span: Span) -> impl Iterator<Item = Span> {
    let mut from = span.start();
    std::iter::from_fn(move || {
        let chunk = Span::new(from, from.plus_ms(CHUNK_MS).min(span.end()))?;
        from = chunk.end();
        Some(chunk)
    })
}
