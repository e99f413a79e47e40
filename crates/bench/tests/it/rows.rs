//! Rows that the bench writes or reads past the programs are rows that the programs understand.

use std::time::Duration;

use bench::raw::entries::{self, Putting};
use bench::raw::rows;
use bench::reading::growing::{MONTHS, Stretch, fill};
use chrono::NaiveTime;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::Timeline;
use ports::reports::TimelineReader;
use testkit::servers::TestRedis;
use tokio_postgres::NoTls;

use crate::people::Stored;

const PIECES: u32 = 40;

#[tokio::test]
async fn months_that_are_filled_twice_hold_the_pieces_of_all_and_nothing_overlaps() {
    let stored = Stored::start().await;
    let (other, connection) = tokio_postgres::connect(&stored.url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let stretch = Stretch::before_the_load().expect("a stretch");
    let clients = [stored.client, other];
    let people = [people(&clients[0]).await, people(&clients[0]).await];
    for some in &people {
        fill(&clients, stretch, some, PIECES).await.expect("filled");
    }
    let begin = UnixMs::floor(stretch.first.and_time(NaiveTime::MIN).and_utc());
    let year = Span::new(begin, begin.plus_ms(367 * DAY_MS)).expect("a year");
    for caller in people.iter().flatten() {
        let pieces = stored.reader.pieces(caller.user, year).await.expect("read");
        assert_eq!(pieces.len(), (MONTHS * PIECES) as usize);
        assert_eq!(
            Timeline::of(pieces.clone()).segments(),
            pieces,
            "gaps on either side, so nothing to join"
        );
    }
    // Whoever merges now finds the months with all that a merge asks of them.
    let keys = "SELECT count(*) FROM pg_index WHERE indisprimary AND indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'app_usage'::regclass)";
    let keys: i64 = clients[0].query_one(keys, &[]).await.expect("keys").get(0);
    assert!(keys >= i64::from(MONTHS), "{keys}");
}

async fn people(client: &tokio_postgres::Client) -> Vec<domain::accounts::Caller> {
    bench::people::sign_in(client, &adapters::ambient::SystemIds, 2)
        .await
        .expect("people")
}

#[tokio::test]
async fn raw_statements_extend_and_insert_a_row_of_each() {
    let stored = Stored::start().await;
    let people = stored.people(5).await;
    let rates = rows::measure(&stored.client, &people, Duration::from_millis(50))
        .await
        .expect("measured");
    assert!(rates.extended > 0.0 && rates.inserted > 0.0, "{rates:?}");
    for caller in &people {
        let open = "SELECT count(*) FROM usage_open WHERE user_id = $1 AND end_time - start_time > interval '1 second'";
        let open: i64 = stored
            .client
            .query_one(open, &[&caller.user.0])
            .await
            .expect("read")
            .get(0);
        assert_eq!(open, 1);
        let closed = "SELECT count(*) FROM app_usage WHERE user_id = $1";
        let closed: i64 = stored
            .client
            .query_one(closed, &[&caller.user.0])
            .await
            .expect("read")
            .get(0);
        assert!(closed > 0);
    }
}

#[tokio::test]
async fn every_statement_that_only_a_look_makes_is_one_that_the_database_takes() {
    let stored = Stored::start().await;
    for statement in [
        include_str!("../../src/sql/raw_day.sql"),
        include_str!("../../src/sql/written.sql"),
    ] {
        stored.client.prepare(statement).await.expect(statement);
    }
}

#[tokio::test]
async fn entries_are_put_by_all_callers_until_the_time_is_over() {
    let redis = TestRedis::start();
    let url = redis.url().to_owned();
    let putting = Putting {
        callers: 3,
        shards: 2,
        lasts: Duration::from_millis(50),
    };
    let put = tokio::task::spawn_blocking(move || entries::put(&url, b"entry", &putting));
    let took = put.await.expect("no panic").expect("put");
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
    let mut count = 0;
    for shard in 0..2 {
        let stream = format!("daybook:pings:{shard}");
        let length: u64 = redis::cmd("XLEN")
            .arg(stream)
            .query_async(&mut connection)
            .await
            .expect("a stream");
        assert!(length > 0);
        count += length;
    }
    assert_eq!(took.count(), count);
}
