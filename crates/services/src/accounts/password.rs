//! Changes a person's password, by themselves.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, Password, SecurityEvent};
use ports::accounts::{Credentials, Mailer, PasswordChange};

use super::{AccountsError, Endings, Journal, NewPasswords, Proof, Recognition, mails};

/// The use case.
#[derive(Clone)]
pub struct ChangePassword {
    /// Asks who it is.
    pub recognition: Recognition,
    /// Takes the new password.
    pub new_passwords: NewPasswords,
    /// Where passwords are kept.
    pub credentials: Arc<dyn Credentials>,
    /// Tells every node of ends.
    pub endings: Endings,
    /// Tells the person.
    pub mailer: Arc<dyn Mailer>,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl ChangePassword {
    /// Changes the caller's password and ends all their sessions but this one.
    ///
    /// # Errors
    /// What [`Recognition`] refuses, [`AccountsError::Invalid`] for a password that is too common, or something outside.
    pub async fn change(
        &self,
        caller: &Caller,
        proof: Proof,
        new: Password,
        address: Option<IpAddr>,
    ) -> Result<(), AccountsError> {
        let user = self.recognition.of_caller(caller, proof, address).await?.user;
        let person = (&user.email, &user.full_name);
        let hash = self.new_passwords.hash("new_password", new, person).await?;
        let change = PasswordChange {
            user: caller.user,
            password: hash,
            keep: Some(caller.session),
            now: self.journal.now(),
            entry: self.journal.entry_of(caller, SecurityEvent::PasswordChanged, address),
        };
        let ended = self.credentials.change_password(&change).await?;
        self.endings.announce(&ended.ok_or(AccountsError::AccountGone)?).await?;
        mails::tell(self.mailer.as_ref(), mails::password_changed(&user)).await;
        Ok(())
    }
}
