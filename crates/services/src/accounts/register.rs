//! Registers a person.

use std::sync::Arc;

use domain::accounts::{DayStart, Email, FullName, Password, User, UserId};
use domain::reports::Zone;
use ports::accounts::{Passwords, Users};
use ports::{Clock, Ids};

use super::AccountsError;

/// The use case.
#[derive(Clone)]
pub struct Register {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// How passwords are hashed.
    pub passwords: Arc<dyn Passwords>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
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
    /// [`AccountsError::EmailTaken`], or something outside.
    pub async fn register(&self, registration: Registration) -> Result<User, AccountsError> {
        let hash = self.passwords.hash(registration.password).await?;
        let user = User {
            id: UserId(self.ids.new_id()),
            email: registration.email,
            full_name: registration.full_name,
            timezone: registration.timezone,
            day_start: DayStart::default(),
            created_at: self.clock.now(),
        };
        if self.users.insert(&user, &hash).await? {
            Ok(user)
        } else {
            Err(AccountsError::EmailTaken)
        }
    }
}
