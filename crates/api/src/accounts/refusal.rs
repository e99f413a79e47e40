//! When a refused sign-in, and a wish for a mail, is answered: at the end of a step of time, whatever it took. What was looked up, compared and noted differs
//! by some microseconds between an address that nobody has and one that somebody has; thousands of attempts would show it.

use std::time::{Duration, Instant};

/// How long a step is: longer than a refusal takes on a machine that is not overrun. On one that is, what waits for its turn takes several.
const STEP: Duration = Duration::from_millis(100);

/// Waits for the end of the step that is under way since `asked`.
pub(crate) async fn end_of_step(asked: Instant) {
    tokio::time::sleep_until(end(asked, Instant::now()).into()).await;
}

fn end(asked: Instant, now: Instant) -> Instant {
    let begun = now.saturating_duration_since(asked).as_nanos() / STEP.as_nanos() + 1;
    asked + STEP.saturating_mul(u32::try_from(begun).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_takes_one_step_or_two_and_never_ends_within_one() {
        let asked = Instant::now();
        let short = |steps: u32| (STEP * steps).saturating_sub(Duration::from_nanos(1));
        for (took, answered_after) in [
            (Duration::ZERO, STEP),
            (short(1), STEP),
            (STEP, STEP * 2),
            (short(2), STEP * 2),
            (STEP * 7, STEP * 8),
        ] {
            assert_eq!(end(asked, asked + took) - asked, answered_after, "{took:?}");
        }
    }
}
