//! Rows of the timeline, straight into Postgres: one statement after the other on one connection, each a transaction of its own.

use std::time::{Duration, Instant};

use domain::accounts::Caller;
use domain::time::{DAY_MS, UnixMs};
use testkit::runs::Failure;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Statement};

use crate::figures::{self, per_second};
use crate::year::{self, secs};

/// How long ago the rows lie, in days: where no ping of a load does.
const DAYS_AGO: i64 = 40;
/// How long a closed row is, and how far apart two are.
const ROW_MS: i64 = 1_000;
/// The most statements of a kind: the rows stay within their day.
const STATEMENTS_MAX: i64 = 20_000;

/// Rows a second.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Open rows extended, all of them by each statement.
    pub extended: f64,
    /// Closed rows inserted, as many by each statement.
    pub inserted: f64,
}

/// Extends and inserts a row of each of `people`, who have none yet, each for so long.
pub async fn measure(client: &Client, people: &[Caller], lasts: Duration) -> Result<Rates, Failure> {
    let failed = || Failure::because("could not write rows straight into Postgres");
    let begin = figures::now().day_start().plus_ms(-DAYS_AGO * DAY_MS);
    year::ensure_month(client, begin).await?;
    let users: Vec<_> = people.iter().map(|caller| caller.user.0).collect();
    let devices: Vec<_> = people.iter().map(|caller| caller.device.0).collect();
    let rows = Rows {
        client,
        ids: [&users, &devices],
    };
    let prepare = async |sql| {
        client
            .prepare_typed(sql, &[Type::UUID_ARRAY, Type::UUID_ARRAY, Type::FLOAT8])
            .await
    };
    let open = prepare(include_str!("../sql/raw_open.sql")).await.map_err(failed())?;
    let extend = prepare(include_str!("../sql/raw_extend.sql")).await.map_err(failed())?;
    let insert = prepare(include_str!("../sql/raw_insert.sql")).await.map_err(failed())?;
    // Closed rows come first, and open ones after the last of them.
    let inserted = rows.again_and_again(&insert, begin, lasts).await.map_err(failed())?;
    let after = begin.plus_ms(STATEMENTS_MAX * ROW_MS);
    rows.write(&open, after).await.map_err(failed())?;
    let extended = rows.again_and_again(&extend, after.plus_ms(ROW_MS), lasts).await;
    Ok(Rates {
        inserted,
        extended: extended.map_err(failed())?,
    })
}

/// Rows of these people and devices.
struct Rows<'a> {
    client: &'a Client,
    ids: [&'a (dyn ToSql + Sync); 2],
}

impl Rows<'_> {
    /// One row of each person, at an instant.
    async fn write(&self, statement: &Statement, at: UnixMs) -> Result<u64, Error> {
        let at = secs(at);
        self.client.execute(statement, &[self.ids[0], self.ids[1], &at]).await
    }

    /// The same at one instant after the other, and rows a second.
    async fn again_and_again(&self, statement: &Statement, from: UnixMs, lasts: Duration) -> Result<f64, Error> {
        let began = Instant::now();
        let mut rows = 0;
        for number in 0..STATEMENTS_MAX {
            if began.elapsed() >= lasts {
                break;
            }
            rows += self.write(statement, from.plus_ms(number * ROW_MS)).await?;
        }
        Ok(per_second(rows, began.elapsed()))
    }
}
