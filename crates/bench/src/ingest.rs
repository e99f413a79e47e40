//! How many pings the door takes, over connections and pings in a request, beside the bare door and a raw Redis; and how long it takes at set rates.

mod drawn;

use std::time::Duration;

use testkit::runs::Failure;

use crate::chart::Chart;
use crate::figures::{ms, per_second, ratio};
use crate::histogram::Histogram;
use crate::load::{self, Pace, Plan};
use crate::options::Options;
use crate::people::{self, Sending};
use crate::processes::CpuTimes;
use crate::progress::say;
use crate::raw::entries::{self, Putting};
use crate::stage::{Door, Fsync, SHARDS, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::Person;

use drawn::Drawn;

/// What must be known to read the table.
pub const NOTE: &str = "In the grid each connection sends as soon as it was answered; at a set rate requests are due whatever became of those before, and latency counts from that instant. \
    Raw Redis: as many callers on one connection of the same client, each with entries of the same bytes as the door makes of one request. Latencies are those of requests.";

/// How many people send.
const PEOPLE: u32 = 1_000;
/// The connections and pings in a request for which there are aims.
const AIMED_CONNECTIONS: u16 = 64;
const AIMED_LIST: u16 = 100;
/// Parts of the greatest rate that are offered.
const OFFERED: [f64; 6] = [0.2, 0.35, 0.5, 0.65, 0.8, 0.9];
/// The same in a quick run.
const OFFERED_QUICKLY: [f64; 2] = [0.5, 0.8];
/// Up to which part answers must be quick.
const QUICK_UP_TO: f64 = 0.8;
/// What quick is, in milliseconds: this, or twice as long as an fsync takes.
const QUICK_MS: f64 = 10.0;

/// What is measured.
#[derive(Debug)]
pub struct Grid {
    connections: Vec<u16>,
    lists: Vec<u16>,
    offered: Vec<f64>,
    /// For how long each cell is.
    measured: Duration,
}

impl Grid {
    /// These connections and pings in a request; in a quick run, the first of each, and those for which there are aims.
    #[must_use]
    pub fn of(connections: Vec<u16>, lists: Vec<u16>, options: &Options) -> Self {
        let some = |all: Vec<u16>, aimed: u16| {
            let first = all.first().copied();
            let is_wanted = |one: &u16| !options.quick || Some(*one) == first || *one == aimed;
            all.into_iter().filter(is_wanted).collect()
        };
        let offered: &[f64] = if options.quick { &OFFERED_QUICKLY } else { &OFFERED };
        Self {
            connections: some(connections, AIMED_CONNECTIONS),
            lists: some(lists, AIMED_LIST),
            offered: offered.to_vec(),
            measured: options.measured() / 3,
        }
    }

    fn plan(&self, plan: Plan, pace: Pace) -> Plan {
        Plan {
            warm_up: self.measured / 4,
            measured: self.measured,
            pace,
            ..plan
        }
    }

    /// On how many connections requests are sent at set rates.
    fn steady_connections(&self) -> u16 {
        let aimed = self.connections.iter().find(|count| **count == AIMED_CONNECTIONS);
        aimed.or(self.connections.last()).copied().unwrap_or(AIMED_CONNECTIONS)
    }
}

/// Where a figure belongs.
#[derive(Debug, Clone, Copy)]
struct Cell {
    connections: u16,
    list: u16,
}

impl Cell {
    fn name(self, what: &str) -> String {
        format!("ingest.{what}.c{}.n{}", self.connections, self.list)
    }

    /// Requests that are due so that so many pings a second are.
    fn pace(self, pings_per_second: f64) -> Pace {
        let of = u32::from(self.connections);
        let due = f64::from(of) * f64::from(self.list);
        Pace::Open {
            every: Duration::from_secs_f64(due / pings_per_second.max(1.0)),
            of,
        }
    }

    fn words(self) -> String {
        format!("{} at {} connections", pings(self.list), self.connections)
    }
}

fn pings(list: u16) -> String {
    if list == 1 {
        "single pings".to_owned()
    } else {
        format!("lists of {list}")
    }
}

/// What came of a load on a cell.
struct Measured {
    /// Pings a second.
    rate: f64,
    latency: Histogram,
    used: CpuTimes,
}

impl Measured {
    fn row(&self, cell: Cell, (name, what): (&str, &str)) -> Row {
        Row::new(
            cell.name(name),
            format!("{what}, {}", cell.words()),
            self.rate,
            "pings/s",
        )
        .latency(&self.latency)
        .cpu(self.used, self.latency.count() * u64::from(cell.list))
    }
}

/// A policy of Redis and what it is called.
const POLICIES: [(Fsync, &str); 2] = [(Fsync::EverySecond, "everysec"), (Fsync::Always, "always")];

/// Measures the grid and, for the shortest and the longest lists, the set rates. An answer is durable within `fsync_ms` at best. Nobody merges, and what was
/// taken is thrown away.
pub fn measure(stage: &mut Stage, table: &mut Table, grid: &Grid, fsync_ms: f64) -> Result<Vec<Chart>, Failure> {
    let callers = stage.new_people(PEOPLE)?;
    let mut people = people::with_trackers(&callers);
    let mut drawn = Drawn::default();
    for list in grid.lists.clone() {
        let entry = sample(stage, list)?;
        let mut most = [0.0; POLICIES.len()];
        for connections in grid.connections.clone() {
            let cell = Cell { connections, list };
            say(&format!("ingest, {}", cell.words()));
            let (rates, sent) = measure_cell(stage, (table, &mut drawn), (grid, cell, &entry), people)?;
            people = sent;
            if connections == grid.steady_connections() {
                most = rates;
            }
        }
        if [grid.lists.first(), grid.lists.last()].contains(&Some(&list)) {
            let aim_ms = QUICK_MS.max(2.0 * fsync_ms);
            people = measure_rates(stage, (table, &mut drawn), (grid, list, aim_ms), (most, people))?;
        }
    }
    Ok(drawn.charts())
}

/// The bare door, then the real one and a raw Redis with each policy. The rates of the real one, and the people.
fn measure_cell(
    stage: &mut Stage,
    (table, drawn): (&mut Table, &mut Drawn),
    (grid, cell, entry): (&Grid, Cell, &[u8]),
    people: Vec<Person>,
) -> Result<([f64; POLICIES.len()], Vec<Person>), Failure> {
    // What the bare door takes is thrown away, so nobody gets on by it.
    let (bare, _) = load_door(stage, (Door::Bare, cell), (grid, Pace::Closed), people.clone())?;
    table.push(bare.row(cell, ("bare", "bare door")));
    drawn.rates.push(("bare door", cell, bare.rate));
    let mut people = people;
    let mut rates = [0.0; POLICIES.len()];
    for (rate, (fsync, policy)) in rates.iter_mut().zip(POLICIES) {
        stage.set_fsync(fsync)?;
        let (door, sent) = load_door(stage, (Door::Real, cell), (grid, Pace::Closed), people)?;
        people = sent;
        stage.clear_queue()?;
        let raw = load_redis(stage, (grid, cell), entry)?;
        stage.clear_queue()?;

        *rate = door.rate;
        let row = door
            .row(cell, (policy, &format!("door, AOF {policy}")))
            .part(raw.rate, "raw Redis");
        let of_bare = "of the bare door";
        table.push(match aim(cell, fsync) {
            Some(Aimed::OfBare(part)) => row.against(ratio(door.rate, bare.rate), of_bare, Aim::AtLeast(part)),
            Some(Aimed::Rate(rate)) => {
                let row = row.part(bare.rate, "the bare door");
                row.against(door.rate, "pings/s", Aim::AtLeast(rate))
            }
            None => row.part(bare.rate, "the bare door"),
        });
        table.push(raw.row(cell, (&format!("redis.{policy}"), &format!("raw Redis, AOF {policy}"))));
        drawn.rates.push((policy, cell, door.rate));
    }
    Ok((rates, people))
}

/// What is aimed at in a cell.
enum Aimed {
    /// Of the bare door's rate.
    OfBare(f64),
    /// Pings a second.
    Rate(f64),
}

fn aim(cell: Cell, fsync: Fsync) -> Option<Aimed> {
    match (cell.connections, cell.list, fsync) {
        (AIMED_CONNECTIONS, 1, Fsync::EverySecond) => Some(Aimed::OfBare(0.7)),
        (AIMED_CONNECTIONS, 1, Fsync::Always) => Some(Aimed::OfBare(0.4)),
        (AIMED_CONNECTIONS, AIMED_LIST, _) => Some(Aimed::Rate(300_000.0)),
        _ => None,
    }
}

/// Requests of `list` pings at set rates: parts of the `most` that was taken with each policy.
fn measure_rates(
    stage: &mut Stage,
    (table, drawn): (&mut Table, &mut Drawn),
    (grid, list, aim_ms): (&Grid, u16, f64),
    (most, people): ([f64; POLICIES.len()], Vec<Person>),
) -> Result<Vec<Person>, Failure> {
    let mut people = people;
    let connections = grid.steady_connections();
    let cell = Cell { connections, list };
    for ((fsync, policy), most) in POLICIES.into_iter().zip(most) {
        stage.set_fsync(fsync)?;
        for part in grid.offered.iter().copied() {
            let percent = part * 100.0;
            say(&format!(
                "ingest, AOF {policy}, {}, {percent:.0} % of the most",
                cell.words()
            ));
            let offered = part * most;
            let pace = cell.pace(offered);
            let (measured, sent) = load_door(stage, (Door::Real, cell), (grid, pace), people)?;
            people = sent;
            stage.clear_queue()?;

            let p99 = ms(measured.latency.quantile(990));
            let name = format!("{}.at{percent:.0}", cell.name(policy));
            let what = format!(
                "p99 at {percent:.0} % of the most, {offered:.0} pings/s due, AOF {policy}, {}",
                cell.words()
            );
            let count = measured.latency.count() * u64::from(list);
            let row = Row::new(name, what, p99, "ms")
                .latency(&measured.latency)
                .cpu(measured.used, count);
            let is_aimed = list == 1 && part <= QUICK_UP_TO;
            table.push(if is_aimed {
                row.against(p99, "ms", Aim::AtMost(aim_ms))
            } else {
                row
            });
            if list == 1 {
                drawn.latencies.push((policy, offered, measured.latency));
            }
        }
    }
    Ok(people)
}

/// Loads a door with as many connections and pings in a request as the cell says.
fn load_door(
    stage: &mut Stage,
    (door, cell): (Door, Cell),
    (grid, pace): (&Grid, Pace),
    people: Vec<Person>,
) -> Result<(Measured, Vec<Person>), Failure> {
    let target = stage.door(door)?;
    let sending = Sending {
        pings_per_request: cell.list.into(),
        rounds: None,
    };
    let trackers = people::deal(people, stage.tokens(), cell.connections, sending)?;
    let watched = stage.watched(door);
    let plan = grid.plan(stage.plan(target), pace);
    let outcome = load::run(plan, trackers, || watched.cpu_times())?.faultless("a load on the door")?;
    let measured = Measured {
        rate: outcome.rate() * f64::from(cell.list),
        latency: outcome.latency.clone(),
        used: outcome.seen.1 - outcome.seen.0,
    };
    Ok((measured, people::gather(outcome)))
}

/// As many callers on one connection to Redis, each of whom puts one entry after the other into the queue's streams.
fn load_redis(stage: &Stage, (grid, cell): (&Grid, Cell), entry: &[u8]) -> Result<Measured, Failure> {
    let watched = stage.watched(Door::Real);
    let before = watched.cpu_times();
    let latency = entries::put(
        stage.redis_url(),
        entry,
        &Putting {
            callers: cell.connections,
            shards: SHARDS,
            lasts: grid.measured,
        },
    )?;
    Ok(Measured {
        rate: per_second(latency.count(), grid.measured) * f64::from(cell.list),
        used: watched.cpu_times() - before,
        latency,
    })
}

/// The bytes that the door makes of a request with so many pings.
fn sample(stage: &mut Stage, list: u16) -> Result<Vec<u8>, Failure> {
    stage.clear_queue()?;
    let callers = stage.new_people(1)?;
    let target = stage.door(Door::Real)?;
    let sending = Sending {
        pings_per_request: list.into(),
        rounds: Some(1),
    };
    let trackers = people::deal(people::with_trackers(&callers), stage.tokens(), 1, sending)?;
    let plan = Plan {
        warm_up: Duration::ZERO,
        ..stage.plan(target)
    };
    load::run(plan, trackers, || ())?.faultless("a request to look at")?;
    let entry = stage.an_entry()?;
    stage.clear_queue()?;
    entry.ok_or_else(|| Failure::new("a request was taken, and nothing is in the queue"))
}
