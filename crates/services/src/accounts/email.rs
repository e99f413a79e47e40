//! Gives a person another e-mail address to sign in with.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, Email, SecurityEvent, User};
use ports::accounts::{EmailChange, Mailer, Users};

use super::{AccountsError, Journal, Proof, Recognition, mails};

/// The use case.
#[derive(Clone)]
pub struct ChangeEmail {
    /// Asks who it is.
    pub recognition: Recognition,
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// Tells the person, at the address before.
    pub mailer: Arc<dyn Mailer>,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl ChangeEmail {
    /// The caller with the address `new`.
    ///
    /// # Errors
    /// What [`Recognition`] refuses, [`AccountsError::EmailTaken`], or something outside.
    pub async fn change(
        &self,
        caller: &Caller,
        proof: Proof,
        new: &Email,
        address: Option<IpAddr>,
    ) -> Result<User, AccountsError> {
        let before = self.recognition.of_caller(caller, proof, address).await?.user;
        if before.email == *new {
            return Ok(before);
        }
        let entry = self.journal.entry_of(caller, SecurityEvent::EmailChanged, address);
        match self.users.change_email(caller.user, new, &entry).await? {
            EmailChange::Changed(user) => {
                mails::tell(self.mailer.as_ref(), mails::email_changed(&before)).await;
                Ok(user)
            }
            EmailChange::Taken => Err(AccountsError::EmailTaken),
            EmailChange::Gone => Err(AccountsError::AccountGone),
        }
    }
}
