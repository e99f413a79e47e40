//! Forgetting a person's account.

use async_trait::async_trait;
use domain::accounts::{DeviceId, SessionId, UserId};
use domain::time::UnixMs;

use crate::PortError;

/// The account.
#[async_trait]
pub trait AccountErasure: Send + Sync {
    /// Every device that a person has or had.
    async fn devices(&self, user: UserId) -> Result<Vec<DeviceId>, PortError>;

    /// Forgets the person: profile, devices, sessions, keys, factors, resets and security log, all or nothing. Answers the sessions and API keys that have ended
    /// by it, whose ends stay noted for the nodes. Doing it again answers none.
    async fn erase(&self, user: UserId, now: UnixMs) -> Result<Vec<SessionId>, PortError>;
}
