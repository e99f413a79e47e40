//! What programs ask when they start: health and how the server is set up.

use adapters::postgres::{Health, migrate};
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
