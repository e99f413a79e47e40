//! Shows and changes a person's own profile.

use std::sync::Arc;

use domain::accounts::{Caller, User};
use ports::accounts::{ProfileChange, Users};

use super::AccountsError;

/// The use case.
#[derive(Clone)]
pub struct Profile {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
}

impl Profile {
    /// The caller's profile.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`], or something outside.
    pub async fn show(&self, caller: &Caller) -> Result<User, AccountsError> {
        self.users.by_id(caller.user).await?.ok_or(AccountsError::AccountGone)
    }

    /// The caller's profile after `change`.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`], or something outside.
    pub async fn change(&self, caller: &Caller, change: &ProfileChange) -> Result<User, AccountsError> {
        self.users
            .update(caller.user, change)
            .await?
            .ok_or(AccountsError::AccountGone)
    }
}
