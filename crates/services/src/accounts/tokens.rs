//! What a sign-in and a refresh both end with: a pair of tokens for a device.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, Device, SessionId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{AccessTokens, RefreshHash, RefreshTokens, Visit};

/// How long a refresh token can be used: a laptop may lie in a drawer for a month.
pub const REFRESH_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// Makes tokens.
#[derive(Clone)]
pub struct Tokens {
    access: Arc<dyn AccessTokens>,
    refresh: Arc<dyn RefreshTokens>,
}

/// A device that is signed in.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// For the `Authorization` header.
    pub access_token: String,
    /// How long that lives.
    pub expires_in_secs: u32,
    /// For the next pair of tokens.
    pub refresh_token: String,
    /// The device.
    pub device: Device,
}

/// A refresh token that has been made and not yet kept.
pub(super) struct NewRefresh {
    pub(super) token: String,
    pub(super) hash: RefreshHash,
    pub(super) expires_at: UnixMs,
}

impl Tokens {
    /// From these makers.
    #[must_use]
    pub fn new(access: Arc<dyn AccessTokens>, refresh: Arc<dyn RefreshTokens>) -> Self {
        Self { access, refresh }
    }

    pub(super) fn new_refresh(&self, session: SessionId, now: UnixMs) -> Result<NewRefresh, PortError> {
        let (token, hash) = self.refresh.make(session)?;
        Ok(NewRefresh {
            token,
            hash,
            expires_at: now.after(REFRESH_LIFETIME),
        })
    }

    pub(super) fn read_refresh(&self, token: &str) -> Option<(SessionId, RefreshHash)> {
        self.refresh.read(token)
    }

    pub(super) fn of_visit(&self, visit: &Visit) -> Result<String, PortError> {
        self.access.issue_visit(visit)
    }

    pub(super) fn read_visit(&self, token: &str, now: UnixMs) -> Option<Visit> {
        self.access.verify_visit(token, now)
    }

    pub(super) fn signed_in(
        &self,
        caller: &Caller,
        device: Device,
        refresh: NewRefresh,
        now: UnixMs,
    ) -> Result<SignedIn, PortError> {
        let (access_token, expires_in_secs) = self.access.issue(caller, now)?;
        Ok(SignedIn {
            access_token,
            expires_in_secs,
            refresh_token: refresh.token,
            device,
        })
    }
}
