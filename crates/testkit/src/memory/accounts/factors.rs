//! Second factors.

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, TotpSecret, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{FactorConfirmation, RecoveryHash, SecondFactor, SecondFactorStore};

use super::MemoryAccounts;

#[async_trait]
impl SecondFactorStore for MemoryAccounts {
    async fn begin(&self, user: UserId, secret: &TotpSecret, _now: UnixMs) -> Result<bool, PortError> {
        let attempted = "keep a second factor until it is confirmed";
        let mut kept = self.kept(attempted)?;
        let person = kept.person(user, attempted)?;
        if person.factor.is_some() {
            return Ok(false);
        }
        person.waiting = Some(secret.clone());
        Ok(true)
    }

    async fn waiting(&self, user: UserId) -> Result<Option<TotpSecret>, PortError> {
        let kept = self.kept("read the second factor that waits")?;
        Ok(kept.people.get(&user).and_then(|person| person.waiting.clone()))
    }

    async fn confirm(&self, confirmation: &FactorConfirmation) -> Result<bool, PortError> {
        let mut kept = self.kept("put a second factor into use")?;
        let person = kept.people.get_mut(&confirmation.user);
        let Some(person) = person.filter(|person| person.waiting.as_ref() == Some(&confirmation.secret)) else {
            return Ok(false);
        };
        person.waiting = None;
        person.factor = Some(SecondFactor {
            secret: confirmation.secret.clone(),
            last_step: Some(confirmation.step),
        });
        person.recovery.clone_from(&confirmation.codes);
        kept.write(&confirmation.entry);
        Ok(true)
    }

    async fn remove(&self, user: UserId, entry: &SecurityEntry) -> Result<bool, PortError> {
        let mut kept = self.kept("forget a second factor")?;
        let person = kept.people.get_mut(&user);
        let Some(person) = person.filter(|person| person.factor.is_some()) else {
            return Ok(false);
        };
        person.factor = None;
        person.recovery.clear();
        kept.write(entry);
        Ok(true)
    }

    async fn renew_codes(
        &self,
        user: UserId,
        codes: &[RecoveryHash],
        entry: &SecurityEntry,
    ) -> Result<bool, PortError> {
        let mut kept = self.kept("replace recovery codes")?;
        let person = kept.people.get_mut(&user);
        let Some(person) = person.filter(|person| person.factor.is_some()) else {
            return Ok(false);
        };
        person.recovery = codes.to_vec();
        kept.write(entry);
        Ok(true)
    }

    async fn use_step(&self, user: UserId, step: i64) -> Result<bool, PortError> {
        let mut kept = self.kept("note the step of a code")?;
        let factor = kept.people.get_mut(&user).and_then(|person| person.factor.as_mut());
        let Some(factor) = factor.filter(|factor| factor.last_step < Some(step)) else {
            return Ok(false);
        };
        factor.last_step = Some(step);
        Ok(true)
    }

    async fn use_code(&self, user: UserId, code: RecoveryHash, entry: &SecurityEntry) -> Result<bool, PortError> {
        let mut kept = self.kept("use a recovery code up")?;
        let Some(person) = kept.people.get_mut(&user) else {
            return Ok(false);
        };
        let before = person.recovery.len();
        person.recovery.retain(|kept| *kept != code);
        let is_used = person.recovery.len() < before;
        if is_used {
            kept.write(entry);
        }
        Ok(is_used)
    }
}
