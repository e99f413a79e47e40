//! Passwords, and the tokens of mails with which they are set anew.

use std::fmt::Write;

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, SessionId, User, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{Credentials, NewReset, PasswordChange, PasswordHash, PasswordReset, ResetHash};
use tokio_postgres::types::ToSql;

use super::super::failure::Failure;
use super::super::scope::Transaction;
use super::super::statements::{
    PASSWORD_REHASH, PASSWORD_SET, RESET_KEEP, RESET_USE, RESET_USER, RESET_VOID, SESSIONS_END_ALL, USER_BY_ID,
};
use super::super::values::{column, time};
use super::security_log::note;
use super::{Accounts, user};

#[async_trait]
impl Credentials for Accounts {
    async fn rehash(&self, user: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<(), PortError> {
        let work = async {
            let scope = self.database.as_user(user);
            scope.query(PASSWORD_REHASH, &[&user.0, &old.0, &new.0]).await?;
            Ok(())
        };
        self.database
            .call(|| format!("renew the hash of the password of {user}"), work)
            .await
    }

    async fn change_password(&self, change: &PasswordChange) -> Result<Option<Vec<SessionId>>, PortError> {
        let work = async {
            let transaction = self.database.as_user(change.user).begin().await?;
            let ended = set_password(&transaction, change).await?;
            if ended.is_some() {
                transaction.commit().await?;
            }
            Ok(ended)
        };
        self.database
            .call(|| format!("change the password of {}", change.user), work)
            .await
    }

    async fn keep_reset(&self, reset: &NewReset) -> Result<bool, PortError> {
        let work = async {
            let transaction = self.database.as_user(reset.user).begin().await?;
            let token = reset.token.0.as_slice();
            let (now, expires_at, not_since) = (time(reset.now), time(reset.expires_at), time(reset.not_since));
            let kept: [&(dyn ToSql + Sync); 5] = [&reset.user.0, &token, &now, &expires_at, &not_since];
            let kept = transaction.change(RESET_KEEP, &kept).await? == 1;
            note(&transaction, &reset.entry).await?;
            transaction.commit().await?;
            Ok(kept)
        };
        self.database
            .call(|| format!("keep a reset of the password of {}", reset.user), work)
            .await
    }

    async fn reset_owner(&self, token: ResetHash, now: UnixMs) -> Result<Option<User>, PortError> {
        let work = async {
            let Some((transaction, owner)) = self.of_token(token, now).await? else {
                return Ok(None);
            };
            let row = transaction.row(USER_BY_ID, &[&owner.0]).await?;
            row.as_ref().map(user).transpose()
        };
        self.database
            .call(|| "look whose password may be reset".to_owned(), work)
            .await
    }

    async fn reset_password(&self, reset: &PasswordReset) -> Result<Option<Vec<SessionId>>, PortError> {
        let work = async {
            let Some((transaction, owner)) = self.of_token(reset.token, reset.now).await? else {
                return Ok(None);
            };
            let used: [&(dyn ToSql + Sync); 2] = [&reset.token.0.as_slice(), &time(reset.now)];
            if transaction.row(RESET_USE, &used).await?.is_none() {
                return Ok(None);
            }
            let change = PasswordChange {
                user: owner,
                password: reset.password.clone(),
                keep: None,
                now: reset.now,
                entry: SecurityEntry {
                    user: Some(owner),
                    ..reset.entry.clone()
                },
            };
            let ended = set_password(&transaction, &change).await?;
            if ended.is_some() {
                transaction.commit().await?;
            }
            Ok(ended)
        };
        self.database.call(|| "reset a password".to_owned(), work).await
    }
}

impl Accounts {
    /// A transaction for the person whose password a token may set.
    async fn of_token(&self, token: ResetHash, now: UnixMs) -> Result<Option<(Transaction, UserId)>, Failure> {
        let shown: [&(dyn ToSql + Sync); 2] = [&token.0.as_slice(), &time(now)];
        let lookup = self.database.looking_up(hex(&token.0));
        let (transaction, found) = lookup.begin_with(RESET_USER, &shown).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let owner = UserId(column(&found, 0)?);
        transaction.go_on_as(owner).await?;
        Ok(Some((transaction, owner)))
    }
}

/// A hash as Postgres' `encode(…, 'hex')` writes it.
pub(super) fn hex(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // A String takes every write.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn set_password(transaction: &Transaction, change: &PasswordChange) -> Result<Option<Vec<SessionId>>, Failure> {
    let user = &change.user.0;
    if transaction.change(PASSWORD_SET, &[user, &change.password.0]).await? == 0 {
        return Ok(None);
    }
    transaction.change(RESET_VOID, &[user]).await?;
    let keep = change.keep.map(|session| session.0);
    let ended = transaction
        .end_sessions(SESSIONS_END_ALL, &[user, &keep], change.now)
        .await?;
    note(transaction, &change.entry).await?;
    Ok(Some(ended))
}
