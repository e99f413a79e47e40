//! Every statement that is sent, by name, so that a test can prepare them all.

/// Classes of advisory locks; the second number names one of the class. Class 2 is the shape of `app_usage`, taken in `usage_ensure_month`; class 5 counts
/// the devices that wait, in `device_codes_keep`.
pub(super) mod lock_class {
    /// A bucket of people whose timelines are merged.
    pub(in super::super) const PEOPLE: i32 = 1;
    /// The keys that tokens are signed with.
    pub(in super::super) const TOKEN_KEYS: i32 = 3;
    /// The schema.
    pub(in super::super) const MIGRATIONS: i32 = 4;
}

macro_rules! statements {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: &str = include_str!(concat!("sql/", $file, ".sql"));)*

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

statements! {
    ACCOUNT_BY_EMAIL = "account_by_email";
    ACCOUNT_BY_ID = "account_by_id";
    ADVISORY_LOCK = "advisory_lock";
    APPLIED_MIGRATIONS = "applied_migrations";
    AUDIT_FORGET_NOBODY = "audit_forget_nobody";
    AUDIT_INSERT = "audit_insert";
    AUDIT_PAGE = "audit_page";
    CLOSED_DELETE = "closed_delete";
    CLOSED_ERASE = "closed_erase";
    CLOSED_INSERT = "closed_insert";
    CLOSED_READ = "closed_read";
    DEVICE_CHANGE = "device_change";
    DEVICE_CODE_ANSWER = "device_code_answer";
    DEVICE_CODE_KEEP = "device_code_keep";
    DEVICE_CODE_POLLED = "device_code_polled";
    DEVICE_CODE_READ = "device_code_read";
    DEVICE_CODE_USE = "device_code_use";
    DEVICE_CODE_WAITING = "device_code_waiting";
    DEVICE_CODES_FORGET = "device_codes_forget";
    DEVICE_KEEP = "device_keep";
    DEVICE_LOCK = "device_lock";
    DEVICE_SEEN = "device_seen";
    DEVICES_ALL = "devices_all";
    DEVICES_ORDERED = "devices_ordered";
    DEVICES_READ = "devices_read";
    ENDED_SESSIONS_FORGET = "ended_sessions_forget";
    ENDED_SESSIONS_KEEP = "ended_sessions_keep";
    ENDED_SESSIONS_READ = "ended_sessions_read";
    ENSURE_MONTH = "ensure_month";
    ERASE_ACCOUNT = "erase_account";
    ERASED_BEFORE = "erased_before";
    ERASED_FORGET = "erased_forget";
    ERASED_READ = "erased_read";
    FACTOR_BEGIN = "factor_begin";
    FACTOR_CONFIRM = "factor_confirm";
    FACTOR_LOCK = "factor_lock";
    FACTOR_REMOVE = "factor_remove";
    FACTOR_USE_STEP = "factor_use_step";
    FACTOR_WAITING = "factor_waiting";
    HEARTBEATS_ERASE = "heartbeats_erase";
    HEARTBEATS_FIRST = "heartbeats_first";
    HEARTBEATS_INSERT = "heartbeats_insert";
    HEARTBEATS_NEAR = "heartbeats_near";
    HEARTBEATS_READ = "heartbeats_read";
    HELD_READ = "held_read";
    IMPORT_DEVICE_FORESEE = "import_device_foresee";
    IMPORT_DEVICE_KEEP = "import_device_keep";
    IMPORT_DEVICE_REMOVE = "import_device_remove";
    IMPORT_DEVICE_RENAME = "import_device_rename";
    IMPORT_DEVICES_READ = "import_devices_read";
    IMPORTER_LOCK = "importer_lock";
    IMPORTER_READ = "importer_read";
    KEY_HOLDER = "key_holder";
    KEY_INSERT = "key_insert";
    KEY_LIST = "key_list";
    KEY_REVOKE = "key_revoke";
    KEY_USED = "key_used";
    KEY_USER = "key_user";
    OPEN_EXTEND = "open_extend";
    OPEN_INSERT = "open_insert";
    OPEN_READ = "open_read";
    OPEN_REPLACE = "open_replace";
    PASSWORD_REHASH = "password_rehash";
    PASSWORD_SET = "password_set";
    PIECES_READ = "pieces_read";
    PRIVACY_KEEP = "privacy_keep";
    PRIVACY_READ = "privacy_read";
    PROGRESS_DELETE = "progress_delete";
    PROGRESS_READ = "progress_read";
    PROGRESS_WRITE = "progress_write";
    RECOVERY_FORGET = "recovery_forget";
    RECOVERY_KEEP = "recovery_keep";
    RECOVERY_USE = "recovery_use";
    RESET_KEEP = "reset_keep";
    RESET_USE = "reset_use";
    RESET_USER = "reset_user";
    RESET_VOID = "reset_void";
    ROLE_REPORT = "role_report";
    SCOPE_SET = "scope_set";
    SERVER_FORCING = "server_forcing";
    SERVER_REPORT = "server_report";
    SESSION_END = "session_end";
    SESSION_KEEP = "session_keep";
    SESSION_LOCK = "session_lock";
    SESSION_REPLACE = "session_replace";
    SESSION_ROTATE = "session_rotate";
    SESSION_USER = "session_user";
    SESSIONS_END_ALL = "sessions_end_all";
    SESSIONS_END_OF_DEVICE = "sessions_end_of_device";
    SIGN_INS_OF = "sign_ins_of";
    STINTS_READ = "stints_read";
    TIMELINE_ERASE = "timeline_erase";
    TOKEN_KEY_KEEP = "token_key_keep";
    TOKEN_KEYS_DELETE = "token_keys_delete";
    TOKEN_KEYS_READ = "token_keys_read";
    USER_BY_ID = "user_by_id";
    USER_CHANGE_EMAIL = "user_change_email";
    USER_DISABLE = "user_disable";
    USER_INSERT = "user_insert";
    USER_LOCK = "user_lock";
    USER_OF_EMAIL = "user_of_email";
    USER_UPDATE = "user_update";
    USERS_LIST = "users_list";
    WATCH_BUCKET_CHANGE = "watch_bucket_change";
    WATCH_BUCKET_CREATE = "watch_bucket_create";
    WATCH_BUCKET_DELETE = "watch_bucket_delete";
    WATCH_BUCKET_EMPTY = "watch_bucket_empty";
    WATCH_BUCKETS_ERASE = "watch_buckets_erase";
    WATCH_BUCKETS_READ = "watch_buckets_read";
    WATCH_EVENTS_COUNT = "watch_events_count";
    WATCH_EVENTS_ERASE = "watch_events_erase";
    WATCH_EVENTS_FORGET = "watch_events_forget";
    WATCH_EVENTS_OF_PERSON = "watch_events_of_person";
    WATCH_EVENTS_READ = "watch_events_read";
    WATCH_KEEP = "watch_keep";
    WATCH_LEFT_BEHIND = "watch_left_behind";
    WATCH_LOOK = "watch_look";
    WATCH_MARKS_READ = "watch_marks_read";
    WATCH_MARKS_SETTLE = "watch_marks_settle";
    WATCH_WATCHED = "watch_watched";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use testkit::servers::TestPostgres;

    use super::*;
    use crate::postgres::{Database, Settings, connect, migrate};

    /// A migrated server, and pools to it as its owner, the API and the worker.
    async fn databases() -> (TestPostgres, [Database; 3]) {
        let server = TestPostgres::start();
        migrate(&server.database_url()).await.expect("migrate");
        let urls = [
            server.database_url(),
            server.api_database_url(),
            server.worker_database_url(),
        ];
        let databases = urls.map(|url| connect(&Settings::new(url)).expect("a pool"));
        (server, databases)
    }

    /// A value of a type, near which the partitions of these tests lie, so that none is left out of a plan.
    fn sample(sql_type: &str) -> &'static str {
        match sql_type {
            "uuid" => "gen_random_uuid()",
            "uuid[]" => "ARRAY[gen_random_uuid()]",
            "timestamptz" => "timestamptz '2026-03-01 12:00Z'",
            "timestamptz[]" => "ARRAY[timestamptz '2026-03-01 12:00Z']",
            _ => "NULL",
        }
    }

    /// The plan of a statement for any parameters, one node or condition a line.
    async fn plan(database: &Database, sql: &str, types: &str) -> Vec<String> {
        let client = database.client().await.expect("connect");
        let values = types.split(", ").map(sample).collect::<Vec<_>>().join(", ");
        let prepare = format!("SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL; PREPARE s ({types}) AS {sql}");
        client.batch_execute(&prepare).await.expect("prepare");
        let rows = client
            .query(&format!("EXPLAIN (COSTS OFF) EXECUTE s ({values})"), &[])
            .await;
        // The server forgot the statements that the pool has prepared.
        client.statement_cache.clear();
        rows.expect("explain").iter().map(|row| row.get(0)).collect()
    }

    #[tokio::test]
    async fn every_statement_can_be_prepared_and_each_file_holds_one() {
        let (_server, [database, ..]) = databases().await;
        let client = database.client().await.expect("connect");
        for (name, sql) in ALL {
            client
                .prepare(sql)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/postgres/sql");
        let files = std::fs::read_dir(folder)
            .expect(folder)
            .map(|file| file.expect(folder).file_name());
        let files: BTreeSet<_> = files.map(|name| name.into_string().expect("UTF-8")).collect();
        let named: BTreeSet<_> = ALL.iter().map(|(name, _)| format!("{name}.sql")).collect();
        assert_eq!(files, named);
    }

    #[tokio::test]
    async fn pieces_are_found_by_their_key_whatever_the_planner_believes_of_a_partition() {
        let (_server, [owner, api, worker]) = databases().await;
        // Each of 40 people has a piece every minute. Of people who have one each, either index finds it as well.
        let fill = "SELECT usage_ensure_month('2026-02-01'), usage_ensure_month('2026-03-01'); \
            INSERT INTO app_usage SELECT md5(person::text)::uuid, gen_random_uuid(), 1, 1, 'a', NULL, t, t + interval '1 second' \
            FROM generate_series(timestamptz '2026-03-01 00:00Z', '2026-03-01 04:00Z', '1 minute') AS t, generate_series(1, 40) AS person";
        let searches = [
            (
                &worker,
                CLOSED_READ,
                "uuid[], timestamptz[], timestamptz[], timestamptz[], timestamptz, timestamptz",
            ),
            (&worker, CLOSED_DELETE, "uuid[], timestamptz[]"),
            (&api, PIECES_READ, "uuid, timestamptz, timestamptz, timestamptz"),
            (&api, STINTS_READ, "uuid, timestamptz, timestamptz, timestamptz"),
            (&api, HELD_READ, "uuid, timestamptz, timestamptz, timestamptz"),
        ];
        // Empty, then filled without anybody having looked, then known.
        for state in ["SELECT usage_ensure_month('2026-03-01')", fill, "ANALYZE"] {
            owner
                .client()
                .await
                .expect("connect")
                .batch_execute(state)
                .await
                .expect(state);
            for (database, sql, types) in searches {
                let plan = plan(database, sql, types).await.join("\n");
                let scans = plan.matches("Scan ").count() - plan.matches("Function Scan ").count();
                let is_by_key = |line: &&str| {
                    line.contains("Index Cond: (") && line.contains("user_id") && line.contains("start_time")
                };
                let open = plan.matches("using usage_open_pkey").count();
                assert!(scans > open, "after {state}:\n{plan}");
                assert_eq!(
                    plan.lines().filter(is_by_key).count() + open,
                    scans,
                    "after {state}:\n{plan}"
                );
                assert!(
                    !plan.contains("Materialize") && !plan.contains("Sort"),
                    "after {state}:\n{plan}"
                );
                // Of one person, the key has what the table has all over it.
                let from_the_key = plan.matches("Index Only Scan using app_usage_").count();
                assert!(
                    ![PIECES_READ, STINTS_READ, HELD_READ].contains(&sql) || from_the_key == scans - open,
                    "after {state}:\n{plan}"
                );
                // A search that only begins at the piece reads on to the person's last one.
                let is_exact =
                    |line: &str| line.contains("user_id = ANY") && line.contains("(start_time = gone.start_time)");
                assert!(
                    sql != CLOSED_DELETE || plan.lines().filter(is_by_key).all(is_exact),
                    "after {state}:\n{plan}"
                );
            }
        }
    }

    #[tokio::test]
    async fn what_is_erased_is_found_by_the_key_also_in_a_partition_that_looks_empty() {
        let (_server, [owner, api, _]) = databases().await;
        let ensure = "SELECT usage_ensure_month('2026-03-01'), usage_ensure_month('2026-04-01')";
        let client = owner.client().await.expect("connect");
        client.batch_execute(ensure).await.expect(ensure);
        let plan = plan(&api, CLOSED_ERASE, "uuid, bigint").await.join("\n");
        let by_key = plan.matches("_pkey").count();
        assert_eq!((by_key, plan.matches("(user_id = $1)").count()), (4, 4), "{plan}");
        assert!(
            !plan.contains("Seq Scan") && !plan.contains("Sort") && !plan.contains("no_overlap"),
            "{plan}"
        );
    }

    #[tokio::test]
    async fn a_merge_finds_its_rows_by_their_keys_also_in_tables_that_look_empty() {
        let (_server, [_, _, worker]) = databases().await;
        let numbered = "uuid[], uuid[], smallint[], integer[], text[], text[], timestamptz[], timestamptz[], timestamptz[], uuid[], bigint[]";
        for (sql, types, index) in [
            (OPEN_READ, "uuid[]", "usage_open_pkey"),
            (
                OPEN_EXTEND,
                "uuid[], timestamptz[], uuid[], bigint[]",
                "usage_open_pkey",
            ),
            (OPEN_REPLACE, numbered, "usage_open_pkey"),
            (PROGRESS_READ, "uuid[], uuid[]", "usage_progress_pkey"),
            (PROGRESS_DELETE, "uuid[], uuid[]", "usage_progress_pkey"),
            (ERASED_READ, "uuid[]", "usage_erased_pkey"),
            (
                HEARTBEATS_NEAR,
                "uuid[], uuid[], timestamptz[], timestamptz[]",
                "heartbeats_pkey",
            ),
        ] {
            let plan = plan(&worker, sql, types).await.join("\n");
            let by_key = plan.matches("Index Cond").count();
            assert!(
                plan.contains(index) && by_key == 1 && !plan.contains("Seq Scan") && !plan.contains("Sort"),
                "{sql}{plan}"
            );
        }
    }

    #[tokio::test]
    async fn heartbeats_of_a_stretch_are_found_by_their_key_whatever_the_planner_believes_of_the_table() {
        let (_server, [owner, api, worker]) = databases().await;
        let fill = "INSERT INTO heartbeats (user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, kind, last_project, last_branch, last_language) \
            SELECT md5(person::text)::uuid, md5(person::text)::uuid, at, substr(sha256(at::text::bytea), 1, 16), 1, 1, 600000, 'a', 'file', false, false, false \
            FROM generate_series(timestamptz '2026-03-01 00:00Z', '2026-03-01 04:00Z', '1 minute') AS at, generate_series(1, 40) AS person";
        for state in ["SELECT", fill, "ANALYZE"] {
            let client = owner.client().await.expect("connect");
            client.batch_execute(state).await.expect(state);
            for (database, sql, types) in [
                (&api, HEARTBEATS_READ, "uuid, timestamptz, timestamptz"),
                (&worker, HEARTBEATS_NEAR, "uuid[], uuid[], timestamptz[], timestamptz[]"),
                (&api, HEARTBEATS_NEAR, "uuid[], uuid[], timestamptz[], timestamptz[]"),
            ] {
                let plan = plan(database, sql, types).await.join("\n");
                let by_key = |line: &&str| {
                    line.contains("Index Cond: (")
                        && line.contains("user_id")
                        && line.contains("at >=")
                        && line.contains("at <")
                };
                assert_eq!(plan.lines().filter(by_key).count(), 1, "after {state}:\n{plan}");
                assert!(
                    !plan.contains("Seq Scan") && !plan.contains("Materialize"),
                    "after {state}:\n{plan}"
                );
            }
            let erase = plan(&api, HEARTBEATS_ERASE, "uuid, bigint").await.join("\n");
            let is_by_key = |line: &&str| line.contains("Index Cond: (") && line.contains("(user_id = $1)");
            let by_key = erase.lines().filter(is_by_key).count();
            assert!(
                by_key == 2 && !erase.contains("Seq Scan") && !erase.contains("Sort"),
                "after {state}:\n{erase}"
            );
        }
    }

    #[tokio::test]
    async fn what_watchers_told_is_found_by_its_keys_whatever_the_planner_believes_of_the_tables() {
        const WATCHED: &str = "uuid, uuid, bigint, bigint, bigint, bigint, bigint, bigint";
        let (_server, [owner, api, worker]) = databases().await;
        let fill = "INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at) \
            SELECT md5(n::text)::uuid, n || '@example.org', 'n', 'UTC', 0, 'h', now() FROM generate_series(1, 20) AS n; \
            INSERT INTO watch_buckets (user_id, device_id, id, kind, client, hostname, created_us, kept_at) \
            SELECT id, id, 'w', 'currentwindow', '', '', 0, now() FROM users; \
            INSERT INTO watch_events (user_id, bucket, id, start_us, end_us, app_name) \
            SELECT user_id, number, n, n, n, 'a' FROM watch_buckets, generate_series(1, 500) AS n; \
            INSERT INTO watch_marks (user_id, device_id, start_ms, end_ms, precedence, marked_at) \
            SELECT user_id, user_id, n, n + 1, 1, now() FROM watch_buckets, generate_series(1, 50) AS n";
        for state in ["SELECT", fill, "ANALYZE"] {
            let client = owner.client().await.expect("connect");
            client.batch_execute(state).await.expect(state);
            for (database, sql, types) in [
                (
                    &api,
                    WATCH_LOOK,
                    "uuid, uuid, text, bigint, bigint, bigint, bigint[], bigint[], bigint",
                ),
                (&api, WATCH_WATCHED, WATCHED),
                (&worker, WATCH_WATCHED, WATCHED),
                (
                    &api,
                    WATCH_EVENTS_READ,
                    "uuid, uuid, text, bigint, bigint, bigint, bigint",
                ),
                (&api, WATCH_EVENTS_COUNT, "uuid, uuid, text, bigint, bigint, bigint"),
                (&api, WATCH_BUCKETS_READ, "uuid, uuid, text, bigint"),
                (&api, WATCH_EVENTS_OF_PERSON, "uuid, bigint, bigint"),
                (&api, WATCH_EVENTS_ERASE, "uuid, bigint"),
                (&api, WATCH_BUCKET_EMPTY, "uuid, uuid, text, bigint"),
                (&api, WATCH_MARKS_READ, "uuid, uuid, bigint, bigint"),
                (&api, WATCH_MARKS_SETTLE, "uuid, uuid, bigint[], bigint"),
                (&worker, WATCH_EVENTS_FORGET, "bigint, bigint"),
                (&worker, WATCH_LEFT_BEHIND, "timestamptz, bigint, bigint"),
            ] {
                let plan = plan(database, sql, types).await;
                // Nobody's events are looked at to find those of a bucket.
                let of_events = |line: &&String| line.contains("Index Cond") && line.contains("start_us");
                let is_by_bucket = |line: &String| line.contains("user_id = ") && line.contains("bucket = ");
                let is_by_key = plan.iter().filter(of_events).all(is_by_bucket);
                let plan = plan.join("\n");
                assert!(
                    is_by_key && plan.contains("Index Cond") && !plan.contains("Seq Scan"),
                    "after {state}: {sql}{plan}"
                );
            }
        }
    }

    #[tokio::test]
    async fn rows_with_a_key_are_found_by_it_also_in_a_table_that_looks_empty() {
        let (_server, [_, api, worker]) = databases().await;
        for (database, sql, types, index) in [
            (
                &worker,
                ERASED_BEFORE,
                "timestamptz, bigint",
                "usage_erased_erased_at_idx",
            ),
            (&worker, ERASED_FORGET, "uuid[], timestamptz[]", "usage_erased_"),
            (
                &api,
                ENDED_SESSIONS_READ,
                "timestamptz, uuid, bigint",
                "ended_sessions_ended_at_session_id_idx",
            ),
            (
                &api,
                ENDED_SESSIONS_FORGET,
                "timestamptz",
                "ended_sessions_ended_at_session_id_idx",
            ),
            (&api, HEARTBEATS_FIRST, "uuid", "heartbeats_pkey"),
            (&api, ACCOUNT_BY_EMAIL, "text", "users_email_key"),
            (&api, ACCOUNT_BY_ID, "uuid", "users_pkey"),
            (&api, AUDIT_PAGE, "uuid, uuid, bigint", "audit_log_user_id_id_idx"),
            (&api, KEY_USER, "bytea", "api_keys_hash_key"),
            (&api, KEY_HOLDER, "bytea", "api_keys_hash_key"),
            (&api, KEY_LIST, "uuid", "api_keys_user_id_idx"),
            (&api, PRIVACY_READ, "uuid", "privacy_rules_pkey"),
            (&api, RESET_USER, "bytea, timestamptz", "password_resets_hash_key"),
            (
                &api,
                DEVICE_CODE_WAITING,
                "bytea, timestamptz",
                "device_codes_user_hash_key",
            ),
            (&api, DEVICE_CODE_READ, "bytea, timestamptz", "device_codes_pkey"),
            (&api, DEVICE_CODE_USE, "bytea", "device_codes_pkey"),
            (&api, DEVICES_READ, "uuid, uuid, timestamptz", "devices_user_id_"),
            (&api, USER_BY_ID, "uuid", "users_pkey"),
            (&api, USER_LOCK, "uuid", "users_pkey"),
            (&api, USER_UPDATE, "uuid, text, text, integer, integer", "users_pkey"),
            (&api, SESSION_USER, "uuid", "sessions_pkey"),
            (&api, SESSION_LOCK, "uuid", "sessions_pkey"),
            (&api, SESSION_END, "uuid, uuid", "sessions_pkey"),
            (
                &api,
                SESSION_ROTATE,
                "uuid, bytea, bytea[], timestamptz, timestamptz",
                "sessions_pkey",
            ),
            (&api, DEVICE_SEEN, "uuid, timestamptz, text", "devices_"),
        ] {
            let plan = plan(database, sql, types).await.join("\n");
            let by_key = plan.matches("Index Cond").count();
            assert!(
                plan.contains(index) && by_key >= 1 && !plan.contains("Seq Scan"),
                "{sql}{plan}"
            );
        }
        let plan = plan(&api, DEVICE_LOCK, "uuid").await.join("\n");
        assert!(
            plan.contains("sessions_pkey") && plan.contains(" on devices_user_id_") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }

    #[tokio::test]
    async fn devices_of_imported_history_are_found_by_their_keys_also_in_a_table_that_looks_empty() {
        let (_server, [_, api, _]) = databases().await;
        for (sql, types, index) in [
            (
                IMPORT_DEVICE_FORESEE,
                "uuid, uuid, text, bigint, integer, integer",
                "import_devices_user_id_",
            ),
            (IMPORT_DEVICES_READ, "uuid", "import_devices_user_id_"),
            (IMPORT_DEVICE_RENAME, "uuid, uuid, text", "import_devices_"),
            (IMPORT_DEVICE_REMOVE, "uuid, uuid", "import_devices_"),
            (IMPORTER_LOCK, "uuid", "users_pkey"),
            (IMPORTER_READ, "uuid", "users_pkey"),
        ] {
            let plan = plan(&api, sql, types).await.join("\n");
            assert!(
                plan.contains(index) && plan.contains("Index Cond") && !plan.contains("Seq Scan"),
                "{sql}{plan}"
            );
        }
    }

    #[tokio::test]
    async fn the_policy_of_a_person_is_evaluated_once_for_each_statement() {
        let (_server, [owner, api, _]) = databases().await;
        let client = owner.client().await.expect("connect");
        let partition = client.batch_execute("SELECT usage_ensure_month('2026-03-01')").await;
        partition.expect("a partition");
        let plan = plan(&api, PIECES_READ, "uuid, timestamptz, timestamptz, timestamptz").await;
        // From 17 on, plans also name them where they are used.
        let evaluated = plan.iter().filter(|line| line.trim_start().starts_with("InitPlan"));
        let for_each_row = plan.iter().filter(|line| line.contains("current_"));
        assert_eq!((evaluated.count(), for_each_row.count()), (2, 0), "{plan:?}");
    }
}
