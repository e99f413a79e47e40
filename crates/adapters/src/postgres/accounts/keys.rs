//! API keys.

use async_trait::async_trait;
use domain::accounts::{Caller, DeviceId, Scopes, SecurityEntry, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{
    API_KEYS_MAX, ApiKeyHash, ApiKeyState, ApiKeyUse, ApiKeys, DEVICES_MAX, KeyHolder, NewApiKey, NewKeyOutcome,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::failure::Failure;
use super::super::scope::Transaction;
use super::super::statements::{
    DEVICE_KEEP, KEY_HOLDER, KEY_INSERT, KEY_LIST, KEY_REVOKE, KEY_USED, KEY_USER, USER_LOCK,
};
use super::super::values::{column, time, unix_ms};
use super::credentials::hex;
use super::security_log::{address_text, note};
use super::{Accounts, heartbeat_timeout};

#[async_trait]
impl ApiKeys for Accounts {
    async fn insert(&self, key: &NewApiKey) -> Result<NewKeyOutcome, PortError> {
        let work = async {
            let transaction = self.database.as_user(key.user).begin().await?;
            let outcome = keep(&transaction, key).await?;
            if outcome == NewKeyOutcome::Kept {
                transaction.commit().await?;
            }
            Ok(outcome)
        };
        self.database
            .call(|| format!("keep a new API key of {}", key.user), work)
            .await
    }

    async fn list(&self, user: UserId) -> Result<Vec<ApiKeyState>, PortError> {
        let work = async {
            let rows = self.database.as_user(user).query(KEY_LIST, &[&user.0]).await?;
            rows.iter().map(state).collect()
        };
        self.database
            .call_promptly(|| format!("read the API keys of {user}"), work)
            .await
    }

    async fn revoke(
        &self,
        user: UserId,
        key: SessionId,
        now: UnixMs,
        entry: &SecurityEntry,
    ) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            let ended = transaction.end_sessions(KEY_REVOKE, &[&user.0, &key.0], now).await?;
            if ended.is_empty() {
                return Ok(false);
            }
            note(&transaction, entry).await?;
            transaction.commit().await?;
            Ok(true)
        };
        self.database
            .call(|| format!("revoke the API key {key} of {user}"), work)
            .await
    }

    async fn by_hash(&self, hash: ApiKeyHash) -> Result<Option<KeyHolder>, PortError> {
        let work = async {
            let shown = hash.0.as_slice();
            let lookup = self.database.looking_up(hex(&hash.0));
            let (transaction, found) = lookup.begin_with(KEY_USER, &[&shown]).await?;
            let Some(found) = found else {
                return Ok(None);
            };
            let user = UserId(column(&found, 0)?);
            transaction.go_on_as(user).await?;
            let row = transaction.row(KEY_HOLDER, &[&shown]).await?;
            row.as_ref().map(|row| holder(user, row)).transpose()
        };
        self.database
            .call_promptly(|| "look who an API key speaks for".to_owned(), work)
            .await
    }

    async fn used(&self, uses: &[ApiKeyUse]) -> Result<(), PortError> {
        let work = async {
            for used in uses {
                let (at, address) = (time(used.at), address_text(used.address));
                let noted: [&(dyn ToSql + Sync); 4] = [&used.user.0, &used.key.0, &at, &address];
                self.database.as_user(used.user).query(KEY_USED, &noted).await?;
            }
            Ok(())
        };
        self.database
            .call(|| format!("note that {} API keys were used", uses.len()), work)
            .await
    }
}

async fn keep(transaction: &Transaction, key: &NewApiKey) -> Result<NewKeyOutcome, Failure> {
    let user = key.user.0;
    let Some(person) = transaction.row(USER_LOCK, &[&user]).await? else {
        return Ok(NewKeyOutcome::Gone);
    };
    let ordered: bool = column(&person, 0)?;
    let now = time(key.now);
    let devices_max = i64::try_from(DEVICES_MAX).unwrap_or(i64::MAX);
    let device_key = format!("api-key:{}", key.id);
    let device: [&(dyn ToSql + Sync); 9] = [
        &key.device.0,
        &user,
        &device_key,
        &key.device_name,
        &None::<String>,
        &now,
        &ordered,
        &None::<String>,
        &devices_max,
    ];
    if transaction.row(DEVICE_KEEP, &device).await?.is_none() {
        return Ok(NewKeyOutcome::TooMany);
    }
    let scopes: Vec<&str> = key.scopes.iter().map(domain::accounts::Scope::as_str).collect();
    let hash = key.hash.0.as_slice();
    let keys_max = i64::try_from(API_KEYS_MAX).unwrap_or(i64::MAX);
    let kept: [&(dyn ToSql + Sync); 8] = [
        &key.id.0,
        &user,
        &key.device.0,
        &key.name,
        &hash,
        &scopes,
        &now,
        &keys_max,
    ];
    if transaction.change(KEY_INSERT, &kept).await? == 0 {
        return Ok(NewKeyOutcome::TooMany);
    }
    note(transaction, &key.entry).await?;
    Ok(NewKeyOutcome::Kept)
}

/// A row of `id, device_id, scopes, precedence, heartbeat_timeout_secs`.
fn holder(user: UserId, row: &Row) -> Result<KeyHolder, Failure> {
    Ok(KeyHolder {
        caller: Caller {
            user,
            device: DeviceId(column(row, 1)?),
            session: SessionId(column(row, 0)?),
            precedence: column(row, 3)?,
        },
        scopes: scopes(column(row, 2)?)?,
        patience: heartbeat_timeout(row, 4)?.ok_or_else(|| {
            Failure::Broken(format!(
                "the heartbeat_timeout_secs of {user} is stored in a form that is not known"
            ))
        })?,
    })
}

/// A row of `id, name, scopes, device_id, device_name, created_at, last_used_at`.
fn state(row: &Row) -> Result<ApiKeyState, Failure> {
    let used: Option<std::time::SystemTime> = column(row, 6)?;
    Ok(ApiKeyState {
        id: SessionId(column(row, 0)?),
        name: column(row, 1)?,
        scopes: scopes(column(row, 2)?)?,
        device: DeviceId(column(row, 3)?),
        device_name: column(row, 4)?,
        created_at: unix_ms(column(row, 5)?),
        last_used_at: used.map(unix_ms),
    })
}

fn scopes(words: Vec<&str>) -> Result<Scopes, Failure> {
    let odd = |_| Failure::Broken("the scopes of an API key are stored in a form that is not known".to_owned());
    Scopes::parse(words).map_err(odd)
}
