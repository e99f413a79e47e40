//! What happens when the database is away, stuck, full or somebody else's: calls end in time, say so, and work again afterwards.

use std::path::Path;
use std::time::Duration;

use adapters::postgres::{Accounts, Health, Settings, Timelines, connect, migrate, migrations_pending};
use domain::accounts::{Email, UserId};
use ports::accounts::Users;
use ports::usage::TimelineStore;
use ports::{PortError, Probe};
use testkit::servers::TestPostgres;
use uuid::Uuid;

use super::schema::MIGRATIONS;
use super::{client, client_at, database, ping, stored};

const HASTE: Duration = Duration::from_millis(500);

fn hasty(server: &TestPostgres) -> Settings {
    Settings {
        wait_max: HASTE,
        statement_max: HASTE,
        call_max: HASTE,
        prompt_max: HASTE,
        ..Settings::new(server.worker_database_url())
    }
}

fn unavailable<T>(outcome: Result<T, PortError>) -> String {
    let error = outcome.err().expect("it is away");
    assert!(error.is_unavailable(), "{}", error.chain());
    error.chain()
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_until_it_does() {
    let (mut server, _) = database().await;
    let database = connect(&hasty(&server)).expect("a pool");
    let timelines = Timelines::new(database.clone());
    timelines.merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
    server.pause();
    unavailable(timelines.merge(&[ping(5, 9, 1, "a")]).await);
    unavailable(
        Accounts::new(
            connect(&Settings {
                url: server.api_database_url(),
                ..hasty(&server)
            })
            .expect("a pool"),
        )
        .by_id(UserId(Uuid::nil()))
        .await,
    );
    unavailable(Health::new(database).check().await);
    server.resume();
    while let Err(error) = timelines.merge(&[ping(5, 9, 1, "a")]).await {
        assert!(error.is_unavailable(), "{}", error.chain());
    }
    assert_eq!(stored(&client(&server).await).await.len(), 1);
}

#[tokio::test]
async fn short_work_is_not_waited_for_as_long_as_a_merge() {
    let (mut server, _) = database().await;
    let impatient = Settings {
        prompt_max: Duration::ZERO,
        ..Settings::new(server.worker_database_url())
    };
    let timelines = Timelines::new(connect(&impatient).expect("a pool"));
    timelines.merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
    let nobody = UserId(Uuid::nil());
    let email = Email::parse("ada@example.org").expect("an address");
    let patient = Settings {
        prompt_max: HASTE,
        call_max: Duration::from_hours(1),
        ..Settings::new(server.api_database_url())
    };
    // Each has a connection that was sound until the server stopped to answer, so it is not the wait for one that ends.
    let mut warm = Vec::new();
    for _ in 0..3 {
        let accounts = Accounts::new(connect(&patient).expect("a pool"));
        while accounts.by_id(nobody).await.is_err() {}
        warm.push(accounts);
    }
    server.pause();
    for said in [
        unavailable(warm[0].by_id(nobody).await),
        unavailable(warm[1].by_email(&email).await),
        unavailable(warm[2].account(nobody).await),
    ] {
        assert!(said.contains("within 500 ms"), "{said}");
    }
    server.resume();
}

#[tokio::test]
async fn a_server_that_was_killed_is_unavailable_until_it_is_back_and_keeps_what_was_merged() {
    let (mut server, database) = database().await;
    let timelines = Timelines::new(database);
    timelines
        .merge(&[ping(0, 5, 1, "a"), ping(5, 9, 1, "b")])
        .await
        .expect("merge");
    server.kill();
    unavailable(timelines.merge(&[ping(9, 12, 1, "c")]).await);
    unavailable(migrate(&server.database_url()).await);
    unavailable(migrations_pending(&server.database_url()).await);
    server.restart();
    timelines.merge(&[ping(9, 12, 1, "c")]).await.expect("merge");
    assert_eq!(stored(&client(&server).await).await.len(), 3);
}

#[tokio::test]
async fn a_lock_that_somebody_holds_is_waited_for_a_bounded_time() {
    let (server, _) = database().await;
    let holder = client(&server).await;
    // Class 1 is people; the first person's id ends in 1.
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1, 1)")
        .await
        .expect("lock");
    let settings = Settings {
        statement_max: HASTE,
        ..Settings::new(server.worker_database_url())
    };
    let timelines = Timelines::new(connect(&settings).expect("a pool"));
    assert!(unavailable(timelines.merge(&[ping(0, 5, 1, "a")]).await).contains("timeout"));
    holder.batch_execute("COMMIT").await.expect("unlock");
    timelines.merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_waited_for_a_bounded_time() {
    let (server, _) = database().await;
    let holder = client(&server).await;
    holder
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1, 1)")
        .await
        .expect("lock");
    let settings = Settings {
        connections_max: 1,
        wait_max: HASTE,
        ..Settings::new(server.worker_database_url())
    };
    let timelines = Timelines::new(connect(&settings).expect("a pool"));
    let pings = [ping(0, 5, 1, "a")];
    let (first, second) = tokio::join!(timelines.merge(&pings), async {
        let second = timelines.merge(&pings).await;
        holder.batch_execute("COMMIT").await.expect("unlock");
        second
    });
    first.expect("merge");
    assert!(unavailable(second).contains("no connection from the pool"));
}

#[tokio::test]
async fn a_server_that_became_read_only_or_refuses_the_role_is_unavailable() {
    let (server, _) = database().await;
    let admin = client_at(&server.admin_url()).await;
    let timelines = || Timelines::new(connect(&Settings::new(server.worker_database_url())).expect("a pool"));
    admin
        .batch_execute("ALTER ROLE daybook_worker SET default_transaction_read_only = on")
        .await
        .expect("alter");
    unavailable(timelines().merge(&[ping(0, 5, 1, "a")]).await);
    admin
        .batch_execute("ALTER ROLE daybook_worker RESET default_transaction_read_only; REVOKE INSERT ON usage_open FROM daybook_worker")
        .await
        .expect("alter");
    unavailable(timelines().merge(&[ping(0, 5, 1, "a")]).await);
    admin
        .batch_execute("GRANT INSERT ON usage_open TO daybook_worker")
        .await
        .expect("grant");
    timelines().merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
}

#[tokio::test]
async fn connections_that_an_operator_ends_are_unavailable_once_at_most() {
    let (server, _) = database().await;
    let admin = client_at(&server.admin_url()).await;
    let timelines = Timelines::new(connect(&Settings::new(server.worker_database_url())).expect("a pool"));
    timelines.merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
    let end = "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daybook'";
    let ended = admin.query(end, &[]).await.expect("terminate");
    // The pool may not have noticed yet; if it has, it connects anew.
    if let Err(error) = timelines.merge(&[ping(5, 9, 1, "a")]).await {
        assert!(error.is_unavailable(), "{}", error.chain());
    }
    // It can notice when the process is gone, which may take longer than its last words.
    let is_there = |row: &tokio_postgres::Row| Path::new(&format!("/proc/{}", row.get::<_, i32>(0))).exists();
    while ended.iter().any(is_there) {
        admin.query_one("SELECT 1", &[]).await.expect("a moment");
    }
    admin.query_one("SELECT 1", &[]).await.expect("a moment");
    timelines.merge(&[ping(5, 9, 1, "a")]).await.expect("merge");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_or_asks_for_encryption_is_unavailable() {
    let server = TestPostgres::start();
    let url = server.database_url();
    for wrong in [
        "postgresql://127.0.0.1:1/daybook".to_owned(),
        format!("{url}&sslmode=require"),
        url.replace("/daybook?", "/nowhere?"),
    ] {
        unavailable(migrations_pending(&wrong).await);
        unavailable(
            Health::new(connect(&Settings::new(wrong)).expect("a pool"))
                .check()
                .await,
        );
    }
}

#[tokio::test]
async fn a_migration_waits_for_another_that_is_under_way() {
    let server = TestPostgres::start();
    let holder = client(&server).await;
    // Class 4 is the schema.
    holder
        .batch_execute("SELECT pg_advisory_lock(4, 0)")
        .await
        .expect("lock");
    let url = server.database_url();
    let (applied, ()) = tokio::join!(migrate(&url), async {
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        while holder.query_one(waiting, &[]).await.expect("locks").get::<_, i64>(0) == 0 {}
        assert_eq!(
            migrations_pending(&url).await.expect("look"),
            MIGRATIONS,
            "nothing was begun"
        );
        holder
            .batch_execute("SELECT pg_advisory_unlock(4, 0)")
            .await
            .expect("unlock");
    });
    assert_eq!(applied.expect("migrate"), MIGRATIONS);
}

#[tokio::test]
async fn a_statement_that_answers_otherwise_since_a_migration_is_prepared_again() {
    let (server, database) = database().await;
    let timelines = Timelines::new(database);
    timelines.merge(&[ping(0, 5, 1, "a")]).await.expect("merge");
    let owner = client(&server).await;
    let widen = "ALTER TABLE usage_open ALTER COLUMN precedence TYPE bigint";
    let narrow = "ALTER TABLE usage_open ALTER COLUMN precedence TYPE integer";
    owner
        .batch_execute(&format!("{widen}; {narrow}"))
        .await
        .expect("as before");
    timelines
        .merge(&[ping(5, 6, 1, "a")])
        .await
        .expect("nothing has changed");
    let retype = "ALTER TABLE usage_open ALTER COLUMN app_name TYPE varchar";
    owner.batch_execute(retype).await.expect("altered");
    unavailable(timelines.merge(&[ping(6, 9, 1, "a")]).await);
    timelines.merge(&[ping(6, 9, 1, "a")]).await.expect("merge");
    assert_eq!(stored(&owner).await.len(), 1);
}

#[tokio::test]
async fn a_pool_that_is_busy_is_healthy() {
    let (server, _) = database().await;
    let one = Settings {
        connections_max: 1,
        ..Settings::new(server.worker_database_url())
    };
    let database = connect(&one).expect("a pool");
    let timelines = std::sync::Arc::new(Timelines::new(database.clone()));
    let other = client(&server).await;
    other
        .batch_execute("BEGIN; LOCK TABLE usage_open IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("locked");
    let merge = tokio::spawn({
        let timelines = std::sync::Arc::clone(&timelines);
        async move { timelines.merge(&[ping(0, 5, 1, "a")]).await }
    });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'usage_open'::regclass";
    while other.query_one(waits, &[]).await.expect("asked").get::<_, i64>(0) == 0 {
        assert!(!merge.is_finished(), "it waits for the lock");
    }
    Health::new(database).check().await.expect("the database is there");
    other.batch_execute("ROLLBACK").await.expect("unlocked");
    merge.await.expect("it did not panic").expect("merge");
}
