//! Where people are signed in.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::accounts::{Device, DeviceId, SessionId, UserId};
use domain::time::UnixMs;

use crate::PortError;

/// How many devices a person may have, those they signed out included: they still name what was tracked on them.
pub const DEVICES_MAX: usize = 1_000;

/// Devices.
#[async_trait]
pub trait Devices: Send + Sync {
    /// The devices of a person that are signed in at `now` or have an API key, the greatest precedence first.
    async fn list(&self, user: UserId, now: UnixMs) -> Result<Vec<DeviceState>, PortError>;

    /// Changes what `change` names of such a device; `None` when the person has none of that id. A precedence that is given says that the person has
    /// ordered their devices: from then on signing in again moves none of them.
    async fn change(
        &self,
        user: UserId,
        device: DeviceId,
        change: &DeviceChange,
        now: UnixMs,
    ) -> Result<Option<DeviceState>, PortError>;
}

/// What to change of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceChange {
    /// A new name.
    pub name: Option<String>,
    /// A new precedence.
    pub precedence: Option<i32>,
}

/// A device and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// The device.
    pub device: Device,
    /// Its session, if it is signed in.
    pub session: Option<SessionId>,
    /// Its API key, if it has one.
    pub api_key: Option<SessionId>,
    /// When it signed in, or when its API key was made.
    pub signed_in_at: UnixMs,
    /// When it was heard of last, to a few minutes.
    pub last_seen_at: UnixMs,
    /// From which address that was.
    pub last_address: Option<IpAddr>,
}
