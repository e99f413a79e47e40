//! Signs devices out, there and then.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, SecurityEvent};
use ports::accounts::{End, Sessions, Which};

use super::{AccountsError, Endings, Journal};

/// The use case.
#[derive(Clone)]
pub struct SignOut {
    /// Where sign-ins are kept.
    pub sessions: Arc<dyn Sessions>,
    /// Tells every node.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl SignOut {
    /// Ends the caller's session.
    ///
    /// # Errors
    /// Something outside; the session may have ended all the same.
    pub async fn this_device(&self, caller: &Caller, address: Option<IpAddr>) -> Result<(), AccountsError> {
        let which = Which::One(caller.session);
        self.end(caller, which, SecurityEvent::SignedOut, address).await
    }

    /// Ends all of the caller's sessions. API keys stay.
    ///
    /// # Errors
    /// Something outside; sessions may have ended all the same.
    pub async fn everywhere(&self, caller: &Caller, address: Option<IpAddr>) -> Result<(), AccountsError> {
        self.end(caller, Which::All, SecurityEvent::SignedOutEverywhere, address)
            .await
    }

    async fn end(
        &self,
        caller: &Caller,
        which: Which,
        event: SecurityEvent,
        address: Option<IpAddr>,
    ) -> Result<(), AccountsError> {
        let end = End {
            user: caller.user,
            which,
            now: self.journal.now(),
            entry: self.journal.entry_of(caller, event, address),
        };
        let ended = self.sessions.end(&end).await?;
        Ok(self.endings.announce(&ended).await?)
    }
}
