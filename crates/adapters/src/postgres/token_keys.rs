//! The keys that access tokens are signed with, the same for every node.

use domain::time::UnixMs;
use ports::PortError;
use uuid::Uuid;

use crate::crypto::{DatedKey, Rota, TokenKey};

use super::database::Database;
use super::failure::Failure;
use super::statements::{ADVISORY_LOCK, TOKEN_KEY_KEEP, TOKEN_KEYS_DELETE, TOKEN_KEYS_READ, lock_class};
use super::values::{column, time, unix_ms};

/// The keys in one database.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    database: Database,
}

impl TokenKeys {
    /// The keys in `database`, which has all migrations.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// All keys, after one named `new_id` was made if one was due, and the spent ones were deleted. Of nodes that do this at the same time one makes the
    /// key and all get it.
    pub async fn turn(&self, new_id: Uuid, now: UnixMs) -> Result<Vec<DatedKey>, PortError> {
        let candidate = TokenKey::random(new_id.to_string())?;
        let work = async {
            let mut client = self.database.client().await?;
            let transaction = client.transaction().await?;
            let mut keys = read(&transaction).await?;
            // Nearly always there is nothing to do, and nobody waits for anybody.
            if is_settled(&Rota::of(&keys, now)) {
                return Ok(keys);
            }
            let lock = transaction.prepare_cached(ADVISORY_LOCK).await?;
            transaction.execute(&lock, &[&lock_class::TOKEN_KEYS, &vec![0]]).await?;
            keys = read(&transaction).await?;
            let rota = Rota::of(&keys, now);
            if rota.is_new_due {
                keys.push(keep(&transaction, candidate, now).await?);
            }
            if !rota.spent.is_empty() {
                let delete = transaction.prepare_cached(TOKEN_KEYS_DELETE).await?;
                transaction.execute(&delete, &[&rota.spent]).await?;
                keys.retain(|dated| !rota.spent.contains(&dated.key.id));
            }
            transaction.commit().await?;
            Ok(keys)
        };
        self.database
            .call(|| "get the keys that tokens are signed with".to_owned(), work)
            .await
    }
}

fn is_settled(rota: &Rota) -> bool {
    !rota.is_new_due && rota.spent.is_empty()
}

async fn read(transaction: &deadpool_postgres::Transaction<'_>) -> Result<Vec<DatedKey>, Failure> {
    let read = transaction.prepare_cached(TOKEN_KEYS_READ).await?;
    let rows = transaction.query(&read, &[]).await?;
    let dated = |row: &tokio_postgres::Row| {
        Ok(DatedKey {
            key: TokenKey {
                id: column(row, 0)?,
                secret: column(row, 1)?,
            },
            made_at: unix_ms(column(row, 2)?),
        })
    };
    rows.iter().map(dated).collect()
}

async fn keep(
    transaction: &deadpool_postgres::Transaction<'_>,
    key: TokenKey,
    now: UnixMs,
) -> Result<DatedKey, Failure> {
    let keep = transaction.prepare_cached(TOKEN_KEY_KEEP).await?;
    let secret = key.secret.as_slice();
    transaction.execute(&keep, &[&key.id, &secret, &time(now)]).await?;
    Ok(DatedKey { key, made_at: now })
}
