//! Exchanges a refresh token for its successor and a new access token.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::SecurityEvent;
use ports::accounts::{Rotate, Rotation, Sessions};

use super::{AccountsError, Endings, Journal, SignedIn, Tokens};

/// The use case.
#[derive(Clone)]
pub struct Refresh {
    /// Where sign-ins are kept.
    pub sessions: Arc<dyn Sessions>,
    /// What a refresh ends with.
    pub tokens: Tokens,
    /// Tells every node of ends.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl Refresh {
    /// Exchanges `token`. A client whose answer was lost may show the same token again; a token whose successor has been used ends the session.
    ///
    /// # Errors
    /// [`AccountsError::SessionEnded`], or something outside.
    pub async fn refresh(&self, token: &str, address: Option<IpAddr>) -> Result<SignedIn, AccountsError> {
        let (session, shown) = self.tokens.read_refresh(token).ok_or(AccountsError::SessionEnded)?;
        let now = self.journal.now();
        let successor = self.tokens.new_refresh(session, now)?;
        let rotate = Rotate {
            session,
            shown,
            successor: successor.hash,
            now,
            expires_at: successor.expires_at,
            address,
            entry: self.journal.entry(SecurityEvent::RefreshReused, None, address),
        };
        match self.sessions.rotate(&rotate).await? {
            Rotation::Rotated { caller, device } => Ok(self.tokens.signed_in(&caller, device, successor, now)?),
            Rotation::Replayed => {
                tracing::warn!(session.id = %session, "a used refresh token was shown again; its session has ended");
                self.endings.announce(&[session]).await?;
                Err(AccountsError::SessionEnded)
            }
            Rotation::Unknown => Err(AccountsError::SessionEnded),
        }
    }
}
