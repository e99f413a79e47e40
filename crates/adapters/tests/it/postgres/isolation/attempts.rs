//! Two people, and everything that one of them, or nobody, could try on the rows of the other.

use testkit::servers::TestPostgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::postgres::{client, client_at, database};

const ADA: &str = "00000000-0000-0000-0000-00000000000a";
const BOB: &str = "00000000-0000-0000-0000-00000000000b";

/// A table that the API's role may read, with which of its columns is a person's id, and what else the role may do there.
struct Table {
    name: String,
    user: String,
    inserts: bool,
    updates: bool,
    deletes: bool,
}

/// Both people with rows everywhere, the tables, and connections as the owner and the API.
struct Scene {
    _server: TestPostgres,
    tables: Vec<Table>,
    owner: Client,
    api: Client,
}

impl Scene {
    async fn set() -> Self {
        let (server, _) = database().await;
        let owner = client(&server).await;
        let months = "SELECT usage_ensure_month('2026-03-01'), usage_ensure_month('2026-04-01')";
        owner.batch_execute(months).await.expect("partitions");
        for (user, n) in [(ADA, "1"), (BOB, "2")] {
            let seed = include_str!("seed.sql").replace("{user}", user).replace("{n}", n);
            owner.batch_execute(&seed).await.expect("seed");
        }
        let api = client_at(&server.api_database_url()).await;
        let tables = tables(&owner).await;
        for table in &tables {
            let of = |user| format!("SELECT count(*) FROM {} WHERE {} = '{user}'", table.name, table.user);
            let rows = [count(&owner, &of(ADA)).await, count(&owner, &of(BOB)).await];
            assert!(rows[0] > 0 && rows[1] > 0, "seed.sql has no row in {}", table.name);
        }
        Self {
            _server: server,
            tables,
            owner,
            api,
        }
    }

    /// Runs one statement as the API in a transaction in which `setting` is `value`, and leaves nothing of it.
    async fn attempt(&self, setting: (&str, &str), sql: &str) -> Result<u64, Error> {
        let (name, value) = setting;
        self.api.batch_execute("BEGIN").await.expect("begin");
        let set = "SELECT set_config($1, $2, true)";
        self.api.execute(set, &[&name, &value]).await.expect("set");
        let outcome = self.api.execute(sql, &[]).await;
        self.api.batch_execute("ROLLBACK").await.expect("roll back");
        outcome
    }

    async fn attempt_as(&self, user: &str, sql: &str) -> Result<u64, Error> {
        self.attempt(("daybook.user_id", user), sql).await
    }

    /// A row of `user`, as the text that it is inserted by.
    async fn row_of(&self, table: &Table, user: &str) -> String {
        let Table { name, user: column, .. } = table;
        let sql =
            format!("SELECT quote_literal(row_to_json(r)::text) FROM {name} AS r WHERE {column} = '{user}' LIMIT 1");
        self.owner.query_one(&sql, &[]).await.expect(name).get(0)
    }
}

/// The tables with a person's id that the API's role may read, by the catalogue.
async fn tables(owner: &Client) -> Vec<Table> {
    let may = |privilege| format!("has_table_privilege('daybook_api', class.oid, '{privilege}')");
    let sql = format!(
        "SELECT relname::text, attname::text, {}, {}, {} FROM pg_class AS class JOIN pg_attribute ON attrelid = class.oid
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND {}
            AND attname = CASE relname WHEN 'users' THEN 'id' ELSE 'user_id' END
         ORDER BY 1",
        may("INSERT"),
        may("UPDATE"),
        may("DELETE"),
        may("SELECT"),
    );
    let rows = owner.query(&sql, &[]).await.expect("ask the catalogue");
    let tables: Vec<_> = rows
        .iter()
        .map(|row| Table {
            name: row.get(0),
            user: row.get(1),
            inserts: row.get(2),
            updates: row.get(3),
            deletes: row.get(4),
        })
        .collect();
    assert!(tables.len() >= 6, "accounts and usage at least");
    tables
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.expect(sql).get(0)
}

/// Refused by a policy, or, where the role may not do such a thing at all, for want of a grant.
fn assert_refused(outcome: Result<u64, Error>, may: bool, what: &str) {
    let error = outcome.err().unwrap_or_else(|| panic!("{what} was done"));
    let refused = error.as_db_error().unwrap_or_else(|| panic!("{what}: {error}"));
    assert_eq!(refused.code(), &SqlState::INSUFFICIENT_PRIVILEGE, "{what}: {refused}");
    assert_eq!(
        refused.routine() == Some("ExecWithCheckOptions"),
        may,
        "{what}: {refused}"
    );
}

#[tokio::test]
async fn who_does_not_say_whom_it_is_for_sees_nothing_and_changes_nothing() {
    let scene = Scene::set().await;
    for Table {
        name,
        user,
        updates,
        deletes,
        ..
    } in &scene.tables
    {
        for setting in [
            ("daybook.user_id", ""),
            ("daybook.lookup", ""),
            ("daybook.lookup", "person3@example.org"),
        ] {
            let seen = scene.attempt(setting, &format!("SELECT FROM {name}")).await;
            assert_eq!(seen.expect(name), 0, "{name} {setting:?}");
            if *updates {
                let updated = scene
                    .attempt(setting, &format!("UPDATE {name} SET {user} = {user}"))
                    .await;
                assert_eq!(updated.expect(name), 0, "{name} {setting:?}");
            }
            if *deletes {
                let deleted = scene.attempt(setting, &format!("DELETE FROM {name}")).await;
                assert_eq!(deleted.expect(name), 0, "{name} {setting:?}");
            }
        }
        // A connection on which nobody has said anything yet.
        assert_eq!(
            count(&scene.api, &format!("SELECT count(*) FROM {name}")).await,
            0,
            "{name}"
        );
    }
}

#[tokio::test]
async fn one_person_sees_and_changes_their_own_and_nothing_of_another() {
    let scene = Scene::set().await;
    for Table {
        name,
        user,
        updates,
        deletes,
        ..
    } in &scene.tables
    {
        let own = count(
            &scene.owner,
            &format!("SELECT count(*) FROM {name} WHERE {user} = '{ADA}'"),
        )
        .await;
        let own = u64::try_from(own).expect("a count");
        let seen = scene.attempt_as(ADA, &format!("SELECT FROM {name}")).await;
        assert_eq!(seen.expect(name), own, "{name}");
        let bobs = format!("WHERE {user} = '{BOB}'");
        let seen = scene.attempt_as(ADA, &format!("SELECT FROM {name} {bobs}")).await;
        assert_eq!(seen.expect(name), 0, "{name}");
        if *updates {
            let updated = scene
                .attempt_as(ADA, &format!("UPDATE {name} SET {user} = {user}"))
                .await;
            assert_eq!(updated.expect(name), own, "{name}");
            let updated = scene
                .attempt_as(ADA, &format!("UPDATE {name} SET {user} = {user} {bobs}"))
                .await;
            assert_eq!(updated.expect(name), 0, "{name}");
        }
        if *deletes {
            let deleted = scene.attempt_as(ADA, &format!("DELETE FROM {name} {bobs}")).await;
            assert_eq!(deleted.expect(name), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn nothing_is_written_into_the_name_of_another() {
    let scene = Scene::set().await;
    for table in &scene.tables {
        let name = &table.name;
        let row = scene.row_of(table, BOB).await;
        let insert = format!("INSERT INTO {name} SELECT * FROM json_populate_record(NULL::{name}, {row})");
        assert_refused(scene.attempt_as(ADA, &insert).await, table.inserts, &insert);
        let nobodys = scene.attempt(("daybook.user_id", ""), &insert).await;
        assert_refused(nobodys, table.inserts, &insert);
        let give_away = format!("UPDATE {name} SET {} = '{BOB}'", table.user);
        assert_refused(scene.attempt_as(ADA, &give_away).await, table.updates, &give_away);
    }
}

#[tokio::test]
async fn what_is_looked_up_is_one_row_to_be_read() {
    let scene = Scene::set().await;
    // The hash of everything that is hashed for Bob: that of "2".
    let hash = "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35";
    for (shown, found_in) in [
        ("person2@example.org", ["users", "second_factors"].as_slice()),
        (BOB, &["sessions"]),
        (hash, &["api_keys", "device_codes", "password_resets"]),
    ] {
        let lookup = ("daybook.lookup", shown);
        for Table {
            name,
            user,
            updates,
            deletes,
            ..
        } in &scene.tables
        {
            let seen = scene.attempt(lookup, &format!("SELECT FROM {name}")).await;
            assert_eq!(
                seen.expect(name),
                u64::from(found_in.contains(&name.as_str())),
                "{name} by {shown}"
            );
            if *updates {
                let updated = scene
                    .attempt(lookup, &format!("UPDATE {name} SET {user} = {user}"))
                    .await;
                assert_eq!(updated.expect(name), 0, "{name} by {shown}");
            }
            if *deletes {
                let deleted = scene.attempt(lookup, &format!("DELETE FROM {name}")).await;
                assert_eq!(deleted.expect(name), 0, "{name} by {shown}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_gives_a_source_of_imported_history_another_rank_or_name_of_its_own() {
    let scene = Scene::set().await;
    for change in [
        "UPDATE import_devices SET precedence = 1",
        "UPDATE import_devices SET precedence = -1",
        "UPDATE import_devices SET source = 't'",
        "UPDATE import_devices SET id = gen_random_uuid()",
        "UPDATE import_devices SET heartbeat_timeout_secs = 900",
        "DELETE FROM import_devices",
    ] {
        assert_refused(scene.attempt_as(ADA, change).await, false, change);
    }
    let lifted =
        "INSERT INTO import_devices SELECT gen_random_uuid(), user_id, 't', 't', 1, now(), now() FROM import_devices";
    let lifted = scene.attempt_as(ADA, lifted).await.expect_err("it is above");
    assert_eq!(lifted.code(), Some(&SqlState::CHECK_VIOLATION), "{lifted}");
    for allowed in ["name = 'x'", "used_at = now()", "removed = true"] {
        let changed = scene
            .attempt_as(ADA, &format!("UPDATE import_devices SET {allowed}"))
            .await;
        assert_eq!(changed.expect(allowed), 1, "{allowed}");
    }
}

#[tokio::test]
async fn a_partition_is_closed_to_both_roles_and_accounts_to_the_worker() {
    let (server, _) = database().await;
    let api = client_at(&server.api_database_url()).await;
    let worker = client_at(&server.worker_database_url()).await;
    let made = worker.batch_execute("SELECT usage_ensure_month('2026-03-01')").await;
    made.expect("a partition");
    for client in [&api, &worker] {
        assert_refused(
            client.execute("SELECT FROM app_usage_2026_03", &[]).await,
            false,
            "a partition",
        );
    }
    for table in ["users", "devices", "import_devices", "sessions", "token_keys"] {
        let refused = worker.execute(&format!("SELECT FROM {table}"), &[]).await;
        assert_refused(refused, false, table);
    }
    let refused = api.execute("SELECT usage_ensure_month('2026-04-01')", &[]).await;
    assert_refused(refused, false, "a new partition by the API");
}
