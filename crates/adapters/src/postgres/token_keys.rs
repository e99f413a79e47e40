//! The keys that access tokens are signed with, the same for every node.

use domain::time::UnixMs;
use ports::PortError;

use crate::crypto::TokenKey;

use super::database::Database;
use super::statements::{ADVISORY_LOCK, TOKEN_KEY, lock_class};
use super::values::{column, time};

/// The keys in one database.
#[derive(Debug)]
pub struct TokenKeys {
    database: Database,
}

impl TokenKeys {
    /// The keys in `database`, which has all migrations.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The newest key. When there is none, `candidate` becomes it: of nodes that start at the same time, one has its candidate kept and all get that.
    pub async fn newest_or(&self, candidate: &TokenKey, now: UnixMs) -> Result<TokenKey, PortError> {
        let work = async {
            let mut client = self.database.client().await?;
            let transaction = client.transaction().await?;
            let lock = transaction.prepare_cached(ADVISORY_LOCK).await?;
            let get_or_keep = transaction.prepare_cached(TOKEN_KEY).await?;
            transaction.execute(&lock, &[&lock_class::TOKEN_KEYS, &vec![0]]).await?;
            let offered = candidate.secret.as_slice();
            let row = transaction
                .query_one(&get_or_keep, &[&candidate.id, &offered, &time(now)])
                .await?;
            let key = TokenKey {
                id: column(&row, 0)?,
                secret: column(&row, 1)?,
            };
            transaction.commit().await?;
            Ok(key)
        };
        self.database
            .call(|| "get the key that tokens are signed with".to_owned(), work)
            .await
    }
}
