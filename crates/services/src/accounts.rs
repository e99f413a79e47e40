//! People: registering, signing in on devices, staying signed in, and being recognised.

mod api_keys;
mod authenticate;
mod device_sign_in;
mod device_visits;
mod devices;
mod email;
mod endings;
mod export;
mod follow_standings;
mod journal;
mod key_ring;
mod mails;
mod new_password;
mod operation;
mod password;
mod privacy;
mod profile;
mod proof;
mod refresh;
mod register;
mod relay_ended;
mod reset;
mod rules_in_force;
mod second_factor;
mod security_log;
mod sign_in;
mod sign_out;
mod standings;
mod tokens;

pub use api_keys::{ApiKeys, MadeKey, WantedKey};
pub use authenticate::{Authenticate, Authenticated, Shown};
pub use device_sign_in::{AskingDevice, Confirmer, DEVICE_CODE_LIFETIME, DeviceSignIn, ShownCode};
pub use device_visits::{DeviceVisits, VISIT_LIFETIME, Visitor};
pub use devices::Devices;
pub use email::ChangeEmail;
pub use endings::Endings;
pub use export::{ExportAccount, ExportedAccount};
pub use follow_standings::FollowStandings;
pub use journal::Journal;
pub use key_ring::KeyRing;
pub use new_password::NewPasswords;
pub use operation::Operation;
pub use password::ChangePassword;
pub use privacy::Privacy;
pub use profile::Profile;
pub use proof::{Proof, Recognition};
pub use refresh::Refresh;
pub use register::{Register, Registration};
pub use relay_ended::{RelayEnded, RelayFrom};
pub use reset::ResetPassword;
pub use rules_in_force::{InForce, RulesInForce};
pub use second_factor::{NewFactor, SecondFactorUse};
pub use security_log::{LogPage, SecurityLog};
pub use sign_in::{SignIn, SignInAttempt};
pub use sign_out::SignOut;
pub use standings::{Standing, Standings};
pub use tokens::{REFRESH_LIFETIME, SignedIn, Tokens};

use std::time::Duration;

use domain::fault::Fault;
use ports::PortError;

use crate::Kind;

/// What can go wrong with people and their sign-ins.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// Somebody registered with that address before.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The address or the password is wrong, or the account is disabled; which, is not told.
    #[error("e-mail address or password is wrong")]
    SignInRefused,
    /// The password is right, and the account asks for a second factor.
    #[error("send the code that your authenticator shows, or a recovery code, as code")]
    SecondFactorRequired,
    /// The password is right, and the second factor is not.
    #[error("the code is wrong, or was used already")]
    SecondFactorRefused,
    /// Somebody who is signed in did not show that it is still them.
    #[error("the password is wrong, or the code of the second factor that the account asks for is wrong or not given")]
    ProofRefused,
    /// After so many failures the next attempt has to wait.
    #[error("after so many failures, wait before you try again")]
    TooSoon {
        /// How long.
        wait: Duration,
    },
    /// The refresh token is not, or no longer, good for a new one.
    #[error("the session has ended; sign in again")]
    SessionEnded,
    /// The access token is none of ours, or has expired, or its session has ended; which one is not told.
    #[error("the access token is not valid, or no longer; refresh it, or sign in again")]
    TokenRefused,
    /// The access token was good when it was issued, and whether it still is cannot be known.
    #[error("which sessions have ended is not known at the moment")]
    StandingUnknown,
    /// The person is gone though their token is alive.
    #[error("the account no longer exists")]
    AccountGone,
    /// The person has none of that id that is signed in.
    #[error("you have no such device that is signed in")]
    NoSuchDevice,
    /// The person has none of that id.
    #[error("you have no such API key")]
    NoSuchKey,
    /// A device more than a person may have.
    #[error(
        "you have {} devices, which is the most; sign in on one of them",
        ports::accounts::DEVICES_MAX
    )]
    TooManyDevices,
    /// A key more than a person may have.
    #[error(
        "you have {} API keys or {} devices, which is the most; revoke a key that you no longer need",
        ports::accounts::API_KEYS_MAX,
        ports::accounts::DEVICES_MAX
    )]
    TooManyKeys,
    /// There can be but one.
    #[error("a second factor is in use; remove it first")]
    SecondFactorInUse,
    /// There is none.
    #[error("there is no second factor that this could be done with")]
    NoSecondFactor,
    /// Somebody changed the rules since they were seen.
    #[error("the rules were changed since you read them; read them again")]
    RulesChanged,
    /// No device that waits shows that code.
    #[error("no device shows this code, or no longer: look at it again, or begin there anew")]
    NoSuchDeviceCode,
    /// As many devices wait to be confirmed as may.
    #[error("too many devices wait to be confirmed")]
    TooManyWaiting {
        /// How long.
        wait: Duration,
    },
    /// Nobody has confirmed the device yet.
    #[error("nobody has confirmed this device yet; ask again after the interval")]
    DeviceCodePending,
    /// Nobody has confirmed the device yet, and it asks too often.
    #[error("ask less often: from now on, 5 seconds more after each time")]
    DeviceCodeTooFast,
    /// The person said no.
    #[error("the person turned this device down")]
    DeviceCodeDenied,
    /// The code is none, or none any more.
    #[error("the code is not good, or no longer; begin anew")]
    DeviceCodeExpired,
    /// Values that cannot be.
    #[error("values that cannot be")]
    Invalid(Vec<Fault>),
    /// Something outside failed.
    #[error(transparent)]
    Outside(#[from] PortError),
}

impl AccountsError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::EmailTaken
            | Self::TooManyDevices
            | Self::TooManyKeys
            | Self::SecondFactorInUse
            | Self::NoSecondFactor
            | Self::RulesChanged => Kind::Conflict,
            Self::SignInRefused
            | Self::SecondFactorRequired
            | Self::SecondFactorRefused
            | Self::SessionEnded
            | Self::TokenRefused
            | Self::AccountGone => Kind::Unauthenticated,
            Self::ProofRefused => Kind::Forbidden,
            Self::TooSoon { .. } | Self::TooManyWaiting { .. } => Kind::TooMany,
            Self::NoSuchDevice | Self::NoSuchKey | Self::NoSuchDeviceCode => Kind::Missing,
            Self::Invalid(_)
            | Self::DeviceCodePending
            | Self::DeviceCodeTooFast
            | Self::DeviceCodeDenied
            | Self::DeviceCodeExpired => Kind::Invalid,
            Self::StandingUnknown => Kind::Unavailable,
            Self::Outside(error) => error.kind.into(),
        }
    }
}
