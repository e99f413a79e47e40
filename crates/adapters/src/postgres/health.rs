//! Whether the database can be worked with, and how it is set up.

use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::{Clock, PortError, Probe};
use tokio::time::timeout;

use super::database::Database;
use super::failure::Failure;
use super::migrations::pending;
use super::role::RoleReport;
use super::statements::{SERVER_FORCING, SERVER_REPORT};
use super::values::{column, unix_ms};

/// How long the database may take to show that it is there.
const CHECK_MAX: Duration = Duration::from_secs(1);

/// The sign of life of one database: it answers, and has all migrations.
#[derive(Debug)]
pub struct Health {
    database: Database,
}

impl Health {
    /// Of `database`, looked at over a connection of its own, so that it does not wait for the work that it judges.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    async fn look(&self) -> Result<(), Failure> {
        let lacking = pending(&*self.database.client_apart().await?).await?;
        if lacking.is_empty() {
            return Ok(());
        }
        Err(Failure::Unready(format!(
            "it lacks the migrations {}",
            lacking.join(", ")
        )))
    }
}

#[async_trait]
impl Probe for Health {
    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn check(&self) -> Result<(), PortError> {
        let look = timeout(CHECK_MAX, self.look());
        let outcome = look.await.unwrap_or(Err(Failure::Overdue(CHECK_MAX)));
        outcome.map_err(|failure| failure.while_trying_to("get a sign of life from the database"))
    }
}

/// Whether what one database has committed outlasts a power cut, as it is set at the moment and not as it was when a program began.
#[derive(Debug)]
pub struct Durability {
    database: Database,
}

impl Durability {
    /// Of `database`, looked at over the same connection as its [`Health`].
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    async fn look(&self) -> Result<Vec<String>, Failure> {
        let client = self.database.client_apart().await?;
        let read = client.prepare_cached(SERVER_FORCING).await?;
        let row = client.query_one(&read, &[]).await?;
        Ok(durability_faults(column(&row, 0)?, column(&row, 1)?))
    }
}

#[async_trait]
impl Probe for Durability {
    fn name(&self) -> &'static str {
        "postgres_durability"
    }

    /// A database that cannot be asked is no less durable: that it is away, its [`Health`] says.
    async fn check(&self) -> Result<(), PortError> {
        let faults = match timeout(CHECK_MAX, self.look()).await {
            Ok(Ok(faults)) => faults,
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if faults.is_empty() {
            return Ok(());
        }
        Err(PortError::unavailable("keep what is merged durably", faults.join(" ")))
    }
}

fn durability_faults(fsync: &str, full_page_writes: &str) -> Vec<String> {
    [("fsync", fsync), ("full_page_writes", full_page_writes)]
        .into_iter()
        .filter(|(_, value)| *value != "on")
        .map(|(name, value)| {
            format!("A power cut can destroy the database: set {name} to on, not {value}, in Postgres.")
        })
        .collect()
}

/// How a database is set up, for an operator to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// As it calls itself: `15.14 (Debian 15.14-0+deb12u1)`.
    pub version: String,
    /// The same as a number: 150014.
    pub version_number: i32,
    /// `on`, or a power cut can destroy the database.
    pub fsync: String,
    /// The server's own setting; these adapters commit durably also where it is `off`.
    pub synchronous_commit: String,
    /// `on`, or a power cut can destroy pages.
    pub full_page_writes: String,
    /// `UTF8`, or not every name can be stored.
    pub encoding: String,
    /// Whether it is a replica, and so cannot be written.
    pub is_replica: bool,
    /// Whether the extension that the schema needs can be had.
    pub has_btree_gist: bool,
    /// How far its clock is ahead of ours, in milliseconds; below zero when it is behind. Exact to half of the time an answer takes.
    pub clock_ahead_ms: i64,
    /// The migrations it lacks.
    pub migrations_pending: Vec<String>,
    /// Whom it takes us for.
    pub role: RoleReport,
}

impl ServerReport {
    /// What of it can lose what was committed when the power fails, each in a sentence that says how to mend it.
    #[must_use]
    pub fn durability_faults(&self) -> Vec<String> {
        durability_faults(&self.fsync, &self.full_page_writes)
    }
}

impl Database {
    /// How the database is set up, seen with `clock`.
    pub async fn report(&self, clock: &dyn Clock) -> Result<ServerReport, PortError> {
        let work = async {
            let client = self.client().await?;
            let read = client.prepare_cached(SERVER_REPORT).await?;
            let asked = clock.now();
            let row = client.query_one(&read, &[]).await?;
            let here = midway(asked, clock.now());
            Ok(ServerReport {
                version: column(&row, 0)?,
                version_number: column(&row, 1)?,
                fsync: column(&row, 2)?,
                synchronous_commit: column(&row, 3)?,
                full_page_writes: column(&row, 4)?,
                encoding: column(&row, 5)?,
                is_replica: column(&row, 6)?,
                has_btree_gist: column(&row, 7)?,
                clock_ahead_ms: unix_ms(column(&row, 8)?).0 - here.0,
                migrations_pending: pending(&client).await?,
                role: RoleReport::read(&client).await?,
            })
        };
        self.call(|| "read how the database is set up".to_owned(), work).await
    }
}

fn midway(before: UnixMs, after: UnixMs) -> UnixMs {
    UnixMs(before.0 + (after.0 - before.0) / 2)
}
