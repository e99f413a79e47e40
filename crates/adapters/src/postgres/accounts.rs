//! People and everything of their accounts in Postgres. Each transaction is for one person, and the database holds it to that.

mod credentials;
mod device_codes;
mod devices;
mod erasure;
mod imports;
mod keys;
mod operation;
mod privacy;
mod second_factor;
mod security_log;
mod sessions;

use async_trait::async_trait;
use domain::accounts::{DayStart, Device, DeviceId, DeviceKey, Email, FullName, SessionId, TotpSecret, User, UserId};
use domain::reports::Zone;
use domain::time::UnixMs;
use domain::usage::Patience;
use ports::PortError;
use ports::accounts::{Account, EmailChange, PasswordHash, ProfileChange, SecondFactor, Users};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::database::Database;
use super::ended_sessions::keep_ended;
use super::failure::Failure;
use super::scope::Transaction;
use super::statements::{ACCOUNT_BY_EMAIL, ACCOUNT_BY_ID, USER_BY_ID, USER_CHANGE_EMAIL, USER_INSERT, USER_UPDATE};
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
    async fn insert(
        &self,
        user: &User,
        password: &PasswordHash,
        entry: &domain::accounts::SecurityEntry,
    ) -> Result<bool, PortError> {
        let work = async {
            let kept: [&(dyn ToSql + Sync); 8] = [
                &user.id.0,
                &user.email.as_str(),
                &user.full_name.as_str(),
                &user.timezone.name(),
                &day_start_secs(user.day_start),
                &password.0,
                &time(user.created_at),
                &heartbeat_timeout_secs(user.heartbeat_timeout),
            ];
            let transaction = self.database.as_user(user.id).begin().await?;
            if transaction.row(USER_INSERT, &kept).await?.is_none() {
                return Ok(false);
            }
            security_log::note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("keep the new person {}", user.id), work)
            .await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<Account>, PortError> {
        let work = async {
            let scope = self.database.looking_up(email.as_str());
            let row = scope.query_opt(ACCOUNT_BY_EMAIL, &[&email.as_str()]).await?;
            row.as_ref().map(account).transpose()
        };
        self.database
            .call_promptly(|| "read the account of an e-mail address".to_owned(), work)
            .await
    }

    async fn account(&self, id: UserId) -> Result<Option<Account>, PortError> {
        let work = async {
            let row = self.database.as_user(id).query_opt(ACCOUNT_BY_ID, &[&id.0]).await?;
            row.as_ref().map(account).transpose()
        };
        self.database
            .call_promptly(|| format!("read the account of {id}"), work)
            .await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError> {
        let work = async {
            let row = self.database.as_user(id).query_opt(USER_BY_ID, &[&id.0]).await?;
            row.as_ref().map(user).transpose()
        };
        self.database
            .call_promptly(|| format!("read the person {id}"), work)
            .await
    }

    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError> {
        let work = async {
            let full_name = change.full_name.as_ref().map(FullName::as_str);
            let timezone = change.timezone.map(Zone::name);
            let day_start = change.day_start.map(day_start_secs);
            let timeout = change.heartbeat_timeout.map(heartbeat_timeout_secs);
            let change: [&(dyn ToSql + Sync); 5] = [&id.0, &full_name, &timezone, &day_start, &timeout];
            let row = self.database.as_user(id).query_opt(USER_UPDATE, &change).await?;
            row.as_ref().map(user).transpose()
        };
        self.database.call(|| format!("change the profile of {id}"), work).await
    }

    async fn change_email(
        &self,
        id: UserId,
        email: &Email,
        entry: &domain::accounts::SecurityEntry,
    ) -> Result<EmailChange, PortError> {
        let work = async {
            let transaction = self.database.as_user(id).begin().await?;
            let row = match transaction.row(USER_CHANGE_EMAIL, &[&id.0, &email.as_str()]).await {
                Ok(Some(row)) => row,
                Ok(None) if transaction.row(USER_BY_ID, &[&id.0]).await?.is_some() => return Ok(EmailChange::Taken),
                Ok(None) => return Ok(EmailChange::Gone),
                Err(failure) if failure.violates("users_email_key") => return Ok(EmailChange::Taken),
                Err(failure) => return Err(failure),
            };
            security_log::note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(EmailChange::Changed(user(&row)?))
        };
        self.database
            .call(|| format!("change the e-mail address of {id}"), work)
            .await
    }
}

impl Transaction {
    /// The first row of a statement by a key.
    async fn row(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, Failure> {
        let statement = self.prepare_cached(sql).await?;
        Ok(self.query_opt(&statement, parameters).await?)
    }

    /// All rows of a statement.
    async fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare_cached(sql).await?;
        Ok(self.query(&statement, parameters).await?)
    }

    /// How many rows a statement changed.
    async fn change(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64, Failure> {
        let statement = self.prepare_cached(sql).await?;
        Ok(self.execute(&statement, parameters).await?)
    }

    /// The sessions whose ids a statement answers, which has ended them: noted for all nodes, in the same step.
    async fn end_sessions(
        &self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
        now: UnixMs,
    ) -> Result<Vec<SessionId>, Failure> {
        let rows = self.rows(sql, parameters).await?;
        let ended = rows.iter().map(|row| Ok(SessionId(column(row, 0)?)));
        let ended = ended.collect::<Result<Vec<_>, Failure>>()?;
        keep_ended(self, &ended, now).await?;
        Ok(ended)
    }
}

fn day_start_secs(day_start: DayStart) -> i32 {
    i32::try_from(day_start.secs()).expect("a day has 86,400 seconds")
}

fn heartbeat_timeout_secs(timeout: Patience) -> i32 {
    i32::try_from(timeout.secs()).expect("an hour has 3,600 seconds")
}

/// The time-out in a column of seconds; `None` when it is none.
fn heartbeat_timeout(row: &Row, index: usize) -> Result<Option<Patience>, Failure> {
    Ok(Patience::from_secs(column::<i32>(row, index)?.into()).ok())
}

/// A row of `id, email, full_name, timezone, day_start_secs, created_at, heartbeat_timeout_secs`.
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
        heartbeat_timeout: heartbeat_timeout(row, 6)?.ok_or_else(|| odd("heartbeat_timeout_secs"))?,
    })
}

/// A row of a user's, then `password_hash, password_version, disabled, secret, last_step`.
fn account(row: &Row) -> Result<Account, Failure> {
    let secret = column::<Option<&[u8]>>(row, 10)?.map(secret).transpose()?;
    Ok(Account {
        user: user(row)?,
        password: PasswordHash(column(row, 7)?),
        password_version: column(row, 8)?,
        disabled: column(row, 9)?,
        second_factor: match secret {
            Some(secret) => Some(SecondFactor {
                secret,
                last_step: column(row, 11)?,
            }),
            None => None,
        },
    })
}

fn secret(bytes: &[u8]) -> Result<TotpSecret, Failure> {
    let bytes = bytes.try_into();
    let bytes = bytes.map_err(|_| Failure::Broken("a second factor is stored in a form that is not known".to_owned()));
    bytes.map(TotpSecret::new)
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
