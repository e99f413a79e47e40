//! Tokens that reset a password.

use super::sha256;
use crate::PortError;

/// Reset tokens: 256 random bits, opaque to everybody else. That one is used once, and in time, is for who keeps the hash.
pub trait ResetTokens: Send + Sync {
    /// A new token, to be sent once, and the hash to be kept of it.
    fn make(&self) -> Result<(String, ResetHash), PortError>;

    /// The hash of a token that was given; `None` when it does not have the shape of one.
    fn read(&self, token: &str) -> Option<ResetHash>;
}

sha256! {
    /// SHA-256 of a reset token.
    ResetHash
}
