//! Years of rows looked at a few hours at a time, so that joining them takes little more memory than the rows.

use domain::time::{SECOND_MS, Span, UnixMs};
use domain::trackers::activitywatch::Row;

/// How much time is joined at once. No claim is longer.
pub const STEP_MS: i64 = 6 * 3_600 * SECOND_MS;

/// The step that holds the instant. Steps lie where they lie whatever the rows are, so the same rows are always cut alike.
#[must_use]
pub fn step_of(at: UnixMs) -> Option<Span> {
    let start = UnixMs(at.0.div_euclid(STEP_MS).checked_mul(STEP_MS)?);
    Span::new(start, start.plus_ms(STEP_MS))
}

/// Brings rows into the order that [`Near`] needs.
pub fn sort<T>(rows: &mut [Row<T>]) {
    rows.sort_unstable_by_key(|row| row.start);
}

/// Those of sorted rows that are near a stretch of time, which only ever moves on.
#[derive(Debug)]
pub struct Near<'a, T> {
    coming: &'a [Row<T>],
    present: Vec<&'a Row<T>>,
}

impl<'a, T: Clone> Near<'a, T> {
    /// Over rows that are sorted by their start.
    #[must_use]
    pub fn over(rows: &'a [Row<T>]) -> Self {
        Self {
            coming: rows,
            present: Vec::new(),
        }
    }

    /// The first instant at or after `at` that a row holds, if there is one.
    #[must_use]
    pub fn next(&self, at: UnixMs) -> Option<UnixMs> {
        if self.present.iter().any(|row| row.end > at) {
            return Some(at);
        }
        self.coming.first().map(|row| row.start.max(at))
    }

    /// The rows that touch the stretch.
    pub fn rows(&mut self, reach: Span) -> Vec<Row<T>> {
        let come = self.coming.partition_point(|row| row.start <= reach.end());
        let (come, coming) = self.coming.split_at(come);
        self.coming = coming;
        self.present.retain(|row| row.end >= reach.start());
        self.present.extend(come.iter().filter(|row| row.end >= reach.start()));
        self.present.iter().copied().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(start: i64, end: i64) -> Row<i64> {
        Row {
            start: UnixMs(start),
            end: UnixMs(end),
            seen: start,
        }
    }

    #[test]
    fn steps_meet_and_hold_their_instants() {
        for at in [-STEP_MS - 1, -1, 0, 1, STEP_MS - 1, STEP_MS, 1_772_355_600_000] {
            let step = step_of(UnixMs(at)).expect("a step");
            assert!(
                step.start().0 <= at && at < step.end().0 && step.ms() == STEP_MS,
                "{at}"
            );
            assert_eq!(step.start().0.rem_euclid(STEP_MS), 0);
        }
        assert_eq!(step_of(UnixMs(i64::MIN)), None);
    }

    #[test]
    fn rows_are_there_while_they_touch_the_stretch_and_not_after() {
        let mut rows = [row(50, 60), row(0, 100), row(10, 20), row(70, 70), row(500, 600)];
        sort(&mut rows);
        let mut near = Near::over(&rows);
        let mut seen = |start, end| {
            let reach = Span::new(UnixMs(start), UnixMs(end)).expect("not empty");
            let mut seen: Vec<i64> = near.rows(reach).iter().map(|row| row.seen).collect();
            seen.sort_unstable();
            (seen, near.next(UnixMs(end)).map(|at| at.0))
        };
        assert_eq!(seen(0, 9), (vec![0], Some(9)));
        assert_eq!(seen(20, 50), (vec![0, 10, 50], Some(50)));
        assert_eq!(seen(60, 70), (vec![0, 50, 70], Some(70)));
        assert_eq!(seen(71, 100), (vec![0], Some(500)));
        assert_eq!(seen(100, 500), (vec![0, 500], Some(500)));
        assert_eq!(seen(601, 700), (vec![], None));
    }
}
