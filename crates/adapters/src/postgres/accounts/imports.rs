//! Devices of imported history, in the table `import_devices`.

use async_trait::async_trait;
use domain::accounts::{DeviceId, ImportDevice, ImportSource, PRECEDENCE_MIN, SecurityEntry, UserId};
use ports::PortError;
use ports::accounts::{IMPORT_DEVICES_MAX, ImportDevices, ImportPlace, NewImport};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::failure::Failure;
use super::super::statements::{
    IMPORT_DEVICE_FORESEE, IMPORT_DEVICE_KEEP, IMPORT_DEVICE_REMOVE, IMPORT_DEVICE_RENAME, IMPORT_DEVICES_READ,
    IMPORTER_LOCK, IMPORTER_READ,
};
use super::super::values::{column, time, unix_ms};
use super::security_log::note;
use super::{Accounts, heartbeat_timeout};

#[async_trait]
impl ImportDevices for Accounts {
    async fn keep(&self, import: &NewImport) -> Result<ImportPlace, PortError> {
        let user = import.user;
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            let Some(person) = transaction.row(IMPORTER_LOCK, &[&user.0]).await? else {
                return Ok(ImportPlace::Gone);
            };
            let (devices_max, now, timeout_secs) = (devices_max(), time(import.now), timeout_secs(&person)?);
            let kept: [&(dyn ToSql + Sync); 7] = [
                &import.new_device.0,
                &user.0,
                &import.source.as_str(),
                &now,
                &devices_max,
                &PRECEDENCE_MIN,
                &timeout_secs,
            ];
            let Some(device) = transaction.row(IMPORT_DEVICE_KEEP, &kept).await? else {
                return Ok(ImportPlace::TooMany);
            };
            transaction.commit().await?;
            place(&device)
        };
        self.database
            .call(|| format!("keep a device of imported history of {user}"), work)
            .await
    }

    async fn foresee(&self, import: &NewImport) -> Result<ImportPlace, PortError> {
        let user = import.user;
        let work = async {
            // Never committed: nothing is kept.
            let transaction = self.database.as_user(user).begin().await?;
            let Some(person) = transaction.row(IMPORTER_READ, &[&user.0]).await? else {
                return Ok(ImportPlace::Gone);
            };
            let (devices_max, timeout_secs) = (devices_max(), timeout_secs(&person)?);
            let asked: [&(dyn ToSql + Sync); 6] = [
                &import.new_device.0,
                &user.0,
                &import.source.as_str(),
                &devices_max,
                &PRECEDENCE_MIN,
                &timeout_secs,
            ];
            match transaction.row(IMPORT_DEVICE_FORESEE, &asked).await? {
                Some(device) => place(&device),
                None => Ok(ImportPlace::TooMany),
            }
        };
        self.database
            .call(|| format!("look for a device of imported history of {user}"), work)
            .await
    }

    async fn list(&self, user: UserId) -> Result<Vec<ImportDevice>, PortError> {
        let work = async {
            let rows = self
                .database
                .as_user(user)
                .query(IMPORT_DEVICES_READ, &[&user.0])
                .await?;
            rows.iter().map(device).collect()
        };
        self.database
            .call(|| format!("read the devices of imported history of {user}"), work)
            .await
    }

    async fn rename(
        &self,
        user: UserId,
        device: DeviceId,
        name: Option<&str>,
    ) -> Result<Option<ImportDevice>, PortError> {
        let work = async {
            let named: [&(dyn ToSql + Sync); 3] = [&user.0, &device.0, &name];
            let row = self
                .database
                .as_user(user)
                .query_opt(IMPORT_DEVICE_RENAME, &named)
                .await?;
            row.as_ref().map(self::device).transpose()
        };
        self.database
            .call(|| format!("rename the device {device} of {user}"), work)
            .await
    }

    async fn remove(&self, user: UserId, device: DeviceId, entry: &SecurityEntry) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            let which: [&(dyn ToSql + Sync); 2] = [&user.0, &device.0];
            if transaction.row(IMPORT_DEVICE_REMOVE, &which).await?.is_none() {
                return Ok(false);
            }
            note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("remove the device {device} of {user}"), work)
            .await
    }
}

fn devices_max() -> i64 {
    i64::try_from(IMPORT_DEVICES_MAX).unwrap_or(i64::MAX)
}

/// A row of `heartbeat_timeout_secs`.
fn timeout_secs(row: &Row) -> Result<i32, Failure> {
    column(row, 0)
}

/// A row of `id, precedence, heartbeat_timeout_secs`.
fn place(row: &Row) -> Result<ImportPlace, Failure> {
    let id = DeviceId(column(row, 0)?);
    let patience = heartbeat_timeout(row, 2)?.ok_or_else(|| {
        Failure::Broken(format!(
            "the heartbeat_timeout_secs of {id} is stored in a form that is not known"
        ))
    })?;
    Ok(ImportPlace::Device {
        id,
        precedence: column(row, 1)?,
        patience,
    })
}

/// A row of `id, source, name, precedence, made_at, used_at`.
fn device(row: &Row) -> Result<ImportDevice, Failure> {
    let id = DeviceId(column(row, 0)?);
    let odd = |_| Failure::Broken(format!("the source of {id} is stored in a form that is not known"));
    Ok(ImportDevice {
        id,
        source: ImportSource::parse(column(row, 1)?).map_err(odd)?,
        name: column(row, 2)?,
        precedence: column(row, 3)?,
        made_at: unix_ms(column(row, 4)?),
        used_at: unix_ms(column(row, 5)?),
    })
}
