//! Where people are signed in.

use async_trait::async_trait;
use domain::accounts::{DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{DeviceChange, DeviceState, Devices};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::statements::{DEVICE_CHANGE, DEVICES_ORDERED, DEVICES_READ};
use super::super::values::{column, time, unix_ms};
use super::security_log::address;
use super::{Accounts, device};

#[async_trait]
impl Devices for Accounts {
    async fn list(&self, user: UserId, now: UnixMs) -> Result<Vec<DeviceState>, PortError> {
        let work = async {
            let which: [&(dyn ToSql + Sync); 3] = [&user.0, &None::<Uuid>, &time(now)];
            let rows = self.database.as_user(user).query(DEVICES_READ, &which).await?;
            rows.iter().map(state).collect()
        };
        self.database
            .call_promptly(|| format!("read the devices of {user}"), work)
            .await
    }

    async fn change(
        &self,
        user: UserId,
        device: DeviceId,
        change: &DeviceChange,
        now: UnixMs,
    ) -> Result<Option<DeviceState>, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            // The person before the device, as when one signs in.
            if change.precedence.is_some() {
                transaction.change(DEVICES_ORDERED, &[&user.0]).await?;
            }
            let new: [&(dyn ToSql + Sync); 4] = [&user.0, &device.0, &change.name, &change.precedence];
            transaction.change(DEVICE_CHANGE, &new).await?;
            let which: [&(dyn ToSql + Sync); 3] = [&user.0, &Some(device.0), &time(now)];
            let Some(row) = transaction.row(DEVICES_READ, &which).await? else {
                // Not one that is signed in: nothing is kept.
                return Ok(None);
            };
            transaction.commit().await?;
            state(&row).map(Some)
        };
        self.database
            .call(|| format!("change the device {device} of {user}"), work)
            .await
    }
}

/// A row of a device's, then `session, api_key, signed_in_at, last_seen_at, last_address`.
fn state(row: &Row) -> Result<DeviceState, Failure> {
    Ok(DeviceState {
        device: device(row)?,
        session: column::<Option<Uuid>>(row, 5)?.map(SessionId),
        api_key: column::<Option<Uuid>>(row, 6)?.map(SessionId),
        signed_in_at: unix_ms(column(row, 7)?),
        last_seen_at: unix_ms(column(row, 8)?),
        last_address: address(column(row, 9)?)?,
    })
}
