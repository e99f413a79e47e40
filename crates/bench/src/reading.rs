//! How long reports take over more and more rows, while pings are taken and merged at half speed: beside a raw statement.

pub mod growing;

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use domain::accounts::Caller;
use domain::time::{DAY_MS, UnixMs};
use testkit::runs::Failure;
use tokio_postgres::types::Type;

use crate::chart::{Axis, Chart, Line, Scale};
use crate::figures::ms;
use crate::histogram::Histogram;
use crate::load::{self, Alarm, Outcome, Pace, Plan};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};
use crate::together;
use crate::tracker::{Person, Trackers};
use crate::year::{Random, Reader, secs};

use growing::{MONTHS, PIECES_A_MONTH, Stretch, grow};

/// What must be known to read the table.
pub const NOTE: &str = "Rows are a year of people with 27 pieces a day each, and of one busy person with 200,000. Reports of days are due at a set rate whatever became of those before, and latency counts \
    from that instant; years are asked for one after the other. Meanwhile pings are taken and merged, AOF always, at half of the rate at which they can be. The rows are written without the constraint \
    that keeps pieces apart, which reports do not use.";

/// How many people send meanwhile.
const SENDERS: u32 = 10_000;
/// How many pieces the busy person has in a month.
const BUSY_PIECES_A_MONTH: u32 = 200_000 / MONTHS;
/// Reports of a day that are due in a second.
const REPORTS_A_SECOND: u32 = 100;
/// On how many connections.
const REPORT_CONNECTIONS: u16 = 8;
/// How many times as long as other loads the parts of this one last: a 99th percentile wants more than a few reports.
const DAYS_TIMES: u32 = 2;
const RAW_TIMES: u32 = 1;
const YEARS_TIMES: u32 = 1;
/// For how much longer pings come: until everything has been asked.
const SLACK: Duration = Duration::from_secs(3);

/// Those whose time is reported.
struct Everybody {
    stretch: Stretch,
    people: Vec<Caller>,
    busy: Vec<Caller>,
}

/// The figures that are drawn, over millions of rows.
#[derive(Default)]
struct Drawn(Vec<(&'static str, f64, f64)>);

/// Measures with so many millions of rows, each time more.
pub fn measure(stage: &mut Stage, table: &mut Table, mut millions: Vec<u32>) -> Result<Vec<Chart>, Failure> {
    millions.sort_unstable();
    stage.set_fsync(Fsync::Always)?;
    let callers = stage.new_people(SENDERS)?;
    let (most, mut senders) = together::most(stage, people::with_trackers(&callers))?;
    let rate = most / 2.0;
    table.push(Row::new(
        "report.load",
        "pings taken and merged meanwhile, AOF always",
        rate,
        "pings/s",
    ));
    let mut everybody = Everybody {
        stretch: Stretch::before_the_load()?,
        people: Vec::new(),
        busy: Vec::new(),
    };
    let mut drawn = Drawn::default();
    for millions in millions {
        let rows = stage.options.scaled(millions * 1_000_000);
        fill(stage, table, &mut everybody, rows)?;
        let at = At {
            millions,
            rows: f64::from(rows) / 1e6,
        };
        stage.start_worker()?;
        stage.wait_until_at_work()?;
        let load = Load::start(stage, senders, rate)?;
        ask(stage, (table, &mut drawn), &everybody, at)?;
        senders = load.end(stage)?;
    }
    Ok(vec![drawn.chart()])
}

/// Adds people until there are so many rows.
fn fill(stage: &mut Stage, table: &mut Table, everybody: &mut Everybody, rows: u32) -> Result<(), Failure> {
    say(&format!("filling the timeline to {rows} rows"));
    stage.stop_worker()?;
    let mut took = Duration::ZERO;
    if everybody.busy.is_empty() {
        everybody.busy = stage.new_people(1)?;
        took += grow(
            stage,
            everybody.stretch,
            &everybody.busy,
            stage.options.scaled(BUSY_PIECES_A_MONTH),
        )?;
    }
    let others = rows.saturating_sub(stage.options.scaled(BUSY_PIECES_A_MONTH) * MONTHS) / (PIECES_A_MONTH * MONTHS);
    let more = others.saturating_sub(u32::try_from(everybody.people.len()).unwrap_or(u32::MAX));
    if more > 0 {
        let people = stage.new_people(more)?;
        took += grow(stage, everybody.stretch, &people, PIECES_A_MONTH)?;
        everybody.people.extend(people);
    }
    let what = format!(
        "filling the timeline to {:.1} million rows, {} people",
        f64::from(rows) / 1e6,
        others + 1
    );
    table.push(Row::new(format!("report.fill.{rows}"), what, took.as_secs_f64(), "s"));
    Ok(())
}

/// With how many rows reports are asked for.
#[derive(Clone, Copy)]
struct At {
    /// The millions of a full run, which name the figures.
    millions: u32,
    /// The millions that there are.
    rows: f64,
}

impl At {
    fn name(self, what: &str) -> String {
        format!("report.{what}.{}m", self.millions)
    }

    fn words(self, what: &str) -> String {
        format!("{what} over {:.1} million rows", self.rows)
    }
}

/// Days, beside a raw statement, then years.
fn ask(
    stage: &mut Stage,
    (table, drawn): (&mut Table, &mut Drawn),
    everybody: &Everybody,
    at: At,
) -> Result<(), Failure> {
    say(&at.words("reports"));
    let days = read_days(stage, everybody)?;
    let raw = read_raw(stage, everybody, stage.options.measured() * RAW_TIMES)?;
    let middle = |of: &Histogram| ms(of.quantile(500));
    let slowest = |of: &Histogram| ms(of.quantile(990));
    table.push(
        Row::new(
            at.name("day"),
            at.words("a day's report") + ", p50",
            middle(&days),
            "ms",
        )
        .latency(&days)
        .part(middle(&raw), "the raw statement")
        .against(middle(&days), "ms", Aim::AtMost(3.0)),
    );
    table.push(
        Row::new(
            at.name("day.p99"),
            format!("the same, p99 of {}", days.count()),
            slowest(&days),
            "ms",
        )
        .part(slowest(&raw), "the raw statement")
        .against(slowest(&days), "ms", Aim::AtMost(20.0)),
    );
    let what = at.words("a raw statement of a day") + ", p50";
    table.push(Row::new(at.name("raw"), what, middle(&raw), "ms").latency(&raw));
    for (name, figure) in [
        ("a day, p50", middle(&days)),
        ("a day, p99", slowest(&days)),
        ("raw statement, p50", middle(&raw)),
        ("raw statement, p99", slowest(&raw)),
    ] {
        drawn.0.push((name, at.rows, figure));
    }
    for (name, whose, line, people) in [
        ("year", "one person's year by app", "a year, p99", &everybody.people),
        (
            "year.busy",
            "the busy person's year by app",
            "the busy person's year, p99",
            &everybody.busy,
        ),
    ] {
        let years = read_years(stage, people, everybody.stretch.first)?;
        let p99 = slowest(&years);
        let what = format!("{}, p99 of {}", at.words(whose), years.count());
        let row = Row::new(at.name(name), what, p99, "ms").latency(&years);
        table.push(row.against(p99, "ms", Aim::AtMost(150.0)));
        drawn.0.push((line, at.rows, p99));
    }
    Ok(())
}

/// Random days of random people, due at a set rate.
fn read_days(stage: &mut Stage, everybody: &Everybody) -> Result<Histogram, Failure> {
    let first = everybody.stretch.first;
    let question = move |random: &mut Random| format!("/api/v1/report/apps?date={}", a_day(first, random));
    let readers = (0..REPORT_CONNECTIONS)
        .map(|place| Reader::new(stage, &everybody.people, u64::from(place), (question, u64::MAX)))
        .collect::<Result<Vec<_>, _>>()?;
    let of = u32::from(REPORT_CONNECTIONS);
    let target = stage.door(Door::Real)?;
    let plan = Plan {
        measured: stage.options.measured() * DAYS_TIMES,
        pace: Pace::Open {
            every: Duration::from_secs(1) * of / REPORTS_A_SECOND,
            of,
        },
        ..stage.plan(target)
    };
    Ok(load::run(plan, readers, || ())?.faultless("asking for days")?.latency)
}

/// A day that lies within the filled months in every zone.
fn a_day(first: NaiveDate, random: &mut Random) -> NaiveDate {
    first + Days::new(1 + random.below(360))
}

/// Whole years, one after the other.
fn read_years(stage: &mut Stage, people: &[Caller], first: NaiveDate) -> Result<Histogram, Failure> {
    let last = first + Days::new(362);
    let question = move |_: &mut Random| format!("/api/v1/report/apps?from={first}&to={last}");
    let reader = Reader::new(stage, people, 0, (question, u64::MAX))?;
    let target = stage.door(Door::Real)?;
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: stage.options.measured() * YEARS_TIMES / 2,
        ..stage.plan(target)
    };
    let years = load::run(plan, vec![reader], || ())?
        .faultless("asking for a year")?
        .latency;
    // Of nothing, every quantile would be 0, and every aim met.
    if years.count() == 0 {
        let secs = plan.measured.as_secs_f64();
        let why = format!("no year was answered within {secs:.0} s: give the loads more --seconds");
        return Err(Failure::new(why));
    }
    Ok(years)
}

/// The raw statement of a random day of a random person, as often as reports are due, on one connection.
fn read_raw(stage: &Stage, everybody: &Everybody, lasts: Duration) -> Result<Histogram, Failure> {
    let failed = || Failure::because("could not read a day straight from Postgres");
    let midnight = everybody
        .stretch
        .first
        .and_hms_opt(0, 0, 0)
        .map(|first| first.and_utc());
    let first = UnixMs::floor(midnight.ok_or_else(|| Failure::new("a day has no beginning"))?);
    let (runtime, client) = stage.database();
    runtime.block_on(async {
        let types = [Type::UUID, Type::FLOAT8, Type::FLOAT8];
        let read = client
            .prepare_typed(include_str!("sql/raw_day.sql"), &types)
            .await
            .map_err(failed())?;
        let mut random = Random::new(1);
        let failed_timer = || Failure::because("could not wait for when a statement is due");
        let alarm = Alarm::new().map_err(failed_timer())?;
        let mut took = Histogram::default();
        let began = Instant::now();
        for turn in 0.. {
            let due = began + Duration::from_secs(1) * turn / REPORTS_A_SECOND;
            if due >= began + lasts {
                break;
            }
            alarm.wait_until(due).await.map_err(failed_timer())?;
            let person = usize::try_from(random.below(everybody.people.len() as u64)).unwrap_or(0);
            let Some(caller) = everybody.people.get(person) else {
                break;
            };
            let day = first.plus_ms(i64::try_from(1 + random.below(360)).unwrap_or(0) * DAY_MS);
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                [&caller.user.0, &secs(day), &secs(day.plus_ms(DAY_MS))];
            client.query(&read, &values).await.map_err(failed())?;
            took.record(due.elapsed());
        }
        Ok(took)
    })
}

/// Pings that come while reports are asked for.
struct Load {
    playing: JoinHandle<Result<Outcome<Trackers, ()>, Failure>>,
}

impl Load {
    /// So many pings a second, for as long as everything takes that is asked.
    fn start(stage: &mut Stage, senders: Vec<Person>, rate: f64) -> Result<Self, Failure> {
        let target = stage.door(Door::Real)?;
        let sending = Sending {
            pings_per_request: 1,
            rounds: None,
        };
        let trackers = people::deal(senders, stage.tokens(), stage.options.connections, sending)?;
        let of = u32::from(stage.options.connections);
        let plan = Plan {
            measured: stage.options.measured() * (DAYS_TIMES + RAW_TIMES + YEARS_TIMES) + SLACK,
            pace: Pace::Open {
                every: Duration::from_secs_f64(f64::from(of) / rate.max(1.0)),
                of,
            },
            ..stage.plan(target)
        };
        let playing = thread::Builder::new()
            .name("senders".to_owned())
            .spawn(move || load::run(plan, trackers, || ()))
            .map_err(Failure::because("could not start a thread for those who send"))?;
        Ok(Self { playing })
    }

    /// Waits until the last ping has come and all are merged.
    fn end(self, stage: &mut Stage) -> Result<Vec<Person>, Failure> {
        let outcome = self
            .playing
            .join()
            .map_err(|_| Failure::new("those who send broke down"))??;
        let people = people::gather(outcome.faultless("those who send meanwhile")?);
        stage.wait_until_drained()?;
        stage.verify(&people)?;
        Ok(people)
    }
}

impl Drawn {
    fn chart(&self) -> Chart {
        let mut lines: Vec<Line> = Vec::new();
        for (name, rows, latency) in &self.0 {
            let place = lines.iter().position(|line| line.name == *name);
            let place = place.unwrap_or_else(|| {
                lines.push(Line {
                    name: (*name).to_owned(),
                    colour: lines.len(),
                    dashed: name.starts_with("raw"),
                    points: Vec::new(),
                });
                lines.len() - 1
            });
            lines[place].points.push((*rows, *latency));
        }
        Chart {
            title: "Reports while pings are taken and merged at half speed".to_owned(),
            x: Axis::new("million rows", Scale::Log),
            y: Axis::new("ms", Scale::Log),
            lines,
        }
    }
}
