//! Passwords by Argon2id (RFC 9106), at the parameters that OWASP's password storage cheat sheet puts second: 19 MiB, two passes, one lane.

use std::num::NonZeroUsize;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as PhcHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use domain::accounts::Password;
use ports::PortError;
use ports::accounts::{PasswordHash, Passwords, Verified};
use tokio::sync::{Semaphore, TryAcquireError};

use super::common;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const PARAMS: Params = match Params::new(MEMORY_KIB, PASSES, LANES, None) {
    Ok(params) => params,
    Err(_) => panic!("the parameters are out of range"),
};

/// How many hashes may be asked for at once, those under way included. One more is told to come again.
const ASKED_MAX: usize = 64;

/// Hashing on threads of its own, a bounded number at a time: each needs a core and 19 MiB for some 20 ms.
pub struct Argon2Passwords {
    argon2: Argon2<'static>,
    asked: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// What an attempt is compared with when nobody has the e-mail address.
    nobody: PasswordHash,
}

impl Argon2Passwords {
    /// At most `at_once` hashes at a time.
    #[must_use]
    pub fn new(at_once: NonZeroUsize) -> Self {
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS),
            asked: Arc::new(Semaphore::new(ASKED_MAX)),
            running: Arc::new(Semaphore::new(at_once.get())),
            nobody: nobody(),
        }
    }

    /// Runs `work` when it is its turn. It is done to its end even if nobody waits for it any more, and counts until then.
    async fn run<T: Send + 'static>(
        &self,
        attempted: &'static str,
        work: impl FnOnce(&Argon2<'_>) -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let away = |error: TryAcquireError| PortError::unavailable(attempted, error);
        let asked = Arc::clone(&self.asked).try_acquire_owned().map_err(away)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(|error| PortError::bug(attempted, error))?;
        let argon2 = self.argon2.clone();
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&argon2);
            drop((asked, running));
            done
        });
        let done = done.await.map_err(|error| PortError::bug(attempted, error))?;
        done.map_err(|error| PortError::bug(attempted, error))
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError> {
        self.run("hash a password", move |argon2| {
            let hash = argon2.hash_password(password.expose().as_bytes())?;
            Ok(PasswordHash(hash.to_string()))
        })
        .await
    }

    async fn verify(&self, attempt: String, hash: Option<PasswordHash>) -> Result<Verified, PortError> {
        let is_possible = hash.is_some() && attempt.chars().nth(Password::CHARS_MAX).is_none();
        // Whoever has no hash, or tries what is too long, waits as long as everybody else.
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        self.run("verify a password", move |argon2| {
            let attempt: String = attempt.chars().take(Password::CHARS_MAX).collect();
            let hash = PhcHash::new(&hash.0)?;
            let outdated = is_outdated(&hash);
            let right = match argon2.verify_password(attempt.as_bytes(), &hash) {
                Ok(()) => is_possible,
                Err(password_hash::Error::PasswordInvalid) => false,
                Err(error) => return Err(error),
            };
            Ok(Verified { right, outdated })
        })
        .await
    }

    fn is_common(&self, password: &Password, own_words: &[&str]) -> bool {
        common::is_common(password, own_words)
    }
}

/// Whether the hash was made by another algorithm, another version of it or with other parameters than hashes are made with now.
fn is_outdated(hash: &PhcHash) -> bool {
    let costs = |params: &Params| {
        let len = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        (params.m_cost(), params.t_cost(), params.p_cost(), len)
    };
    let is_same = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(hash).is_ok_and(|params| costs(&params) == costs(&PARAMS));
    !is_same
}

/// A hash that costs what every other costs and that no password is known to have.
fn nobody() -> PasswordHash {
    PasswordHash(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
        "A".repeat(22),
        "A".repeat(43)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Argon2Passwords {
        Argon2Passwords::new(NonZeroUsize::MIN)
    }

    fn password(text: &str) -> Password {
        Password::parse(text).expect("valid")
    }

    async fn verify(passwords: &Argon2Passwords, attempt: &str, hash: Option<&PasswordHash>) -> Verified {
        let verified = passwords.verify(attempt.to_owned(), hash.cloned()).await;
        verified.expect("verified")
    }

    async fn is_right(passwords: &Argon2Passwords, attempt: &str, hash: Option<&PasswordHash>) -> bool {
        verify(passwords, attempt, hash).await.right
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_no_other_does() {
        let passwords = passwords();
        let hash = passwords.hash(password("correct horse")).await.expect("a hash");
        assert!(is_right(&passwords, "correct horse", Some(&hash)).await);
        for wrong in ["correct hors", "correct horse ", "Correct horse", ""] {
            assert!(!is_right(&passwords, wrong, Some(&hash)).await, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_hash_names_algorithm_and_parameters_and_has_a_salt_of_its_own() {
        let passwords = passwords();
        let one = passwords.hash(password("correct horse")).await.expect("a hash");
        let other = passwords.hash(password("correct horse")).await.expect("a hash");
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
        assert_ne!(one, other);
    }

    #[tokio::test]
    async fn a_hash_made_elsewhere_is_verified() {
        // By the reference implementation, through Python's argon2-cffi, with the salt 0123456789abcdef.
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$gy5SuVm5Z7Vw7keB9se9p87QGcomaseB/S2U1OhTsM0";
        let hash = PasswordHash(hash.to_owned());
        assert!(is_right(&passwords(), "correct horse battery staple", Some(&hash)).await);
    }

    #[tokio::test]
    async fn a_hash_that_was_made_otherwise_is_outdated_and_its_password_is_right_nonetheless() {
        let passwords = passwords();
        let hash = passwords.hash(password("correct horse")).await.expect("a hash");
        assert!(!verify(&passwords, "correct horse", Some(&hash)).await.outdated);
        let params = |memory_kib, passes, lanes, len| Params::new(memory_kib, passes, lanes, len).expect("in range");
        for (algorithm, version, params) in [
            (
                Algorithm::Argon2id,
                Version::V0x13,
                params(MEMORY_KIB / 2, PASSES, LANES, None),
            ),
            (
                Algorithm::Argon2id,
                Version::V0x13,
                params(MEMORY_KIB * 2, PASSES, LANES, None),
            ),
            (
                Algorithm::Argon2id,
                Version::V0x13,
                params(MEMORY_KIB, PASSES + 1, LANES, None),
            ),
            (
                Algorithm::Argon2id,
                Version::V0x13,
                params(MEMORY_KIB, PASSES, LANES + 1, None),
            ),
            (
                Algorithm::Argon2id,
                Version::V0x13,
                params(MEMORY_KIB, PASSES, LANES, Some(16)),
            ),
            (Algorithm::Argon2id, Version::V0x10, PARAMS),
            (Algorithm::Argon2i, Version::V0x13, PARAMS),
        ] {
            let other = Argon2::new(algorithm, version, params);
            let hash = other.hash_password(b"correct horse").expect("a hash").to_string();
            let verified = verify(&passwords, "correct horse", Some(&PasswordHash(hash.clone()))).await;
            assert_eq!((verified.right, verified.outdated), (true, true), "{hash}");
        }
    }

    #[tokio::test]
    async fn nobody_has_any_password() {
        let nobody = PhcHash::new(&nobody().0).map(|hash| hash.to_string()).expect("a hash");
        let read = Params::try_from(&PhcHash::new(&nobody).expect("a hash")).expect("parameters");
        assert_eq!(
            (read.m_cost(), read.t_cost(), read.p_cost()),
            (PARAMS.m_cost(), PARAMS.t_cost(), PARAMS.p_cost())
        );
        let verified = verify(&passwords(), "correct horse", None).await;
        assert_eq!((verified.right, verified.outdated), (false, false));
    }

    #[tokio::test]
    async fn an_attempt_over_the_limit_is_wrong_even_if_it_begins_with_the_password() {
        let passwords = passwords();
        let longest = "ä".repeat(Password::CHARS_MAX);
        let hash = passwords.hash(password(&longest)).await.expect("a hash");
        assert!(is_right(&passwords, &longest, Some(&hash)).await);
        assert!(!is_right(&passwords, &(longest + "x"), Some(&hash)).await);
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_read_is_a_bug() {
        let error = passwords()
            .verify("correct horse".to_owned(), Some(PasswordHash("nonsense".to_owned())))
            .await
            .expect_err("unreadable");
        assert!(!error.is_unavailable());
        assert!(!error.chain().contains("nonsense"));
    }

    #[tokio::test]
    async fn no_more_than_the_bound_may_ask_at_once_and_those_who_left_no_longer_count() {
        let passwords = passwords();
        let _turn = passwords.running.acquire().await.expect("a turn");
        let ask = || passwords.hash(password("correct horse"));
        let mut waiting: Vec<_> = (0..ASKED_MAX).map(|_| Box::pin(ask())).collect();
        for asked in &mut waiting {
            assert!(futures_util::poll!(asked.as_mut()).is_pending());
        }
        assert!(ask().await.expect_err("one too many").is_unavailable());
        waiting.pop();
        assert!(futures_util::poll!(Box::pin(ask())).is_pending());
    }
}
