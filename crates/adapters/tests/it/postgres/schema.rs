//! The schema keeps the invariants by itself, whoever writes.

use adapters::postgres::{migrate, migrations_pending};
use testkit::servers::TestPostgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::{client, database};

/// All of them, earliest first.
pub(super) const MIGRATIONS: [&str; 16] = [
    "V1__accounts",
    "V2__usage",
    "V3__isolation",
    "V4__ended_sessions",
    "V5__trust",
    "V6__usage_erasure",
    "V7__usage_numbers",
    "V8__heartbeats",
    "V9__heartbeat_timeout",
    "V10__device_codes",
    "V11__privacy_rules",
    "V12__usage_read_from_its_key",
    "V13__import_devices",
    "V14__watch_buckets",
    "V15__watch_lasting",
    "V16__import_patience",
];

#[tokio::test]
async fn migrating_twice_applies_everything_once() {
    let server = TestPostgres::start();
    let url = server.database_url();
    assert_eq!(migrations_pending(&url).await.expect("look"), MIGRATIONS);
    assert_eq!(migrate(&url).await.expect("migrate"), MIGRATIONS);
    assert_eq!(migrate(&url).await.expect("migrate"), [""; 0]);
    assert_eq!(migrations_pending(&url).await.expect("look"), [""; 0]);
}

#[tokio::test]
async fn of_nodes_that_migrate_at_once_one_does_and_all_succeed() {
    let server = TestPostgres::start();
    let node = || {
        let url = server.database_url();
        tokio::spawn(async move { migrate(&url).await })
    };
    let nodes = [node(), node(), node()];
    let mut applied = Vec::new();
    for node in nodes {
        applied.extend(node.await.expect("no panic").expect("migrate"));
    }
    assert_eq!(applied, MIGRATIONS);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_as_it_is_but_lacks_nothing() {
    let (server, _) = database().await;
    let newer =
        "INSERT INTO refinery_schema_history SELECT 999, 'newer', applied_on, '1' FROM refinery_schema_history LIMIT 1";
    client(&server).await.batch_execute(newer).await.expect("insert");
    let refused = migrate(&server.database_url()).await.expect_err("newer");
    assert!(
        !refused.is_unavailable() && refused.chain().contains("V999__newer"),
        "{}",
        refused.chain()
    );
    assert_eq!(migrations_pending(&server.database_url()).await.expect("look"), [""; 0]);
}

#[tokio::test]
async fn a_source_that_was_known_before_goes_on_with_what_most_of_its_points_came_with() {
    let (server, _) = database().await;
    let client = client(&server).await;
    let before = include_str!("schema/known_sources.sql");
    client.batch_execute(before).await.expect("as it was");
    let migration = include_str!("../../../../../migrations/V16__import_patience.sql");
    client.batch_execute(migration).await.expect("migrated");
    let settled = "SELECT heartbeat_timeout_secs FROM import_devices ORDER BY source";
    let rows = client.query(settled, &[]).await.expect("sources");
    let settled: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(settled, [900, 1_200], "and without points with what is the person's");
}

#[tokio::test]
async fn every_constraint_and_index_has_a_name_that_says_its_table() {
    let (server, _) = database().await;
    let unnamed = "SELECT conrelid::regclass || ': ' || conname FROM pg_constraint \
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n' AND conrelid <> 'refinery_schema_history'::regclass \
        AND NOT starts_with(conname, conrelid::regclass::text)";
    let rows = client(&server).await.query(unnamed, &[]).await.expect("constraints");
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, [""; 0]);
}

/// Writes a row of one person, from and to the given times of 2026.
async fn keep(client: &Client, table: &str, from: &str, to: &str) -> Result<u64, Error> {
    let sql = format!(
        "INSERT INTO {table} VALUES ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), 1, 1, 'a', NULL, '2026-{from}Z', '2026-{to}Z')"
    );
    client.execute(&sql, &[]).await
}

async fn with_march_and_april() -> (TestPostgres, Client) {
    let (server, _) = database().await;
    let client = client(&server).await;
    client
        .batch_execute("SELECT usage_ensure_month('2026-03-01'), usage_ensure_month('2026-04-01')")
        .await
        .expect("partitions");
    (server, client)
}

fn constraint(outcome: Result<u64, Error>) -> (SqlState, String) {
    let error = outcome.expect_err("refused");
    let refused = error.as_db_error().expect("by the server");
    (
        refused.code().clone(),
        refused.constraint().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn closed_pieces_that_overlap_are_refused_and_those_that_touch_are_not() {
    let (_server, client) = with_march_and_april().await;
    keep(&client, "app_usage", "03-31 10:00", "03-31 11:00")
        .await
        .expect("the first");
    keep(&client, "app_usage", "03-31 11:00", "03-31 12:00")
        .await
        .expect("touches it");
    let overlap = (SqlState::EXCLUSION_VIOLATION, "app_usage_2026_03_no_overlap".to_owned());
    assert_eq!(
        constraint(keep(&client, "app_usage", "03-31 10:59:59.999", "03-31 10:59:59.9995").await),
        overlap
    );
    assert_eq!(
        constraint(keep(&client, "app_usage", "03-31 09:00", "03-31 13:00").await),
        overlap
    );
}

#[tokio::test]
async fn pieces_that_leave_their_day_or_month_are_refused_in_both_tables() {
    let (_server, client) = with_march_and_april().await;
    let day = |table: &str| (SqlState::CHECK_VIOLATION, format!("{table}_within_utc_day"));
    for table in ["usage_open", "app_usage"] {
        assert_eq!(
            constraint(keep(&client, table, "03-30 23:00", "03-31 00:00:00.001").await),
            day(table)
        );
        let empty = (SqlState::CHECK_VIOLATION, format!("{table}_not_empty"));
        assert_eq!(
            constraint(keep(&client, table, "03-30 23:00", "03-30 23:00").await),
            empty
        );
    }
    // The last of the day, the last of the month, and a whole day.
    keep(&client, "app_usage", "03-30 00:00", "03-31 00:00")
        .await
        .expect("a day");
    keep(&client, "app_usage", "03-31 00:00", "04-01 00:00")
        .await
        .expect("the last day");
    // Without the check of the day, the others still stand.
    client
        .batch_execute("ALTER TABLE app_usage DROP CONSTRAINT app_usage_within_utc_day")
        .await
        .expect("drop");
    let month = (SqlState::CHECK_VIOLATION, "app_usage_within_month".to_owned());
    client.batch_execute("TRUNCATE app_usage").await.expect("truncate");
    assert_eq!(
        constraint(keep(&client, "app_usage", "03-31 23:00", "04-01 00:00:00.001").await),
        month
    );
    let long = (SqlState::CHECK_VIOLATION, "app_usage_24_hours_at_most".to_owned());
    assert_eq!(
        constraint(keep(&client, "app_usage", "03-10 23:00", "03-11 23:00:00.001").await),
        long
    );
}

#[tokio::test]
async fn a_session_in_another_zone_changes_no_check() {
    let (_server, client) = with_march_and_april().await;
    client
        .batch_execute("SET timezone = 'Pacific/Apia'; SET datestyle = 'SQL, DMY'")
        .await
        .expect("set");
    client
        .batch_execute("SELECT usage_ensure_month('2026-05-01')")
        .await
        .expect("partition");
    for (from, to) in [
        ("03-30 00:00", "03-31 00:00"),
        ("05-01 00:00", "05-02 00:00"),
        ("05-31 00:00", "06-01 00:00"),
    ] {
        keep(&client, "app_usage", from, to).await.expect(from);
    }
    let crossing = keep(&client, "app_usage", "05-29 23:00", "05-30 00:00:00.001").await;
    assert_eq!(constraint(crossing).1, "app_usage_within_utc_day");
}

#[tokio::test]
async fn names_out_of_bounds_are_refused() {
    let (_server, client) = with_march_and_april().await;
    for table in ["usage_open", "app_usage"] {
        for (attention, app_name, domain, constraint_name) in [
            ("2", "'a'", "NULL", "attention_known"),
            ("1", "''", "NULL", "app_name_length"),
            ("1", "repeat('ä', 256)", "NULL", "app_name_length"),
            ("1", "'a'", "''", "domain_length"),
            ("1", "'a'", "repeat('a', 254)", "domain_length"),
        ] {
            let sql = format!(
                "INSERT INTO {table} VALUES (gen_random_uuid(), gen_random_uuid(), {attention}, 1, {app_name}, {domain}, '2026-03-01Z', '2026-03-02Z')"
            );
            let expected = (SqlState::CHECK_VIOLATION, format!("{table}_{constraint_name}"));
            assert_eq!(constraint(client.execute(&sql, &[]).await), expected);
        }
    }
}

#[tokio::test]
async fn nothing_is_closed_that_ends_after_the_open_piece_starts() {
    let (_server, client) = with_march_and_april().await;
    keep(&client, "usage_open", "03-31 10:00", "03-31 11:00")
        .await
        .expect("open");
    keep(&client, "app_usage", "03-31 09:00", "03-31 10:00")
        .await
        .expect("touches it");
    let refused = (SqlState::EXCLUSION_VIOLATION, "app_usage_before_open".to_owned());
    assert_eq!(
        constraint(keep(&client, "app_usage", "03-31 09:30", "03-31 10:00:00.001").await).0,
        refused.0
    );
    assert_eq!(
        constraint(keep(&client, "app_usage", "04-01 09:30", "04-01 10:00").await),
        refused
    );
    let direct = keep(&client, "app_usage_2026_04", "04-01 09:30", "04-01 10:00").await;
    assert_eq!(constraint(direct), refused);
    let longer = client
        .execute("UPDATE app_usage SET end_time = end_time + interval '1 ms'", &[])
        .await;
    assert_eq!(constraint(longer), refused);
}

#[tokio::test]
async fn the_open_piece_is_neither_made_nor_moved_where_a_closed_one_ends_later() {
    let (_server, client) = with_march_and_april().await;
    keep(&client, "app_usage", "03-31 09:00", "03-31 10:00")
        .await
        .expect("closed");
    let refused = (SqlState::EXCLUSION_VIOLATION, "usage_open_after_closed".to_owned());
    for (from, to) in [
        ("03-31 09:59:59.999", "03-31 11:00"),
        ("03-31 00:00", "03-31 08:00"),
        ("03-01 00:00", "03-01 08:00"),
    ] {
        assert_eq!(
            constraint(keep(&client, "usage_open", from, to).await),
            refused,
            "{from}"
        );
    }
    keep(&client, "usage_open", "03-31 10:00", "03-31 11:00")
        .await
        .expect("touches it");
    let moved = client
        .execute("UPDATE usage_open SET start_time = start_time - interval '1 ms'", &[])
        .await;
    assert_eq!(constraint(moved), refused);
    let extended = client
        .execute("UPDATE usage_open SET end_time = end_time + interval '1 hour'", &[])
        .await;
    assert_eq!(extended.expect("extended"), 1);
}

#[tokio::test]
async fn an_address_with_capitals_and_a_second_session_of_a_device_are_refused() {
    let (_server, client) = with_march_and_april().await;
    let user = |id: u8, email: &str| {
        format!(
            "INSERT INTO users VALUES ('00000000-0000-0000-0000-00000000000{id}', '{email}', 'n', 'UTC', 0, 'h', now())"
        )
    };
    let capital = constraint(client.execute(&user(1, "Ada@example.org"), &[]).await);
    assert_eq!(capital.1, "users_email_lower_case");
    client
        .batch_execute(&[user(1, "ada@example.org"), user(2, "bob@example.org")].join(";"))
        .await
        .expect("users");
    let device = "INSERT INTO devices VALUES ('00000000-0000-0000-0000-00000000000d', '00000000-0000-0000-0000-000000000001', 'k', 'n', NULL, 1, now(), now())";
    client.batch_execute(device).await.expect("device");
    let session = |user: u8| {
        format!(
            "INSERT INTO sessions VALUES (gen_random_uuid(), '00000000-0000-0000-0000-00000000000{user}', '00000000-0000-0000-0000-00000000000d', \
             NULL, now(), now(), now(), ARRAY[sha256('a')])"
        )
    };
    assert_eq!(
        constraint(client.execute(&session(2), &[]).await).1,
        "sessions_device_fkey",
        "another's device"
    );
    client.batch_execute(&session(1)).await.expect("session");
    assert_eq!(
        constraint(client.execute(&session(1), &[]).await).1,
        "sessions_device_id_key"
    );
}
