//! Latencies in microseconds, counted in buckets no wider than 1/64 of their value: fixed memory, nothing allocated while measuring.

use std::time::Duration;

/// Values below this have a bucket each.
const EXACT: u64 = 128;
/// Above, each power of two is divided into this many buckets.
const STEPS: u64 = EXACT / 2;
/// The longest latency told apart, about 71 minutes; anything longer counts as this.
const LONGEST_US: u64 = (1 << 32) - 1;
/// One bucket for each exact value, then [`STEPS`] for each power of two from 2^7 to 2^31.
const BUCKETS: usize = 128 + 25 * 64;

/// How often each latency was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            longest_us: 0,
        }
    }
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).map_or(LONGEST_US, |us| us.min(LONGEST_US));
        self.buckets[bucket(us)] += 1;
        self.count += 1;
        self.longest_us = self.longest_us.max(us);
    }

    /// Counts everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, seen) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += seen;
        }
        self.count += other.count;
        self.longest_us = self.longest_us.max(other.longest_us);
    }

    /// How many latencies were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The latency that `per_mille` of 1,000 do not exceed: 500 is the median. At most 1/64 too long, never too short; 0 when nothing was counted.
    #[must_use]
    pub fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (self.count * per_mille).div_ceil(1_000).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (index, count) in (0..).zip(&self.buckets) {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(last_of(index).min(self.longest_us));
            }
        }
        Duration::from_micros(self.longest_us)
    }

    /// The longest latency, exactly.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_us)
    }
}

/// The bucket of a latency of at most [`LONGEST_US`].
#[expect(
    clippy::cast_possible_truncation,
    reason = "the greatest index is BUCKETS - 1, which is small"
)]
fn bucket(us: u64) -> usize {
    let Some(shift) = (us / EXACT).checked_ilog2().map(|power| u64::from(power) + 1) else {
        return us as usize;
    };
    // The seven leading bits of the value: 64 to 127.
    let leading = us >> shift;
    (EXACT + (shift - 1) * STEPS + (leading - STEPS)) as usize
}

/// The longest latency of a bucket.
fn last_of(index: u64) -> u64 {
    let Some(above) = index.checked_sub(EXACT) else {
        return index;
    };
    let shift = above / STEPS + 1;
    let leading = above % STEPS + STEPS;
    ((leading + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(latencies_us: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for us in latencies_us {
            histogram.record(Duration::from_micros(us));
        }
        histogram
    }

    fn us(latency: Duration) -> u64 {
        u64::try_from(latency.as_micros()).expect("short")
    }

    #[test]
    fn every_latency_lies_in_a_bucket_that_is_tight_and_follows_the_one_before() {
        let mut previous = None;
        for index in 0..BUCKETS as u64 {
            let last = last_of(index);
            let first = previous.map_or(0, |previous| previous + 1);
            assert_eq!(
                (bucket(first) as u64, bucket(last) as u64),
                (index, index),
                "{first}..={last}"
            );
            assert!(last - first <= first / 64, "{first}..={last} is too wide");
            previous = Some(last);
        }
        assert_eq!(previous, Some(LONGEST_US));
    }

    #[test]
    fn quantiles_of_short_latencies_are_exact() {
        let histogram = of(1..=100);
        for (per_mille, expected) in [
            (0, 1),
            (10, 1),
            (500, 50),
            (501, 51),
            (990, 99),
            (999, 100),
            (1_000, 100),
        ] {
            assert_eq!(us(histogram.quantile(per_mille)), expected, "{per_mille} per mille");
        }
    }

    #[test]
    fn quantiles_of_long_latencies_are_never_too_short_and_hardly_too_long() {
        let histogram = of((1..=1_000).map(|n| n * 997));
        for per_mille in [1, 250, 500, 900, 990, 999, 1_000] {
            let exact = per_mille * 997;
            let told = us(histogram.quantile(per_mille));
            assert!(
                (exact..=exact + exact / 64).contains(&told),
                "{per_mille} per mille: {told} for {exact}"
            );
        }
        assert_eq!(us(histogram.quantile(1_000)), us(histogram.longest()));
    }

    #[test]
    fn what_is_too_long_counts_as_the_longest() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert_eq!(us(histogram.quantile(500)), LONGEST_US);
    }

    #[test]
    fn merging_is_counting_together() {
        let mut merged = of([1, 200]);
        merged.merge(&of([90_000, 3]));
        assert_eq!(merged, of([90_000, 1, 3, 200]));
        assert_eq!(merged.count(), 4);
    }

    #[test]
    fn nothing_counted_is_no_latency() {
        assert_eq!(Histogram::default().quantile(990), Duration::ZERO);
    }
}
