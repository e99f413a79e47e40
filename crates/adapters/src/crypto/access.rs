//! Access tokens: JWTs (RFC 7519, with the type of RFC 9068) signed with HS256 by a key that only our own programs have. A visit to the page that confirms
//! devices is signed by the same keys, under a type of its own.

mod visit;

use std::error::Error;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use domain::time::{SECOND_MS, UnixMs};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ports::PortError;
use ports::accounts::{AccessTokens, Visit};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::random;

/// How long a token lives.
const LIFETIME_SECS: u32 = 5 * 60;
/// How far the clocks of our programs may be apart.
const SKEW_SECS: i64 = 60;
/// Who issues tokens, and for whom.
const ISSUER: &str = "daybook";
const AUDIENCE: &str = "daybook";
/// Says that it is an access token and no other JWT that is signed with the same key.
const TYPE: &str = "at+jwt";

/// A key that signs tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// Its name, which stands in each token that it signs.
    pub id: String,
    /// At least [`TokenKey::SECRET_BYTES_MIN`] random bytes.
    pub secret: Vec<u8>,
}

impl TokenKey {
    /// The fewest bytes a secret may have: as many as the hash has (RFC 7518, section 3.2).
    pub const SECRET_BYTES_MIN: usize = 32;

    /// A new key of this name.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn random(id: impl Into<String>) -> Result<Self, PortError> {
        let secret: [u8; Self::SECRET_BYTES_MIN] = random::bytes("make a key for access tokens")?;
        Ok(Self {
            id: id.into(),
            secret: secret.into(),
        })
    }
}

/// Shows nothing of the secret.
impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({})", self.id)
    }
}

/// Why keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenKeysError {
    /// Nothing could be signed.
    #[error("there is no key to sign access tokens with")]
    None,
    /// It could be guessed.
    #[error("the secret of key {0} has fewer than {min} bytes", min = TokenKey::SECRET_BYTES_MIN)]
    Short(String),
    /// A token would not say which one signed it.
    #[error("two keys are named {0}")]
    Twice(String),
}

/// Tokens that any of our programs can check without asking anybody.
///
/// The header of a token is the same bytes for every token of a key: it names one algorithm, one type and the key. So it is compared, not interpreted, and
/// whatever is not to the letter a header of ours is refused before anything of it is believed.
pub struct SignedAccessTokens {
    /// Written once in a while, and read by all requests at once.
    keys: RwLock<Keys>,
}

struct Keys {
    /// What every access token starts with that is signed now.
    header: String,
    /// And every visit.
    visit_header: String,
    signing: EncodingKey,
    /// Every key that is accepted.
    accepted: Vec<Accepted>,
}

/// A key that is accepted, by what its tokens start with.
struct Accepted {
    header: String,
    visit_header: String,
    key: DecodingKey,
}

impl SignedAccessTokens {
    /// With these keys: the first signs, all are accepted.
    ///
    /// # Errors
    /// When the keys cannot be used.
    pub fn new(keys: &[TokenKey]) -> Result<Self, TokenKeysError> {
        let keys = RwLock::new(Keys::new(keys)?);
        Ok(Self { keys })
    }

    /// From now on with these keys and no others. [`Rota`](super::Rota) says which they are, so that nobody is signed out.
    ///
    /// # Errors
    /// When the keys cannot be used; then the ones before stay.
    pub fn take_over(&self, keys: &[TokenKey]) -> Result<(), TokenKeysError> {
        let keys = Keys::new(keys)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn new(keys: &[TokenKey]) -> Result<Self, TokenKeysError> {
        let newest = keys.first().ok_or(TokenKeysError::None)?;
        let mut accepted: Vec<Accepted> = Vec::with_capacity(keys.len());
        for key in keys {
            if key.secret.len() < TokenKey::SECRET_BYTES_MIN {
                return Err(TokenKeysError::Short(key.id.clone()));
            }
            let header = header(&key.id, TYPE);
            if accepted.iter().any(|other| other.header == header) {
                return Err(TokenKeysError::Twice(key.id.clone()));
            }
            accepted.push(Accepted {
                header,
                visit_header: self::header(&key.id, visit::TYPE),
                key: DecodingKey::from_secret(&key.secret),
            });
        }
        Ok(Self {
            header: header(&newest.id, TYPE),
            visit_header: header(&newest.id, visit::TYPE),
            signing: EncodingKey::from_secret(&newest.secret),
            accepted,
        })
    }

    /// A token of `claims` that starts with `header`.
    fn sign(&self, header: &str, claims: &impl Serialize) -> Result<String, Box<dyn Error + Send + Sync>> {
        let mut token = format!("{header}.");
        BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_string(claims)?, &mut token);
        let signature = jsonwebtoken::crypto::sign(token.as_bytes(), &self.signing, Algorithm::HS256)?;
        Ok(format!("{token}.{signature}"))
    }

    /// The claims of a token that one of the keys has signed, as JSON, where it starts with that of the key's headers that `header` picks.
    fn signed(&self, token: &str, header: fn(&Accepted) -> &str) -> Option<Vec<u8>> {
        let (message, signature) = token.rsplit_once('.')?;
        let (given, claims) = message.split_once('.')?;
        let Accepted { key, .. } = self.accepted.iter().find(|accepted| header(accepted) == given)?;
        let is_signed = jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, Algorithm::HS256).ok()?;
        is_signed.then(|| BASE64_URL_SAFE_NO_PAD.decode(claims).ok())?
    }
}

impl AccessTokens for SignedAccessTokens {
    fn issue(&self, caller: &Caller, now: UnixMs) -> Result<(String, u32), PortError> {
        let iat = secs(now);
        let claims = Claims {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: caller.user.0,
            did: caller.device.0,
            sid: caller.session.0,
            prc: caller.precedence,
            iat,
            exp: iat + i64::from(LIFETIME_SECS),
        };
        let keys = self.keys();
        let token = keys
            .sign(&keys.header, &claims)
            .map_err(|error| PortError::bug(format!("sign an access token of session {}", caller.session), error))?;
        Ok((token, LIFETIME_SECS))
    }

    fn verify(&self, token: &str, now: UnixMs) -> Option<Caller> {
        let claims = self.keys().signed(token, |accepted| &accepted.header)?;
        let claims: Claims<'_> = serde_json::from_slice(&claims).ok()?;
        let now = secs(now);
        let is_ours = claims.iss == ISSUER && claims.aud == AUDIENCE;
        let is_alive = now < claims.exp && claims.iat <= now + SKEW_SECS;
        (is_ours && is_alive).then_some(Caller {
            user: UserId(claims.sub),
            device: DeviceId(claims.did),
            session: SessionId(claims.sid),
            precedence: claims.prc,
        })
    }

    fn issue_visit(&self, visit: &Visit) -> Result<String, PortError> {
        let keys = self.keys();
        keys.sign(&keys.visit_header, &visit::Claims::of(visit))
            .map_err(|error| PortError::bug(format!("sign a visit of user {}", visit.user), error))
    }

    fn verify_visit(&self, token: &str, now: UnixMs) -> Option<Visit> {
        let claims = self.keys().signed(token, |accepted| &accepted.visit_header)?;
        let claims: visit::Claims<'_> = serde_json::from_slice(&claims).ok()?;
        claims.visit().filter(|visit| now < visit.expires_at)
    }
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    did: Uuid,
    sid: Uuid,
    prc: i32,
    iat: i64,
    exp: i64,
}

/// The header of every token of a type that the key of this name signs, as it stands in the token.
fn header(key: &str, of_type: &str) -> String {
    let header = serde_json::json!({"alg": "HS256", "kid": key, "typ": of_type});
    BASE64_URL_SAFE_NO_PAD.encode(header.to_string())
}

fn secs(at: UnixMs) -> i64 {
    at.0.div_euclid(SECOND_MS)
}

#[cfg(test)]
mod tests;
