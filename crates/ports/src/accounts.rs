//! People, their devices and their sign-ins.

use async_trait::async_trait;
use domain::accounts::{
    Caller, DayStart, Email, FullName, Password, SecurityEntry, SessionId, TotpSecret, User, UserId,
};
use domain::time::UnixMs;

use crate::PortError;

mod api_keys;
mod credentials;
mod device_codes;
mod devices;
mod erasure;
mod factors;
mod imports;
mod keys;
mod mail;
mod operation;
mod privacy;
mod reset;
mod second_factor;
mod security_log;
mod sessions;
mod standing;
mod throttle;
mod visit;

pub use api_keys::{ApiKeyHash, KeyMaker};
pub use credentials::{Credentials, NewReset, PasswordChange, PasswordReset};
pub use device_codes::{
    Claimed, DeviceAnswer, DeviceClaim, DeviceCodeHash, DeviceCodeMaker, DeviceCodes, NewDeviceCodes, NewWaitingDevice,
    UserCodeHash, WAITING_DEVICES_MAX, WAITING_DEVICES_OF_ADDRESS_MAX, WaitingDevice,
};
pub use devices::{DEVICES_MAX, DeviceChange, DeviceState, Devices};
pub use erasure::AccountErasure;
pub use factors::{RecoveryHash, SecondFactors};
pub use imports::{IMPORT_DEVICES_MAX, ImportDevices, ImportPlace, NewImport};
pub use keys::{API_KEYS_MAX, ApiKeyState, ApiKeyUse, ApiKeys, KeyHolder, NewApiKey, NewKeyOutcome};
pub use mail::{Mail, Mailer};
pub use operation::{Operation, UserSummary};
pub use privacy::{KeptRules, PrivacyStore, RulesChange, RulesOutcome};
pub use reset::{ResetHash, ResetTokens};
pub use second_factor::{FactorConfirmation, SecondFactorStore};
pub use security_log::SecurityLog;
pub use sessions::{End, Rotate, Rotation, Sessions, SignIn, SignInOutcome, Which};
pub use standing::{ANNOUNCED_FOR, Announcements, EndedSession, EndedSessions, Heard, Hearing, News, StandingChange};
pub use throttle::{Attempt, SignInThrottle};
pub use visit::{Visit, VisitState};

/// People.
#[async_trait]
pub trait Users: Send + Sync {
    /// Keeps a new person, and `entry` in their security log. `false`, and nothing kept, when somebody has the e-mail address.
    async fn insert(&self, user: &User, password: &PasswordHash, entry: &SecurityEntry) -> Result<bool, PortError>;

    /// The account of an e-mail address.
    async fn by_email(&self, email: &Email) -> Result<Option<Account>, PortError>;

    /// The account of an id.
    async fn account(&self, id: UserId) -> Result<Option<Account>, PortError>;

    /// The person of an id.
    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError>;

    /// Changes what `change` names and nothing else; answers the person afterwards, `None` when there is none.
    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError>;

    /// Gives the person another address, and keeps `entry` with it.
    async fn change_email(&self, id: UserId, email: &Email, entry: &SecurityEntry) -> Result<EmailChange, PortError>;
}

/// A person with what they are recognised by.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// What their password is checked against.
    pub password: PasswordHash,
    /// Counts up from 1 with each change of the password. A sign-in with one that has been replaced since it was checked is not kept.
    pub password_version: i32,
    /// The operator has closed the account: nobody signs in to it.
    pub disabled: bool,
    /// What they show besides the password, once they have confirmed it.
    pub second_factor: Option<SecondFactor>,
}

/// A second factor in use.
#[derive(Debug, Clone, PartialEq)]
pub struct SecondFactor {
    /// What codes are made from.
    pub secret: TotpSecret,
    /// The time step of the last code that was accepted: none of it or before is accepted again.
    pub last_step: Option<i64>,
}

/// What became of a change of address.
#[derive(Debug, Clone, PartialEq)]
pub enum EmailChange {
    /// The person as they are now.
    Changed(User),
    /// Somebody has the address; it may be the person themselves.
    Taken,
    /// There is no such person.
    Gone,
}

/// The parts of a profile to change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileChange {
    /// A new name.
    pub full_name: Option<FullName>,
    /// A new zone.
    pub timezone: Option<domain::reports::Zone>,
    /// A new start of the day.
    pub day_start: Option<DayStart>,
    /// How long heartbeats wait for a later one, from now on.
    pub heartbeat_timeout: Option<domain::usage::Patience>,
}

/// A password's hash in the PHC string format, with its algorithm and parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

/// Shows nothing of the hash.
impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A hash as it is kept of something secret.
macro_rules! sha256 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; 32]);

        /// Shows nothing of the hash.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}
use sha256;

sha256! {
    /// SHA-256 of a refresh token.
    RefreshHash
}

/// Hashing of passwords: slow on purpose, so on a bounded pool of its own that leaves the rest of the server alone.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// The hash of a new password, with a salt of its own.
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError>;

    /// Whether `attempt` is the password. Without a hash (nobody has that e-mail address) it does the same work and it is not right.
    async fn verify(&self, attempt: String, hash: Option<PasswordHash>) -> Result<Verified, PortError>;

    /// Whether somebody who guesses would come to this password soon: one of the commonest, or nothing but one word, name, date, repetition or walk over
    /// the keyboard. `own_words` are words of the person themselves. For new passwords only: how long it takes depends on the password.
    fn is_common(&self, password: &Password, own_words: &[&str]) -> bool;
}

/// What an attempt at a password came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// It is the password.
    pub right: bool,
    /// The hash was not made as hashes are made now: after a right attempt a new one is to be kept in its place.
    pub outdated: bool,
}

/// Access tokens: short-lived proof of who is asking, checked without asking anybody.
pub trait AccessTokens: Send + Sync {
    /// A token for `caller`, and how many seconds it lives.
    fn issue(&self, caller: &Caller, now: UnixMs) -> Result<(String, u32), PortError>;

    /// Who a token speaks for; `None` for anything but a token of ours that is alive at `now`, without a hint why.
    fn verify(&self, token: &str, now: UnixMs) -> Option<Caller>;

    /// A token by which the page that confirms devices knows a visit again. It is no access token, and opens nothing else.
    fn issue_visit(&self, visit: &Visit) -> Result<String, PortError>;

    /// The visit of a token; `None` for anything but a visit's token of ours, to its end.
    fn verify_visit(&self, token: &str, now: UnixMs) -> Option<Visit>;
}

/// Refresh tokens: `<session id>.<256 random bits>`, opaque to everybody else.
pub trait RefreshTokens: Send + Sync {
    /// A new token for `session`, and its hash.
    fn make(&self, session: SessionId) -> Result<(String, RefreshHash), PortError>;

    /// The session a token names and its hash; `None` when it does not have the shape of one.
    fn read(&self, token: &str) -> Option<(SessionId, RefreshHash)>;
}
