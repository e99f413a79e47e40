//! Partitions come on demand, from anybody, while merges go on.

use adapters::postgres::Timelines;
use domain::time::{DAY_MS, Span, UnixMs};
use futures_util::future::join_all;
use ports::usage::TimelineStore;
use tokio_postgres::Client;

use super::{MIDNIGHT, client, database, ping, ping_of, pool, stored};

async fn partitions(client: &Client) -> Vec<String> {
    let sql = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'app_usage'::regclass ORDER BY 1";
    client
        .query(sql, &[])
        .await
        .expect("partitions")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[tokio::test]
async fn preparing_makes_the_months_of_a_span_and_their_constraints() {
    let (server, database) = database().await;
    let client = client(&server).await;
    let timelines = Timelines::new(database);
    // From the last millisecond of November to the first of January.
    let year_end = UnixMs(MIDNIGHT + 275 * DAY_MS);
    let span = Span::new(year_end.plus_ms(-31 * DAY_MS - 1), year_end.plus_ms(1)).expect("not empty");
    timelines.prepare(span).await.expect("prepare");
    let names = ["app_usage_2026_11", "app_usage_2026_12", "app_usage_2027_01"];
    assert_eq!(partitions(&client).await, names);
    for name in names {
        let sql = "SELECT string_agg(pg_get_constraintdef(oid), '; ' ORDER BY conname) FROM pg_constraint WHERE conrelid = $1::text::regclass";
        let constraints: String = client.query_one(sql, &[&name]).await.expect("constraints").get(0);
        for part in [
            "EXCLUDE USING gist (user_id WITH =, tstzrange(start_time, end_time) WITH &&)",
            "PRIMARY KEY (user_id, start_time)",
            "CHECK ((end_time <= '20",
        ] {
            assert!(constraints.contains(part), "{name}: {constraints}");
        }
    }
}

#[tokio::test]
async fn a_month_is_made_once_however_many_ask_at_once() {
    let (server, _) = database().await;
    let asking = (0..8).map(|_| async {
        let client = client(&server).await;
        let row = client.query_one("SELECT usage_ensure_month('2026-03-15')", &[]).await;
        row.expect("ensure").get::<_, bool>(0)
    });
    let made = join_all(asking).await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    assert_eq!(partitions(&client(&server).await).await, ["app_usage_2026_03"]);
}

#[tokio::test]
async fn a_month_is_made_while_a_merge_is_open_and_does_not_hold_it_up() {
    let (server, _) = database().await;
    let (merging, making) = (client(&server).await, client(&server).await);
    merging
        .batch_execute("SELECT usage_ensure_month('2026-03-01')")
        .await
        .expect("ensure");
    let piece = |day: &str| {
        format!(
            "INSERT INTO app_usage VALUES (gen_random_uuid(), gen_random_uuid(), 1, 1, 'a', NULL, '2026-{day} 10:00Z', '2026-{day} 11:00Z')"
        )
    };
    merging
        .batch_execute(&format!("BEGIN; {}", piece("03-01")))
        .await
        .expect("write");
    making
        .batch_execute("SET lock_timeout = '5s'; BEGIN; SELECT usage_ensure_month('2026-04-01')")
        .await
        .expect("no wait for the merge");
    merging
        .batch_execute(&format!("SET lock_timeout = '5s'; {}", piece("03-02")))
        .await
        .expect("no wait for the partition");
    making.batch_execute("COMMIT").await.expect("commit");
    merging
        .batch_execute(&format!("{}; COMMIT", piece("04-02")))
        .await
        .expect("into the new partition");
}

#[tokio::test]
async fn a_table_that_stands_in_the_way_is_named_and_left_alone() {
    let (server, database) = database().await;
    let client = client(&server).await;
    client
        .batch_execute("CREATE TABLE app_usage_2026_03 (archived text)")
        .await
        .expect("create");
    let timelines = Timelines::new(database);
    let refused = timelines
        .merge(&[ping(-50, -40, 1, "a"), ping(0, 5, 1, "b")])
        .await
        .expect_err("no room");
    assert!(
        refused.is_unavailable() && refused.chain().contains("app_usage_2026_03"),
        "{}",
        refused.chain()
    );
    client
        .batch_execute("ALTER TABLE app_usage_2026_03 RENAME TO old")
        .await
        .expect("rename");
    timelines
        .merge(&[ping(-50, -40, 1, "a"), ping(0, 5, 1, "b")])
        .await
        .expect("merge");
}

#[tokio::test]
async fn late_pings_of_months_without_partitions_are_merged_by_two_at_once() {
    let (server, database) = database().await;
    let (one, other) = (Timelines::new(database), Timelines::new(pool(&server)));
    let late = |user: u128| -> Vec<_> {
        (0..8)
            .map(|month| ping_of(user, (-month * 31 * DAY_MS, -month * 31 * DAY_MS + 5), user, "a"))
            .collect()
    };
    let (ones, others) = (late(1), late(2));
    let (one, other) = tokio::join!(one.merge(&ones), other.merge(&others));
    one.expect("merge");
    other.expect("merge");
    let client = client(&server).await;
    assert_eq!(stored(&client).await.len(), 16);
    assert_eq!(partitions(&client).await.len(), 7, "the newest pieces are open");
}

#[tokio::test]
async fn a_partition_that_was_dropped_is_made_again() {
    let (server, database) = database().await;
    let timelines = Timelines::new(database);
    timelines
        .merge(&[ping(-50, -40, 1, "a"), ping(-40, -30, 1, "b")])
        .await
        .expect("merge");
    let client = client(&server).await;
    client
        .batch_execute("DROP TABLE app_usage_2026_03")
        .await
        .expect("drop");
    timelines.merge(&[ping(-30, -20, 1, "c")]).await.expect("merge");
    let closed = client
        .query("SELECT app_name FROM app_usage_2026_03", &[])
        .await
        .expect("made again");
    assert_eq!(
        closed.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(),
        ["b"]
    );
}
