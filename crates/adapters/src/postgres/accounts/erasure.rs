//! Forgetting a person's account.

use async_trait::async_trait;
use domain::accounts::{DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::AccountErasure;

use super::super::statements::{DEVICES_ALL, ERASE_ACCOUNT, SIGN_INS_OF, USER_LOCK};
use super::super::values::column;
use super::Accounts;

#[async_trait]
impl AccountErasure for Accounts {
    async fn devices(&self, user: UserId) -> Result<Vec<DeviceId>, PortError> {
        let work = async {
            let rows = self.database.as_user(user).query(DEVICES_ALL, &[&user.0]).await?;
            rows.iter().map(|row| Ok(DeviceId(column(row, 0)?))).collect()
        };
        self.database
            .call(|| format!("read which devices {user} has or had"), work)
            .await
    }

    async fn erase(&self, user: UserId, now: UnixMs) -> Result<Vec<SessionId>, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            // So that nothing signs in meanwhile.
            if transaction.row(USER_LOCK, &[&user.0]).await?.is_none() {
                return Ok(Vec::new());
            }
            let ended = transaction.end_sessions(SIGN_INS_OF, &[&user.0], now).await?;
            transaction.change(ERASE_ACCOUNT, &[]).await?;
            transaction.commit().await?;
            Ok(ended)
        };
        self.database.call(|| format!("erase the account {user}"), work).await
    }
}
