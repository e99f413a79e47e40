//! Where the display's clock stands on ours, found out ever more closely by asking for the time.

use std::time::Duration;

/// How long a tick of the display is, in microseconds. It tells the last one that was over.
const TICK_US: i64 = 1_000;

/// The display's ticks on our steady clock. Both are the machine's where the display is on it, so what one look learns holds for all.
#[derive(Debug, Default)]
pub(super) struct Ticks(Option<Known>);

#[derive(Debug, Clone, Copy)]
struct Known {
    /// The tick told last, without the turns that 32 bits make every 49 days.
    tick: i64,
    /// The display's zero on our clock, in microseconds, is not before the one and not after the other.
    least: i64,
    most: i64,
}

impl Ticks {
    /// The display told this tick, and did so between the two moments on our clock.
    pub(super) fn told(&mut self, tick: u32, after: Duration, before: Duration) {
        let mut known = self.0.unwrap_or(Known {
            tick: i64::from(tick),
            least: i64::MIN,
            most: i64::MAX,
        });
        known.tick += since(known.tick, tick);
        let least = us(after) - (known.tick + 1) * TICK_US;
        let most = us(before) - known.tick * TICK_US;
        (known.least, known.most) = (known.least.max(least), known.most.min(most));
        if known.least > known.most {
            // The clocks do not run alike.
            (known.least, known.most) = (least, most);
        }
        self.0 = Some(known);
    }

    /// When a tick near the one told last was, on our clock. Nothing if none was told.
    pub(super) fn steady(&self, tick: u32) -> Option<Duration> {
        let known = self.0?;
        let zero = known.least.midpoint(known.most);
        let at = (known.tick + since(known.tick, tick)) * TICK_US + zero;
        Some(Duration::from_micros(u64::try_from(at).unwrap_or(0)))
    }
}

/// How many ticks `tick` is after the one told, or before it.
pub(super) fn since(told: i64, tick: u32) -> i64 {
    let told = u32::try_from(told.rem_euclid(1 << 32)).expect("32 bits");
    i64::from(tick.wrapping_sub(told).cast_signed())
}

fn us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// The difference to the truth, in microseconds, where our clock is 5 s behind the display's.
    fn error_us(ticks: &Ticks, tick: u32) -> u64 {
        let at = ticks.steady(tick).expect("told");
        u64::try_from(at.abs_diff(MS(u64::from(tick) - 5_000)).as_micros()).expect("small")
    }

    #[test]
    fn the_closest_answers_count_and_slow_ones_change_nothing() {
        let mut ticks = Ticks::default();
        assert_eq!(ticks.steady(7), None);
        ticks.told(6_000, MS(960), MS(1_000));
        assert!(error_us(&ticks, 6_000) <= 21_000);
        ticks.told(8_000, MS(3_000), MS(3_001));
        assert!(error_us(&ticks, 7_000) <= 1_000);
        let before = ticks.steady(9_000);
        ticks.told(9_000, MS(3_500), MS(4_900));
        assert_eq!(ticks.steady(9_000), before);
    }

    #[test]
    fn ticks_before_the_last_are_earlier_and_it_may_turn_over() {
        let mut ticks = Ticks::default();
        ticks.told(u32::MAX - 9, MS(2_000), MS(2_000));
        ticks.told(90, MS(2_100), MS(2_100));
        let at = |tick| ticks.steady(tick).expect("told");
        assert_eq!(at(90), at(u32::MAX - 9) + MS(100));
        assert_eq!(at(0), at(u32::MAX) + MS(1));
    }

    #[test]
    fn a_clock_that_runs_away_is_followed() {
        let mut ticks = Ticks::default();
        for second in 1..100 {
            // The display's runs a hundredth faster.
            ticks.told(
                u32::try_from(1_010 * second).expect("small"),
                MS(1_000 * second),
                MS(1_000 * second),
            );
            let at = ticks
                .steady(u32::try_from(1_010 * second).expect("small"))
                .expect("told");
            assert!(at.abs_diff(MS(1_000 * second)) <= MS(11), "{at:?}");
        }
    }
}
