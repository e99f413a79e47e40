//! Two samples of times: whether they can be told apart, and by how much their middles differ.

use std::time::Duration;

use crate::figures::number;

/// How often the samples are drawn anew from themselves, for the interval of the difference.
const REDRAWN: usize = 2_000;
/// What lies below and above the interval, each: it has 95 %.
const TAIL: f64 = 0.025;

/// The probability that two samples of one distribution differ in their ranks as much as these or more: the two-sided Mann-Whitney U test, by the normal
/// approximation, corrected for ties and continuity. 1 when there is nothing to tell apart.
#[must_use]
pub fn mann_whitney_p(one: &[Duration], other: &[Duration]) -> f64 {
    let (of_one, of_other) = (number(one.len() as u64), number(other.len() as u64));
    let all = of_one + of_other;
    let mut times: Vec<(Duration, bool)> = one.iter().map(|time| (*time, true)).collect();
    times.extend(other.iter().map(|time| (*time, false)));
    times.sort_unstable();
    // Those who share a time share the mean of their ranks.
    let (mut rank_sum, mut tie_sum, mut before) = (0.0, 0.0, 0.0);
    for tied in times.chunk_by(|left, right| left.0 == right.0) {
        let count = number(tied.len() as u64);
        let from_one = number(tied.iter().filter(|(_, is_one)| *is_one).count() as u64);
        rank_sum += from_one * (before + f64::midpoint(1.0, count));
        tie_sum += count * count * count - count;
        before += count;
    }
    let u = rank_sum - of_one * (of_one + 1.0) / 2.0;
    let expected = of_one * of_other / 2.0;
    let variance = of_one * of_other / 12.0 * (all + 1.0 - tie_sum / (all * (all - 1.0)));
    if variance.is_nan() || variance <= 0.0 {
        return 1.0;
    }
    let z = ((u - expected).abs() - 0.5).max(0.0) / variance.sqrt();
    beyond(z)
}

/// How far the median of `one` lies above that of `other`, in milliseconds, and the 95 % interval of it: by a bootstrap, with what `next` gives at random.
#[must_use]
pub fn median_difference_ms(one: &[Duration], other: &[Duration], mut next: impl FnMut() -> u64) -> (f64, f64, f64) {
    let mut redrawn: Vec<f64> = (0..REDRAWN)
        .map(|_| {
            let mut again = |sample: &[Duration]| -> Vec<Duration> {
                let count = sample.len() as u64;
                let place = |number: u64| usize::try_from(number).unwrap_or(0);
                (0..count).map(|_| sample[place(next() % count)]).collect()
            };
            median_ms(again(one)) - median_ms(again(other))
        })
        .collect();
    redrawn.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a small number"
    )]
    let cut = (TAIL * number(REDRAWN as u64)) as usize;
    let difference = median_ms(one.to_vec()) - median_ms(other.to_vec());
    (difference, redrawn[cut], redrawn[REDRAWN - 1 - cut])
}

/// The median, in milliseconds; 0 of nothing.
#[must_use]
pub fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let Some(last) = times.len().checked_sub(1) else {
        return 0.0;
    };
    (times[last / 2] + times[last.div_ceil(2)]).as_secs_f64() * 1e3 / 2.0
}

/// Numbers at random from a seed, for what needs no secrecy: SplitMix64.
pub fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// How likely a standard normal number lies further from 0 than `z`, on either side: Abramowitz and Stegun 7.1.26, wrong by less than 2e-7.
fn beyond(z: f64) -> f64 {
    const FACTORS: [f64; 5] = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let sum = FACTORS.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    sum * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(ms: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        ms.into_iter().map(Duration::from_millis).collect()
    }

    fn assert_near(figure: f64, expected: f64) {
        assert!((figure - expected).abs() < 1e-5, "{figure} instead of {expected}");
    }

    #[test]
    fn the_test_finds_what_others_find() {
        // The example in the manual of SciPy's `mannwhitneyu`, with its asymptotic method.
        let (one, other) = (times([19, 22, 16, 29, 24]), times([20, 11, 17, 12]));
        assert_near(mann_whitney_p(&one, &other), 0.111_346_9);
        assert_near(mann_whitney_p(&other, &one), 0.111_346_9);
        // By hand: ranks 1, 3, 3, 5.5 and 3, 5.5, 7, 8, so U = 2.5, of an expected 8 with a variance of 16 * (9 - 30 / 56) / 12.
        assert_near(mann_whitney_p(&times([1, 2, 2, 3]), &times([2, 3, 4, 5])), 0.136_658_2);
    }

    #[test]
    fn two_of_one_kind_are_not_told_apart_and_a_shift_of_a_tenth_of_the_noise_is() {
        let mut next = numbers(7);
        let mut noisy = |shift_us: u64| -> Vec<Duration> {
            (0..4_000)
                .map(|_| Duration::from_micros(30_000 + shift_us + next() % 1_000))
                .collect()
        };
        let (one, other, shifted) = (noisy(0), noisy(0), noisy(100));
        assert!(mann_whitney_p(&one, &other) > 0.01);
        assert!(mann_whitney_p(&one, &shifted) < 1e-6);
        let (difference, low, high) = median_difference_ms(&shifted, &one, numbers(8));
        assert!(
            low > 0.0 && low <= difference && difference <= high,
            "{low} {difference} {high}"
        );
        assert!(low < 0.1 && 0.1 < high, "{low} {high}");
    }

    #[test]
    fn nothing_to_compare_is_not_told_apart() {
        for (one, other) in [
            (vec![], vec![]),
            (times([1]), vec![]),
            (times([5, 5]), times([5, 5, 5])),
        ] {
            assert_near(mann_whitney_p(&one, &other), 1.0);
        }
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        for (of, expected) in [
            (vec![], 0.0),
            (times([3]), 3.0),
            (times([9, 1]), 5.0),
            (times([7, 1, 2]), 2.0),
        ] {
            assert_near(median_ms(of), expected);
        }
    }
}
