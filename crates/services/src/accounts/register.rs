//! Registers a person.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{DayStart, Email, FullName, Password, SecurityEvent, User, UserId};
use domain::reports::Zone;
use domain::usage::Patience;
use ports::accounts::Users;

use super::{AccountsError, Journal, NewPasswords};

/// The use case.
#[derive(Clone)]
pub struct Register {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// Takes the password.
    pub new_passwords: NewPasswords,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

/// What a person gives to register.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    /// What they will sign in with.
    pub email: Email,
    /// Their password.
    pub password: Password,
    /// What they are called.
    pub full_name: FullName,
    /// The zone of their days.
    pub timezone: Zone,
}

impl Register {
    /// Registers the person.
    ///
    /// # Errors
    /// [`AccountsError::EmailTaken`], [`AccountsError::Invalid`] for a password that is too common, or something outside.
    pub async fn register(&self, registration: Registration, address: Option<IpAddr>) -> Result<User, AccountsError> {
        let person = (&registration.email, &registration.full_name);
        let hash = self
            .new_passwords
            .hash("password", registration.password, person)
            .await?;
        let user = User {
            id: UserId(self.journal.ids.new_id()),
            email: registration.email,
            full_name: registration.full_name,
            timezone: registration.timezone,
            day_start: DayStart::default(),
            heartbeat_timeout: Patience::default(),
            created_at: self.journal.now(),
        };
        let entry = self.journal.entry(SecurityEvent::Registered, Some(user.id), address);
        if self.users.insert(&user, &hash, &entry).await? {
            Ok(user)
        } else {
            Err(AccountsError::EmailTaken)
        }
    }
}
