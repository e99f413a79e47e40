//! Checks what a person shows to be recognised: their password and, where they use one, their second factor. The only place that does.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, Email, Password, RecoveryCode, SecurityEvent, TotpCode};
use ports::PortError;
use ports::accounts::{
    Account, Attempt, Credentials, Passwords, SecondFactor, SecondFactorStore, SecondFactors, SecurityLog,
    SignInThrottle, Users,
};

use super::{AccountsError, Journal};

/// What a person shows.
#[derive(Clone)]
pub struct Proof {
    /// The password as typed.
    pub password: String,
    /// The code of the second factor, or a recovery code, as typed.
    pub code: Option<String>,
}

/// Shows nothing of it.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof(…)")
    }
}

/// Recognises people.
///
/// An address that nobody has, a wrong password and a disabled account are told by the same answer after the same work: one look for the account, one hash, one
/// count of the failure, one entry in the log.
#[derive(Clone)]
pub struct Recognition {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// How passwords are checked.
    pub passwords: Arc<dyn Passwords>,
    /// Where their hashes are kept.
    pub credentials: Arc<dyn Credentials>,
    /// How codes are checked.
    pub factors: Arc<dyn SecondFactors>,
    /// Where it is kept which codes were used.
    pub factor_store: Arc<dyn SecondFactorStore>,
    /// What slows guessing down.
    pub throttle: Arc<dyn SignInThrottle>,
    /// Where failures are noted.
    pub log: Arc<dyn SecurityLog>,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl Recognition {
    /// The account of `email`, if the proof is good. `None` is what was typed and is no address, which must look like a wrong password.
    ///
    /// # Errors
    /// [`AccountsError::SignInRefused`], [`AccountsError::SecondFactorRequired`], [`AccountsError::SecondFactorRefused`], [`AccountsError::TooSoon`], or
    /// something outside.
    pub(super) async fn of_email(
        &self,
        email: Option<&Email>,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Result<Account, AccountsError> {
        let attempt = Attempt {
            account: email.map(Email::as_str).unwrap_or_default().to_owned(),
            address,
        };
        self.wait_for(&attempt).await?;
        let account = match email {
            Some(email) => self.users.by_email(email).await?,
            None => None,
        };
        self.check(account, proof, &attempt).await
    }

    /// The account of somebody who is signed in and is asked again, before what a stranger at their desk must not do.
    ///
    /// # Errors
    /// [`AccountsError::ProofRefused`], [`AccountsError::TooSoon`], [`AccountsError::AccountGone`], or something outside.
    pub(crate) async fn of_caller(
        &self,
        caller: &Caller,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Result<Account, AccountsError> {
        let account = self.users.account(caller.user).await?;
        let account = account.ok_or(AccountsError::AccountGone)?;
        let attempt = Attempt {
            account: account.user.email.as_str().to_owned(),
            address,
        };
        self.wait_for(&attempt).await?;
        self.check(Some(account), proof, &attempt)
            .await
            .map_err(|error| match error {
                AccountsError::SignInRefused
                | AccountsError::SecondFactorRequired
                | AccountsError::SecondFactorRefused => AccountsError::ProofRefused,
                other => other,
            })
    }

    async fn wait_for(&self, attempt: &Attempt) -> Result<(), AccountsError> {
        match self.throttle.attempt(attempt).await? {
            Some(wait) => Err(AccountsError::TooSoon { wait }),
            None => Ok(()),
        }
    }

    async fn check(&self, account: Option<Account>, proof: Proof, attempt: &Attempt) -> Result<Account, AccountsError> {
        let hash = account.as_ref().map(|account| account.password.clone());
        let verified = self.passwords.verify(proof.password.clone(), hash).await?;
        let (account, outdated) = match account {
            Some(account) if verified.right && !account.disabled => (account, verified.outdated),
            other => {
                let user = other.map(|account| account.user.id);
                let entry = self.journal.entry(SecurityEvent::SignInFailed, user, attempt.address);
                self.throttle.failed(attempt).await?;
                self.log.record(&entry).await?;
                return Err(AccountsError::SignInRefused);
            }
        };
        if let Some(factor) = &account.second_factor {
            let code = proof.code.ok_or(AccountsError::SecondFactorRequired)?;
            if !self.accepts(&account, factor, &code, attempt).await? {
                let user = Some(account.user.id);
                let entry = self
                    .journal
                    .entry(SecurityEvent::SecondFactorFailed, user, attempt.address);
                self.throttle.failed(attempt).await?;
                self.log.record(&entry).await?;
                return Err(AccountsError::SecondFactorRefused);
            }
        }
        self.throttle.succeeded(attempt).await?;
        if outdated {
            self.renew_hash(&account, &proof.password).await?;
        }
        Ok(account)
    }

    /// Whether the code is good, now and once: it is used up by the answer.
    async fn accepts(
        &self,
        account: &Account,
        factor: &SecondFactor,
        code: &str,
        attempt: &Attempt,
    ) -> Result<bool, PortError> {
        let user = account.user.id;
        if let Ok(code) = TotpCode::parse(code) {
            let now = self.journal.now();
            return match self.factors.check(&factor.secret, &code, now, factor.last_step) {
                Some(step) => self.factor_store.use_step(user, step).await,
                None => Ok(false),
            };
        }
        let Ok(code) = RecoveryCode::parse(code) else {
            return Ok(false);
        };
        let entry = self
            .journal
            .entry(SecurityEvent::RecoveryCodeUsed, Some(user), attempt.address);
        let hash = self.factors.recovery_hash(&code);
        self.factor_store.use_code(user, hash, &entry).await
    }

    async fn renew_hash(&self, account: &Account, password: &str) -> Result<(), PortError> {
        // What is longer or shorter than a password may be today was right all the same: it stays as it is.
        let Ok(password) = Password::parse(password) else {
            return Ok(());
        };
        let new = self.passwords.hash(password).await?;
        self.credentials.rehash(account.user.id, &account.password, &new).await
    }
}
