//! How quickly pings are merged, beside raw statements that write as many rows, and how many rows that takes.

use std::thread;
use std::time::{Duration, Instant};

use testkit::runs::Failure;
use tokio_postgres::Client;

use crate::drain;
use crate::figures::per_thousand;
use crate::load::{self, Pace, Plan};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::raw::rows::{self, Rates};
use crate::stage::{Door, Fsync, SHARDS, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::{PING_MS, Person};

/// What must be known to read the table.
pub const NOTE: &str = "Raw statements: as many rows at once as one batch has people, on one connection, each statement a transaction of its own. \
    Rows written are those that Postgres counts as inserted, updated or deleted. After each drain, everybody's stored timeline was equal to what had been accepted.";

/// How many pings ten minutes are; people use one app for as long.
const TEN_MINUTES: u64 = 600_000 / PING_MS.unsigned_abs();
/// How many people send ten minutes at once.
const BACKLOG_PEOPLE: u32 = 2_000;
/// How many people send live, each a ping when it is over.
const LIVE_PEOPLE: u32 = 5_000;
/// How long the processes of the worker's connections may take to end, with which Postgres has counted all that they wrote.
const COUNTED_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Measures batches, then rows.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    for (name, pings, aim) in drain::BATCHES {
        let raw = measure_raw(stage, pings)?;
        let merged = drain::merge(stage, pings)?;
        let row = merged.batch_row(name, pings, aim);
        // A person's pings make one row here, which lasts for as long as they go on with one app.
        let extended = raw.extended * f64::from(pings);
        table.push(row.part(extended, "what raw updates of its rows would make of it"));
        let at_once = drain::people_with(pings) / u32::from(SHARDS);
        for (which, what, rate) in [
            ("extended", "open rows extended", raw.extended),
            ("inserted", "closed rows inserted", raw.inserted),
        ] {
            let what = format!("raw Postgres, {what}, {at_once} at once");
            table.push(Row::new(format!("{name}.raw.{which}"), what, rate, "rows/s"));
        }
    }
    measure_backlog(stage, table)?;
    measure_live(stage, table)
}

/// Raw statements that write as many rows as a batch has people.
fn measure_raw(stage: &mut Stage, pings: u32) -> Result<Rates, Failure> {
    stage.stop_worker()?;
    say("raw statements");
    let people = stage.new_people(drain::people_with(pings) / u32::from(SHARDS))?;
    let lasts = stage.options.measured() / 2;
    let (runtime, client) = stage.database();
    runtime.block_on(rows::measure(client, &people, lasts))
}

/// What people send who were away for ten minutes.
fn measure_backlog(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    say("rows written, ten minutes of backlog");
    let people = steady(stage, stage.options.scaled(BACKLOG_PEOPLE))?;
    let sending = Sending {
        pings_per_request: TEN_MINUTES,
        rounds: Some(1),
    };
    let people = drain::fill(stage, people, sending)?;
    let before = written(stage)?;
    let drained = drain::drain(stage, &people)?;
    stage.stop_worker()?;
    let rows = written(stage)?.since(before);
    let what = format!("ten minutes of backlog of 5 s pings, {} people", people.len());
    table.push(rows.row("written.backlog", &what, drained.pings, 10.0));
    Ok(())
}

/// What people send who each have a tracker that runs.
fn measure_live(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    say("rows written, live");
    stage.set_fsync(Fsync::Always)?;
    let people = steady(stage, stage.options.scaled(LIVE_PEOPLE))?;
    let count = people.len();
    let target = stage.door(Door::Real)?;
    stage.start_worker()?;
    stage.wait_until_at_work()?;
    let before = written(stage)?;
    let sending = Sending {
        pings_per_request: 1,
        rounds: None,
    };
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, sending)?;
    let every = Duration::from_millis(PING_MS.unsigned_abs());
    // Each connection sends for many people, one after the other, and each of those when their ping is over.
    let of = u32::try_from(trackers.len()).unwrap_or(u32::MAX);
    let requests = f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(of);
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: every * if stage.options.quick { 2 } else { 6 },
        pace: Pace::Open {
            every: every.div_f64(requests),
            of,
        },
        ..stage.plan(target)
    };
    let outcome = load::run(plan, trackers, || ())?.faultless("people who send live")?;
    stage.wait_until_drained()?;
    stage.stop_worker()?;
    let rows = written(stage)?.since(before);
    let people = people::gather(outcome);
    stage.verify(&people)?;
    let what = format!("live, a ping every 5 s, {count} people");
    table.push(rows.row("written.live", &what, people::accepted(&people), 200.0));
    Ok(())
}

/// People who use one app for ten minutes.
fn steady(stage: &Stage, count: u32) -> Result<Vec<Person>, Failure> {
    let callers = stage.new_people(count)?;
    let people = people::with_trackers(&callers).into_iter();
    Ok(people.map(|person| person.steady_for(TEN_MINUTES)).collect())
}

/// Rows that were written since the servers started.
#[derive(Debug, Clone, Copy)]
struct Written {
    /// Of the timeline.
    pieces: u64,
    /// Of which numbers are settled.
    numbers: u64,
}

impl Written {
    fn since(self, before: Self) -> Self {
        Self {
            pieces: self.pieces.saturating_sub(before.pieces),
            numbers: self.numbers.saturating_sub(before.numbers),
        }
    }

    /// For `pings`, beside an aim.
    fn row(self, name: &'static str, what: &str, pings: u64, aim: f64) -> Row {
        let per_thousand = |rows: u64| per_thousand(rows, pings);
        let pieces = per_thousand(self.pieces);
        let numbers = per_thousand(self.numbers);
        let what = format!("rows of timelines written, {what}; beside them {numbers:.1} of settled numbers");
        Row::new(name, what, pieces, "per 1,000 pings").against(pieces, "per 1,000 pings", Aim::AtMost(aim))
    }
}

/// Waits until the worker, which was stopped, has left Postgres, and asks for what was written.
fn written(stage: &Stage) -> Result<Written, Failure> {
    let (runtime, client) = stage.database();
    let counted = runtime.block_on(async {
        let began = Instant::now();
        while began.elapsed() < COUNTED_MAX && workers(client).await? > 0 && !stage.has_worker() {
            thread::sleep(LOOK_EVERY);
        }
        let row = client.query_one(include_str!("sql/written.sql"), &[]).await?;
        Ok::<_, tokio_postgres::Error>((row.try_get::<_, i64>(0)?, row.try_get::<_, i64>(1)?))
    });
    let (pieces, numbers) = counted.map_err(Failure::because("could not ask how many rows were written"))?;
    Ok(Written {
        pieces: pieces.unsigned_abs(),
        numbers: numbers.unsigned_abs(),
    })
}

async fn workers(client: &Client) -> Result<i64, tokio_postgres::Error> {
    let worker = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'daybook_worker'";
    client.query_one(worker, &[]).await?.try_get(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_are_120_pings_and_rows_count_for_each_thousand() {
        assert_eq!(TEN_MINUTES, 120);
        let before = Written { pieces: 5, numbers: 7 };
        let rows = Written { pieces: 25, numbers: 7 };
        let row = rows.since(before).row("written", "x", 2_000, 10.0);
        assert!((row.figure - 10.0).abs() < 1e-9 && row.against.is_some_and(|against| against.met));
        assert!(row.what.ends_with("beside them 0.0 of settled numbers"), "{}", row.what);
    }
}
