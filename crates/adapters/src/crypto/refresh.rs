//! Refresh tokens: the session's id and 256 random bits, of which only a hash is kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::accounts::SessionId;
use ports::PortError;
use ports::accounts::{RefreshHash, RefreshTokens};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::random;

/// How many random bytes a token has. With so many, a plain hash is as good as a slow one.
const RANDOM_BYTES: usize = 32;
/// And how many characters they make in Base64.
const RANDOM_CHARS: usize = (RANDOM_BYTES * 8).div_ceil(6);

/// Tokens from the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomRefreshTokens;

impl RefreshTokens for RandomRefreshTokens {
    fn make(&self, session: SessionId) -> Result<(String, RefreshHash), PortError> {
        let random: [u8; RANDOM_BYTES] = random::bytes(format!("make a refresh token for session {session}"))?;
        let token = format!("{session}.{}", BASE64_URL_SAFE_NO_PAD.encode(random));
        let hash = hash(&token);
        Ok((token, hash))
    }

    fn read(&self, token: &str) -> Option<(SessionId, RefreshHash)> {
        let (session, random) = token.split_once('.')?;
        let is_random = random.len() == RANDOM_CHARS
            && random
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let id = Uuid::try_parse(session).ok().filter(|_| is_random)?;
        // The parser takes other spellings of an id too; ours has one.
        (id.to_string() == session).then(|| (SessionId(id), hash(token)))
    }
}

fn hash(token: &str) -> RefreshHash {
    RefreshHash(Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001));

    #[test]
    fn what_is_made_can_be_read() {
        let (token, hash) = RandomRefreshTokens.make(SESSION).expect("random bytes");
        assert_eq!(RandomRefreshTokens.read(&token), Some((SESSION, hash)));
    }

    #[test]
    fn no_two_tokens_of_a_session_are_the_same() {
        let make = || RandomRefreshTokens.make(SESSION).expect("random bytes").0;
        assert_ne!(make(), make());
    }

    #[test]
    fn the_hash_is_sha_256_of_the_whole_token() {
        let token = format!("{SESSION}.{}", "A".repeat(RANDOM_CHARS));
        let (_, hash) = RandomRefreshTokens.read(&token).expect("well formed");
        // printf '%s' '0198c0de-0000-7000-8000-000000000001.AAA…A' | sha256sum
        let sum = 0x24ae_d172_ba0b_d11f_1b53_ad9d_98b1_5abd_u128.to_be_bytes();
        let rest = 0x6a07_cc0b_c603_a7d7_8a6c_f0c9_c86d_82d0_u128.to_be_bytes();
        assert_eq!(hash.0.as_slice(), [sum, rest].concat());
    }

    #[test]
    fn what_has_not_the_shape_of_a_token_is_none() {
        let id = SESSION.to_string();
        let random = "A".repeat(RANDOM_CHARS);
        for bad in [
            String::new(),
            ".".to_owned(),
            id.clone(),
            format!("{id}."),
            format!("{id}.{random}A"),
            format!("{id}.{}", &random[1..]),
            format!("{id}.{}+", &random[1..]),
            format!("{id}.{}é", &random[2..]),
            format!("{id}.{random}\n"),
            format!("{}.{random}", id.to_uppercase()),
            format!("{}.{random}", id.replace('-', "")),
            format!("{{{id}}}.{random}"),
            format!("{random}.{id}"),
        ] {
            assert_eq!(RandomRefreshTokens.read(&bad), None, "{bad:?}");
        }
    }
}
