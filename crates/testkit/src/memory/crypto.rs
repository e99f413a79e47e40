//! Stand-ins for what is slow or random in earnest. They keep no secret.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use domain::accounts::{Caller, Password, SessionId};
use domain::time::{SECOND_MS, UnixMs};
use ports::PortError;
use ports::accounts::{AccessTokens, PasswordHash, Passwords, RefreshHash, RefreshTokens, Verified, Visit};

/// Passwords whose hash is the password itself, so that a test does not wait for a real one.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryPasswords;

impl MemoryPasswords {
    /// A hash of the password as it was made once and is no longer.
    #[must_use]
    pub fn outdated(password: &str) -> PasswordHash {
        PasswordHash(format!("{OUTDATED}{password}"))
    }
}

const PLAIN: &str = "$plain$";
const OUTDATED: &str = "$plainer$";
/// The passwords that count as common.
const COMMON: [&str; 3] = ["password", "password1", "12345678"];

#[async_trait]
impl Passwords for MemoryPasswords {
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError> {
        Ok(PasswordHash(format!("{PLAIN}{}", password.expose())))
    }

    async fn verify(&self, attempt: String, hash: Option<PasswordHash>) -> Result<Verified, PortError> {
        let is = |form: &str| hash.as_ref().is_some_and(|hash| hash.0 == format!("{form}{attempt}"));
        let outdated = hash.as_ref().is_some_and(|hash| hash.0.starts_with(OUTDATED));
        Ok(Verified {
            right: is(PLAIN) || is(OUTDATED),
            outdated,
        })
    }

    fn is_common(&self, password: &Password, own_words: &[&str]) -> bool {
        let is = |common: &&str| common.eq_ignore_ascii_case(password.expose());
        COMMON.iter().chain(own_words).any(is)
    }
}

/// Access tokens that are known by heart.
#[derive(Debug, Default)]
pub struct MemoryAccessTokens {
    issued: Mutex<HashMap<String, (Caller, UnixMs)>>,
    visits: Mutex<HashMap<String, Visit>>,
}

impl MemoryAccessTokens {
    /// How long a token lives.
    pub const LIFETIME_SECS: u32 = 300;
}

impl AccessTokens for MemoryAccessTokens {
    fn issue(&self, caller: &Caller, now: UnixMs) -> Result<(String, u32), PortError> {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("access.{}.{}", issued.len() + 1, caller.session);
        let expires = now.plus_ms(i64::from(Self::LIFETIME_SECS) * SECOND_MS);
        issued.insert(token.clone(), (*caller, expires));
        Ok((token, Self::LIFETIME_SECS))
    }

    fn verify(&self, token: &str, now: UnixMs) -> Option<Caller> {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        issued
            .get(token)
            .filter(|(_, expires)| now < *expires)
            .map(|(caller, _)| *caller)
    }

    fn issue_visit(&self, visit: &Visit) -> Result<String, PortError> {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        let token = format!("visit.{}.{}", visits.len() + 1, visit.user);
        visits.insert(token.clone(), *visit);
        Ok(token)
    }

    fn verify_visit(&self, token: &str, now: UnixMs) -> Option<Visit> {
        let visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        visits.get(token).filter(|visit| now < visit.expires_at).copied()
    }
}

/// Refresh tokens that are numbered where real ones are random.
#[derive(Debug, Default)]
pub struct MemoryRefreshTokens {
    made: AtomicU64,
}

impl RefreshTokens for MemoryRefreshTokens {
    fn make(&self, session: SessionId) -> Result<(String, RefreshHash), PortError> {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        Ok((format!("{session}.{number:016x}"), hash(number)))
    }

    fn read(&self, token: &str) -> Option<(SessionId, RefreshHash)> {
        let (session, number) = token.split_once('.')?;
        let number = u64::from_str_radix(number, 16).ok()?;
        Some((SessionId(session.parse().ok()?), hash(number)))
    }
}

fn hash(number: u64) -> RefreshHash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    RefreshHash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::accounts::{DeviceId, UserId};
    use uuid::Uuid;

    fn caller() -> Caller {
        Caller {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            session: SessionId(Uuid::from_u128(3)),
            precedence: 4,
        }
    }

    #[tokio::test]
    async fn only_the_right_password_of_somebody_is_right() {
        let right = Password::parse("correct horse").expect("valid");
        let hash = MemoryPasswords.hash(right).await.expect("hashed");
        let outdated = MemoryPasswords::outdated("correct horse");
        for (attempt, hash, right, is_outdated) in [
            ("correct horse", Some(hash.clone()), true, false),
            ("correct horsf", Some(hash), false, false),
            ("correct horse", Some(outdated), true, true),
            ("correct horse", None, false, false),
        ] {
            let verified = MemoryPasswords.verify(attempt.to_owned(), hash).await;
            let verdict = Verified {
                right,
                outdated: is_outdated,
            };
            assert_eq!(verified.expect("verified"), verdict, "{attempt}");
        }
    }

    #[test]
    fn a_few_passwords_and_ones_own_words_are_common() {
        let common = |text: &str| MemoryPasswords.is_common(&Password::parse(text).expect(text), &["lovelace"]);
        assert!(common("Password1"));
        assert!(common("Lovelace"));
        assert!(!common("correct horse"));
    }

    #[test]
    fn an_access_token_speaks_for_its_caller_until_it_expires() {
        let tokens = MemoryAccessTokens::default();
        let (token, secs) = tokens.issue(&caller(), UnixMs(0)).expect("issued");
        let end = UnixMs(i64::from(secs) * SECOND_MS);
        assert_eq!(tokens.verify(&token, end.plus_ms(-1)), Some(caller()));
        assert_eq!(tokens.verify(&token, end), None);
        assert_eq!(tokens.verify("access.9", UnixMs(0)), None);
    }

    #[test]
    fn a_refresh_token_names_its_session_and_no_two_are_alike() {
        let tokens = MemoryRefreshTokens::default();
        let (first, first_hash) = tokens.make(caller().session).expect("made");
        let (_, second_hash) = tokens.make(caller().session).expect("made");
        assert_eq!(tokens.read(&first), Some((caller().session, first_hash)));
        assert_ne!(first_hash, second_hash);
        assert_eq!(tokens.read("nonsense"), None);
    }
}
