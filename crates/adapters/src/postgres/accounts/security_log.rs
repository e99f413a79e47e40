//! The security log, in the table `audit_log`.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::accounts::{DeviceId, EntryId, SecurityEntry, SecurityEvent, SessionId, UserId};
use ports::PortError;
use ports::accounts::SecurityLog;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::super::failure::Failure;
use super::super::scope::Transaction;
use super::super::statements::{AUDIT_FORGET_NOBODY, AUDIT_INSERT, AUDIT_PAGE};
use super::super::values::{column, time, unix_ms};
use super::Accounts;

#[async_trait]
impl SecurityLog for Accounts {
    async fn record(&self, entry: &SecurityEntry) -> Result<(), PortError> {
        let work = async {
            let scope = match entry.user {
                Some(user) => self.database.as_user(user),
                None => self.database.looking_up(""),
            };
            let columns = Columns::of(entry);
            scope.query(AUDIT_INSERT, &columns.parameters()).await?;
            Ok(())
        };
        self.database
            .call_promptly(|| format!("note in the security log: {}", entry.event.word()), work)
            .await
    }

    async fn page(&self, user: UserId, before: Option<EntryId>, limit: usize) -> Result<Vec<SecurityEntry>, PortError> {
        let work = async {
            let before = before.map_or(Uuid::max(), |entry| entry.0);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let page: [&(dyn ToSql + Sync); 3] = [&user.0, &before, &limit];
            let rows = self.database.as_user(user).query(AUDIT_PAGE, &page).await?;
            rows.iter().map(entry).collect()
        };
        self.database
            .call_promptly(|| format!("read the security log of {user}"), work)
            .await
    }

    async fn forget_nobody_before(&self, at: domain::time::UnixMs) -> Result<(), PortError> {
        let work = async {
            let nobody = self.database.looking_up("");
            nobody.query(AUDIT_FORGET_NOBODY, &[&time(at)]).await?;
            Ok(())
        };
        self.database
            .call(|| "forget old attempts at addresses that nobody has".to_owned(), work)
            .await
    }
}

/// Keeps an entry with what else the transaction does.
pub(super) async fn note(transaction: &Transaction, entry: &SecurityEntry) -> Result<(), Failure> {
    let columns = Columns::of(entry);
    transaction.change(AUDIT_INSERT, &columns.parameters()).await?;
    Ok(())
}

pub(super) fn address_text(address: Option<IpAddr>) -> Option<String> {
    address.map(|address| address.to_canonical().to_string())
}

pub(super) fn address(text: Option<&str>) -> Result<Option<IpAddr>, Failure> {
    let odd = |_| Failure::Broken("an address is stored in a form that is not known".to_owned());
    text.map(|text| text.parse().map_err(odd)).transpose()
}

/// An entry as it is stored.
struct Columns {
    id: Uuid,
    user: Option<Uuid>,
    at: std::time::SystemTime,
    event: &'static str,
    device: Option<Uuid>,
    session: Option<Uuid>,
    address: Option<String>,
    count: Option<i32>,
}

impl Columns {
    fn of(entry: &SecurityEntry) -> Self {
        Self {
            id: entry.id.0,
            user: entry.user.map(|user| user.0),
            at: time(entry.at),
            event: entry.event.word(),
            device: entry.device.map(|device| device.0),
            session: entry.session.map(|session| session.0),
            address: address_text(entry.address),
            count: entry.count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
        }
    }

    fn parameters(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.id,
            &self.user,
            &self.at,
            &self.event,
            &self.device,
            &self.session,
            &self.address,
            &self.count,
        ]
    }
}

fn entry(row: &Row) -> Result<SecurityEntry, Failure> {
    let id = EntryId(column(row, 0)?);
    let word: &str = column(row, 3)?;
    let odd = || Failure::Broken(format!("the event of the entry {id} is not known: {word}"));
    Ok(SecurityEntry {
        id,
        user: column::<Option<Uuid>>(row, 1)?.map(UserId),
        at: unix_ms(column(row, 2)?),
        event: SecurityEvent::of_word(word).ok_or_else(odd)?,
        device: column::<Option<Uuid>>(row, 4)?.map(DeviceId),
        session: column::<Option<Uuid>>(row, 5)?.map(SessionId),
        address: address(column(row, 6)?)?,
        count: column::<Option<i32>>(row, 7)?.map(i32::unsigned_abs),
    })
}
