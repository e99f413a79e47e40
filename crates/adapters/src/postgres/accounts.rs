//! People and their sign-ins in Postgres.

use async_trait::async_trait;
use domain::accounts::{Caller, DayStart, Device, DeviceId, DeviceKey, Email, FullName, User, UserId};
use domain::reports::Zone;
use futures_util::future::{try_join, try_join3};
use ports::PortError;
use ports::accounts::{PasswordHash, ProfileChange, Rotate, Rotation, Sessions, SignIn, Users};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::database::Database;
use super::failure::Failure;
use super::scope::Transaction;
use super::statements::{
    DEVICE_KEEP, DEVICE_LOCK, DEVICE_SEEN, SESSION_END, SESSION_KEEP, SESSION_LOCK, SESSION_ROTATE, SESSION_USER,
    USER_BY_EMAIL, USER_BY_ID, USER_INSERT, USER_LOCK, USER_UPDATE,
};
use super::values::{column, time, unix_ms};

/// Accounts in one database.
#[derive(Debug)]
pub struct Accounts {
    database: Database,
}

impl Accounts {
    /// The accounts in `database`, which has all migrations.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Users for Accounts {
    async fn insert(&self, user: &User, password: &PasswordHash) -> Result<bool, PortError> {
        let work = async {
            let kept: [&(dyn ToSql + Sync); 7] = [
                &user.id.0,
                &user.email.as_str(),
                &user.full_name.as_str(),
                &user.timezone.name(),
                &day_start_secs(user.day_start),
                &password.0,
                &time(user.created_at),
            ];
            let inserted = self.database.as_user(user.id).query_opt(USER_INSERT, &kept).await?;
            Ok(inserted.is_some())
        };
        self.database
            .call(|| format!("keep the new person {}", user.id), work)
            .await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<(User, PasswordHash)>, PortError> {
        let work = async {
            let scope = self.database.looking_up(email.as_str());
            let Some(row) = scope.query_opt(USER_BY_EMAIL, &[&email.as_str()]).await? else {
                return Ok(None);
            };
            Ok(Some((user(&row)?, PasswordHash(column(&row, 6)?))))
        };
        self.database
            .call(|| "read the person of an e-mail address".to_owned(), work)
            .await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError> {
        let work = async {
            let row = self.database.as_user(id).query_opt(USER_BY_ID, &[&id.0]).await?;
            row.as_ref().map(user).transpose()
        };
        self.database.call(|| format!("read the person {id}"), work).await
    }

    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError> {
        let work = async {
            let full_name = change.full_name.as_ref().map(FullName::as_str);
            let timezone = change.timezone.map(Zone::name);
            let day_start = change.day_start.map(day_start_secs);
            let change: [&(dyn ToSql + Sync); 4] = [&id.0, &full_name, &timezone, &day_start];
            let row = self.database.as_user(id).query_opt(USER_UPDATE, &change).await?;
            row.as_ref().map(user).transpose()
        };
        self.database.call(|| format!("change the profile of {id}"), work).await
    }
}

#[async_trait]
impl Sessions for Accounts {
    async fn sign_in(&self, sign_in: &SignIn) -> Result<Device, PortError> {
        let work = async {
            let transaction = self.database.as_user(sign_in.user).begin().await?;
            let device = keep_sign_in(&transaction, sign_in).await?;
            transaction.commit().await?;
            Ok(device)
        };
        self.database
            .call(|| format!("sign in a device of {}", sign_in.user), work)
            .await
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, PortError> {
        let work = async {
            let session = rotate.session.0;
            let shown = self.database.looking_up(session.to_string());
            let (transaction, found) = shown.begin_with(SESSION_USER, &[&session]).await?;
            let Some(found) = found else {
                return Ok(Rotation::Unknown);
            };
            let rotation = settle_rotation(&transaction, UserId(column(&found, 0)?), rotate).await?;
            transaction.commit().await?;
            Ok(rotation)
        };
        self.database
            .call(
                || format!("rotate the refresh token of session {}", rotate.session),
                work,
            )
            .await
    }
}

async fn keep_sign_in(transaction: &Transaction, sign_in: &SignIn) -> Result<Device, Failure> {
    let lock = transaction.prepare_cached(USER_LOCK).await?;
    let keep_device = transaction.prepare_cached(DEVICE_KEEP).await?;
    let keep_session = transaction.prepare_cached(SESSION_KEEP).await?;
    if transaction.query_opt(&lock, &[&sign_in.user.0]).await?.is_none() {
        return Err(Failure::Broken(format!("there is no person {}", sign_in.user)));
    }
    let (user, key, now) = (sign_in.user.0, sign_in.key.as_str(), time(sign_in.now));
    let kept: [&(dyn ToSql + Sync); 6] = [
        &sign_in.new_device.0,
        &user,
        &key,
        &sign_in.name,
        &sign_in.platform,
        &now,
    ];
    let device = device(&transaction.query_one(&keep_device, &kept).await?)?;
    let (refresh, expires_at) = (sign_in.refresh.0.as_slice(), time(sign_in.expires_at));
    let kept: [&(dyn ToSql + Sync); 6] = [&sign_in.session.0, &user, &device.id.0, &refresh, &now, &expires_at];
    transaction.execute(&keep_session, &kept).await?;
    Ok(device)
}

async fn settle_rotation(transaction: &Transaction, user: UserId, rotate: &Rotate) -> Result<Rotation, Failure> {
    let lock_device = transaction.prepare_cached(DEVICE_LOCK).await?;
    let lock_session = transaction.prepare_cached(SESSION_LOCK).await?;
    let session = &rotate.session.0;
    // The device is locked before the session, and the session is read as it stood after the wait.
    let ((), device_row, session_row) = try_join3(
        transaction.go_on_as(user),
        transaction.query_opt(&lock_device, &[session]),
        transaction.query_opt(&lock_session, &[session]),
    )
    .await?;
    let (Some(device_row), Some(session_row)) = (device_row, session_row) else {
        return Ok(Rotation::Unknown);
    };
    if unix_ms(column(&session_row, 2)?) <= rotate.now {
        return Ok(Rotation::Unknown);
    }
    let newest: &[u8] = column(&session_row, 0)?;
    let before: Option<&[u8]> = column(&session_row, 1)?;
    let shown = rotate.shown.0.as_slice();
    if shown != newest && Some(shown) != before {
        let end = transaction.prepare_cached(SESSION_END).await?;
        transaction.execute(&end, &[session]).await?;
        return Ok(Rotation::Replayed);
    }
    let device = device(&device_row)?;
    let seen = transaction.prepare_cached(DEVICE_SEEN).await?;
    let keep = transaction.prepare_cached(SESSION_ROTATE).await?;
    let (successor, now, expires_at) = (rotate.successor.0.as_slice(), time(rotate.now), time(rotate.expires_at));
    try_join(
        transaction.execute(&seen, &[&device.id.0, &now]),
        transaction.execute(&keep, &[session, &shown, &successor, &now, &expires_at]),
    )
    .await?;
    let caller = Caller {
        user,
        device: device.id,
        session: rotate.session,
        precedence: device.precedence,
    };
    Ok(Rotation::Rotated { caller, device })
}

fn day_start_secs(day_start: DayStart) -> i32 {
    i32::try_from(day_start.secs()).expect("a day has 86,400 seconds")
}

/// A row of `id, email, full_name, timezone, day_start_secs, created_at`.
fn user(row: &Row) -> Result<User, Failure> {
    let id = UserId(column(row, 0)?);
    // What was kept passed the door once. If it does not now, a rule or the database of zones changed, and only the field may be named.
    let odd = |field: &str| Failure::Broken(format!("the {field} of {id} is stored in a form that is not known"));
    Ok(User {
        id,
        email: Email::parse(column(row, 1)?).map_err(|_| odd("email"))?,
        full_name: FullName::parse(column(row, 2)?).map_err(|_| odd("full_name"))?,
        timezone: column::<&str>(row, 3)?.parse::<Zone>().map_err(|_| odd("timezone"))?,
        day_start: DayStart::from_secs(column::<i32>(row, 4)?.into()).map_err(|_| odd("day_start_secs"))?,
        created_at: unix_ms(column(row, 5)?),
    })
}

/// A row of `id, key, name, platform, precedence`.
fn device(row: &Row) -> Result<Device, Failure> {
    let id = DeviceId(column(row, 0)?);
    let odd = |_| {
        Failure::Broken(format!(
            "the key of the device {id} is stored in a form that is not known"
        ))
    };
    Ok(Device {
        id,
        key: DeviceKey::parse(column(row, 1)?).map_err(odd)?,
        name: column(row, 2)?,
        platform: column(row, 3)?,
        precedence: column(row, 4)?,
    })
}
