//! How long, by day and label.

use chrono::{NaiveDate, NaiveTime};
use domain::accounts::{Caller, DeviceId};
use domain::reports::{Bridge, LabelTotals, Stint, Tally, Zone};
use domain::time::{DAY_MS, SECOND_MS, Span, UnixMs};
use futures_util::future::try_join;
use futures_util::{StreamExt, stream};

use super::{Asked, Period, Reports, ReportsError};

/// The most days one report covers: a leap year.
pub(super) const DAYS_MAX: u16 = 366;
/// How much time is read at once, so that a heavy year does not have to fit into memory.
const CHUNK_MS: i64 = 31 * DAY_MS;
/// No zone was ever further from UTC (Manila until 1844: 15 h 56 min), and what is left is more than a clock change adds to a day.
const ZONE_MS: i64 = 18 * 3_600 * SECOND_MS;
/// Up to so much time around short periods is read at the same time as the person's zone, in which their days are cut: a week's report waits for one round
/// trip instead of two.
const AHEAD_MS: i64 = 10 * DAY_MS;
/// How many of these are read at the same time: the next one while one is added up.
pub(super) const CHUNKS_AT_ONCE: usize = 2;

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
        let now = self.clock.now();
        let (user, ahead) = try_join(self.user(caller), self.read_ahead(caller, &question, now)).await?;
        let period = Period::resolve(question.asked, question.zone, &user, now)
            .and_then(|period| period.bounded(DAYS_MAX))
            .map_err(|fault| ReportsError::Invalid(vec![fault]))?;

        let windows: Vec<Span> = period.dates().filter_map(|date| period.days.span(date)).collect();
        let mut tally = Tally::new(windows, question.bridge).of_device(question.device);
        match (period.days.range(period.first, period.last), ahead) {
            (Some(span), Some((window, stints))) if around_all(span, question.bridge, window) => {
                add(&mut tally, window, stints);
            }
            (Some(span), _) => {
                let read = |chunk| async move { (chunk, self.reader.stints(caller.user, chunk).await) };
                let mut reads = stream::iter(chunks(span.widen(question.bridge.ms())))
                    .map(read)
                    .buffered(CHUNKS_AT_ONCE);
                while let Some((chunk, stints)) = reads.next().await {
                    add(&mut tally, chunk, stints?);
                }
            }
            (None, _) => {}
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

    /// What will be needed whatever the person's zone is, and the window that was read.
    async fn read_ahead(
        &self,
        caller: &Caller,
        question: &TotalsQuestion,
        now: UnixMs,
    ) -> Result<Option<(Span, Vec<Stint>)>, ReportsError> {
        let Some(window) = around(question, now) else {
            return Ok(None);
        };
        Ok(Some((window, self.reader.stints(caller.user, window).await?)))
    }
}

/// In which the days that are asked for lie, whatever the zone and the start of the day; where they are few, as it is cheap to read more than is needed.
fn around(question: &TotalsQuestion, now: UnixMs) -> Option<Span> {
    let midnight = |date: NaiveDate| UnixMs(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
    let (from, to) = match question.asked {
        Asked::Today => (now.plus_ms(-DAY_MS), now.plus_ms(DAY_MS)),
        Asked::Date(date) => (midnight(date), midnight(date).plus_ms(2 * DAY_MS)),
        Asked::Range(first, last) if first <= last => (midnight(first), midnight(last).plus_ms(2 * DAY_MS)),
        Asked::Range(..) => return None,
    };
    let span = Span::new(from, to)?.widen(ZONE_MS + question.bridge.ms());
    (span.ms() <= AHEAD_MS).then_some(span)
}

/// Whether `window` has all that bears on the sums of `span`.
fn around_all(span: Span, bridge: Bridge, window: Span) -> bool {
    let needed = span.widen(bridge.ms());
    needed.clip(window) == Some(needed)
}

fn add(tally: &mut Tally, chunk: Span, stints: Vec<Stint>) {
    for stint in stints {
        if let Some(span) = stint.span.clip(chunk) {
            tally.push(&Stint { span, ..stint });
        }
    }
}

/// A stretch in parts that are read at once.
pub(super) fn chunks(span: Span) -> impl Iterator<Item = Span> {
    let mut from = span.start();
    std::iter::from_fn(move || {
        let chunk = Span::new(from, from.plus_ms(CHUNK_MS).min(span.end()))?;
        from = chunk.end();
        Some(chunk)
    })
}
