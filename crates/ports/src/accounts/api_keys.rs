//! Keys for trackers that cannot sign in.

use domain::accounts::ApiKeyText;

use super::sha256;
use crate::PortError;

/// Where API keys come from, and what is kept of them.
pub trait KeyMaker: Send + Sync {
    /// A new key of 122 random bits, to be shown once, and the hash to be kept of it.
    fn make(&self) -> Result<(ApiKeyText, ApiKeyHash), PortError>;

    /// The hash of a key that was given; the same for both of its spellings.
    fn hash(&self, key: &ApiKeyText) -> ApiKeyHash;
}

sha256! {
    /// SHA-256 of an API key.
    ApiKeyHash
}
