//! Transactions that say whom they are for. Postgres holds each to what is that person's, so a statement that forgets to ask for it finds nothing.

use std::ops::Deref;

use deadpool_postgres::{ClientWrapper, Object};
use domain::accounts::UserId;
use futures_util::FutureExt;
use futures_util::future::{join4, try_join, try_join3};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::database::Database;
use super::failure::Failure;
use super::statements::SCOPE_SET;

/// The setting that names the person.
const USER: &str = "daybook.user_id";
/// The setting that names what is looked up before the person is known.
const LOOKUP: &str = "daybook.lookup";

/// What a statement is given.
type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Database {
    /// Everything of `user`, and nothing of anybody else.
    pub(super) fn as_user(&self, user: UserId) -> Scope<'_> {
        Scope {
            database: self,
            setting: USER,
            value: user.0.to_string(),
        }
    }

    /// Only the rows that are found by `what`, to be read: something that whoever asks has shown, such as an e-mail address or the id of a session. Which
    /// columns are searched by it, the policies of the tables say.
    pub(super) fn looking_up(&self, what: impl Into<String>) -> Scope<'_> {
        Scope {
            database: self,
            setting: LOOKUP,
            value: what.into(),
        }
    }
}

/// A part of the database that statements are held to. Nothing is asked of the server before one is run.
pub(super) struct Scope<'a> {
    database: &'a Database,
    setting: &'static str,
    value: String,
}

impl Scope<'_> {
    /// The rows of one statement that is a transaction by itself, whether it reads or writes. Costs one round trip, like a statement without a scope:
    /// nothing waits between the four parts, so they are sent and run in this order.
    pub(super) async fn query(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Failure> {
        let mut transaction = self.prepare().await?;
        let statement = transaction.prepare_cached(sql).await?;
        let scope: [&(dyn ToSql + Sync); 2] = [&self.setting, &self.value];
        transaction.is_open = true;
        let (begun, set, rows, committed) = join4(
            transaction.batch_execute("BEGIN"),
            transaction.execute(&transaction.set, &scope),
            transaction.query(&statement, parameters),
            transaction.batch_execute("COMMIT"),
        )
        .await;
        // After a part that failed, the commit has rolled back.
        transaction.is_open = committed.is_err();
        begun?;
        set?;
        let rows = rows?;
        committed?;
        Ok(rows)
    }

    /// The first row, of a statement by a key.
    pub(super) async fn query_opt(&self, sql: &str, parameters: Parameters<'_>) -> Result<Option<Row>, Failure> {
        Ok(self.query(sql, parameters).await?.into_iter().next())
    }

    /// A transaction of several statements. Costs the round trip of any.
    pub(super) async fn begin(&self) -> Result<Transaction, Failure> {
        let mut transaction = self.prepare().await?;
        let scope: [&(dyn ToSql + Sync); 2] = [&self.setting, &self.value];
        transaction.is_open = true;
        try_join(
            transaction.batch_execute("BEGIN"),
            transaction.execute(&transaction.set, &scope),
        )
        .await?;
        Ok(transaction)
    }

    /// A transaction of several statements, and the row that the first of them found; both for the round trip of any.
    pub(super) async fn begin_with(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<(Transaction, Option<Row>), Failure> {
        let mut transaction = self.prepare().await?;
        let statement = transaction.prepare_cached(sql).await?;
        let scope: [&(dyn ToSql + Sync); 2] = [&self.setting, &self.value];
        transaction.is_open = true;
        let ((), _, found) = try_join3(
            transaction.batch_execute("BEGIN"),
            transaction.execute(&transaction.set, &scope),
            transaction.query_opt(&statement, parameters),
        )
        .await?;
        Ok((transaction, found))
    }

    async fn prepare(&self) -> Result<Transaction, Failure> {
        let client = self.database.client().await?;
        let set = client.prepare_cached(SCOPE_SET).await?;
        Ok(Transaction {
            client,
            set,
            is_open: false,
        })
    }
}

/// A transaction that is held to a scope: a connection that rolls back when dropped, unless it was committed.
pub(super) struct Transaction {
    client: Object,
    set: Statement,
    is_open: bool,
}

impl Transaction {
    /// Goes on as `user`, who was found by what was looked up; that can still be read. Sent before whatever is polled after it, so what follows may be sent
    /// without waiting for this.
    pub(super) async fn go_on_as(&self, user: UserId) -> Result<(), tokio_postgres::Error> {
        let scope: [&(dyn ToSql + Sync); 2] = [&USER, &user.0.to_string()];
        self.client.execute(&self.set, &scope).await?;
        Ok(())
    }

    /// Keeps what was done.
    pub(super) async fn commit(mut self) -> Result<(), Failure> {
        self.client.batch_execute("COMMIT").await?;
        self.is_open = false;
        Ok(())
    }
}

/// To run statements.
impl Deref for Transaction {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            // The first poll sends it, and nobody needs the answer: whoever has the connection next is served after it.
            let _ = self.client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::servers::TestPostgres;
    use uuid::Uuid;

    use super::*;
    use crate::postgres::{Settings, connect, migrate};

    const WHOM: &str = "SELECT current_user_id(), current_lookup()";

    /// A migrated server, and a pool of one connection as the role of the API.
    async fn database() -> (TestPostgres, Database) {
        let server = TestPostgres::start();
        migrate(&server.database_url()).await.expect("migrate");
        let mut settings = Settings::new(server.api_database_url());
        settings.connections_max = 1;
        settings.wait_max = Duration::from_secs(20);
        (server, connect(&settings).expect("a pool"))
    }

    fn user(id: u128) -> UserId {
        UserId(Uuid::from_u128(id))
    }

    fn whom(row: &Row) -> (Option<Uuid>, Option<String>) {
        (row.get(0), row.get(1))
    }

    /// What the one connection carries, and whether it is in the middle of a transaction.
    async fn assert_clean(database: &Database, after: &str) {
        let client = database.client().await.expect("connect");
        assert_eq!(
            whom(&client.query_one(WHOM, &[]).await.expect(after)),
            (None, None),
            "{after}"
        );
        // Outside of a transaction each statement has an instant of its own.
        let instant = "SELECT now()::text";
        let first: String = client.query_one(instant, &[]).await.expect(after).get(0);
        let second: String = client.query_one(instant, &[]).await.expect(after).get(0);
        assert_ne!(first, second, "{after}");
    }

    #[tokio::test]
    async fn a_statement_knows_whom_it_is_for_and_the_connection_forgets_it() {
        let (_server, database) = database().await;
        let rows = database.as_user(user(7)).query(WHOM, &[]).await.expect("query");
        assert_eq!(rows.iter().map(whom).collect::<Vec<_>>(), [(Some(user(7).0), None)]);
        assert_clean(&database, "a statement").await;
        let row = database.looking_up("a'; --").query_opt(WHOM, &[]).await.expect("query");
        assert_eq!(whom(&row.expect("a row")), (None, Some("a'; --".to_owned())));
        assert_clean(&database, "a look").await;
    }

    #[tokio::test]
    async fn a_statement_that_fails_says_why_and_leaves_nothing_behind() {
        let (_server, database) = database().await;
        let failed = database
            .as_user(user(7))
            .query("SELECT 1 / $1::integer", &[&0_i32])
            .await;
        let failed = failed.expect_err("no number").while_trying_to("divide").chain();
        assert!(failed.contains("division by zero"), "{failed}");
        assert_clean(&database, "a failure").await;
        let misfit = database.as_user(user(7)).query("SELECT $1::integer", &[&"text"]).await;
        assert!(!misfit.expect_err("no number").while_trying_to("ask").is_unavailable());
        assert_clean(&database, "a misfit").await;
    }

    #[tokio::test]
    async fn writing_for_another_is_our_fault_and_a_missing_grant_the_operators() {
        let (_server, database) = database().await;
        let ada = database.as_user(user(7));
        let of_bob = "INSERT INTO users VALUES ($1, 'bob@example.org', 'Bob', 'UTC', 0, 'h', now())";
        let breach = ada
            .query(of_bob, &[&user(8).0])
            .await
            .expect_err("a breach")
            .while_trying_to("write");
        assert!(!breach.is_unavailable(), "{}", breach.chain());
        let denied = ada.query("UPDATE usage_open SET precedence = 1", &[]).await;
        let denied = denied.expect_err("no grant").while_trying_to("write");
        assert!(denied.is_unavailable(), "{}", denied.chain());
    }

    #[tokio::test]
    async fn a_transaction_goes_on_as_whom_it_found_and_ends_with_its_end() {
        let (_server, database) = database().await;
        for commits in [true, false] {
            let look = database.looking_up("x");
            let (transaction, found) = look.begin_with(WHOM, &[]).await.expect("begin");
            assert_eq!(whom(&found.expect("a row")), (None, Some("x".to_owned())));
            let whom_now = transaction.prepare_cached(WHOM).await.expect("prepare");
            let (went_on, row) = tokio::join!(transaction.go_on_as(user(8)), transaction.query_one(&whom_now, &[]));
            went_on.expect("go on");
            assert_eq!(whom(&row.expect("a row")), (Some(user(8).0), Some("x".to_owned())));
            if commits {
                transaction.commit().await.expect("commit");
            } else {
                drop(transaction);
            }
            assert_clean(&database, if commits { "a commit" } else { "a rollback" }).await;
        }
    }

    #[tokio::test]
    async fn a_statement_that_is_given_up_midway_leaves_a_connection_that_carries_nothing() {
        let (server, database) = database().await;
        let (holder, connection) = tokio_postgres::connect(&server.admin_url(), tokio_postgres::NoTls)
            .await
            .expect("connect");
        tokio::spawn(connection);
        holder
            .batch_execute("SELECT pg_advisory_lock(9, 9)")
            .await
            .expect("lock");
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        let scope = database.as_user(user(7));
        tokio::select! {
            _ = scope.query("SELECT pg_advisory_xact_lock(9, 9)", &[]) => panic!("the lock is held"),
            () = async { while holder.query_one(waiting, &[]).await.expect("locks").get::<_, i64>(0) == 0 {} } => {}
        }
        holder
            .batch_execute("SELECT pg_advisory_unlock(9, 9)")
            .await
            .expect("unlock");
        assert_clean(&database, "a statement that was given up").await;
        let free = holder
            .query_one("SELECT pg_try_advisory_lock(9, 9)", &[])
            .await
            .expect("try");
        assert!(free.get::<_, bool>(0), "what was given up was rolled back");
    }
}
