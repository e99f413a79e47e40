//! Whoever was erased stays erased, whatever runs at the same time, and however long they were there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use adapters::postgres::{Settings, Timelines, connect};
use domain::accounts::UserId;
use domain::time::UnixMs;
use domain::usage::Arrival;
use ports::usage::{Erasures, TimelineErasure, TimelineStore};
use tokio::sync::Notify;
use uuid::Uuid;

use super::heartbeats::heartbeat_of;
use super::{MIDNIGHT, api_pool, client, client_at, database, numbered, ping, ping_of, pool, stored};

/// The people whose pings the workers merge; the first of them is erased. The second shares the bucket of the first.
const USERS: [u128; 3] = [1, 1_025, 2];

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

/// What waits until something was counted so often.
#[derive(Default)]
struct Progress {
    merges: AtomicU64,
    merged: Notify,
    is_over: AtomicBool,
}

impl Progress {
    async fn reach(&self, merges: u64) {
        loop {
            let next = self.merged.notified();
            if self.merges.load(Ordering::SeqCst) >= merges {
                return;
            }
            next.await;
        }
    }
}

/// Merges pings of all of them, one after the other and changing between two applications, until it is over. Answers the arrivals that were dropped.
async fn merge_on(timelines: &Timelines, device: u128, progress: &Progress) -> usize {
    let mut dropped = 0;
    for round in 0.. {
        if progress.is_over.load(Ordering::SeqCst) {
            break;
        }
        let app = if round % 2 == 0 { "a" } else { "b" };
        let at = round * 10;
        let number = u64::try_from(round + 1).expect("it counts up");
        let mut pings: Vec<Arrival> = USERS
            .iter()
            .map(|user| numbered(ping_of(*user, (at, at + 10), 10 * user + device, app), number))
            .collect();
        pings.extend(
            USERS
                .iter()
                .map(|user| heartbeat_of(*user, at, 10 * user + device, app)),
        );
        let merged = timelines.merge(&pings).await;
        dropped += merged.unwrap_or_else(|error| panic!("{}", error.chain())).erased.len();
        progress.merges.fetch_add(1, Ordering::SeqCst);
        progress.merged.notify_waiters();
    }
    dropped
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_left_of_somebody_who_is_erased_while_several_workers_merge_their_pings() {
    let (server, database) = database().await;
    let workers = [
        Timelines::new(database),
        Timelines::new(pool(&server)),
        Timelines::new(pool(&server)),
    ];
    let api = Timelines::new(api_pool(&server));
    let client = client(&server).await;
    let rows_of = async |user: u128| -> i64 {
        let sql = "SELECT (SELECT count(*) FROM usage_open WHERE user_id = $1) + (SELECT count(*) FROM app_usage WHERE user_id = $1) \
            + (SELECT count(*) FROM usage_progress WHERE user_id = $1) + (SELECT count(*) FROM heartbeats WHERE user_id = $1)";
        client.query_one(sql, &[&user_id(user)]).await.expect("count").get(0)
    };
    for round in 0..5_u64 {
        let progress = Progress::default();
        let erase = async {
            progress.reach(20).await;
            assert!(rows_of(1).await > 0);
            api.erase(user(1), UnixMs(MIDNIGHT)).await.expect("erase");
            assert_eq!(rows_of(1).await, 0, "round {round}, at once");
            let merges = progress.merges.load(Ordering::SeqCst);
            progress.reach(merges + 20).await;
            progress.is_over.store(true, Ordering::SeqCst);
        };
        let [one, two, three] = &workers;
        let ((), a, b, c) = tokio::join!(
            erase,
            merge_on(one, 1, &progress),
            merge_on(two, 2, &progress),
            merge_on(three, 3, &progress)
        );
        assert_eq!(rows_of(1).await, 0, "round {round}");
        assert!(a + b + c >= 20, "round {round}: {} pings were dropped", a + b + c);
        for other in [1_025, 2] {
            assert!(rows_of(other).await > 0, "round {round}");
        }
        let wipe = "TRUNCATE usage_open, app_usage, usage_progress, heartbeats, usage_erased";
        client.batch_execute(wipe).await.expect(wipe);
    }
}

fn user_id(number: u128) -> Uuid {
    user(number).0
}

#[tokio::test]
async fn more_pieces_than_one_statement_erases_are_erased_and_none_of_others() {
    let (server, database) = database().await;
    let client = client(&server).await;
    // Twice as many as one statement takes, and one.
    for user in [1, 2] {
        let fill = "INSERT INTO app_usage SELECT $1, $1, 1, 1, 'a', NULL, at, at + interval '1 second' \
            FROM generate_series(timestamptz '2026-03-31 20:00Z', timestamptz '2026-03-31 20:00Z' + interval '20000 seconds', '1 second') AS at";
        client
            .batch_execute("SELECT usage_ensure_month('2026-03-01'), usage_ensure_month('2026-04-01')")
            .await
            .expect("room");
        assert_eq!(client.execute(fill, &[&user_id(user)]).await.expect("fill"), 20_001);
    }
    for user in [1, 2] {
        // More at one instant than one statement takes, and as many at others.
        let fill = "INSERT INTO heartbeats (user_id, device_id, at, digest, attention, precedence, patience_ms, app_name, kind, last_project, last_branch, last_language) \
            SELECT $1, $1, timestamptz '2026-03-31 20:00Z' + greatest(0, number - 10000) * interval '1 second', substr(sha256(number::text::bytea), 1, 16), \
            1, 1, 600000, 'a', 'file', false, false, false FROM generate_series(0, 20000) AS number";
        assert_eq!(client.execute(fill, &[&user_id(user)]).await.expect("fill"), 20_001);
    }
    let api = Timelines::new(api_pool(&server));
    api.erase(user(1), UnixMs(MIDNIGHT)).await.expect("erase");
    let count = "SELECT count(*) FROM heartbeats WHERE user_id = $1";
    for (user, left) in [(1, 0_i64), (2, 20_001)] {
        let counted = client.query_one(count, &[&user_id(user)]).await.expect("count");
        assert_eq!(counted.get::<_, i64>(0), left);
    }
    let count = "SELECT count(*) FROM app_usage WHERE user_id = $1";
    for (user, left) in [(1, 0_i64), (2, 20_001)] {
        let counted = client.query_one(count, &[&user_id(user)]).await.expect("count");
        assert_eq!(counted.get::<_, i64>(0), left);
    }
    drop(database);
}

#[tokio::test]
async fn an_erasure_that_was_cut_short_is_kept_and_asking_again_finishes_it() {
    let (server, database) = database().await;
    let worker = Timelines::new(database);
    let pings: Vec<_> = (0..4).map(|at| ping(at * 10, at * 10 + 5, 1, "a")).collect();
    worker.merge(&pings).await.expect("merge");
    let client = client(&server).await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; \
        CREATE TRIGGER refuse BEFORE DELETE ON app_usage FOR EACH ROW EXECUTE FUNCTION refuse()";
    client.batch_execute(refuse).await.expect("a trigger");
    let api = Timelines::new(api_pool(&server));
    api.erase(user(1), UnixMs(MIDNIGHT)).await.expect_err("refused");
    assert_eq!(
        stored(&client).await.len(),
        3,
        "the open piece is gone, the others wait"
    );
    assert_eq!(
        worker.merge(&pings).await.expect("merge").erased,
        [user(1)],
        "nothing comes back"
    );
    let allow = "DROP TRIGGER refuse ON app_usage";
    client.batch_execute(allow).await.expect(allow);
    for _ in 0..2 {
        api.erase(user(1), UnixMs(MIDNIGHT)).await.expect("erase");
        assert_eq!(stored(&client).await, [""; 0]);
    }
}

#[tokio::test]
async fn erasing_waits_for_a_merge_of_that_person_and_keeps_nobody_waiting_for_what_is_erased_after() {
    let (server, database) = database().await;
    let worker = Timelines::new(database);
    worker
        .merge(&[ping(0, 5, 1, "a"), ping(10, 15, 1, "b")])
        .await
        .expect("merge");
    let client = client(&server).await;
    let api = Timelines::new(api_pool(&server));
    // Somebody merges pings of a person of that bucket.
    let merging = "BEGIN; SELECT pg_advisory_xact_lock(1, 1)";
    client.batch_execute(merging).await.expect(merging);
    // Only a superuser sees what others run.
    let watcher = client_at(&server.admin_url()).await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    let erasing = api.erase(user(1), UnixMs(MIDNIGHT));
    tokio::pin!(erasing);
    tokio::select! {
        erased = &mut erasing => panic!("the lock is held: {erased:?}"),
        () = async { while watcher.query_one(waiting, &[]).await.expect("locks").get::<_, i64>(0) == 0 {} } => {}
    }
    assert_eq!(stored(&watcher).await.len(), 2);
    client.batch_execute("COMMIT").await.expect("unlock");
    // And somebody keeps a closed piece, so that the erasure has to wait for it.
    client
        .batch_execute("BEGIN; SELECT FROM app_usage FOR UPDATE")
        .await
        .expect("lock");
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%beyond%'";
    tokio::select! {
        erased = &mut erasing => panic!("a piece is held: {erased:?}"),
        () = async { while watcher.query_one(blocked, &[]).await.expect("activity").get::<_, i64>(0) == 0 {} } => {}
    }
    let neighbours = worker
        .merge(&[ping_of(1_025, (0, 5), 2, "a"), ping(20, 25, 1, "a")])
        .await;
    assert_eq!(neighbours.expect("nobody holds the bucket").erased, [user(1)]);
    client.batch_execute("COMMIT").await.expect("unlock");
    erasing.await.expect("erased");
    assert_eq!(stored(&watcher).await.len(), 1);
}

#[tokio::test]
async fn the_api_notes_an_erasure_of_nobody_but_whom_it_acts_for_and_forgets_none() {
    let (server, database) = database().await;
    let api = client_at(&server.api_database_url()).await;
    for (sql, refusal) in [
        (
            "INSERT INTO usage_erased VALUES (gen_random_uuid(), now(), '{}')",
            "policy",
        ),
        ("DELETE FROM usage_erased", "permission denied"),
    ] {
        let error = api.batch_execute(sql).await.expect_err(sql);
        let message = error
            .as_db_error()
            .map(|error| error.message().to_owned())
            .unwrap_or_default();
        assert!(message.contains(refusal), "{sql}: {message}");
    }
    let erased = Timelines::new(api_pool(&server));
    erased.erase(user(1), UnixMs(MIDNIGHT)).await.expect("erase");
    let seen = api.query("SELECT FROM usage_erased", &[]).await.expect("read");
    assert_eq!(seen.len(), 0, "it acts for nobody");
    let worker = Timelines::new(database);
    assert_eq!(worker.before(UnixMs(MIDNIGHT + 1), 10).await.expect("read").len(), 1);
    let as_worker = worker.erase(user(2), UnixMs(MIDNIGHT)).await;
    assert!(
        as_worker.is_err(),
        "the worker forgets who was erased, and erases nobody"
    );
}

#[tokio::test]
async fn a_database_that_is_away_erases_nobody() {
    let (server, _) = database().await;
    let mut settings = Settings::new(server.api_database_url());
    settings.url = settings.url.replace("port=", "port=1");
    let away = Timelines::new(connect(&settings).expect("a pool"));
    let error = away.erase(user(1), UnixMs(MIDNIGHT)).await.expect_err("away");
    assert!(error.is_unavailable(), "{}", error.chain());
    assert!(away.before(UnixMs(0), 1).await.expect_err("away").is_unavailable());
    assert!(away.forget(&[]).await.expect_err("away").is_unavailable());
}

#[tokio::test]
async fn what_watchers_told_goes_with_its_person_and_that_of_others_stays() {
    let (server, _) = database().await;
    let owner = client(&server).await;
    // More events than one statement erases.
    let fill = "INSERT INTO users (id, email, full_name, timezone, day_start_secs, password_hash, created_at)
        SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org', 'n', 'UTC', 0, 'h', now() FROM generate_series(1, 2) AS n;
        INSERT INTO watch_buckets (user_id, device_id, id, kind, client, hostname, created_us, kept_at)
        SELECT id, id, 'w', 'currentwindow', '', '', 0, now() FROM users;
        INSERT INTO watch_events (user_id, bucket, id, start_us, end_us, app_name)
        SELECT user_id, number, n, n, n, 'a' FROM watch_buckets, generate_series(1, 20001) AS n;
        INSERT INTO watch_marks (user_id, device_id, start_ms, end_ms, precedence, marked_at)
        SELECT user_id, user_id, 0, 1, 1, now() FROM watch_buckets";
    owner.batch_execute(fill).await.expect("filled");
    let api = Timelines::new(api_pool(&server));
    for _ in 0..2 {
        api.erase(user(1), UnixMs(MIDNIGHT)).await.expect("erased");
        for (table, rows) in [("watch_buckets", 1), ("watch_events", 20_001), ("watch_marks", 1)] {
            let count = format!("SELECT count(*), count(*) FILTER (WHERE user_id = $1) FROM {table}");
            let row = owner.query_one(&count, &[&user_id(2)]).await.expect(table);
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (rows, rows), "{table}");
        }
    }
}
