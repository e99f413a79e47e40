//! What the operator does with accounts. Their role is the owner's, which sees everybody.

use async_trait::async_trait;
use domain::accounts::{Email, FullName, SecurityEntry, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{Operation, UserSummary};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::ended_sessions::keep_ended;
use super::super::failure::Failure;
use super::super::statements::{SESSIONS_END_ALL, SIGN_INS_OF, USER_DISABLE, USER_OF_EMAIL, USERS_LIST};
use super::super::values::{column, time, unix_ms};
use super::Accounts;
use super::security_log::note;

#[async_trait]
impl Operation for Accounts {
    async fn set_disabled(
        &self,
        email: &Email,
        disabled: bool,
        now: UnixMs,
        entry: &SecurityEntry,
    ) -> Result<Option<Vec<SessionId>>, PortError> {
        let work = async {
            let lookup = self.database.looking_up(email.as_str());
            let (transaction, found) = lookup.begin_with(USER_OF_EMAIL, &[&email.as_str()]).await?;
            let Some(found) = found else {
                return Ok(None);
            };
            let user = UserId(column(&found, 0)?);
            transaction.go_on_as(user).await?;
            let since = disabled.then(|| time(now));
            let change: [&(dyn ToSql + Sync); 2] = [&user.0, &since];
            if transaction.change(USER_DISABLE, &change).await? == 0 {
                return Ok(Some(Vec::new()));
            }
            let mut ended = Vec::new();
            if disabled {
                let rows = transaction.rows(SIGN_INS_OF, &[&user.0]).await?;
                ended = rows
                    .iter()
                    .map(|row| Ok(SessionId(column(row, 0)?)))
                    .collect::<Result<_, Failure>>()?;
                // The keys stay, for when the account is opened again; that they rest is told like an end.
                keep_ended(&transaction, &ended, now).await?;
                transaction
                    .change(SESSIONS_END_ALL, &[&user.0, &None::<uuid::Uuid>])
                    .await?;
            }
            let entry = SecurityEntry {
                user: Some(user),
                ..entry.clone()
            };
            note(&transaction, &entry).await?;
            transaction.commit().await?;
            Ok(Some(ended))
        };
        self.database
            .call(|| "close an account or open it again".to_owned(), work)
            .await
    }

    async fn list(&self, after: Option<&Email>, limit: usize) -> Result<Vec<UserSummary>, PortError> {
        let work = async {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let after = after.map(Email::as_str).unwrap_or_default();
            let client = self.database.client().await?;
            let list = client.prepare_cached(USERS_LIST).await?;
            let rows = client.query(&list, &[&after, &limit]).await?;
            rows.iter().map(summary).collect()
        };
        self.database.call(|| "list the accounts".to_owned(), work).await
    }
}

/// A row of `id, email, full_name, created_at, disabled`.
fn summary(row: &Row) -> Result<UserSummary, Failure> {
    let id = UserId(column(row, 0)?);
    let odd = |_| Failure::Broken(format!("the profile of {id} is stored in a form that is not known"));
    Ok(UserSummary {
        id,
        email: Email::parse(column(row, 1)?).map_err(odd)?,
        full_name: FullName::parse(column(row, 2)?).map_err(odd)?,
        created_at: unix_ms(column(row, 3)?),
        disabled: column(row, 4)?,
    })
}
