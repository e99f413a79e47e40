//! The machine's two clocks and its source of chance: the only place that asks for them.

use std::time::{Duration, Instant, SystemTime};

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

    /// The moment at which the steady clock was there. Two that are whole milliseconds apart are so on the wall clock too.
    #[must_use]
    pub fn at(&self, steady: Duration) -> Moment {
        let wall = since_1970();
        let ago = self.start.elapsed().saturating_sub(steady);
        let wall = wall.saturating_sub(ago) + Duration::from_micros(500);
        Moment {
            wall: unix_ms(wall),
            steady,
        }
    }
}

/// What the wall clock says.
#[must_use]
pub fn wall() -> UnixMs {
    unix_ms(since_1970())
}

#[expect(clippy::disallowed_methods, reason = "the edge that passes the time in")]
fn since_1970() -> Duration {
    // A clock before 1970 is broken, and the server refuses what it stamps.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

fn unix_ms(since: Duration) -> UnixMs {
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
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
