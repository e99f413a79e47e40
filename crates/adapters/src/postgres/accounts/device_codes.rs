//! Devices that wait for a person to confirm them, in the table `device_codes`.

use async_trait::async_trait;
use domain::accounts::{DeviceKey, SecurityEntry, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{
    Claimed, DeviceAnswer, DeviceClaim, DeviceCodes, NewWaitingDevice, SignIn, SignInOutcome, UserCodeHash,
    WAITING_DEVICES_MAX, WAITING_DEVICES_OF_ADDRESS_MAX, WaitingDevice,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::scope::Transaction;
use super::super::statements::{
    DEVICE_CODE_ANSWER, DEVICE_CODE_KEEP, DEVICE_CODE_POLLED, DEVICE_CODE_READ, DEVICE_CODE_USE, DEVICE_CODE_WAITING,
    DEVICE_CODES_FORGET, USER_LOCK,
};
use super::super::values::{column, time, unix_ms};
use super::Accounts;
use super::credentials::hex;
use super::security_log::{address, address_text, note};
use super::sessions::keep_sign_in;

#[async_trait]
impl DeviceCodes for Accounts {
    async fn keep(&self, device: &NewWaitingDevice) -> Result<bool, PortError> {
        let work = async {
            let (device_hash, user_hash) = (device.device_hash.0.as_slice(), device.user_hash.0.as_slice());
            let device = &device.device;
            let from = address_text(device.address);
            let interval_secs = seconds(DeviceClaim::INTERVAL_SECS);
            let kept: [&(dyn ToSql + Sync); 11] = [
                &device_hash,
                &user_hash,
                &device.key.as_str(),
                &device.name,
                &device.platform,
                &from,
                &time(device.asked_at),
                &time(device.expires_at),
                &interval_secs,
                &count(WAITING_DEVICES_MAX),
                &count(WAITING_DEVICES_OF_ADDRESS_MAX),
            ];
            let nobody = self.database.looking_up("");
            let row = nobody.query_opt(DEVICE_CODE_KEEP, &kept).await?;
            row.map_or(Ok(false), |row| column(&row, 0))
        };
        self.database
            .call_promptly(|| "keep a device that waits to be confirmed".to_owned(), work)
            .await
    }

    async fn look(&self, code: UserCodeHash, now: UnixMs) -> Result<Option<WaitingDevice>, PortError> {
        let work = async {
            let shown: [&(dyn ToSql + Sync); 2] = [&code.0.as_slice(), &time(now)];
            let lookup = self.database.looking_up(hex(&code.0));
            let row = lookup.query_opt(DEVICE_CODE_WAITING, &shown).await?;
            row.as_ref().map(waiting).transpose()
        };
        self.database
            .call_promptly(|| "look for the device that shows a code".to_owned(), work)
            .await
    }

    async fn answer(&self, answer: &DeviceAnswer) -> Result<bool, PortError> {
        let work = async {
            let lookup = self.database.looking_up(hex(&answer.code.0));
            let transaction = lookup.begin().await?;
            transaction.go_on_as(answer.user).await?;
            // The person is locked before what they answer, as when they are erased.
            let Some(person) = transaction.row(USER_LOCK, &[&answer.user.0]).await? else {
                return Ok(false);
            };
            let version: i32 = column(&person, 1)?;
            let (code, now) = (answer.code.0.as_slice(), time(answer.now));
            let kept: [&(dyn ToSql + Sync); 5] = [&code, &answer.user.0, &answer.approve, &version, &now];
            if transaction.change(DEVICE_CODE_ANSWER, &kept).await? == 0 {
                return Ok(false);
            }
            note(&transaction, &answer.entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("keep what {} answers a device", answer.user), work)
            .await
    }

    async fn claim(&self, claim: &DeviceClaim) -> Result<Claimed, PortError> {
        let work = async {
            let shown: [&(dyn ToSql + Sync); 2] = [&claim.code.0.as_slice(), &time(claim.now)];
            let lookup = self.database.looking_up(hex(&claim.code.0));
            let (transaction, found) = lookup.begin_with(DEVICE_CODE_READ, &shown).await?;
            let Some(found) = found else {
                return Ok(Claimed::Expired);
            };
            let claimed = match column(&found, 1)? {
                None => polled(&transaction, claim, column::<Option<bool>>(&found, 6)? == Some(true)).await?,
                Some(false) => Claimed::Denied,
                Some(true) => used(&transaction, claim, &found).await?,
            };
            if !matches!(claimed, Claimed::Expired | Claimed::TooManyDevices) {
                transaction.commit().await?;
            }
            Ok(claimed)
        };
        self.database
            .call_promptly(|| "sign in a device by its code".to_owned(), work)
            .await
    }

    async fn forget_expired(&self, now: UnixMs) -> Result<(), PortError> {
        let work = async {
            let nobody = self.database.looking_up("");
            nobody.query(DEVICE_CODES_FORGET, &[&time(now)]).await?;
            Ok(())
        };
        self.database
            .call(|| "forget devices that waited in vain".to_owned(), work)
            .await
    }
}

async fn polled(transaction: &Transaction, claim: &DeviceClaim, too_fast: bool) -> Result<Claimed, Failure> {
    let slower = if too_fast { DeviceClaim::SLOWER_SECS } else { 0 };
    let (code, now) = (claim.code.0.as_slice(), time(claim.now));
    let (slower, most) = (seconds(slower), seconds(DeviceClaim::INTERVAL_SECS_MAX));
    let kept: [&(dyn ToSql + Sync); 4] = [&code, &now, &slower, &most];
    transaction.change(DEVICE_CODE_POLLED, &kept).await?;
    Ok(if too_fast { Claimed::TooFast } else { Claimed::Pending })
}

/// Signs the device in and uses up its codes, unless somebody was quicker.
async fn used(transaction: &Transaction, claim: &DeviceClaim, found: &Row) -> Result<Claimed, Failure> {
    let user = UserId(column::<Uuid>(found, 0)?);
    transaction.go_on_as(user).await?;
    let sign_in = SignIn {
        user,
        key: key(column(found, 3)?)?,
        new_device: claim.new_device,
        name: column(found, 4)?,
        platform: column(found, 5)?,
        session: claim.session,
        refresh: claim.refresh,
        now: claim.now,
        expires_at: claim.expires_at,
        address: claim.address,
        password_version: column(found, 2)?,
        entry: SecurityEntry {
            user: Some(user),
            ..claim.entry.clone()
        },
    };
    let outcome = keep_sign_in(transaction, &sign_in).await?;
    let (device, replaced) = match outcome {
        SignInOutcome::SignedIn { device, replaced } => (device, replaced),
        SignInOutcome::TooManyDevices => return Ok(Claimed::TooManyDevices),
        SignInOutcome::Outdated => return Ok(Claimed::Expired),
    };
    if transaction.change(DEVICE_CODE_USE, &[&claim.code.0.as_slice()]).await? == 0 {
        return Ok(Claimed::Expired);
    }
    Ok(Claimed::SignedIn { user, device, replaced })
}

/// A row of `key, name, platform, address, asked_at, expires_at`.
fn waiting(row: &Row) -> Result<WaitingDevice, Failure> {
    Ok(WaitingDevice {
        key: key(column(row, 0)?)?,
        name: column(row, 1)?,
        platform: column(row, 2)?,
        address: address(column(row, 3)?)?,
        asked_at: unix_ms(column(row, 4)?),
        expires_at: unix_ms(column(row, 5)?),
    })
}

fn key(text: &str) -> Result<DeviceKey, Failure> {
    let odd = |_| Failure::Broken("the key of a device that waits is stored in a form that is not known".to_owned());
    DeviceKey::parse(text).map_err(odd)
}

fn seconds(secs: i64) -> i32 {
    i32::try_from(secs).expect("a minute at most")
}

fn count(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
