//! People and the devices they sign in on.

use std::fmt;

use uuid::Uuid;

use crate::fault::Fault;
use crate::time::UnixMs;
use crate::usage::Patience;

mod api_key;
mod base32;
mod device_key;
mod email;
mod import_source;
mod profile;
mod recovery_code;
mod scopes;
mod security;
mod totp;
mod user_code;

pub use api_key::ApiKeyText;
pub use device_key::DeviceKey;
pub use email::Email;
pub use import_source::ImportSource;
pub use profile::{DayStart, FullName, Password};
pub use recovery_code::RecoveryCode;
pub use scopes::{Scope, Scopes};
pub use security::{SecurityEntry, SecurityEvent};
pub use totp::{TotpCode, TotpSecret};
pub use user_code::UserCode;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A person.
    UserId
}
id! {
    /// A device of one person; ordered by its bytes.
    DeviceId
}
id! {
    /// One sign-in on one device. An API key is a sign-in that lasts, and its id is one of these too.
    SessionId
}

id! {
    /// An entry of a security log; later entries have greater ids.
    EntryId
}

/// A person as the server knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub email: Email,
    /// What they are called.
    pub full_name: FullName,
    /// The zone in which their days are counted unless a request names another.
    pub timezone: chrono_tz::Tz,
    /// When their day starts, counted from local midnight.
    pub day_start: DayStart,
    /// How long their heartbeats wait for a later one.
    pub heartbeat_timeout: Patience,
    /// When they registered.
    pub created_at: UnixMs,
}

/// A device as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The key its client chose for it, stable across sign-ins.
    pub key: DeviceKey,
    /// What the person calls it.
    pub name: String,
    /// What it runs on, as it says itself.
    pub platform: Option<String>,
    /// Which of a person's devices wins an instant that several claim: the greater one.
    pub precedence: i32,
}

/// A device that nobody signs in on: the history that was imported from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportDevice {
    /// Its id.
    pub id: DeviceId,
    /// What it is found again by.
    pub source: ImportSource,
    /// What the person calls it; its source, until they name it.
    pub name: String,
    /// Below that of every device that somebody signs in on, and of every source before it.
    pub precedence: i32,
    /// When something was imported from the source first.
    pub made_at: UnixMs,
    /// When something was imported from it last.
    pub used_at: UnixMs,
}

/// The least and the greatest precedence that a person gives a device. One that nobody has placed yet may be above.
pub const PRECEDENCE_MIN: i32 = 1;
/// See [`PRECEDENCE_MIN`].
pub const PRECEDENCE_MAX: i32 = 1_000_000;

/// A precedence as a person gives it.
///
/// # Errors
/// A fault of `precedence` when it is not 1 to 1,000,000.
pub fn precedence(number: i128) -> Result<i32, Fault> {
    i32::try_from(number)
        .ok()
        .filter(|number| (PRECEDENCE_MIN..=PRECEDENCE_MAX).contains(number))
        .ok_or_else(|| {
            let detail = format!("must be a whole number from {PRECEDENCE_MIN} to {PRECEDENCE_MAX}");
            Fault::new("precedence", "out_of_range", detail)
        })
}

/// Who is asking, and from where: what an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The person.
    pub user: UserId,
    /// Their device.
    pub device: DeviceId,
    /// The sign-in.
    pub session: SessionId,
    /// The device's precedence when the token was made.
    pub precedence: i32,
}

/// The text trimmed, when it has 1 to `max` characters, none of them a control character.
fn bounded_text(field: &'static str, text: &str, max: usize) -> Result<String, Fault> {
    crate::usage::visible_text(field, text, max).map(str::to_owned)
}

/// A device's name or platform: 1 to 128 characters, no control characters.
///
/// # Errors
/// A fault of `field` that names the limit.
pub fn device_text(field: &'static str, text: &str) -> Result<String, Fault> {
    bounded_text(field, text, 128)
}
