//! People, their devices and their sign-ins.

use async_trait::async_trait;
use domain::accounts::{
    Caller, DayStart, Device, DeviceId, DeviceKey, Email, FullName, Password, SessionId, User, UserId,
};
use domain::time::UnixMs;

use crate::PortError;

/// People.
#[async_trait]
pub trait Users: Send + Sync {
    /// Keeps a new person. `false`, and nothing kept, when somebody has the e-mail address.
    async fn insert(&self, user: &User, password: &PasswordHash) -> Result<bool, PortError>;

    /// The person of an e-mail address, and what their password is checked against.
    async fn by_email(&self, email: &Email) -> Result<Option<(User, PasswordHash)>, PortError>;

    /// The person of an id.
    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError>;

    /// Changes what `change` names and nothing else; answers the person afterwards, `None` when there is none.
    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError>;
}

/// The parts of a profile to change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileChange {
    /// A new name.
    pub full_name: Option<FullName>,
    /// A new zone.
    pub timezone: Option<domain::reports::Zone>,
    /// A new start of the day.
    pub day_start: Option<DayStart>,
}

/// A password's hash in the PHC string format, with its algorithm and parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

/// Shows nothing of the hash.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Sign-ins: at most one for each device.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Signs a device in, replacing its session if it has one. A device whose key is new to the person becomes theirs under `new_device`. Either way its
    /// precedence becomes the greatest of the person's devices.
    async fn sign_in(&self, sign_in: &SignIn) -> Result<Device, PortError>;

    /// Replaces a refresh token by its successor. See [`Rotation`].
    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, PortError>;
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
}

/// What became of a refresh token.
#[derive(Debug, Clone, PartialEq)]
pub enum Rotation {
    /// It was the newest of its session, or the one before and its successor has not been used (the answer that carried it was lost): the successor now
    /// is the newest.
    Rotated {
        /// Who may have a new access token.
        caller: Caller,
        /// Their device.
        device: Device,
    },
    /// Its successor was used already: somebody has a copy. The session has ended.
    Replayed,
    /// No such session, or it has expired.
    Unknown,
}

/// SHA-256 of a refresh token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefreshHash(pub [u8; 32]);

/// Shows nothing of the hash.
impl std::fmt::Debug for RefreshHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshHash(…)")
    }
}

/// Hashing of passwords: slow on purpose, so on a bounded pool of its own that leaves the rest of the server alone.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// The hash of a new password, with a salt of its own.
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError>;

    /// Whether `attempt` is the password. Without a hash (nobody has that e-mail address) it does the same work and answers `false`.
    async fn verify(&self, attempt: String, hash: Option<PasswordHash>) -> Result<bool, PortError>;
}

/// Access tokens: short-lived proof of who is asking, checked without asking anybody.
pub trait AccessTokens: Send + Sync {
    /// A token for `caller`, and how many seconds it lives.
    fn issue(&self, caller: &Caller, now: UnixMs) -> Result<(String, u32), PortError>;

    /// Who a token speaks for; `None` for anything but a token of ours that is alive at `now`, without a hint why.
    fn verify(&self, token: &str, now: UnixMs) -> Option<Caller>;
}

/// Refresh tokens: `<session id>.<256 random bits>`, opaque to everybody else.
pub trait RefreshTokens: Send + Sync {
    /// A new token for `session`, and its hash.
    fn make(&self, session: SessionId) -> Result<(String, RefreshHash), PortError>;

    /// The session a token names and its hash; `None` when it does not have the shape of one.
    fn read(&self, token: &str) -> Option<(SessionId, RefreshHash)>;
}
