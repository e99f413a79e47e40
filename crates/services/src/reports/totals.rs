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
/// How much time is read at once at first, so that a heavy year does not have to fit into memory.
pub(super) const CHUNK_MS: i64 = 31 * DAY_MS;
/// About how many pieces are read at once: of somebody who has fewer in that time, more of it is read after it.
const PIECES_AT_ONCE: i64 = 20_000;
/// How many times as much at most: people's months differ.
const CHUNK_TIMES_MAX: i64 = 6;
/// No zone was ever further from UTC (Manila until 1844: 15 h 56 min), and what is left is more than a clock change adds to a day.
const ZONE_MS: i64 = 18 * 3_600 * SECOND_MS;
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
        if let Some(span) = period.days.range(period.first, period.last) {
            let needed = span.widen(question.bridge.ms());
            let (mut rest, mut length_ms) = (Some(needed), CHUNK_MS);
            if let Some((window, stints)) = ahead.filter(|(window, _)| window.start() <= needed.start()) {
                rest = Span::new(window.end(), needed.end());
                length_ms = length_after(window, stints.len());
                add(&mut tally, window, stints);
            }
            let read = |chunk| async move { (chunk, self.reader.stints(caller.user, chunk).await) };
            let rest = rest.into_iter().flat_map(|rest| chunks(rest, length_ms));
            let mut reads = stream::iter(rest).map(read).buffered(CHUNKS_AT_ONCE);
            while let Some((chunk, stints)) = reads.next().await {
                add(&mut tally, chunk, stints?);
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

    /// What will be needed first whatever the person's zone is, and the window that was read: nobody waits for the zone, which the days are cut in, before
    /// the days are read.
    async fn read_ahead(
        &self,
        caller: &Caller,
        question: &TotalsQuestion,
        now: UnixMs,
    ) -> Result<Option<(Span, Vec<Stint>)>, ReportsError> {
        let Some(window) = around(question, now).and_then(|window| chunks(window, CHUNK_MS).next()) else {
            return Ok(None);
        };
        Ok(Some((window, self.reader.stints(caller.user, window).await?)))
    }
}

/// In which the days that are asked for lie, whatever the zone and the start of the day.
fn around(question: &TotalsQuestion, now: UnixMs) -> Option<Span> {
    let midnight = |date: NaiveDate| UnixMs(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
    let (from, to) = match question.asked {
        Asked::Today => (now.plus_ms(-DAY_MS), now.plus_ms(DAY_MS)),
        Asked::Date(date) => (midnight(date), midnight(date).plus_ms(2 * DAY_MS)),
        Asked::Range(first, last) => (midnight(first), midnight(last).plus_ms(2 * DAY_MS)),
    };
    Some(Span::new(from, to)?.widen(ZONE_MS + question.bridge.ms()))
}

/// How much time to read at once of somebody who has so many pieces in `window`.
fn length_after(window: Span, pieces: usize) -> i64 {
    let pieces = i64::try_from(pieces).unwrap_or(i64::MAX).max(1);
    let length_ms = i128::from(window.ms()) * i128::from(PIECES_AT_ONCE) / i128::from(pieces);
    let length_ms = i64::try_from(length_ms).unwrap_or(i64::MAX);
    length_ms.clamp(CHUNK_MS, CHUNK_TIMES_MAX * CHUNK_MS)
}

fn add(tally: &mut Tally, chunk: Span, stints: Vec<Stint>) {
    for stint in stints {
        if let Some(span) = stint.span.clip(chunk) {
            tally.push(&Stint { span, ..stint });
        }
    }
}

/// A stretch in parts that are read at once, each so long but the last.
pub(super) fn chunks(span: Span, length_ms: i64) -> impl Iterator<Item = Span> {
    let mut from = span.start();
    std::iter::from_fn(move || {
        let chunk = Span::new(from, from.plus_ms(length_ms).min(span.end()))?;
        from = chunk.end();
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(days: i64, pieces: usize) -> i64 {
        let window = Span::new(UnixMs(0), UnixMs(days * DAY_MS)).expect("a stretch");
        length_after(window, pieces) / DAY_MS
    }

    #[test]
    fn the_fewer_pieces_the_more_time_is_read_at_once_within_bounds() {
        let (least, most) = (CHUNK_MS / DAY_MS, CHUNK_TIMES_MAX * CHUNK_MS / DAY_MS);
        assert_eq!([after(31, 0), after(31, 900), after(4, 0)], [most; 3]);
        assert_eq!(after(31, 10_000), 2 * 31);
        assert_eq!(after(10, 5_000), 40);
        assert_eq!(
            [after(31, 20_000), after(31, 1_000_000), after(31, usize::MAX)],
            [least; 3]
        );
    }

    #[test]
    fn parts_are_the_whole_and_none_is_longer() {
        let span = Span::new(UnixMs(5), UnixMs(5 + 100 * DAY_MS)).expect("a stretch");
        for length_ms in [DAY_MS, 31 * DAY_MS, 100 * DAY_MS, 101 * DAY_MS] {
            let parts: Vec<_> = chunks(span, length_ms).collect();
            assert!(parts.iter().all(|part| part.ms() <= length_ms), "{parts:?}");
            assert!(
                parts.windows(2).all(|pair| pair[0].end() == pair[1].start()),
                "{parts:?}"
            );
            assert_eq!(
                (parts[0].start(), parts[parts.len() - 1].end()),
                (span.start(), span.end())
            );
        }
    }
}
