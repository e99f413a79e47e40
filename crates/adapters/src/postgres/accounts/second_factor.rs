//! Second factors and their recovery codes.

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, TotpSecret, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{FactorConfirmation, RecoveryHash, SecondFactorStore};
use tokio_postgres::types::ToSql;

use super::super::failure::Failure;
use super::super::scope::Transaction;
use super::super::statements::{
    FACTOR_BEGIN, FACTOR_CONFIRM, FACTOR_LOCK, FACTOR_REMOVE, FACTOR_USE_STEP, FACTOR_WAITING, RECOVERY_FORGET,
    RECOVERY_KEEP, RECOVERY_USE,
};
use super::super::values::{column, time};
use super::security_log::note;
use super::{Accounts, secret};

#[async_trait]
impl SecondFactorStore for Accounts {
    async fn begin(&self, user: UserId, secret: &TotpSecret, now: UnixMs) -> Result<bool, PortError> {
        let work = async {
            let kept: [&(dyn ToSql + Sync); 3] = [&user.0, &secret.expose().as_slice(), &time(now)];
            let transaction = self.database.as_user(user).begin().await?;
            let is_kept = transaction.change(FACTOR_BEGIN, &kept).await? == 1;
            transaction.commit().await?;
            Ok(is_kept)
        };
        self.database
            .call(|| format!("keep a second factor of {user} that waits"), work)
            .await
    }

    async fn waiting(&self, user: UserId) -> Result<Option<TotpSecret>, PortError> {
        let work = async {
            let row = self
                .database
                .as_user(user)
                .query_opt(FACTOR_WAITING, &[&user.0])
                .await?;
            row.map(|row| secret(column(&row, 0)?)).transpose()
        };
        self.database
            .call(|| format!("read the second factor of {user} that waits"), work)
            .await
    }

    async fn confirm(&self, confirmation: &FactorConfirmation) -> Result<bool, PortError> {
        let user = confirmation.user;
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            let secret = confirmation.secret.expose().as_slice();
            let confirmed: [&(dyn ToSql + Sync); 3] = [&user.0, &secret, &confirmation.step];
            if transaction.change(FACTOR_CONFIRM, &confirmed).await? == 0 {
                return Ok(false);
            }
            replace_codes(&transaction, user, &confirmation.codes).await?;
            note(&transaction, &confirmation.entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("put the second factor of {user} into use"), work)
            .await
    }

    async fn remove(&self, user: UserId, entry: &SecurityEntry) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            if transaction.row(FACTOR_LOCK, &[&user.0]).await?.is_none() {
                return Ok(false);
            }
            transaction.change(RECOVERY_FORGET, &[&user.0]).await?;
            transaction.change(FACTOR_REMOVE, &[&user.0]).await?;
            note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("remove the second factor of {user}"), work)
            .await
    }

    async fn renew_codes(
        &self,
        user: UserId,
        codes: &[RecoveryHash],
        entry: &SecurityEntry,
    ) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            if transaction.row(FACTOR_LOCK, &[&user.0]).await?.is_none() {
                return Ok(false);
            }
            replace_codes(&transaction, user, codes).await?;
            note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("renew the recovery codes of {user}"), work)
            .await
    }

    async fn use_step(&self, user: UserId, step: i64) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            let is_used = transaction.change(FACTOR_USE_STEP, &[&user.0, &step]).await? == 1;
            transaction.commit().await?;
            Ok(is_used)
        };
        self.database
            .call_promptly(|| format!("use a code of the second factor of {user}"), work)
            .await
    }

    async fn use_code(&self, user: UserId, code: RecoveryHash, entry: &SecurityEntry) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            let shown: [&(dyn ToSql + Sync); 2] = [&user.0, &code.0.as_slice()];
            if transaction.change(RECOVERY_USE, &shown).await? == 0 {
                return Ok(false);
            }
            note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call_promptly(|| format!("use a recovery code of {user}"), work)
            .await
    }
}

async fn replace_codes(transaction: &Transaction, user: UserId, codes: &[RecoveryHash]) -> Result<(), Failure> {
    let codes: Vec<&[u8]> = codes.iter().map(|code| code.0.as_slice()).collect();
    transaction.change(RECOVERY_FORGET, &[&user.0]).await?;
    transaction.change(RECOVERY_KEEP, &[&user.0, &codes]).await?;
    Ok(())
}
