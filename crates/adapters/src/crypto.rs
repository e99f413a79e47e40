//! Secrets: how passwords are kept, and what proves who is asking.

mod access;
mod password;
mod refresh;

pub use access::{SignedAccessTokens, TokenKey, TokenKeysError};
pub use password::Argon2Passwords;
pub use refresh::RandomRefreshTokens;
