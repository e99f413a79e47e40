//! Secrets: how passwords are kept, and what proves who is asking.

mod access;
mod api_key;
mod common;
mod device_code;
mod factors;
mod password;
mod random;
mod refresh;
mod reset;
mod rota;

pub use access::{SignedAccessTokens, TokenKey, TokenKeysError};
pub use api_key::RandomApiKeys;
pub use device_code::RandomDeviceCodes;
pub use factors::TotpFactors;
pub use password::Argon2Passwords;
pub use refresh::RandomRefreshTokens;
pub use reset::RandomResetTokens;
pub use rota::{DatedKey, Rota};
