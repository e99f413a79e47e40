//! Arithmetic between counts and figures, and the moment they are taken.

use std::time::{Duration, SystemTime};

use domain::time::UnixMs;

/// The present instant.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the servers under load run on the system's clock, and so must those who load them"
)]
pub fn now() -> UnixMs {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A count as a number with a fraction; exact up to 2^53.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "nothing here counts as far as 2^53")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// How many a second; 0 when no time has passed.
#[must_use]
pub fn per_second(count: u64, time: Duration) -> f64 {
    ratio(number(count), time.as_secs_f64())
}

/// How many for each thousand of `of`; 0 when there are none.
#[must_use]
pub fn per_thousand(count: u64, of: u64) -> f64 {
    ratio(number(count) * 1e3, number(of))
}

/// Microseconds of `time` for each of `count`; 0 when there is none.
#[must_use]
pub fn us_each(time: Duration, count: u64) -> f64 {
    ratio(time.as_secs_f64() * 1e6, number(count))
}

/// `part` of `whole`; 0 when that is nothing.
#[must_use]
pub fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Milliseconds.
#[must_use]
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// By how much `y` grows with each `x`, along the line of least squares through the points; 0 where there is none.
#[must_use]
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = number(points.len() as u64);
    let mean = |of: fn(&(f64, f64)) -> f64| ratio(points.iter().map(of).sum(), count);
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut with_y, mut with_x) = (0.0, 0.0);
    for (x, y) in points {
        with_y += (x - mean_x) * (y - mean_y);
        with_x += (x - mean_x) * (x - mean_x);
    }
    ratio(with_y, with_x)
}

/// The median; of an even number the lower one of the middle two, so that it is a figure that was measured. `None` of nothing.
#[must_use]
pub fn median<T: Clone>(of: &[T], figure: impl Fn(&T) -> f64) -> Option<T> {
    let mut sorted = of.to_vec();
    sorted.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
    let middle = sorted.len().checked_sub(1)? / 2;
    Some(sorted.swap_remove(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_of_the_figures() {
        assert_eq!(median(&[3.0, 1.0, 2.0], |x| *x), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0], |x| *x), Some(2.0));
        assert_eq!(median::<f64>(&[], |x| *x), None);
    }

    #[test]
    fn a_slope_is_that_of_the_line_through_the_points() {
        for (points, expected) in [
            (vec![], 0.0),
            (vec![(5.0, 7.0)], 0.0),
            (vec![(0.0, 1.0), (10.0, 21.0), (20.0, 41.0)], 2.0),
            (vec![(0.0, 3.0), (1.0, 1.0), (2.0, 2.0)], -0.5),
        ] {
            assert!((slope(&points) - expected).abs() < 1e-9, "{points:?}");
        }
    }

    #[test]
    fn nothing_divided_is_nothing() {
        for (figure, expected) in [
            (per_second(5, Duration::ZERO), 0.0),
            (us_each(Duration::from_secs(1), 0), 0.0),
            (us_each(Duration::from_secs(1), 100_000), 10.0),
        ] {
            assert!((figure - expected).abs() < 1e-9, "{figure} for {expected}");
        }
    }
}
