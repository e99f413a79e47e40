//! Forgets a person, wherever they are kept.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::Caller;
use ports::accounts::AccountErasure;
use ports::usage::{PingErasure, TimelineErasure};

use crate::accounts::{AccountsError, Endings, Journal, Proof, Recognition};

/// The use case.
#[derive(Clone)]
pub struct Erase {
    /// Asks who it is.
    pub recognition: Recognition,
    /// Forgets the timeline.
    pub timelines: Arc<dyn TimelineErasure>,
    /// Forgets what the queue knows.
    pub pings: Arc<dyn PingErasure>,
    /// Forgets the account.
    pub accounts: Arc<dyn AccountErasure>,
    /// Tells every node of ends.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl Erase {
    /// Forgets the caller. The account goes last: as long as anything is left, the person can ask again.
    ///
    /// # Errors
    /// What [`Recognition`] refuses, or something outside; then part of it may be done, and it is safe to ask again.
    pub async fn erase(&self, caller: &Caller, proof: Proof, address: Option<IpAddr>) -> Result<(), AccountsError> {
        let user = self.recognition.of_caller(caller, proof, address).await?.user.id;
        let now = self.journal.now();
        // From here on no ping of theirs is merged any more, so nothing can come back.
        self.timelines.erase(user, now).await?;
        let devices = self.accounts.devices(user).await?;
        self.pings.erase(&[user], &devices).await?;
        let ended = self.accounts.erase(user, now).await?;
        Ok(self.endings.announce(&ended).await?)
    }
}
