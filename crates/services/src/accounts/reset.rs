//! Sets a forgotten password anew, by a mail to whoever has the address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Email, Password, SecurityEvent, User};
use domain::fault::Fault;
use ports::accounts::{Credentials, Mailer, NewReset, PasswordReset, ResetTokens, SecurityLog, Users};

use super::{AccountsError, Endings, Journal, NewPasswords, mails};

/// How long a mail is good.
pub const RESET_LIFETIME: Duration = Duration::from_mins(15);
/// How long after one mail to an address the next is sent at the earliest.
const RESET_PAUSE: Duration = Duration::from_mins(1);

/// The use case.
#[derive(Clone)]
pub struct ResetPassword {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// Where passwords and tokens are kept.
    pub credentials: Arc<dyn Credentials>,
    /// Makes tokens.
    pub tokens: Arc<dyn ResetTokens>,
    /// Takes the new password.
    pub new_passwords: NewPasswords,
    /// Sends the mail.
    pub mailer: Arc<dyn Mailer>,
    /// Where it is noted that somebody asked for an address that nobody has.
    pub log: Arc<dyn SecurityLog>,
    /// Tells every node of ends.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl ResetPassword {
    /// Sends a mail with a token to `email`, if somebody has it and none was sent within the last minute. The answer does not tell whether; nor does the work,
    /// as far as it goes: one look and one write either way.
    ///
    /// # Errors
    /// Something outside.
    pub async fn request(&self, email: &Email, address: Option<IpAddr>) -> Result<(), AccountsError> {
        let account = self.users.by_email(email).await?;
        let user = account.filter(|account| !account.disabled).map(|account| account.user);
        let event = SecurityEvent::PasswordResetRequested;
        let entry = self.journal.entry(event, user.as_ref().map(|user| user.id), address);
        let (token, hash) = self.tokens.make()?;
        let Some(user) = user else {
            return Ok(self.log.record(&entry).await?);
        };
        let now = self.journal.now();
        let reset = NewReset {
            user: user.id,
            token: hash,
            now,
            expires_at: now.after(RESET_LIFETIME),
            not_since: now.before(RESET_PAUSE),
            entry,
        };
        if self.credentials.keep_reset(&reset).await? {
            mails::tell(self.mailer.as_ref(), mails::password_reset(&user, &token)).await;
        }
        Ok(())
    }

    /// Sets the password with the token of a mail, and ends all sessions of its person.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] for a token that is not good, or no longer, and for a password that is too common; or something outside.
    pub async fn reset(&self, token: &str, password: Password, address: Option<IpAddr>) -> Result<(), AccountsError> {
        let token = self.tokens.read(token).ok_or_else(refused)?;
        let owner = self.credentials.reset_owner(token, self.journal.now()).await?;
        let user: User = owner.ok_or_else(refused)?;
        let person = (&user.email, &user.full_name);
        let password = self.new_passwords.hash("password", password, person).await?;
        let reset = PasswordReset {
            token,
            password,
            now: self.journal.now(),
            entry: self.journal.entry(SecurityEvent::PasswordReset, Some(user.id), address),
        };
        let ended = self.credentials.reset_password(&reset).await?;
        self.endings.announce(&ended.ok_or_else(refused)?).await?;
        mails::tell(self.mailer.as_ref(), mails::password_changed(&user)).await;
        Ok(())
    }
}

fn refused() -> AccountsError {
    let detail = "is not good, or no longer: ask for a new mail";
    AccountsError::Invalid(vec![Fault::new("token", "invalid_token", detail)])
}
