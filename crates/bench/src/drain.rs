//! How quickly what waits in the queue is merged, from the start of the worker to the empty queue; and whether it was merged right.

use std::time::{Duration, Instant};

use crate::door::Doors;
use crate::failure::Failure;
use crate::figures::{per_second, ratio};
use crate::load::{self, Plan};
use crate::people::{self, Sending};
use crate::processes::CpuTimes;
use crate::progress::say;
use crate::stage::{Door, Fsync, SHARDS, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::Person;

/// The most pings of one shard that a worker takes at once (`adapters::redis`). With so many people to a shard, a batch holds a person once.
const PINGS_PER_BATCH_MAX: u32 = 8_192;
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

/// Merges batches that hold six pings of each person, then batches that hold one.
pub fn measure_batches(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    for (name, pings, aim) in [("merge.six", 6, Some(50_000.0)), ("merge.one", 1, None)] {
        say(&format!("merge of batches with {pings} of a person"));
        let people = fill(stage, pings)?;
        let drained = drain(stage, &people)?;
        let what = format!("merge, pings of a person in a batch: {pings}, {} people", people.len());
        let row = drained.row(name, what);
        table.push(match aim {
            Some(aim) => row.against(drained.rate(), "pings/s", Aim::AtLeast(aim)),
            None => row,
        });
    }
    Ok(())
}

/// Fills the queue while no worker runs. Everybody takes turns to send `pings` at once, and there are so many people that a batch takes one turn of each.
fn fill(stage: &mut Stage, pings: u32) -> Result<Vec<Person>, Failure> {
    stage.stop_worker()?;
    // How it is filled is not measured, so it may be quick.
    stage.set_fsync(Fsync::EverySecond)?;
    let callers = stage.new_people(SHARDS_WORTH / pings)?;
    let sending = Sending {
        pings_per_request: u64::from(pings),
        rounds: Some(stage.options.scaled(ROUNDS).into()),
    };
    let trackers = people::deal(
        people::with_trackers(&callers),
        stage.tokens(),
        stage.options.connections,
        sending,
    )?;
    let target = stage.door(Door::Real)?;
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: FILL_MAX,
        ..stage.plan(target)
    };
    let outcome = load::run(plan, trackers, || ())?.faultless("filling the queue")?;
    Ok(people::gather(outcome))
}

const SHARDS_WORTH: u32 = PINGS_PER_BATCH_MAX * SHARDS as u32;

/// What a drain measured.
struct Drained {
    pings: u64,
    took: Duration,
    used: CpuTimes,
}

impl Drained {
    fn rate(&self) -> f64 {
        per_second(self.pings, self.took)
    }

    fn row(&self, name: &'static str, what: String) -> Row {
        Row::new(name, what, self.rate(), "pings/s").cpu(self.used, self.pings)
    }
}

/// Starts the worker on the pings of `people` that wait, all of them, and waits until they are merged. As durable as can be.
fn drain(stage: &mut Stage, people: &[Person]) -> Result<Drained, Failure> {
    stage.set_fsync(Fsync::Always)?;
    let pings = people::accepted(people);
    let before = stage.watched(Door::Real).cpu_times();
    let began = Instant::now();
    stage.start_worker()?;
    stage.wait_until_drained()?;
    let took = began.elapsed();
    let used = stage.watched(Door::Real).cpu_times() - before;
    stage.verify(people)?;
    Ok(Drained { pings, took, used })
}
