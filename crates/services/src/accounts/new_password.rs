//! Hashes a new password, unless it is one that guessers try first.

use std::sync::Arc;

use domain::accounts::{Email, FullName, Password};
use domain::fault::Fault;
use ports::accounts::{PasswordHash, Passwords};

use super::AccountsError;

/// Takes new passwords (NIST SP 800-63B, section 5.1.1.2: length and a list, no rules of composition).
#[derive(Clone)]
pub struct NewPasswords {
    /// How passwords are hashed.
    pub passwords: Arc<dyn Passwords>,
}

impl NewPasswords {
    /// The hash of `password`, which stands in the request as `field`, for a person of that address and name.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] when it is too common; or something outside.
    pub(super) async fn hash(
        &self,
        field: &'static str,
        password: Password,
        (email, name): (&Email, &FullName),
    ) -> Result<PasswordHash, AccountsError> {
        let own_words = own_words(email, name);
        if self.passwords.is_common(&password, &own_words) {
            let detail = "is among the first that are guessed: take several words, or something longer";
            return Err(AccountsError::Invalid(vec![Fault::new(field, "too_common", detail)]));
        }
        Ok(self.passwords.hash(password).await?)
    }
}

fn own_words<'a>(email: &'a Email, name: &'a FullName) -> Vec<&'a str> {
    let email = email.as_str();
    let parts = email.split(['@', '.', '+', '-', '_']).filter(|part| part.len() > 2);
    let names = name.as_str().split_whitespace();
    [email, name.as_str(), "daybook"]
        .into_iter()
        .chain(parts)
        .chain(names)
        .collect()
}
