//! People.

use async_trait::async_trait;
use domain::accounts::{Email, SecurityEntry, User, UserId};
use ports::PortError;
use ports::accounts::{Account, EmailChange, PasswordHash, ProfileChange, Users};

use super::{Kept, MemoryAccounts, Person};

#[async_trait]
impl Users for MemoryAccounts {
    async fn insert(&self, user: &User, password: &PasswordHash, entry: &SecurityEntry) -> Result<bool, PortError> {
        let mut kept = self.kept("keep a new person")?;
        if kept.has(&user.email) {
            return Ok(false);
        }
        let person = Person {
            user: user.clone(),
            password: password.clone(),
            password_version: 1,
            disabled: false,
            devices_ordered: false,
            waiting: None,
            factor: None,
            recovery: Vec::new(),
            reset: None,
        };
        kept.people.insert(user.id, person);
        kept.write(entry);
        Ok(true)
    }

    async fn by_email(&self, email: &Email) -> Result<Option<Account>, PortError> {
        let kept = self.kept("read the account of an e-mail address")?;
        let person = kept.people.values().find(|person| person.user.email == *email);
        Ok(person.map(Person::account))
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>, PortError> {
        let kept = self.kept("read an account")?;
        Ok(kept.people.get(&id).map(Person::account))
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError> {
        let kept = self.kept("read a person")?;
        Ok(kept.people.get(&id).map(|person| person.user.clone()))
    }

    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError> {
        let mut kept = self.kept("change a profile")?;
        let Some(Person { user, .. }) = kept.people.get_mut(&id) else {
            return Ok(None);
        };
        if let Some(full_name) = &change.full_name {
            user.full_name = full_name.clone();
        }
        user.timezone = change.timezone.unwrap_or(user.timezone);
        user.day_start = change.day_start.unwrap_or(user.day_start);
        user.heartbeat_timeout = change.heartbeat_timeout.unwrap_or(user.heartbeat_timeout);
        Ok(Some(user.clone()))
    }

    async fn change_email(&self, id: UserId, email: &Email, entry: &SecurityEntry) -> Result<EmailChange, PortError> {
        let mut kept = self.kept("change an e-mail address")?;
        let is_taken = kept.has(email);
        let Some(Person { user, .. }) = kept.people.get_mut(&id) else {
            return Ok(EmailChange::Gone);
        };
        if is_taken {
            return Ok(EmailChange::Taken);
        }
        user.email = email.clone();
        let changed = user.clone();
        kept.write(entry);
        Ok(EmailChange::Changed(changed))
    }
}

impl Kept {
    fn has(&self, email: &Email) -> bool {
        self.people.values().any(|person| person.user.email == *email)
    }
}

impl Person {
    fn account(&self) -> Account {
        Account {
            user: self.user.clone(),
            password: self.password.clone(),
            password_version: self.password_version,
            disabled: self.disabled,
            second_factor: self.factor.clone(),
        }
    }
}
