//! The schema, brought up to date: forward only, safe to run twice and by several nodes at once.

use std::collections::BTreeSet;
use std::time::Duration;

use ports::PortError;
use refinery::{Migration, Runner};
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

use super::database::config;
use super::failure::Failure;
use super::statements::{APPLIED_MIGRATIONS, lock_class};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long to wait for another node that migrates, or for a lock that work on a table holds.
const LOCK_MAX: Duration = Duration::from_mins(1);
/// How long the answer to a small question may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Applies the migrations that the database at `url` lacks, each in a transaction of its own, and answers their names, earliest first.
///
/// A database with a migration that this program does not know, or knows with other content, is refused as it is: a newer program made it.
pub async fn migrate(url: &str) -> Result<Vec<String>, PortError> {
    with_client(url, "migrate the database", async |client| {
        bounded(LOCK_MAX + ANSWER_MAX, lock(client)).await?;
        // Migrations themselves take as long as they take.
        let report = runner().run_async(client).await?;
        Ok(report.applied_migrations().iter().map(Migration::to_string).collect())
    })
    .await
}

/// The names of the migrations that the database at `url` lacks, earliest first. Changes nothing.
pub async fn migrations_pending(url: &str) -> Result<Vec<String>, PortError> {
    with_client(url, "look which migrations the database has", async |client| {
        bounded(ANSWER_MAX, pending(client)).await
    })
    .await
}

/// The names of the migrations that are not applied.
pub(super) async fn pending(client: &Client) -> Result<Vec<String>, Failure> {
    let applied = match client.query(APPLIED_MIGRATIONS, &[]).await.map_err(Failure::from) {
        Ok(rows) => rows
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<BTreeSet<i32>, _>>()?,
        // Who may not look is a role of ours in a database that does not let it in yet: a migration grants it.
        Err(failure) if failure.lacks_table() || failure.lacks_grant() => BTreeSet::new(),
        Err(failure) => return Err(failure),
    };
    let runner = runner();
    let mut lacking: Vec<_> = runner
        .get_migrations()
        .iter()
        .filter(|migration| !applied.contains(&migration.version()))
        .collect();
    lacking.sort_by_key(|migration| migration.version());
    Ok(lacking.into_iter().map(Migration::to_string).collect())
}

/// Keeps other nodes from migrating for as long as the session lasts, however it ends.
async fn lock(client: &Client) -> Result<(), Failure> {
    let sql = format!("SET lock_timeout = {}; SET statement_timeout = 0", LOCK_MAX.as_millis());
    client.batch_execute(&sql).await?;
    let sql = "SELECT pg_advisory_lock($1, 0)";
    let lock = client.prepare_typed(sql, &[Type::INT4]).await?;
    client.execute(&lock, &[&lock_class::MIGRATIONS]).await?;
    Ok(())
}

fn runner() -> Runner {
    embedded::migrations::runner()
}

/// Runs `work` on a connection of its own, outside of any pool.
async fn with_client<T>(
    url: &str,
    attempt: &str,
    work: impl AsyncFnOnce(&mut Client) -> Result<T, Failure>,
) -> Result<T, PortError> {
    let mut config = config(url)?;
    config.connect_timeout(CONNECT_MAX);
    let outcome = async {
        let connecting = async { config.connect(NoTls).await.map_err(Failure::connecting) };
        let (mut client, connection) = bounded(CONNECT_MAX, connecting).await?;
        // It speaks to the server until the client is dropped; what goes wrong meanwhile, the client is told.
        tokio::spawn(connection);
        work(&mut client).await
    };
    outcome.await.map_err(|failure| failure.while_trying_to(attempt))
}

async fn bounded<T>(max: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(max, work).await.unwrap_or(Err(Failure::Overdue(max)))
}
