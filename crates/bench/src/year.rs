//! How long a day's report takes over a year of everybody's time, and a year's of somebody who was busy.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate};
use domain::accounts::Caller;
use domain::time::{DAY_MS, SECOND_MS, UnixMs};
use testkit::runs::Failure;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::figures::{self, ms, number};
use crate::histogram::Histogram;
use crate::http;
use crate::load::{self, Plan, Script};
use crate::people;
use crate::progress::say;
use crate::stage::{Door, Stage};
use crate::table::{Aim, Row, Table};

/// How many people have a year.
const PEOPLE: u32 = 1_000;
/// How many segments each of them has.
const SEGMENTS: u32 = 1_000;
/// How many one more person has.
const HEAVY_SEGMENTS: u32 = 200_000;
/// A year's days.
const DAYS: u16 = 365;
/// In how many statements each group's year is written.
const STATEMENTS: u32 = 10;
/// How often the whole year of the busy person is asked for.
const YEARS: u64 = 20;
/// How long that may take.
const YEARS_MAX: Duration = Duration::from_mins(2);

/// Writes the year and asks for reports.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    say("writing a year of everybody's time");
    let callers = stage.new_people(stage.options.scaled(PEOPLE))?;
    let heavy = stage.new_people(1)?;
    let heavy_segments = stage.options.scaled(HEAVY_SEGMENTS);
    let (runtime, client) = stage.database();
    runtime.block_on(async {
        write(client, &callers, SEGMENTS).await?;
        write(client, &heavy, heavy_segments).await?;
        // What a server that has run for a year has long done.
        let tidied = client.batch_execute("VACUUM (ANALYZE) app_usage").await;
        tidied.map_err(Failure::because("could not tidy up after writing a year"))
    })?;
    let rows = number(u64::from(SEGMENTS) * callers.len() as u64 + u64::from(heavy_segments));

    say("reports");
    let everybody: Vec<Caller> = callers.iter().chain(&heavy).copied().collect();
    let over = format!(
        "over {:.2} million segments, {} people, a year",
        rows / 1e6,
        everybody.len()
    );
    for (name, connections) in [("report.day", 1_u16), ("report.day.8", 8)] {
        let took = read_days(stage, &everybody, connections)?;
        let p50 = ms(took.quantile(500));
        let what = format!("a day's report, {over}, connections: {connections}, p50");
        let row = Row::new(name, what, p50, "ms").latency(&took);
        table.push(row.against(p50, "ms", Aim::AtMost(3.0)));
    }
    let took = read_days(stage, &heavy, 1)?;
    let what = format!(
        "a day's report of the busy one, {} segments a day, p50",
        heavy_segments / u32::from(DAYS)
    );
    table.push(Row::new("report.day.heavy", what, ms(took.quantile(500)), "ms").latency(&took));
    let took = read_year(stage, &heavy)?;
    let what = format!("their year by app, {heavy_segments} segments, p50");
    table.push(Row::new("report.year.heavy", what, ms(took.quantile(500)), "ms").latency(&took));
    Ok(())
}

/// Writes a year that ends today into people's timelines, past the worker: who, and how many segments each has.
pub async fn write(client: &Client, callers: &[Caller], segments: u32) -> Result<(), Failure> {
    let failed = || {
        Failure::because(format!(
            "could not write {segments} segments for each of {} people",
            callers.len()
        ))
    };
    let begin = figures::now().day_start().plus_ms(-i64::from(DAYS) * DAY_MS);
    for day in (0..i64::from(DAYS)).step_by(28).chain([i64::from(DAYS)]) {
        ensure_month(client, begin.plus_ms(day * DAY_MS)).await?;
    }
    let write = client
        .prepare_typed(include_str!("sql/segments.sql"), &SEGMENTS_TYPES)
        .await
        .map_err(failed())?;
    let users: Vec<_> = callers.iter().map(|caller| caller.user.0).collect();
    let devices: Vec<_> = callers.iter().map(|caller| caller.device.0).collect();
    let slot_secs = f64::from(DAYS) * 86_400.0 / f64::from(segments);
    let slot =
        |part: u32| i32::try_from(u64::from(segments) * u64::from(part) / u64::from(STATEMENTS)).unwrap_or(i32::MAX);
    for part in 0..STATEMENTS {
        client
            .execute(
                &write,
                &[&users, &devices, &secs(begin), &slot_secs, &slot(part), &slot(part + 1)],
            )
            .await
            .map_err(failed())?;
    }
    Ok(())
}

/// Makes the partition that holds `at`, unless it is there.
pub async fn ensure_month(client: &Client, at: UnixMs) -> Result<(), Failure> {
    let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&secs(at), Type::FLOAT8)];
    let made = client.query_typed(ENSURE_MONTH, &parameters).await;
    made.map(drop).map_err(Failure::because(format!(
        "could not make the partition that holds {at}"
    )))
}

const ENSURE_MONTH: &str = "SELECT usage_ensure_month((to_timestamp($1::double precision) AT TIME ZONE 'UTC')::date)";
const SEGMENTS_TYPES: [Type; 6] = [
    Type::UUID_ARRAY,
    Type::UUID_ARRAY,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::INT4,
    Type::INT4,
];

/// Seconds since 1970.
#[expect(
    clippy::cast_precision_loss,
    reason = "an instant in this century has 41 bits of milliseconds"
)]
pub(crate) fn secs(at: UnixMs) -> f64 {
    at.0 as f64 / SECOND_MS as f64
}

/// Random days of random people, on so many connections at a time.
fn read_days(stage: &mut Stage, callers: &[Caller], connections: u16) -> Result<Histogram, Failure> {
    // Days that lie within the year in every zone.
    let last = today()? - Days::new(2);
    let question = move |random: &mut Random| {
        let date = last - Days::new(random.below(u64::from(DAYS) - 4));
        format!("/api/v1/report/apps?date={date}")
    };
    let readers = (0..connections)
        .map(|place| Reader::new(stage, callers, u64::from(place), (question, u64::MAX)))
        .collect::<Result<Vec<_>, _>>()?;
    let target = stage.door(Door::Real)?;
    let outcome = load::run(stage.plan(target), readers, || ())?.faultless("asking for days")?;
    Ok(outcome.latency)
}

/// The whole year, one after the other.
fn read_year(stage: &mut Stage, callers: &[Caller]) -> Result<Histogram, Failure> {
    let last = today()? - Days::new(1);
    let first = last - Days::new(u64::from(DAYS) - 2);
    let question = move |_: &mut Random| format!("/api/v1/report/apps?from={first}&to={last}");
    let reader = Reader::new(stage, callers, 0, (question, YEARS))?;
    let target = stage.door(Door::Real)?;
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: YEARS_MAX,
        ..stage.plan(target)
    };
    let outcome = load::run(plan, vec![reader], || ())?.faultless("asking for a year")?;
    Ok(outcome.latency)
}

/// The present day in UTC.
pub(crate) fn today() -> Result<NaiveDate, Failure> {
    let now = figures::now()
        .to_utc()
        .ok_or_else(|| Failure::new("the clock is outside the calendar"))?;
    NaiveDate::from_ymd_opt(now.year(), now.month(), now.day()).ok_or_else(|| Failure::new("today is no day"))
}

/// Asks questions of random people.
pub(crate) struct Reader<Q> {
    /// Each person's header lines and the end of the head.
    heads: Vec<String>,
    random: Random,
    question: Q,
    left: u64,
}

impl<Q: FnMut(&mut Random) -> String + Send + 'static> Reader<Q> {
    /// Of `callers`, with the question to ask and how often.
    pub(crate) fn new(
        stage: &Stage,
        callers: &[Caller],
        seed: u64,
        (question, times): (Q, u64),
    ) -> Result<Self, Failure> {
        let head = |caller| {
            let token = people::token(stage.tokens(), caller)?;
            Ok(format!(
                " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n"
            ))
        };
        Ok(Self {
            heads: callers.iter().map(head).collect::<Result<_, Failure>>()?,
            random: Random::new(seed),
            question,
            left: times,
        })
    }
}

impl<Q: FnMut(&mut Random) -> String + Send + 'static> Script for Reader<Q> {
    fn next(&mut self, request: &mut Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        let person = self.random.below(self.heads.len() as u64);
        let question = (self.question)(&mut self.random);
        request.extend(b"GET ");
        request.extend(question.as_bytes());
        request.extend(
            usize::try_from(person)
                .ok()
                .and_then(|person| self.heads.get(person))
                .into_iter()
                .flat_map(|head| head.bytes()),
        );
        true
    }

    /// Everybody has something on every day.
    fn answered(&mut self, status: u16, body: &[u8]) -> bool {
        status == 200 && http::holds(body, b"\"items\":[{")
    }
}

/// Numbers that look random and are the same for a seed.
pub(crate) struct Random(u64);

impl Random {
    /// Those of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound.max(1)
    }
}
