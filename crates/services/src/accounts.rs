//! People: registering, signing in on a device, staying signed in, the profile.

mod profile;
mod refresh;
mod register;
mod sign_in;
mod tokens;

pub use profile::Profile;
pub use refresh::Refresh;
pub use register::{Register, Registration};
pub use sign_in::{SignIn, SignInAttempt};
pub use tokens::{SignedIn, Tokens};

use ports::PortError;

use crate::Kind;

/// What can go wrong with people and their sign-ins.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// Somebody registered with that address before.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The address or the password is wrong; which one is not told.
    #[error("e-mail address or password is wrong")]
    SignInRefused,
    /// The refresh token is not, or no longer, good for a new one.
    #[error("the session has ended; sign in again")]
    SessionEnded,
    /// The person is gone though their token is alive.
    #[error("the account no longer exists")]
    AccountGone,
    /// Something outside failed.
    #[error(transparent)]
    Outside(#[from] PortError),
}

impl AccountsError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::EmailTaken => Kind::Conflict,
            Self::SignInRefused | Self::SessionEnded | Self::AccountGone => Kind::Unauthenticated,
            Self::Outside(error) => error.kind.into(),
        }
    }
}
