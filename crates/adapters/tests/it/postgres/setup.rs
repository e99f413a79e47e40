//! What programs ask when they start: health and how the server is set up.

use adapters::postgres::{Durability, Health, migrate};
use domain::time::UnixMs;
use ports::{Clock, Probe};
use testkit::servers::TestPostgres;

use super::schema::MIGRATIONS;
use super::{client, pool};

const NOW: UnixMs = UnixMs(1_774_958_400_000);

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

#[tokio::test]
async fn a_database_that_a_power_cut_can_destroy_is_named_with_what_to_set_and_one_that_is_away_is_not() {
    for (fsync, full_page_writes, named) in [
        ("on", "on", &[][..]),
        ("off", "on", &["set fsync to on"]),
        ("on", "off", &["set full_page_writes to on"]),
        ("off", "off", &["set fsync to on", "set full_page_writes to on"]),
    ] {
        let mut server = TestPostgres::start_with(&[("fsync", fsync), ("full_page_writes", full_page_writes)]);
        let durability = Durability::new(pool(&server));
        let said = durability
            .check()
            .await
            .err()
            .map_or_else(String::new, |fault| fault.chain());
        assert_eq!(said.is_empty(), named.is_empty(), "{said}");
        assert_eq!(said.matches("set ").count(), named.len(), "{said}");
        assert!(named.iter().all(|words| said.contains(words)), "{said}");
        server.kill();
        durability.check().await.expect("nothing is known against it");
    }
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
