//! Passwords, and the mails with which they are set anew.

use async_trait::async_trait;
use domain::accounts::{SessionId, User, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{Credentials, NewReset, PasswordChange, PasswordHash, PasswordReset, ResetHash};

use super::{Kept, MemoryAccounts, Person};

#[async_trait]
impl Credentials for MemoryAccounts {
    async fn rehash(&self, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<(), PortError> {
        let mut kept = self.kept("keep a new hash of a password")?;
        if let Some(person) = kept.people.get_mut(&user)
            && person.password == *old
        {
            person.password = new.clone();
        }
        Ok(())
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<Option<Vec<SessionId>>, PortError> {
        let mut kept = self.kept("change a password")?;
        let Some(person) = kept.people.get_mut(&change.user) else {
            return Ok(None);
        };
        person.set_password(&change.password);
        kept.write(&change.entry);
        let ended = kept.end_sessions(change.user, change.now, |id, _| Some(id) != change.keep);
        Ok(Some(ended))
    }

    async fn keep_reset(&self, reset: &NewReset) -> Result<bool, PortError> {
        let attempted = "keep the token of a reset";
        let mut kept = self.kept(attempted)?;
        let person = kept.person(reset.user, attempted)?;
        let is_due = person.reset.as_ref().is_none_or(|before| before.now <= reset.not_since);
        if is_due {
            person.reset = Some(reset.clone());
        }
        kept.write(&reset.entry);
        Ok(is_due)
    }

    async fn reset_owner(&self, token: ResetHash, now: UnixMs) -> Result<Option<User>, PortError> {
        let mut kept = self.kept("read whose password a token sets")?;
        Ok(kept.reset_owner(token, now).map(|person| person.user.clone()))
    }

    async fn reset_password(&self, reset: &PasswordReset) -> Result<Option<Vec<SessionId>>, PortError> {
        let mut kept = self.kept("set a password with a token")?;
        let Some(person) = kept.reset_owner(reset.token, reset.now) else {
            return Ok(None);
        };
        person.set_password(&reset.password);
        let user = person.user.id;
        kept.write_of(user, &reset.entry);
        Ok(Some(kept.end_sessions(user, reset.now, |_, _| true)))
    }
}

impl Kept {
    fn reset_owner(&mut self, token: ResetHash, now: UnixMs) -> Option<&mut Person> {
        let is_good = |reset: &NewReset| reset.token == token && now < reset.expires_at;
        self.people
            .values_mut()
            .find(|person| person.reset.as_ref().is_some_and(is_good))
    }
}

impl Person {
    fn set_password(&mut self, password: &PasswordHash) {
        self.password = password.clone();
        self.password_version += 1;
        self.reset = None;
    }
}
