//! What the catalogue says of tables, grants, policies and roles, judged.

use testkit::servers::TestPostgres;
use tokio_postgres::Client;

use crate::postgres::{client, client_at, database};

/// What the two roles may reach without a policy, because it is nobody's. A table belongs here only if it holds nothing about a person.
const OF_NOBODY: [(&str, &str, &str); 8] = [
    ("daybook_api", "ended_sessions", "DELETE"),
    ("daybook_api", "ended_sessions", "INSERT"),
    ("daybook_api", "ended_sessions", "SELECT"),
    ("daybook_api", "refinery_schema_history", "SELECT"),
    ("daybook_api", "token_keys", "DELETE"),
    ("daybook_api", "token_keys", "INSERT"),
    ("daybook_api", "token_keys", "SELECT"),
    ("daybook_worker", "refinery_schema_history", "SELECT"),
];
/// All that the worker may reach.
const OF_WORKER: [&str; 11] = [
    "app_usage",
    "heartbeats",
    // To be read: what is claimed from watchers obeys them.
    "privacy_rules",
    "refinery_schema_history",
    "usage_erased",
    "usage_open",
    "usage_progress",
    "watch_buckets",
    "watch_events",
    "watch_lasting",
    "watch_marks",
];
/// What may be called with the rights of the owner.
const OWNERS_FUNCTIONS: [(&str, &str); 5] = [
    // That of the person whom the transaction is for.
    ("daybook_api", "erase_account()"),
    // Of nobody.
    ("daybook_api", "audit_log_forget_nobody(timestamp with time zone)"),
    ("daybook_api", "device_codes_forget(timestamp with time zone)"),
    ("daybook_api", "device_codes_keep(device_codes,bigint,bigint)"),
    ("daybook_worker", "usage_ensure_month(date)"),
];

const OPEN_TABLES: &str = include_str!("open_tables.sql");

const GRANTS: &str = include_str!("grants.sql");

const POWERS: &str = include_str!("powers.sql");

const DEFINERS: &str = include_str!("definers.sql");

/// What would let somebody in, how it is undone, and how it is found.
const MISTAKES: [(&str, &str, &str); 13] = [
    (
        "CREATE TABLE notes (user_id uuid)",
        "DROP TABLE notes",
        "notes is not both",
    ),
    (
        "ALTER TABLE app_usage_2026_04 NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE app_usage_2026_04 FORCE ROW LEVEL SECURITY",
        "app_usage_2026_04 is not both",
    ),
    (
        "CREATE TABLE notes (id uuid); GRANT SELECT ON notes TO PUBLIC",
        "DROP TABLE notes",
        "SELECT on notes for daybook_api without any policy",
    ),
    (
        "CREATE VIEW everybody AS SELECT * FROM users; GRANT SELECT ON everybody TO daybook_api",
        "DROP VIEW everybody",
        "SELECT on everybody for daybook_api without any policy",
    ),
    (
        "GRANT SELECT ON app_usage_2026_04 TO daybook_api",
        "REVOKE SELECT ON app_usage_2026_04 FROM daybook_api",
        "SELECT on app_usage_2026_04 for daybook_api without a policy of theirs",
    ),
    (
        "GRANT SELECT (email) ON users TO daybook_worker",
        "REVOKE SELECT (email) ON users FROM daybook_worker",
        "SELECT on users for daybook_worker, who merges",
    ),
    (
        "GRANT TRUNCATE ON users TO daybook_api",
        "REVOKE TRUNCATE ON users FROM daybook_api",
        "TRUNCATE on users for daybook_api, which no policy holds",
    ),
    (
        "CREATE POLICY users_all ON users TO daybook_api USING (true)",
        "DROP POLICY users_all ON users",
        "by a policy that does not ask whom it is for",
    ),
    (
        "ALTER ROLE daybook_api BYPASSRLS",
        "ALTER ROLE daybook_api NOBYPASSRLS",
        "daybook_api bypasses policies",
    ),
    (
        "GRANT daybook TO daybook_worker",
        "REVOKE daybook FROM daybook_worker",
        "daybook_worker is a member",
    ),
    (
        "ALTER TABLE token_keys OWNER TO daybook_api",
        "ALTER TABLE token_keys OWNER TO daybook; REVOKE ALL ON token_keys FROM daybook_api; GRANT SELECT, INSERT ON token_keys TO daybook_api",
        "daybook_api owns something",
    ),
    (
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "daybook_worker may create in the schema",
    ),
    (
        "GRANT EXECUTE ON FUNCTION usage_ensure_month TO daybook_api",
        "REVOKE EXECUTE ON FUNCTION usage_ensure_month FROM daybook_api",
        "daybook_api may call usage_ensure_month(date) as its owner",
    ),
];

/// Everything in the catalogue that would let one person, or a role, reach what it must not.
async fn faults(client: &Client) -> Vec<String> {
    let mut faults = Vec::new();
    for sql in [OPEN_TABLES, POWERS] {
        let rows = client.query(sql, &[]).await.expect("ask the catalogue");
        faults.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    for row in client.query(GRANTS, &[]).await.expect("ask the catalogue") {
        let (role, table, privilege): (&str, &str, &str) = (row.get(0), row.get(1), row.get(2));
        let (is_shut, policies): (bool, Vec<String>) = (row.get(3), row.get(4));
        faults.extend(fault_of_grant((role, table, privilege), is_shut, &policies));
    }
    for row in client.query(DEFINERS, &[]).await.expect("ask the catalogue") {
        let callable: (&str, &str) = (row.get(0), row.get(1));
        if !OWNERS_FUNCTIONS.contains(&callable) {
            faults.push(format!("{} may call {} as its owner", callable.0, callable.1));
        }
    }
    faults
}

fn fault_of_grant(grant: (&str, &str, &str), is_shut: bool, policies: &[String]) -> Option<String> {
    let (role, table, privilege) = grant;
    let what = format!("{privilege} on {table} for {role}");
    if ["TRUNCATE", "REFERENCES", "TRIGGER"].contains(&privilege) {
        return Some(format!("{what}, which no policy holds"));
    }
    if role == "daybook_worker" && !OF_WORKER.contains(&table) {
        return Some(format!("{what}, who merges time and nothing else"));
    }
    if !is_shut {
        return (!OF_NOBODY.contains(&grant)).then(|| format!("{what} without any policy"));
    }
    if policies.is_empty() {
        return Some(format!("{what} without a policy of theirs"));
    }
    let names_whom = |policy: &&String| policy.contains("current_user_id()") || policy.contains("current_lookup()");
    let open = policies.iter().find(|policy| !names_whom(policy))?;
    (role == "daybook_api").then(|| format!("{what} by a policy that does not ask whom it is for: {open}"))
}

/// With partitions that the migration made, the worker made, and nobody looked after.
async fn with_partitions() -> (TestPostgres, Client) {
    let (server, _) = database().await;
    let client = client(&server).await;
    let worker = client_at(&server.worker_database_url()).await;
    let make = "SELECT usage_ensure_month('2026-03-01'), usage_ensure_month('2026-04-01')";
    worker.batch_execute(make).await.expect("partitions");
    (server, client)
}

#[tokio::test]
async fn every_table_of_people_is_shut_and_no_role_has_more_than_it_needs() {
    let (_server, client) = with_partitions().await;
    assert_eq!(faults(&client).await, [""; 0]);
}

#[tokio::test]
async fn whatever_lets_somebody_in_is_found() {
    let (server, client) = with_partitions().await;
    let admin = client_at(&server.admin_url()).await;
    for (mistake, undo, found) in MISTAKES {
        admin.batch_execute(mistake).await.expect(mistake);
        let faults = faults(&client).await;
        assert!(
            faults.iter().any(|fault| fault.contains(found)),
            "{mistake}: {faults:?}"
        );
        admin.batch_execute(undo).await.expect(undo);
    }
    assert_eq!(faults(&client).await, [""; 0]);
}
