//! A person's visit to the page that confirms devices. It is signed and kept by their browser alone.

use domain::accounts::{DeviceId, SessionId, UserId};
use domain::time::UnixMs;

use super::UserCodeHash;

/// What the page knows from one step to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Who was recognised.
    pub user: UserId,
    /// Which of their passwords it was then: a visit ends with it.
    pub password_version: i32,
    /// What they are signed in on, where a session is what they were recognised by: the visit ends with that, too.
    pub on: Option<(DeviceId, SessionId)>,
    /// The code that they typed.
    pub code: UserCodeHash,
    /// What became of that.
    pub state: VisitState,
    /// When the visit is over, whatever becomes of it.
    pub expires_at: UnixMs,
}

/// What became of the code of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitState {
    /// A device showed it, and waited.
    Found,
    /// None did, or no longer.
    Missed,
    /// The person confirmed the device. Nobody is recognised by this visit any more.
    Approved,
    /// They turned it down. Nor by this one.
    Denied,
}

impl VisitState {
    /// Whether the visit has come to its end.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Approved | Self::Denied)
    }
}
