//! Sign-ins: at most one for each device.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::accounts::{Caller, Device, DeviceId, DeviceKey, SecurityEntry, SessionId, UserId};
use domain::time::UnixMs;

use super::RefreshHash;
use crate::PortError;

/// Sign-ins. Whoever ends one tells every node of it afterwards; that they all hear of it in the end, also when the teller dies in between, is the store's part:
/// it notes each end where the nodes look.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Signs a device in, replacing its session if it has one, and keeps `sign_in.entry` with the device's id in it. A device whose key is new to the person
    /// becomes theirs under `new_device`, with a precedence above that of all others. So does one that is known, until the person has ordered their devices.
    async fn sign_in(&self, sign_in: &SignIn) -> Result<SignInOutcome, PortError>;

    /// Replaces a refresh token by its successor. See [`Rotation`].
    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, PortError>;

    /// Ends sessions, keeps `end.entry`, and answers which have ended: none, and nothing kept, where there was nothing to end.
    async fn end(&self, end: &End) -> Result<Vec<SessionId>, PortError>;
}

/// A sign-in to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// Who.
    pub user: UserId,
    /// The key of their device.
    pub key: DeviceKey,
    /// The id the device gets if its key is new.
    pub new_device: DeviceId,
    /// What it is called; kept as it is when not given.
    pub name: Option<String>,
    /// What it runs on; kept as it is when not given.
    pub platform: Option<String>,
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
    /// Of which version the password was that was checked.
    pub password_version: i32,
    /// For the security log.
    pub entry: SecurityEntry,
}

/// What became of a sign-in.
#[derive(Debug, Clone, PartialEq)]
pub enum SignInOutcome {
    /// The device is signed in.
    SignedIn {
        /// The device.
        device: Device,
        /// Its session before, which has ended.
        replaced: Option<SessionId>,
    },
    /// The device would be new, and the person has as many as they may: [`super::DEVICES_MAX`].
    TooManyDevices,
    /// The password was changed since it was checked, or the account was closed or erased.
    Outdated,
}

/// A refresh token to replace.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotate {
    /// The session the token names.
    pub session: SessionId,
    /// The hash of the token that was shown.
    pub shown: RefreshHash,
    /// The hash of its successor.
    pub successor: RefreshHash,
    /// The present instant.
    pub now: UnixMs,
    /// When the successor expires.
    pub expires_at: UnixMs,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// For the security log if the token is [`Rotation::Replayed`]; whose it is, the store fills in.
    pub entry: SecurityEntry,
}

impl Rotate {
    /// How many successors of one token may be out at once. When that many answers are lost or on their way and one more is asked for, the oldest is void.
    pub const SUCCESSORS_MAX: usize = 16;
}

/// What became of a refresh token.
///
/// A session knows the token that was used last and the successors that were made for it. Any of those may be used: answers get lost, and overtake each other.
/// The one that is used first becomes the token that was used last, and with that the others are void, so there is never more than one branch.
#[derive(Debug, Clone, PartialEq)]
pub enum Rotation {
    /// It was a successor that nobody had used, or the token used last, shown again because its answer was lost.
    Rotated {
        /// Who may have a new access token.
        caller: Caller,
        /// Their device.
        device: Device,
    },
    /// Another was used in its place already: somebody has a copy. The session has ended.
    Replayed,
    /// No such session, or it has expired.
    Unknown,
}

/// Sessions to end.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// Whose.
    pub user: UserId,
    /// Which of them.
    pub which: Which,
    /// The present instant.
    pub now: UnixMs,
    /// For the security log.
    pub entry: SecurityEntry,
}

/// Which sessions of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// That of this device, and its API key if it has one, which is revoked.
    OfDevice(DeviceId),
    /// All on devices that people sign in on. API keys stay.
    All,
}
