//! How quickly what waits in the queue is merged, from the start of the worker to the empty queue; and whether it was merged right.

use std::time::{Duration, Instant};

use ports::usage::Batch;
use testkit::runs::Failure;

use crate::door::Doors;
use crate::figures::{per_second, ratio};
use crate::load::{self, Plan};
use crate::people::{self, Sending};
use crate::processes::CpuTimes;
use crate::progress::say;
use crate::stage::{Door, Fsync, SHARDS, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::Person;

/// How often each person sends.
const ROUNDS: u32 = 20;
/// How long filling the queue may take.
const FILL_MAX: Duration = Duration::from_mins(5);

/// Merges what the doors took.
pub fn measure_backlog(stage: &mut Stage, table: &mut Table, doors: &Doors) -> Result<(), Failure> {
    say("drain of what the door took");
    let drained = drain(stage, &doors.people)?;
    let what = format!("drain of what the door took, {} people", doors.people.len());
    let beside_door = ratio(drained.rate(), doors.everysec);
    let row = drained.row("drain.backlog", what);
    table.push(row.against(beside_door, "of the door's rate with everysec", Aim::MoreThan(1.0)));
    Ok(())
}

/// Batches of which there is a figure: its name, and how many pings of each person a batch holds.
pub(crate) const BATCHES: [(&str, u32, f64); 2] = [("merge.six", 6, 200_000.0), ("merge.one", 1, 60_000.0)];

/// Merges batches that hold six pings of each person, then batches that hold one.
pub fn measure_batches(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    for (name, pings, aim) in BATCHES {
        let drained = merge(stage, pings)?;
        table.push(drained.batch_row(name, pings, aim));
    }
    Ok(())
}

/// How many people there are whose pings fill a batch of every shard, so many of each.
pub(crate) fn people_with(pings: u32) -> u32 {
    let batch = u32::try_from(Batch::ARRIVALS_MAX).unwrap_or(u32::MAX);
    batch * u32::from(SHARDS) / pings
}

/// Merges batches that hold so many pings of each person: everybody takes turns to send them, and there are so many people that a batch takes one turn of each.
pub(crate) fn merge(stage: &mut Stage, pings: u32) -> Result<Drained, Failure> {
    say(&format!("merge of batches with {pings} of a person"));
    let callers = stage.new_people(people_with(pings))?;
    let sending = Sending {
        pings_per_request: u64::from(pings),
        rounds: Some(stage.options.scaled(ROUNDS).into()),
    };
    let people = fill(stage, people::with_trackers(&callers), sending)?;
    drain(stage, &people)
}

/// Fills the queue while no worker runs.
pub(crate) fn fill(stage: &mut Stage, people: Vec<Person>, sending: Sending) -> Result<Vec<Person>, Failure> {
    stage.stop_worker()?;
    // How it is filled is not measured, so it may be quick.
    stage.set_fsync(Fsync::EverySecond)?;
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, sending)?;
    let target = stage.door(Door::Real)?;
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: FILL_MAX,
        ..stage.plan(target)
    };
    let outcome = load::run(plan, trackers, || ())?.faultless("filling the queue")?;
    Ok(people::gather(outcome))
}

/// What a drain measured.
pub(crate) struct Drained {
    people: usize,
    pub(crate) pings: u64,
    took: Duration,
    used: CpuTimes,
}

impl Drained {
    pub(crate) fn rate(&self) -> f64 {
        per_second(self.pings, self.took)
    }

    /// The row of batches that hold so many pings of each person.
    pub(crate) fn batch_row(&self, name: &'static str, pings: u32, aim: f64) -> Row {
        let what = format!("merge, pings of a person in a batch: {pings}, {} people", self.people);
        self.row(name, what).against(self.rate(), "pings/s", Aim::AtLeast(aim))
    }

    fn row(&self, name: &'static str, what: String) -> Row {
        Row::new(name, what, self.rate(), "pings/s").cpu(self.used, self.pings)
    }
}

/// Starts the worker on the pings of `people` that wait, all of them, and waits until they are merged. As durable as can be.
pub(crate) fn drain(stage: &mut Stage, people: &[Person]) -> Result<Drained, Failure> {
    stage.set_fsync(Fsync::Always)?;
    let pings = people::accepted(people);
    let before = stage.watched(Door::Real).cpu_times();
    let began = Instant::now();
    stage.start_worker()?;
    stage.wait_until_drained()?;
    let took = began.elapsed();
    let used = stage.watched(Door::Real).cpu_times() - before;
    stage.verify(people)?;
    Ok(Drained {
        people: people.len(),
        pings,
        took,
        used,
    })
}
