//! Exchanges a refresh token for its successor and a new access token.

use std::sync::Arc;

use ports::Clock;
use ports::accounts::{Rotate, Rotation, Sessions};

use super::{AccountsError, SignedIn, Tokens};

/// The use case.
#[derive(Clone)]
pub struct Refresh {
    /// Where sign-ins are kept.
    pub sessions: Arc<dyn Sessions>,
    /// What a refresh ends with.
    pub tokens: Tokens,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl Refresh {
    /// Exchanges `token`. A client whose answer was lost may show the same token again; a token whose successor has been used ends the session.
    ///
    /// # Errors
    /// [`AccountsError::SessionEnded`], or something outside.
    pub async fn refresh(&self, token: &str) -> Result<SignedIn, AccountsError> {
        let (session, shown) = self.tokens.read_refresh(token).ok_or(AccountsError::SessionEnded)?;
        let now = self.clock.now();
        let successor = self.tokens.new_refresh(session, now)?;
        let rotate = Rotate {
            session,
            shown,
            successor: successor.hash,
            now,
            expires_at: successor.expires_at,
        };
        match self.sessions.rotate(&rotate).await? {
            Rotation::Rotated { caller, device } => Ok(self.tokens.signed_in(&caller, device, successor, now)?),
            Rotation::Replayed => {
                tracing::warn!(session.id = %session, "a used refresh token was shown again; its session has ended");
                Err(AccountsError::SessionEnded)
            }
            Rotation::Unknown => Err(AccountsError::SessionEnded),
        }
    }
}
