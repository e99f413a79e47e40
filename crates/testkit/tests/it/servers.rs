//! The test servers: private, reachable, and able to fail on demand.

use std::fs::{self, File};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use testkit::servers::{Fsync, TestPostgres, TestRedis, TestServers};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

/// No answer within this is none: the servers answer in milliseconds.
const SILENCE: Duration = Duration::from_millis(300);
/// An answer that is expected comes within this, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

async fn connection(redis: &TestRedis) -> MultiplexedConnection {
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(redis.url()).expect("a URL that the client reads");
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .expect("a connection")
}

async fn soon<T>(answer: impl Future<Output = T>) -> T {
    timeout(PATIENCE, answer).await.expect("an answer in time")
}

async fn setting(client: &Client, name: &str) -> String {
    client
        .query_one(&format!("SHOW {name}"), &[])
        .await
        .expect("a setting")
        .get(0)
}

async fn increment(redis: &TestRedis) -> u32 {
    redis::cmd("INCR")
        .arg("n")
        .query_async(&mut connection(redis).await)
        .await
        .expect("a number")
}

#[tokio::test]
async fn each_test_has_an_empty_database_that_it_owns() {
    let (one, other) = (TestPostgres::start(), TestPostgres::start());
    let (first, second) = (client(&one.database_url()).await, client(&other.database_url()).await);
    first
        .batch_execute("CREATE EXTENSION btree_gist; CREATE TABLE t (id int)")
        .await
        .unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(first.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 1);
    assert_eq!(second.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
    let superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    assert!(!first.query_one(superuser, &[]).await.unwrap().get::<_, bool>(0));
    let admin = client(&one.admin_url()).await;
    assert!(admin.query_one(superuser, &[]).await.unwrap().get::<_, bool>(0));
}

/// The id of the shared memory that a Postgres has noted, in its directory.
fn segment_of(postgres: &TestPostgres) -> String {
    let cwd = fs::read_link(format!("/proc/{}/cwd", postgres.pid().expect("a running one"))).expect("our process");
    let noted = fs::read_to_string(cwd.join("postmaster.pid")).expect("a running one has it");
    let line = noted.lines().nth(6).expect("a line with the segment");
    line.split_whitespace().nth(1).expect("key and id").to_owned()
}

fn segments() -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/shm").expect("the table of segments");
    let ids = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1));
    ids.map(str::to_owned).collect()
}

#[test]
fn no_shared_memory_of_a_dropped_server_is_left() {
    let (running, mut killed, mut paused) = (TestPostgres::start(), TestPostgres::start(), TestPostgres::start());
    let ids = [&running, &killed, &paused].map(segment_of);
    assert!(
        ids.iter().all(|id| segments().contains(id)),
        "they have some while they run"
    );
    killed.kill();
    assert!(segments().contains(&ids[1]), "the killed one could not give it back");
    paused.pause();
    drop((running, killed, paused));
    let left = segments();
    assert!(!ids.iter().any(|id| left.contains(id)), "{ids:?} in {left:?}");
}

#[tokio::test]
async fn text_is_unicode_in_the_order_of_its_bytes() {
    let postgres = TestPostgres::start();
    let client = client(&postgres.database_url()).await;
    let row = client
        .query_one("SELECT lower('ÄÉ'), 'Z' < 'a', current_setting('server_encoding')", &[])
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), ("äé", true, "UTF8"));
}

#[tokio::test]
async fn durability_is_chosen() {
    let (quick, durable) = (TestPostgres::start(), TestPostgres::start_durable());
    let (quick, durable) = (
        client(&quick.database_url()).await,
        client(&durable.database_url()).await,
    );
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        assert_eq!(
            (setting(&quick, name).await, setting(&durable, name).await),
            ("off".into(), "on".into()),
            "{name}"
        );
    }
    let given = TestPostgres::start_with(&[("work_mem", "7MB")]);
    assert_eq!(setting(&client(&given.database_url()).await, "work_mem").await, "7MB");
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_through_kill_stop_and_restart() {
    let mut postgres = TestPostgres::start_durable();
    let url = postgres.database_url();
    client(&url)
        .await
        .batch_execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    postgres.kill();
    assert_eq!(postgres.pid(), None);
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
    postgres.restart();
    client(&url)
        .await
        .batch_execute("INSERT INTO t VALUES (2)")
        .await
        .unwrap();
    postgres.stop();
    assert!(tokio_postgres::connect(&url, NoTls).await.is_err());
    postgres.restart();
    let count = client(&url)
        .await
        .query_one("SELECT count(*) FROM t", &[])
        .await
        .unwrap();
    assert_eq!(count.get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_paused_postgres_answers_nobody_until_it_is_resumed() {
    let mut postgres = TestPostgres::start();
    let client = client(&postgres.database_url()).await;
    client.batch_execute("SELECT 1").await.unwrap();
    postgres.pause();
    let mut answer = Box::pin(client.batch_execute("SELECT 1"));
    assert!(timeout(SILENCE, &mut answer).await.is_err());
    postgres.resume();
    soon(answer).await.unwrap();
}

#[tokio::test]
async fn redis_keeps_what_was_stored_through_kill_stop_and_restart() {
    let mut redis = TestRedis::start_with(Fsync::Always, 0);
    assert_eq!(increment(&redis).await, 1);
    redis.kill();
    assert_eq!(redis.pid(), None);
    let client = redis::Client::open(redis.url()).unwrap();
    assert!(client.get_multiplexed_async_connection().await.is_err());
    redis.restart();
    assert_eq!(increment(&redis).await, 2);
    redis.stop();
    redis.restart();
    assert_eq!(increment(&redis).await, 3);
}

#[tokio::test]
async fn a_paused_redis_answers_nobody_until_it_is_resumed() {
    let mut redis = TestRedis::start();
    let mut connection = connection(&redis).await;
    redis.pause();
    let ping = redis::cmd("PING");
    let mut answer = Box::pin(ping.query_async::<String>(&mut connection));
    assert!(timeout(SILENCE, &mut answer).await.is_err());
    redis.resume();
    assert_eq!(soon(answer).await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_full_redis_refuses_and_drops_nothing() {
    let redis = TestRedis::start_with(Fsync::EverySecond, 8 * 1024 * 1024);
    let mut connection = connection(&redis).await;
    let value = vec![0_u8; 1024 * 1024];
    let mut stored = 0;
    let refusal = loop {
        let set = redis::cmd("SET")
            .arg(stored)
            .arg(&value)
            .query_async::<()>(&mut connection)
            .await;
        match set {
            Ok(()) if stored < 100 => stored += 1,
            other => break other,
        }
    };
    assert_eq!(refusal.unwrap_err().code(), Some("OOM"));
    assert_eq!(
        redis::cmd("DBSIZE").query_async::<u32>(&mut connection).await.unwrap(),
        stored
    );
}

#[test]
fn nothing_is_left_behind_not_even_by_a_panic() {
    let outcome = std::panic::catch_unwind(|| {
        let mut servers = TestServers::start();
        servers.redis.pause();
        let home = home_of(&servers.redis);
        let pids = [servers.postgres.pid().unwrap(), servers.redis.pid().unwrap()];
        assert!(home.exists() && pids.iter().all(|pid| is_running(*pid)));
        std::panic::panic_any((home, pids));
    });
    let (home, pids) = *outcome.unwrap_err().downcast::<(PathBuf, [u32; 2])>().unwrap();
    assert!(!home.exists(), "{} is left", home.display());
    assert!(pids.iter().all(|pid| !is_running(*pid)));
}

#[test]
fn what_a_killed_test_left_is_swept_away_and_what_a_running_one_uses_is_not() {
    let redis = TestRedis::start();
    let home = home_of(&redis);
    let (dead, lock) = another_home(&home, "dead");
    drop(lock);
    let (alive, _lock) = another_home(&home, "alive");
    drop(TestRedis::start());
    assert!(!dead.exists() && alive.exists() && home.exists());
    fs::remove_dir_all(alive).unwrap();
}

/// A directory like that of a server, and its lock. Tests that run beside this one see it only when it is locked.
fn another_home(home: &Path, name: &str) -> (PathBuf, File) {
    let name = format!("{name}-{}", std::process::id());
    let (new, named) = (
        home.with_file_name(format!("new-{name}")),
        home.with_file_name(format!("run-{name}")),
    );
    fs::create_dir(&new).expect("a new directory");
    let lock = File::create(new.join("lock")).expect("a new file");
    lock.lock().expect("a lock that nobody else knows");
    fs::rename(&new, &named).expect("a name that is free");
    (named, lock)
}

fn home_of(redis: &TestRedis) -> PathBuf {
    let socket = Path::new(redis.url().strip_prefix("redis+unix://").expect("a URL of a socket"));
    socket
        .parent()
        .and_then(Path::parent)
        .expect("a socket in a directory of the home")
        .to_owned()
}

fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
