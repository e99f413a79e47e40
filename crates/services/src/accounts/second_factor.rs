//! Puts a second factor into use and out of it.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, RecoveryCode, SecurityEvent, TotpCode, TotpSecret};
use domain::fault::Fault;
use ports::accounts::{FactorConfirmation, Mailer, RecoveryHash, SecondFactorStore, SecondFactors, Users};

use super::{AccountsError, Journal, Proof, Recognition, mails};

/// The use case.
#[derive(Clone)]
pub struct SecondFactorUse {
    /// Asks who it is.
    pub recognition: Recognition,
    /// Makes secrets and codes.
    pub factors: Arc<dyn SecondFactors>,
    /// Where they are kept.
    pub store: Arc<dyn SecondFactorStore>,
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// Tells the person.
    pub mailer: Arc<dyn Mailer>,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

/// A factor that waits to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFactor {
    /// What an authenticator makes codes from.
    pub secret: TotpSecret,
    /// The same as an `otpauth` URI, for a picture.
    pub uri: String,
}

impl SecondFactorUse {
    /// Makes a secret for the caller's authenticator. It is asked for once [`SecondFactorUse::confirm`] has seen a code of it.
    ///
    /// # Errors
    /// What [`Recognition`] refuses, [`AccountsError::SecondFactorInUse`], or something outside.
    pub async fn begin(
        &self,
        caller: &Caller,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Result<NewFactor, AccountsError> {
        let account = self.recognition.of_caller(caller, proof, address).await?;
        let secret = self.factors.new_secret()?;
        if !self.store.begin(caller.user, &secret, self.journal.now()).await? {
            return Err(AccountsError::SecondFactorInUse);
        }
        let uri = self.factors.uri(&secret, &account.user.email);
        Ok(NewFactor { secret, uri })
    }

    /// Puts the factor into use and answers its recovery codes, which are never shown again.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] for a wrong code, [`AccountsError::NoSecondFactor`] when none waits, or something outside.
    pub async fn confirm(
        &self,
        caller: &Caller,
        code: &TotpCode,
        address: Option<IpAddr>,
    ) -> Result<Vec<RecoveryCode>, AccountsError> {
        let secret = self.store.waiting(caller.user).await?;
        let secret = secret.ok_or(AccountsError::NoSecondFactor)?;
        let step = self.factors.check(&secret, code, self.journal.now(), None);
        let step = step.ok_or_else(|| {
            let detail = "is not the code that the authenticator shows now";
            AccountsError::Invalid(vec![Fault::new("code", "wrong_code", detail)])
        })?;
        let (codes, hashes) = self.new_codes()?;
        let confirmation = FactorConfirmation {
            user: caller.user,
            secret,
            step,
            codes: hashes,
            entry: self
                .journal
                .entry_of(caller, SecurityEvent::SecondFactorEnabled, address),
        };
        if !self.store.confirm(&confirmation).await? {
            return Err(AccountsError::NoSecondFactor);
        }
        self.tell(caller, true).await?;
        Ok(codes)
    }

    /// Takes the caller's factor out of use.
    ///
    /// # Errors
    /// What [`Recognition`] refuses, [`AccountsError::NoSecondFactor`], or something outside.
    pub async fn remove(&self, caller: &Caller, proof: Proof, address: Option<IpAddr>) -> Result<(), AccountsError> {
        self.recognition.of_caller(caller, proof, address).await?;
        let event = SecurityEvent::SecondFactorDisabled;
        let entry = self.journal.entry_of(caller, event, address);
        if !self.store.remove(caller.user, &entry).await? {
            return Err(AccountsError::NoSecondFactor);
        }
        self.tell(caller, false).await
    }

    /// New recovery codes for the caller; the old ones are void.
    ///
    /// # Errors
    /// What [`Recognition`] refuses, [`AccountsError::NoSecondFactor`], or something outside.
    pub async fn renew_codes(
        &self,
        caller: &Caller,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Result<Vec<RecoveryCode>, AccountsError> {
        self.recognition.of_caller(caller, proof, address).await?;
        let (codes, hashes) = self.new_codes()?;
        let event = SecurityEvent::RecoveryCodesRenewed;
        let entry = self.journal.entry_of(caller, event, address);
        if self.store.renew_codes(caller.user, &hashes, &entry).await? {
            Ok(codes)
        } else {
            Err(AccountsError::NoSecondFactor)
        }
    }

    fn new_codes(&self) -> Result<(Vec<RecoveryCode>, Vec<RecoveryHash>), AccountsError> {
        Ok(self.factors.recovery_codes()?.into_iter().unzip())
    }

    async fn tell(&self, caller: &Caller, enabled: bool) -> Result<(), AccountsError> {
        if let Some(user) = self.users.by_id(caller.user).await? {
            mails::tell(self.mailer.as_ref(), mails::second_factor_changed(&user, enabled)).await;
        }
        Ok(())
    }
}
