//! What the operator does with accounts from the command line. Nodes hear of sessions that end by it from the store, within seconds.

use std::sync::Arc;

use domain::accounts::{Email, Password, SecurityEvent};
use ports::accounts::{Account, Credentials, Operation as Store, PasswordChange, SecondFactorStore, Users};

use super::{AccountsError, Journal, NewPasswords};

/// The use case.
#[derive(Clone)]
pub struct Operation {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// Where passwords are kept.
    pub credentials: Arc<dyn Credentials>,
    /// Where second factors are kept.
    pub factors: Arc<dyn SecondFactorStore>,
    /// Where accounts are closed and opened.
    pub store: Arc<dyn Store>,
    /// Takes new passwords.
    pub new_passwords: NewPasswords,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl Operation {
    /// Closes the account to its person, and answers how many sessions and API keys are refused from then on.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`] when nobody has the address, or something outside.
    pub async fn close(&self, email: &Email) -> Result<usize, AccountsError> {
        self.set_disabled(email, true).await
    }

    /// Opens the account again.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`] when nobody has the address, or something outside.
    pub async fn open(&self, email: &Email) -> Result<(), AccountsError> {
        self.set_disabled(email, false).await.map(drop)
    }

    /// Sets the password, and answers how many sessions have ended: all there were.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`] when nobody has the address, [`AccountsError::Invalid`] for a password that is too common, or something outside.
    pub async fn reset_password(&self, email: &Email, password: Password) -> Result<usize, AccountsError> {
        let user = self.account(email).await?.user;
        let person = (&user.email, &user.full_name);
        let change = PasswordChange {
            user: user.id,
            password: self.new_passwords.hash("password", password, person).await?,
            keep: None,
            now: self.journal.now(),
            entry: self.journal.entry(SecurityEvent::PasswordReset, Some(user.id), None),
        };
        let ended = self.credentials.change_password(&change).await?;
        Ok(ended.ok_or(AccountsError::AccountGone)?.len())
    }

    /// Takes the second factor of somebody who has lost it out of use; `false` when there is none.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`] when nobody has the address, or something outside.
    pub async fn remove_second_factor(&self, email: &Email) -> Result<bool, AccountsError> {
        let user = self.account(email).await?.user.id;
        let entry = self
            .journal
            .entry(SecurityEvent::SecondFactorDisabled, Some(user), None);
        Ok(self.factors.remove(user, &entry).await?)
    }

    async fn set_disabled(&self, email: &Email, disabled: bool) -> Result<usize, AccountsError> {
        let event = if disabled {
            SecurityEvent::Disabled
        } else {
            SecurityEvent::Enabled
        };
        let entry = self.journal.entry(event, None, None);
        let now = self.journal.now();
        let ended = self.store.set_disabled(email, disabled, now, &entry).await?;
        Ok(ended.ok_or(AccountsError::AccountGone)?.len())
    }

    async fn account(&self, email: &Email) -> Result<Account, AccountsError> {
        self.users.by_email(email).await?.ok_or(AccountsError::AccountGone)
    }
}
