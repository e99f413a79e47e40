//! When to send what: pauses after failures, splitting of batches, sending again what was never merged. Pure: the time and the dice are passed in.

use std::time::{Duration, Instant};

use course::Course;
pub use course::Stretch;

mod course;

/// The most pings in a request.
pub const BATCH_MAX: usize = 500;
/// The most pings in a request of what is new while there is a backlog: the server merges lists of up to so many before longer ones.
pub const LIVE_MAX: usize = 100;
/// Pauses after failures double from the first to the second.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_mins(1);
/// The longest that a server can tell the agent to stay away.
const TOLD_MAX: Duration = Duration::from_mins(15);
/// The longest between two rounds of sending what a server took but does not merge.
const RESEND_MAX: Duration = Duration::from_mins(15);

/// The sender's plan.
#[derive(Debug)]
pub struct Schedule {
    resend_min: Duration,
    resend_after: Duration,
    resend_at: Option<Instant>,
    pause_until: Option<Instant>,
    failures: u32,
    course: Course,
    batch_max: usize,
}

impl Schedule {
    /// Nothing was sent yet. What was taken and is not merged is sent again after `resend_min`, then less and less often.
    #[must_use]
    pub fn new(resend_min: Duration) -> Self {
        Self {
            resend_min,
            resend_after: resend_min,
            resend_at: None,
            pause_until: None,
            failures: 0,
            course: Course::default(),
            batch_max: BATCH_MAX,
        }
    }

    /// Which numbers to send next, where everything through `merged` is merged and `last` is the number given last. It may hold nothing.
    pub fn next(&mut self, merged: u64, last: u64) -> Stretch {
        self.course.next(merged, last, self.batch_max)
    }

    /// How many pings the next request may have.
    #[must_use]
    pub fn batch_max(&self) -> usize {
        self.batch_max
    }

    /// How many times in a row sending failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// How long not to send yet.
    #[must_use]
    pub fn pause(&self, now: Instant) -> Option<Duration> {
        let pause = self.pause_until?.saturating_duration_since(now);
        (!pause.is_zero()).then_some(pause)
    }

    /// How long until what was taken must be sent again; `None` if nothing waits for that.
    #[must_use]
    pub fn resend_within(&self, now: Instant) -> Option<Duration> {
        Some(self.resend_at?.saturating_duration_since(now))
    }

    /// Whether what was taken is not merged even after it was sent again.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.resend_after > self.resend_min
    }

    /// Starts over with the first ping that is not merged.
    pub fn resend(&mut self) {
        self.course = Course::default();
        self.resend_at = None;
        self.resend_after = (self.resend_after * 2).min(RESEND_MAX.max(self.resend_min));
    }

    /// The server answered, and the numbers changed: begins with the first of them.
    pub fn restart(&mut self) {
        self.course = Course::default();
        self.resend_at = None;
        self.pause_until = None;
        self.failures = 0;
    }

    /// The server took everything through `seq`. `progress`: it merged more than before. `unmerged`: it has taken something that is not merged.
    pub fn taken(&mut self, seq: u64, progress: bool, unmerged: bool, now: Instant) {
        self.course.taken(seq);
        self.failures = 0;
        self.pause_until = None;
        self.batch_max = (self.batch_max * 2).min(BATCH_MAX);
        if progress {
            self.resend_after = self.resend_min;
        }
        self.resend_at = match self.resend_at {
            _ if !unmerged => None,
            Some(at) if !progress => Some(at),
            _ => Some(now + self.resend_after),
        };
    }

    /// The batch cannot go as it is; half of it may.
    pub fn split(&mut self, batch: usize) {
        self.batch_max = (batch / 2).max(1);
    }

    /// It failed. `dice` is from 0 up to 1, so that many agents do not come back at once.
    pub fn failed(&mut self, now: Instant, dice: f64) {
        let whole = RETRY_MIN
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(RETRY_MAX);
        self.failures = self.failures.saturating_add(1);
        self.pause_until = Some(now + whole.mul_f64(0.5 + 0.5 * dice));
    }

    /// The server named a delay, or the agent has to wait for a person.
    pub fn told(&mut self, delay: Duration, now: Instant, dice: f64) {
        self.failures = self.failures.saturating_add(1);
        let delay = delay.clamp(RETRY_MIN, TOLD_MAX);
        self.pause_until = Some(now + delay.mul_f64(1.0 + 0.1 * dice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESEND: Duration = Duration::from_mins(1);

    fn start() -> (Schedule, Instant) {
        (Schedule::new(RESEND), Instant::now())
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_end_with_a_success() {
        let (mut schedule, now) = start();
        let pauses: Vec<u128> = (0..9)
            .map(|_| {
                schedule.failed(now, 1.0);
                schedule.pause(now).expect("a pause").as_millis()
            })
            .collect();
        assert_eq!(
            pauses,
            [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]
        );
        schedule.taken(1, false, true, now);
        assert_eq!((schedule.pause(now), schedule.failures()), (None, 0));
        schedule.failed(now, 0.0);
        assert_eq!(schedule.pause(now), Some(Duration::from_millis(500)));
        assert_eq!(schedule.pause(now + Duration::from_millis(500)), None);
    }

    #[test]
    fn a_named_delay_is_kept_within_bounds() {
        let (mut schedule, now) = start();
        for (told, kept) in [(0, 1), (30, 30), (900, 900), (86_400, 900)] {
            schedule.told(Duration::from_secs(told), now, 0.0);
            assert_eq!(schedule.pause(now), Some(Duration::from_secs(kept)), "{told}");
        }
    }

    #[test]
    fn batches_shrink_to_one_and_grow_back() {
        let (mut schedule, now) = start();
        let mut sizes = Vec::new();
        for _ in 0..10 {
            schedule.split(schedule.batch_max());
            sizes.push(schedule.batch_max());
        }
        assert_eq!(sizes, [250, 125, 62, 31, 15, 7, 3, 1, 1, 1]);
        for _ in 0..9 {
            schedule.taken(1, false, true, now);
        }
        assert_eq!(schedule.batch_max(), BATCH_MAX);
    }

    #[test]
    fn what_is_not_merged_is_sent_again_ever_more_seldom() {
        let (mut schedule, mut now) = start();
        let mut minutes = Vec::new();
        for _ in 0..6 {
            schedule.taken(10, false, true, now);
            schedule.taken(11, false, true, now + Duration::from_secs(5));
            assert_eq!(schedule.is_stalled(), !minutes.is_empty());
            let within = schedule.resend_within(now).expect("due");
            minutes.push(within.as_secs() / 60);
            now += within;
            assert_eq!(schedule.resend_within(now), Some(Duration::ZERO));
            schedule.resend();
            assert_eq!((schedule.next(0, 10).after, schedule.resend_within(now)), (0, None));
        }
        assert_eq!(minutes, [1, 2, 4, 8, 15, 15]);
        schedule.taken(11, true, true, now);
        assert_eq!(schedule.resend_within(now), Some(RESEND));
        schedule.taken(12, true, false, now);
        assert_eq!(schedule.resend_within(now), None);
    }
}
