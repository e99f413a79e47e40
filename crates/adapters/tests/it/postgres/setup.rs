//! What programs ask when they start: keys, health and how the server is set up.

use std::collections::BTreeSet;

use adapters::crypto::TokenKey;
use adapters::postgres::{Health, TokenKeys, migrate};
use domain::time::UnixMs;
use futures_util::future::join_all;
use ports::{Clock, Probe};
use testkit::servers::TestPostgres;

use super::schema::MIGRATIONS;
use super::{api_pool, client, database, pool};

const NOW: UnixMs = UnixMs(1_774_958_400_000);

fn candidate(number: u8) -> TokenKey {
    TokenKey {
        id: format!("key-{number}"),
        secret: vec![number; 32],
    }
}

#[tokio::test]
async fn nodes_that_start_at_once_get_the_same_key() {
    let (server, _) = database().await;
    let starting = (0..6).map(|number| {
        let keys = TokenKeys::new(api_pool(&server));
        async move { keys.newest_or(&candidate(number), NOW).await.expect("a key") }
    });
    let keys: BTreeSet<_> = join_all(starting)
        .await
        .into_iter()
        .map(|key| (key.id, key.secret))
        .collect();
    assert_eq!(keys.len(), 1);
    let (id, secret) = keys.first().expect("one");
    assert!((0..6).map(candidate).any(|key| key.id == *id && key.secret == *secret));
}

#[tokio::test]
async fn the_newest_key_is_used() {
    let (server, _) = database().await;
    let keys = TokenKeys::new(api_pool(&server));
    keys.newest_or(&candidate(1), NOW).await.expect("kept");
    let newer = "INSERT INTO token_keys SELECT 'newer', sha256('n'), created_at + interval '1 ms' FROM token_keys";
    client(&server).await.batch_execute(newer).await.expect("insert");
    let newest = keys.newest_or(&candidate(2), NOW.plus_ms(1_000)).await.expect("read");
    assert_eq!(newest.id, "newer");
    assert!(!format!("{newest:?}").contains("secret"));
}

#[tokio::test]
async fn a_database_without_migrations_is_not_healthy_and_says_which() {
    let server = TestPostgres::start();
    let health = Health::new(pool(&server));
    let lacking = health.check().await.expect_err("nothing is there");
    assert!(
        lacking.is_unavailable() && lacking.chain().contains(&MIGRATIONS.join(", ")),
        "{}",
        lacking.chain()
    );
    migrate(&server.database_url()).await.expect("migrate");
    health.check().await.expect("healthy");
    assert_eq!(health.name(), "postgres");
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixMs {
        NOW
    }
}

#[tokio::test]
async fn the_report_shows_what_the_server_is_set_to() {
    let server = TestPostgres::start_with(&[
        ("fsync", "off"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "off"),
    ]);
    let database = pool(&server);
    let report = database.report(&Stopped).await.expect("report");
    assert_eq!(
        [
            report.fsync.as_str(),
            &report.full_page_writes,
            &report.synchronous_commit,
            &report.encoding
        ],
        ["off", "on", "off", "UTF8"]
    );
    assert!(
        report
            .version
            .starts_with(&(report.version_number / 10_000).to_string()),
        "{report:?}"
    );
    assert!(
        report.version_number >= 150_000 && report.has_btree_gist && !report.is_replica,
        "{report:?}"
    );
    assert_eq!(report.migrations_pending, MIGRATIONS);

    let client = client(&server).await;
    let ahead = format!(
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint - {}",
        NOW.0
    );
    let ahead_ms: i64 = client.query_one(&ahead, &[]).await.expect("clock").get(0);
    let report = database.report(&Stopped).await.expect("report");
    assert!(
        (0..60_000).contains(&(report.clock_ahead_ms - ahead_ms)),
        "{} and then {ahead_ms}",
        report.clock_ahead_ms
    );
}
