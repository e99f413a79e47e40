//! Tokens that reset a password: 256 random bits, of which only a hash is kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ports::PortError;
use ports::accounts::{ResetHash, ResetTokens};
use sha2::{Digest, Sha256};

use super::random;

/// How many random bytes a token has. With so many, a plain hash is as good as a slow one.
const RANDOM_BYTES: usize = 32;

/// Tokens from the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomResetTokens;

impl ResetTokens for RandomResetTokens {
    fn make(&self) -> Result<(String, ResetHash), PortError> {
        let random: [u8; RANDOM_BYTES] = random::bytes("make a token that resets a password")?;
        Ok((BASE64_URL_SAFE_NO_PAD.encode(random), hash(&random)))
    }

    fn read(&self, token: &str) -> Option<ResetHash> {
        let mut random = [0; RANDOM_BYTES];
        // The buffer bounds the text, and without padding there is one text for the same bytes.
        let read = BASE64_URL_SAFE_NO_PAD.decode_slice(token, &mut random).ok()?;
        (read == RANDOM_BYTES).then(|| hash(&random))
    }
}

fn hash(random: &[u8; RANDOM_BYTES]) -> ResetHash {
    ResetHash(Sha256::digest(random).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    testkit::reset_tokens_contract!(((), RandomResetTokens));

    #[test]
    fn the_hash_is_sha_256_of_the_random_bytes() {
        let hash = RandomResetTokens.read(&"A".repeat(43)).expect("a token");
        // head -c 32 /dev/zero | sha256sum
        assert_eq!(hash.0[..4], [0x66, 0x68, 0x7a, 0xad]);
    }

    #[test]
    fn a_token_has_43_characters_and_one_spelling() {
        let (token, _) = RandomResetTokens.make().expect("random bytes");
        assert_eq!(token.len(), 43);
        // Its last bits stand for nothing.
        assert_eq!(RandomResetTokens.read(&format!("{}B", "A".repeat(42))), None);
    }
}
