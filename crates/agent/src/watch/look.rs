//! What the watch is shown, and when it wants to be shown more.

use std::time::Duration;

use domain::time::UnixMs;
use domain::usage::AppName;

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock. It stamps the pings and may jump.
    pub wall: UnixMs,
    /// Time since a fixed start, on a clock that never jumps and stands still while the machine sleeps.
    pub steady: Duration,
}

/// What the desktop looked like at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Moment,
    /// The application that has the focus.
    pub app: Option<AppName>,
    /// How long ago the last input was, on the steady clock.
    pub idle: Duration,
}

/// How finely to ping, and when a person is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A ping is made whenever this much confirmed time has gathered, and at each change of focus.
    pub ping_every: Duration,
    /// Without input for this long, the person was away since the last input.
    pub idle_limit: Duration,
}

/// What the next look is due for, whichever comes first. A change of focus is shown in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// This much time.
    pub within: Option<Duration>,
    /// The next input.
    pub at_input: bool,
}

impl Moment {
    /// The moment this much earlier.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        Self {
            wall: self.wall.before(by),
            steady: self.steady.saturating_sub(by),
        }
    }

    /// By how much the wall clock ran ahead of the steady one since `before`. Anything else than nothing is a sleep or a clock that was set.
    pub(super) fn parted_ms(self, before: Self) -> i64 {
        let wall_ms = self.wall.0.saturating_sub(before.wall.0);
        wall_ms.saturating_sub(ms(self.steady) - ms(before.steady))
    }
}

pub(super) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
