//! API keys: sign-ins of trackers that last until they are revoked.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::accounts::{Caller, DeviceId, Scopes, SecurityEntry, SessionId, UserId};
use domain::time::UnixMs;
use domain::usage::Patience;

use super::ApiKeyHash;
use crate::PortError;

/// How many API keys a person may have at once.
pub const API_KEYS_MAX: usize = 100;

/// API keys.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Keeps a new key and its device, above all others in precedence.
    async fn insert(&self, key: &NewApiKey) -> Result<NewKeyOutcome, PortError>;

    /// The keys of a person, newest first.
    async fn list(&self, user: UserId) -> Result<Vec<ApiKeyState>, PortError>;

    /// Revokes a key and notes that its session has ended; `false` when the person has none of that id.
    async fn revoke(&self, user: UserId, key: SessionId, now: UnixMs, entry: &SecurityEntry)
    -> Result<bool, PortError>;

    /// Who a key speaks for; `None` when there is no such key, or the account is disabled.
    async fn by_hash(&self, hash: ApiKeyHash) -> Result<Option<KeyHolder>, PortError>;

    /// Notes when and from where keys were used last, at most once each. Keys that are gone are passed over.
    async fn used(&self, uses: &[ApiKeyUse]) -> Result<(), PortError>;
}

/// What became of a new key; nothing is kept where it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKeyOutcome {
    /// It is kept.
    Kept,
    /// The person has as many as they may: [`API_KEYS_MAX`] keys or [`super::DEVICES_MAX`] devices.
    TooMany,
    /// The person was erased meanwhile.
    Gone,
}

/// A key to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewApiKey {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The id of its device.
    pub device: DeviceId,
    /// What the person calls it.
    pub name: String,
    /// What its device is called.
    pub device_name: String,
    /// Its hash.
    pub hash: ApiKeyHash,
    /// What it may do.
    pub scopes: Scopes,
    /// The present instant.
    pub now: UnixMs,
    /// For the security log.
    pub entry: SecurityEntry,
}

/// A key and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyState {
    /// Its id.
    pub id: SessionId,
    /// What the person calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Its device.
    pub device: DeviceId,
    /// What the device is called.
    pub device_name: String,
    /// When it was made.
    pub created_at: UnixMs,
    /// When it was used last, to a few minutes.
    pub last_used_at: Option<UnixMs>,
}

/// Who a key speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHolder {
    /// The person and the key's device; the session is the key itself.
    pub caller: Caller,
    /// What the key may do.
    pub scopes: Scopes,
    /// How long the person's heartbeats wait for a later one.
    pub patience: Patience,
}

/// That a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyUse {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub key: SessionId,
    /// When.
    pub at: UnixMs,
    /// From where.
    pub address: Option<IpAddr>,
}
