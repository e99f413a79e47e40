//! Sessions that have ended, in Postgres, beside those that go on: kept in the transaction that ends them, read until every node knows.

use async_trait::async_trait;
use domain::accounts::SessionId;
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{EndedSession, EndedSessions as EndedSessionsPort};

use super::database::Database;
use super::failure::Failure;
use super::scope::Transaction;
use super::statements::{ENDED_SESSIONS_FORGET, ENDED_SESSIONS_KEEP, ENDED_SESSIONS_READ};
use super::values::{column, searchable, time, unix_ms};

/// The ended sessions in one database.
#[derive(Debug)]
pub struct EndedSessions {
    database: Database,
}

impl EndedSessions {
    /// Those in `database`, which has all migrations.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl EndedSessionsPort for EndedSessions {
    async fn after(&self, place: EndedSession, limit: u16) -> Result<Vec<EndedSession>, PortError> {
        let work = async {
            let client = self.database.client().await?;
            let read = client.prepare_cached(ENDED_SESSIONS_READ).await?;
            let from = time(searchable(place.ended_at));
            let rows = client
                .query(&read, &[&from, &place.session.0, &i64::from(limit)])
                .await?;
            let ended = |row| {
                Ok(EndedSession {
                    session: SessionId(column(row, 0)?),
                    ended_at: unix_ms(column(row, 1)?),
                })
            };
            rows.iter().map(ended).collect()
        };
        self.database
            .call(|| format!("read which sessions ended after {}", place.ended_at), work)
            .await
    }

    async fn forget_before(&self, at: UnixMs) -> Result<(), PortError> {
        let work = async {
            let client = self.database.client().await?;
            let forget = client.prepare_cached(ENDED_SESSIONS_FORGET).await?;
            client.execute(&forget, &[&time(searchable(at))]).await?;
            Ok(())
        };
        self.database
            .call(|| format!("forget the sessions that ended before {at}"), work)
            .await
    }
}

/// Keeps in `transaction`, which ends them, that `sessions` ended at `at`.
pub(super) async fn keep_ended(transaction: &Transaction, sessions: &[SessionId], at: UnixMs) -> Result<(), Failure> {
    if sessions.is_empty() {
        return Ok(());
    }
    let keep = transaction.prepare_cached(ENDED_SESSIONS_KEEP).await?;
    let ids: Vec<_> = sessions.iter().map(|session| session.0).collect();
    transaction.execute(&keep, &[&ids, &time(at)]).await?;
    Ok(())
}
