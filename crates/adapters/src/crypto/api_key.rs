//! API keys: 122 random bits, of which only a hash is kept.

use domain::accounts::ApiKeyText;
use ports::PortError;
use ports::accounts::{ApiKeyHash, KeyMaker};
use sha2::{Digest, Sha256};

use super::random;

/// Keys from the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomApiKeys;

impl KeyMaker for RandomApiKeys {
    fn make(&self) -> Result<(ApiKeyText, ApiKeyHash), PortError> {
        let key = ApiKeyText::from_random(random::bytes("make an API key")?);
        Ok((key, self.hash(&key)))
    }

    fn hash(&self, key: &ApiKeyText) -> ApiKeyHash {
        // With so many random bits, a plain hash is as good as a slow one.
        ApiKeyHash(Sha256::digest(key.expose()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    testkit::key_maker_contract!(((), RandomApiKeys));

    #[test]
    fn the_hash_is_sha_256_of_the_bytes_of_the_uuid() {
        let key = ApiKeyText::parse("00000000-0000-4000-8000-000000000000").expect("a key");
        // printf '\0\0\0\0\0\0\x40\0\x80\0\0\0\0\0\0\0' | sha256sum
        let hash = RandomApiKeys.hash(&key);
        assert_eq!(hash.0[..4], [0x93, 0x18, 0x90, 0xab]);
    }
}
