//! Passwords as they are kept, and the mails with which they are set anew.

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, SessionId, User, UserId};
use domain::time::UnixMs;

use super::{PasswordHash, ResetHash};
use crate::PortError;

/// Passwords in the store.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Replaces a hash by another one of the same password, unless the password was changed meanwhile.
    async fn rehash(&self, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<(), PortError>;

    /// Sets a password, voids a reset that is under way, ends all sessions but the one to keep, and answers those that have ended; `None` when there is no such person.
    async fn change_password(&self, change: &PasswordChange) -> Result<Option<Vec<SessionId>>, PortError>;

    /// Keeps the token of a mail with which the password can be set anew, in place of the one before; `false`, and nothing kept but the entry, when that was
    /// made after `reset.not_since`.
    async fn keep_reset(&self, reset: &NewReset) -> Result<bool, PortError>;

    /// Whose password can be set with a token, at `now`. The token stays as it is.
    async fn reset_owner(&self, token: ResetHash, now: UnixMs) -> Result<Option<User>, PortError>;

    /// Sets the password with a token, which is void from then on, ends all sessions and answers them; `None`, and nothing done, when the token is not good.
    async fn reset_password(&self, reset: &PasswordReset) -> Result<Option<Vec<SessionId>>, PortError>;
}

/// A password to set, by somebody who is known.
#[derive(Debug, Clone, PartialEq)]
pub struct PasswordChange {
    /// Whose.
    pub user: UserId,
    /// The new one.
    pub password: PasswordHash,
    /// The session to keep.
    pub keep: Option<SessionId>,
    /// The present instant.
    pub now: UnixMs,
    /// For the security log.
    pub entry: SecurityEntry,
}

/// A token to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReset {
    /// Whose password it may set.
    pub user: UserId,
    /// Its hash.
    pub token: ResetHash,
    /// The present instant.
    pub now: UnixMs,
    /// Until when it is good.
    pub expires_at: UnixMs,
    /// One that was made after this is left as it is.
    pub not_since: UnixMs,
    /// For the security log.
    pub entry: SecurityEntry,
}

/// A password to set with a token.
#[derive(Debug, Clone, PartialEq)]
pub struct PasswordReset {
    /// The hash of the token that was shown.
    pub token: ResetHash,
    /// The new password.
    pub password: PasswordHash,
    /// The present instant.
    pub now: UnixMs,
    /// For the security log; whose it is, the store fills in.
    pub entry: SecurityEntry,
}
