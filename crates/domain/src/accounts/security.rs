//! What happened to a person's account, for their security log.

use std::net::IpAddr;

use super::{DeviceId, EntryId, SessionId, UserId};
use crate::time::UnixMs;

/// An entry of the security log. Entries are never changed, and go only with the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEntry {
    /// Its id.
    pub id: EntryId,
    /// Whose account; `None` when somebody tried an address that nobody has.
    pub user: Option<UserId>,
    /// When.
    pub at: UnixMs,
    /// What.
    pub event: SecurityEvent,
    /// The device it concerns, where there is one.
    pub device: Option<DeviceId>,
    /// The session it concerns, where there is one.
    pub session: Option<SessionId>,
    /// Where the request came from; `None` for the operator's command line.
    pub address: Option<IpAddr>,
    /// Of how many things, where that is part of what happened: how many privacy rules there are since.
    pub count: Option<u32>,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What can happen to an account. The words stay as they are once written.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SecurityEvent {
            $($(#[$doc])* $name,)*
        }

        impl SecurityEvent {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word it is kept and told by.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

events! {
    /// The account was made.
    Registered = "registered",
    /// A device signed in; or, with no device named, somebody at the page where devices are confirmed.
    SignedIn = "signed_in",
    /// A sign-in was refused: the password was wrong, or the account is disabled.
    SignInFailed = "sign_in_failed",
    /// A sign-in was refused: the password was right and the second factor was not.
    SecondFactorFailed = "second_factor_failed",
    /// A device signed out.
    SignedOut = "signed_out",
    /// All devices were signed out at once.
    SignedOutEverywhere = "signed_out_everywhere",
    /// A refresh token was shown again after its successor had been used; its session has ended.
    RefreshReused = "refresh_reused",
    /// A device was signed out from another one.
    DeviceRevoked = "device_revoked",
    /// The password was changed by whoever knew the old one.
    PasswordChanged = "password_changed",
    /// Somebody asked for a mail with which the password can be set anew.
    PasswordResetRequested = "password_reset_requested",
    /// The password was set anew with such a mail, or by the operator.
    PasswordReset = "password_reset",
    /// The e-mail address was changed.
    EmailChanged = "email_changed",
    /// An API key was made.
    ApiKeyCreated = "api_key_created",
    /// An API key was revoked.
    ApiKeyRevoked = "api_key_revoked",
    /// A second factor is asked for from now on.
    SecondFactorEnabled = "second_factor_enabled",
    /// A second factor is asked for no longer.
    SecondFactorDisabled = "second_factor_disabled",
    /// New recovery codes were made; the old ones are void.
    RecoveryCodesRenewed = "recovery_codes_renewed",
    /// A recovery code was used up in place of the second factor.
    RecoveryCodeUsed = "recovery_code_used",
    /// The operator closed the account to its person.
    Disabled = "disabled",
    /// The operator opened it again.
    Enabled = "enabled",
    /// The privacy rules were changed.
    PrivacyRulesChanged = "privacy_rules_changed",
    /// Everything that is kept of the person was exported.
    Exported = "exported",
    /// The sign-in of a device was confirmed by the code that it showed.
    DeviceCodeApproved = "device_code_approved",
    /// The sign-in of a device was turned down by the code that it showed.
    DeviceCodeDenied = "device_code_denied",
    /// A code was tried that no device shows.
    DeviceCodeUnknown = "device_code_unknown",
}

impl SecurityEvent {
    /// The event that is kept by `word`.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_found_by_its_word_and_no_two_share_one() {
        for event in SecurityEvent::ALL {
            assert_eq!(SecurityEvent::of_word(event.word()), Some(*event));
            assert!(
                event
                    .word()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
        }
        assert_eq!(SecurityEvent::of_word("nonsense"), None);
    }
}
