//! What came through the door and waits in the queue to be merged.

use crate::accounts::{DeviceId, UserId};
use crate::fault::Fault;

use super::{Claim, Heartbeat};

/// The number a device gives a ping: it starts at 1 and counts up by one, for as long as the device exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// The greatest number: what a signed 64-bit column holds.
    pub const MAX: u64 = i64::MAX.unsigned_abs();

    /// The number.
    ///
    /// # Errors
    /// A fault of `seq` when it is 0 or over [`Self::MAX`].
    pub fn new(number: u64) -> Result<Self, Fault> {
        if (1..=Self::MAX).contains(&number) {
            return Ok(Self(number));
        }
        Err(Fault::new("seq", "out_of_range", format!("must be 1 to {}", Self::MAX)))
    }

    /// The number as an integer.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// One ping on its way from the door to the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A ping that was accepted.
    Claim {
        /// What it claims.
        claim: Claim,
        /// Its number, where the device numbers its pings.
        seq: Option<Seq>,
    },
    /// A heartbeat that was accepted: a point, from which claims are derived where it is merged.
    Heartbeat {
        /// The point.
        heartbeat: Heartbeat,
    },
    /// A numbered ping that was refused for good. It claims nothing, but its number is settled: without this, the device could never be told
    /// that everything up to a later number is done.
    Refused {
        /// Whose ping it was.
        user: UserId,
        /// The device that numbered it.
        device: DeviceId,
        /// Its number.
        seq: Seq,
    },
}

impl Arrival {
    /// Whose it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        match self {
            Self::Claim { claim, .. } => claim.user,
            Self::Heartbeat { heartbeat } => heartbeat.user,
            Self::Refused { user, .. } => *user,
        }
    }

    /// The device and number to settle once it is merged.
    #[must_use]
    pub fn numbered(&self) -> Option<(DeviceId, Seq)> {
        match self {
            Self::Claim { claim, seq } => seq.map(|seq| (claim.segment.holder.rank.device, seq)),
            Self::Heartbeat { .. } => None,
            Self::Refused { device, seq, .. } => Some((*device, *seq)),
        }
    }
}
