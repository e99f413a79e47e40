//! The machine's two clocks and its source of chance: the only place that asks for them.

use std::time::{Instant, SystemTime};

use domain::time::UnixMs;

use crate::watch::Moment;

/// The wall clock and a clock that never jumps, read together.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose steady hand starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment {
            wall: wall(),
            // On Linux this is CLOCK_MONOTONIC, which stands still while the machine sleeps.
            steady: self.start.elapsed(),
        }
    }
}

/// What the wall clock says.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the edge that passes the time in")]
pub fn wall() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A clock before 1970 is broken, and the server refuses what it stamps.
    UnixMs(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// 128 random bits.
///
/// # Panics
/// If the system has no randomness to give, which Linux always has once it is up.
#[must_use]
pub fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("Linux has randomness to give once it is up");
    u128::from_ne_bytes(bytes)
}

/// A random number from 0 up to 1.
#[must_use]
pub fn dice() -> f64 {
    let bits = u32::try_from(random() & u128::from(u32::MAX)).unwrap_or(0);
    f64::from(bits) / 2_f64.powi(32)
}
