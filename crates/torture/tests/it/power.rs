//! A power cut takes from the real servers what they did not force to disk, and nothing else.

use embedded::Fsync;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use testkit::runs::Home;
use torture::shim::Cut;
use torture::world::HOME_PREFIX;
use torture::world::servers::Servers;

const WRITES: u64 = 200;

fn servers(fsync: Fsync) -> (Home, Servers) {
    let home = Home::in_dir(&std::env::temp_dir(), HOME_PREFIX).expect("a directory");
    let servers = Servers::start(home.path(), fsync).expect("servers");
    (home, servers)
}

async fn redis(servers: &Servers) -> MultiplexedConnection {
    let client = redis::Client::open(servers.ways.redis_url.as_str()).expect("a URL");
    client
        .get_multiplexed_async_connection_with_config(&AsyncConnectionConfig::new())
        .await
        .expect("connect")
}

async fn append_entries(servers: &Servers) {
    let mut connection = redis(servers).await;
    for number in 0..WRITES {
        let _: String = redis::cmd("XADD")
            .arg("entries")
            .arg("*")
            .arg("n")
            .arg(number)
            .query_async(&mut connection)
            .await
            .expect("add");
    }
}

async fn entries(servers: &Servers) -> u64 {
    let mut connection = redis(servers).await;
    redis::cmd("XLEN")
        .arg("entries")
        .query_async(&mut connection)
        .await
        .expect("count")
}

async fn postgres(servers: &Servers) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&servers.ways.database_url, tokio_postgres::NoTls)
        .await
        .expect("connect");
    tokio::spawn(connection);
    client
}

async fn rows(servers: &Servers) -> i64 {
    let client = postgres(servers).await;
    client
        .query_one("SELECT count(*) FROM kept", &[])
        .await
        .expect("count")
        .get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_syncs_always_loses_nothing() {
    let (_home, mut servers) = servers(Fsync::Always);
    append_entries(&servers).await;
    servers.redis.cut_power().expect("cut");
    servers.redis.up().expect("up");
    assert_eq!(entries(&servers).await, WRITES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_never_syncs_loses_by_a_power_cut_what_came_after_its_start() {
    let (_home, mut servers) = servers(Fsync::Never);
    append_entries(&servers).await;
    servers.redis.kill().expect("kill");
    servers.redis.up().expect("up");
    assert_eq!(entries(&servers).await, WRITES);
    // What it wrote before the kill is on disk, because it was forced there before the start that read it back.
    append_entries(&servers).await;
    let cut = servers.redis.cut_power().expect("cut");
    assert!(cut.writes as u64 >= WRITES, "{cut:?}");
    servers.redis.up().expect("up");
    assert_eq!(entries(&servers).await, WRITES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_syncs_once_a_second_loses_the_last_of_them() {
    let (_home, mut servers) = servers(Fsync::EverySecond);
    // Where the second ends nobody knows; that it never ends between a write and the cut, in ten tries, is out of the question.
    let mut lost = 0;
    for _ in 0..10 {
        append_entries(&servers).await;
        let before = entries(&servers).await;
        servers.redis.cut_power().expect("cut");
        servers.redis.up().expect("up");
        lost += before - entries(&servers).await;
        if lost > 0 {
            return;
        }
    }
    panic!("nothing was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_loses_no_committed_row_and_starts_again() {
    let (_home, mut servers) = servers(Fsync::Always);
    let client = postgres(&servers).await;
    client
        .batch_execute("CREATE TABLE kept (n bigint PRIMARY KEY, filler text)")
        .await
        .expect("make a table");
    let mut committed = 0;
    for round in 0..3 {
        let client = postgres(&servers).await;
        for _ in 0..WRITES {
            client
                .execute("INSERT INTO kept VALUES ($1, repeat('x', 500))", &[&committed])
                .await
                .expect("insert");
            committed += 1;
        }
        client
            .batch_execute("UPDATE kept SET filler = repeat('y', 300)")
            .await
            .expect("update");
        // What is under way when the power goes is gone, and takes nothing with it.
        client.batch_execute("BEGIN; DELETE FROM kept").await.expect("delete");
        let cut = servers.postgres.cut_power().expect("cut");
        assert_ne!(cut, Cut::default(), "in round {round} nothing was to be taken back");
        servers.postgres.up().expect("up");
        assert_eq!(rows(&servers).await, committed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_answers_before_it_syncs_loses_rows_by_a_power_cut() {
    let (_home, mut servers) = servers(Fsync::Always);
    let client = postgres(&servers).await;
    client
        .batch_execute("CREATE TABLE kept (n bigint)")
        .await
        .expect("make a table");
    let mut lost = 0;
    for _ in 0..10 {
        let before = rows(&servers).await;
        let client = postgres(&servers).await;
        client.batch_execute("SET synchronous_commit = off").await.expect("set");
        for number in 0..20_i64 {
            client
                .execute("INSERT INTO kept VALUES ($1)", &[&number])
                .await
                .expect("insert");
        }
        servers.postgres.cut_power().expect("cut");
        servers.postgres.up().expect("up");
        lost += before + 20 - rows(&servers).await;
        if lost > 0 {
            return;
        }
    }
    panic!("nothing was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_is_written_and_keeps_what_was() {
    let (_home, mut servers) = servers(Fsync::Always);
    append_entries(&servers).await;
    let client = postgres(&servers).await;
    client
        .batch_execute("CREATE TABLE kept (n bigint)")
        .await
        .expect("make a table");
    servers.redis.fill_disk(true).expect("fill");
    servers.postgres.fill_disk(true).expect("fill");
    let mut connection = redis(&servers).await;
    let refused: redis::RedisResult<String> = redis::cmd("XADD")
        .arg(&["entries", "*", "n", "one too many"])
        .query_async(&mut connection)
        .await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(client.execute("INSERT INTO kept VALUES (1)", &[]).await.is_err());
    servers.redis.fill_disk(false).expect("make room");
    servers.postgres.fill_disk(false).expect("make room");
    servers.redis.up().expect("up");
    servers.postgres.kill().expect("kill");
    servers.postgres.up().expect("up");
    assert_eq!((entries(&servers).await, rows(&servers).await), (WRITES, 0));
}
