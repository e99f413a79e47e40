//! Devices that ask to be signed in, and show a code with which a person confirms that on another one (RFC 8628).

use std::net::IpAddr;

use async_trait::async_trait;
use domain::accounts::{Device, DeviceId, DeviceKey, SecurityEntry, SessionId, UserCode, UserId};
use domain::time::UnixMs;

use super::{RefreshHash, sha256};
use crate::PortError;

sha256! {
    /// SHA-256 of the code with which a device asks whether it was confirmed.
    DeviceCodeHash
}

sha256! {
    /// SHA-256 of the code that the person types.
    UserCodeHash
}

/// How many devices may wait at once. Each of them is a code that a guess could hit.
pub const WAITING_DEVICES_MAX: usize = 2_000;
/// How many of them may have asked from one address; addresses of IPv6 count by their first 64 bits.
pub const WAITING_DEVICES_OF_ADDRESS_MAX: usize = 20;

/// Makes both codes.
pub trait DeviceCodeMaker: Send + Sync {
    /// New codes, to be told the device once.
    fn make(&self) -> Result<NewDeviceCodes, PortError>;

    /// The hash of a device's code that was given; `None` when it does not have the shape of one.
    fn read(&self, device_code: &str) -> Option<DeviceCodeHash>;

    /// The hash of a person's code.
    fn hash(&self, user_code: &UserCode) -> UserCodeHash;
}

/// The codes of one device.
#[derive(Clone)]
pub struct NewDeviceCodes {
    /// For the device: 256 random bits.
    pub device_code: String,
    /// The hash of that.
    pub device_hash: DeviceCodeHash,
    /// For the person.
    pub user_code: UserCode,
    /// The hash of that.
    pub user_hash: UserCodeHash,
}

/// Devices that wait. Of the codes only hashes are kept; what has expired is as good as gone.
#[async_trait]
pub trait DeviceCodes: Send + Sync {
    /// Keeps a device that waits. `false`, and nothing kept, when there are [`WAITING_DEVICES_MAX`] at that instant, or [`WAITING_DEVICES_OF_ADDRESS_MAX`]
    /// from its address, or somebody has one of the codes.
    async fn keep(&self, device: &NewWaitingDevice) -> Result<bool, PortError>;

    /// The device that shows a code and waits at `now`.
    async fn look(&self, code: UserCodeHash, now: UnixMs) -> Result<Option<WaitingDevice>, PortError>;

    /// Answers the device that shows a code and waits, once, and keeps the entry. `false`, and nothing done, when there is none.
    async fn answer(&self, answer: &DeviceAnswer) -> Result<bool, PortError>;

    /// Signs the device in if a person has confirmed it, which uses up its codes.
    async fn claim(&self, claim: &DeviceClaim) -> Result<Claimed, PortError>;

    /// Forgets what has expired by `now`.
    async fn forget_expired(&self, now: UnixMs) -> Result<(), PortError>;
}

/// What a device tells a person of itself, none of which is proven but the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDevice {
    /// The key of the device.
    pub key: DeviceKey,
    /// What it is called.
    pub name: Option<String>,
    /// What it runs on.
    pub platform: Option<String>,
    /// Where it asked from.
    pub address: Option<IpAddr>,
    /// When it asked.
    pub asked_at: UnixMs,
    /// Until when the codes are good.
    pub expires_at: UnixMs,
}

/// A device to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWaitingDevice {
    /// The hash of the device's code.
    pub device_hash: DeviceCodeHash,
    /// The hash of the person's code.
    pub user_hash: UserCodeHash,
    /// The device.
    pub device: WaitingDevice,
}

/// A person's word on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceAnswer {
    /// The hash of the code that the person typed.
    pub code: UserCodeHash,
    /// Who.
    pub user: UserId,
    /// Whether the device may sign in as them.
    pub approve: bool,
    /// The present instant.
    pub now: UnixMs,
    /// For the security log.
    pub entry: SecurityEntry,
}

/// A device that asks whether it was confirmed, with what it would be signed in with.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceClaim {
    /// The hash of its code.
    pub code: DeviceCodeHash,
    /// The id that it gets if its key is new to the person.
    pub new_device: DeviceId,
    /// The sign-in's id.
    pub session: SessionId,
    /// Its refresh token's hash.
    pub refresh: RefreshHash,
    /// The present instant.
    pub now: UnixMs,
    /// When the refresh token expires.
    pub expires_at: UnixMs,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// For the security log; whose it is, the store fills in.
    pub entry: SecurityEntry,
}

impl DeviceClaim {
    /// How many seconds a device waits between two questions.
    pub const INTERVAL_SECS: i64 = 5;
    /// How many more it has to wait after each that came too soon.
    pub const SLOWER_SECS: i64 = 5;
    /// And the most.
    pub const INTERVAL_SECS_MAX: i64 = 60;
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum Claimed {
    /// The device is signed in.
    SignedIn {
        /// As whom.
        user: UserId,
        /// The device.
        device: Device,
        /// Its session before, which has ended.
        replaced: Option<SessionId>,
    },
    /// Nobody has answered yet.
    Pending,
    /// Nobody has answered yet, and the device asks too often.
    TooFast,
    /// The person said no.
    Denied,
    /// The code is none, or none any more: it has expired or was used, or what was confirmed was overtaken by a new password.
    Expired,
    /// The device would be new, and the person has as many as they may: [`super::DEVICES_MAX`].
    TooManyDevices,
}
