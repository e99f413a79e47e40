//! Heartbeats: points in time that some trackers send instead of stretches. What they claim is derived from the points, see [`claims_of`](super::claims_of).

mod context;

pub use context::{Context, ContextText, Kind, Mention};

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::{Caller, DeviceId, UserId};
use crate::fault::Fault;
use crate::time::{SECOND_MS, UnixMs};

use super::{Arrival, Attention, Holder, Label, Rank};

/// How long a heartbeat waits for a later one of its device: it claims the time up to the farthest that comes within this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Patience(u32);

impl Patience {
    /// The shortest, in milliseconds: a minute.
    pub const MS_MIN: i64 = 60 * SECOND_MS;
    /// The longest, in milliseconds: an hour. With it, an hour around a point is all that merging it has to look at.
    pub const MS_MAX: i64 = 3_600 * SECOND_MS;

    /// So many milliseconds.
    ///
    /// # Errors
    /// A fault of `heartbeat_timeout` when they are less than [`Self::MS_MIN`] or more than [`Self::MS_MAX`].
    pub fn from_ms(ms: i64) -> Result<Self, Fault> {
        let fitting = u32::try_from(ms)
            .ok()
            .filter(|_| (Self::MS_MIN..=Self::MS_MAX).contains(&ms));
        fitting.map(Self).ok_or_else(|| {
            let seconds = |ms: i64| Duration::from_millis(ms.unsigned_abs()).as_secs();
            let (least, most) = (seconds(Self::MS_MIN), seconds(Self::MS_MAX));
            Fault::new(
                "heartbeat_timeout",
                "out_of_range",
                format!("must be {least} to {most} seconds"),
            )
        })
    }

    /// So many seconds.
    ///
    /// # Errors
    /// As [`Self::from_ms`].
    pub fn from_secs(secs: i64) -> Result<Self, Fault> {
        Self::from_ms(secs.saturating_mul(SECOND_MS))
    }

    /// How long, in milliseconds.
    #[must_use]
    pub fn ms(self) -> i64 {
        i64::from(self.0)
    }

    /// How long, in whole seconds.
    #[must_use]
    pub fn secs(self) -> u32 {
        self.0 / 1_000
    }
}

/// Ten minutes.
impl Default for Patience {
    fn default() -> Self {
        Self(600_000)
    }
}

/// "At this instant, this had the user's attention." The device and the person come from the caller's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatPing {
    /// When.
    pub at: UnixMs,
    /// What time is counted under.
    pub label: Label,
    /// How much attention.
    pub attention: Attention,
    /// What the tracker says of it besides.
    pub context: Context,
    /// How long it waits for a later one; from here on fixed.
    pub patience: Patience,
}

impl HeartbeatPing {
    /// The point that it becomes when `caller` sends it: from here on its rank is fixed.
    #[must_use]
    pub fn sent_by(self, caller: &Caller) -> Arrival {
        let beat = Beat {
            device: caller.device,
            at: self.at,
            attention: self.attention,
            precedence: caller.precedence,
            label: self.label,
            patience: self.patience,
        };
        let heartbeat = Heartbeat {
            user: caller.user,
            beat,
            context: Arc::new(self.context),
        };
        Arrival::Heartbeat { heartbeat }
    }
}

/// A heartbeat after validation. Two that are equal in everything are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Heartbeat {
    /// Whose it is.
    pub user: UserId,
    /// The point.
    pub beat: Beat,
    /// What the tracker said of it besides.
    pub context: Arc<Context>,
}

/// A point of a device: all of a heartbeat that the timeline depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Beat {
    /// The device it is of.
    pub device: DeviceId,
    /// When.
    pub at: UnixMs,
    /// How much attention.
    pub attention: Attention,
    /// The device's precedence when it was accepted.
    pub precedence: i32,
    /// What time is counted under.
    pub label: Label,
    /// How long it waits for a later one.
    pub patience: Patience,
}

impl Beat {
    /// Who holds what it claims.
    #[must_use]
    pub fn holder(&self) -> Holder {
        Holder {
            rank: Rank {
                attention: self.attention,
                precedence: self.precedence,
                device: self.device,
                beat: Some(self.at),
            },
            label: self.label.clone(),
        }
    }

    /// The last instant that a later point may have for this one to claim the time up to it.
    #[must_use]
    pub fn waits_until(&self) -> UnixMs {
        self.at.plus_ms(self.patience.ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_a_minute_to_an_hour() {
        let secs = |secs| {
            Patience::from_secs(secs)
                .map(Patience::ms)
                .map_err(|fault| fault.detail)
        };
        assert_eq!(secs(60), Ok(Patience::MS_MIN));
        assert_eq!(secs(3_600), Ok(Patience::MS_MAX));
        for refused in [i64::MIN, -60, 0, 59, 3_601, i64::MAX] {
            assert_eq!(secs(refused), Err("must be 60 to 3600 seconds".to_owned()));
        }
        assert!(Patience::from_ms(Patience::MS_MIN - 1).is_err() && Patience::from_ms(Patience::MS_MAX + 1).is_err());
        assert_eq!(Patience::from_ms(Patience::default().ms()), Ok(Patience::default()));
    }
}
