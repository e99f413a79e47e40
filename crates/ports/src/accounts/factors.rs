//! The second factor: what an authenticator and a sheet of paper can prove.

use domain::accounts::{Email, RecoveryCode, TotpCode, TotpSecret};
use domain::time::UnixMs;

use super::sha256;
use crate::PortError;

/// Codes of an authenticator (TOTP, RFC 6238) and codes on paper.
pub trait SecondFactors: Send + Sync {
    /// A new secret, of random bits.
    fn new_secret(&self) -> Result<TotpSecret, PortError>;

    /// The secret as an address that an authenticator reads from a picture: `otpauth://totp/Daybook:<account>?…`.
    fn uri(&self, secret: &TotpSecret, account: &Email) -> String;

    /// The time step (of 30 s) whose code this is, when it is the present one, the one before or the one after, and later than `after_step`: the step
    /// that was answered last is to be kept and given, so that no code works twice.
    fn check(&self, secret: &TotpSecret, code: &TotpCode, now: UnixMs, after_step: Option<i64>) -> Option<i64>;

    /// Ten new codes to be shown once, each with the hash to be kept of it.
    fn recovery_codes(&self) -> Result<Vec<(RecoveryCode, RecoveryHash)>, PortError>;

    /// The hash of a code that was given.
    fn recovery_hash(&self, code: &RecoveryCode) -> RecoveryHash;
}

sha256! {
    /// SHA-256 of a recovery code.
    RecoveryHash
}
