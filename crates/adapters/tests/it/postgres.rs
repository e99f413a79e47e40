//! Accounts, ended sessions and timelines against a real Postgres.

mod contract;
mod ended_sessions;
mod erasing;
mod heartbeats;
mod isolation;
mod merging;
mod outages;
mod partitions;
mod rotation;
mod schema;
mod setup;
mod sums;

use adapters::postgres::{Database, Settings, connect, migrate};
use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Attention, Claim, Holder, Label, Rank, Segment, Seq};
use testkit::servers::TestPostgres;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// 2026-04-01T00:00:00Z, where a day and a month begin.
const MIDNIGHT: i64 = 1_775_001_600_000;

/// A server with all migrations, and a pool to it as the worker's role.
async fn database() -> (TestPostgres, Database) {
    let server = TestPostgres::start();
    migrate(&server.database_url()).await.expect("migrate");
    let database = pool(&server);
    (server, database)
}

/// As the owner, who may do everything.
fn owner_pool(server: &TestPostgres) -> Database {
    connect(&Settings::new(server.database_url())).expect("a pool")
}

fn pool(server: &TestPostgres) -> Database {
    connect(&Settings::new(server.worker_database_url())).expect("a pool")
}

/// A pool as the API's role.
fn api_pool(server: &TestPostgres) -> Database {
    connect(&Settings::new(server.api_database_url())).expect("a pool")
}

/// A connection past the adapters, as the owner of everything.
async fn client(server: &TestPostgres) -> Client {
    client_at(&server.database_url()).await
}

async fn client_at(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connect");
    tokio::spawn(connection);
    client
}

/// All that is stored of timelines, a row a line.
async fn stored(client: &Client) -> Vec<String> {
    let mut lines = Vec::new();
    for (table, order) in [
        ("usage_open", "user_id"),
        ("app_usage", "user_id, start_time"),
        ("usage_progress", "user_id, device_id"),
        ("heartbeats", "user_id, at, device_id, digest"),
    ] {
        let sql = format!("SELECT '{table} ' || row_to_json(r) FROM (SELECT * FROM {table} ORDER BY {order}) AS r");
        let rows = client.query(&sql, &[]).await.expect(table);
        lines.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    lines
}

/// A ping of the first person's `device`, in milliseconds from [`MIDNIGHT`].
fn ping(start: i64, end: i64, device: u128, app_name: &str) -> Arrival {
    ping_of(1, (start, end), device, app_name)
}

fn ping_of(user: u128, (start, end): (i64, i64), device: u128, app_name: &str) -> Arrival {
    let span = Span::new(UnixMs(MIDNIGHT + start), UnixMs(MIDNIGHT + end)).expect("not empty");
    let rank = Rank {
        attention: Attention::Active,
        precedence: 1,
        device: DeviceId(Uuid::from_u128(device)),
        beat: None,
    };
    let label = Label::trusted(app_name, None);
    let segment = Segment {
        span,
        holder: Holder { rank, label },
    };
    let user = UserId(Uuid::from_u128(user));
    Arrival::Claim {
        claim: Claim { user, segment },
        seq: None,
    }
}

fn numbered(arrival: Arrival, number: u64) -> Arrival {
    match arrival {
        Arrival::Claim { claim, .. } => Arrival::Claim {
            claim,
            seq: Some(Seq::new(number).expect("in range")),
        },
        other => other,
    }
}
