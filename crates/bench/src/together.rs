//! Accepting and merging at the same time, as fast as the door takes it, and the memory of the programs while they do.

use std::time::Instant;

use testkit::runs::Failure;

use crate::figures::{number, per_second};
use crate::load;
use crate::people::{self, Sending};
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::Person;

/// How many people send.
const PEOPLE: u32 = 10_000;
/// One ping a request, as long as the load lasts.
const ONE_BY_ONE: Sending = Sending {
    pings_per_request: 1,
    rounds: None,
};
/// A megabyte.
const MB: u64 = 1_000_000;

/// Loads API and worker together.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    say("accepting and merging together");
    stage.set_fsync(Fsync::Always)?;
    let callers = stage.new_people(PEOPLE)?;
    let target = stage.door(Door::Real)?;
    stage.start_worker()?;
    stage.wait_until_at_work()?;
    let people = people::with_trackers(&callers);
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, ONE_BY_ONE)?;

    let watched = stage.watched(Door::Real);
    let began = Instant::now();
    let look = || (watched.cpu_times(), stage.resident());
    let outcome = load::run(stage.plan(target), trackers, look)?.faultless("a load on door and worker")?;
    stage.wait_until_drained()?;
    let took = began.elapsed();

    let rate = outcome.rate();
    let latency = outcome.latency.clone();
    let ((cpu_before, _), (cpu_after, at_full_load)) = &outcome.seen;
    let used = *cpu_after - *cpu_before;
    let (api, worker) = at_full_load.as_ref().map_err(|error| Failure::new(error.to_string()))?;
    let (api, worker) = (*api, *worker);
    let people = people::gather(outcome);
    stage.verify(&people)?;
    let (api_after, worker_after) = stage.resident()?;

    let what = format!("door while the worker merges, AOF always, {PEOPLE} people");
    table.push(
        Row::new("together.accepted", what, rate, "pings/s")
            .latency(&latency)
            .cpu(used, latency.count()),
    );
    let merged = per_second(people::accepted(&people), took);
    table.push(Row::new(
        "together.merged",
        "merged, from the start of that load to the last merge",
        merged,
        "pings/s",
    ));

    for (name, when, api, worker) in [
        ("memory.load", "at full load", api.now, worker.now),
        (
            "memory.peak",
            "at most since they started",
            api_after.peak,
            worker_after.peak,
        ),
    ] {
        let what = format!("memory {when}, API {} MB + worker {} MB", api / MB, worker / MB);
        let together = number(api + worker) / number(MB);
        table.push(Row::new(name, what, together, "MB").against(together, "MB", Aim::AtMost(150.0)));
    }
    Ok(())
}

/// At how many pings a second `people`, who come back, are taken and merged at most: counted from the first ping to the last merge.
pub fn most(stage: &mut Stage, people: Vec<Person>) -> Result<(f64, Vec<Person>), Failure> {
    say("the most that is taken and merged together");
    let target = stage.door(Door::Real)?;
    stage.start_worker()?;
    stage.wait_until_at_work()?;
    let before = people::accepted(&people);
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, ONE_BY_ONE)?;
    let began = Instant::now();
    let outcome = load::run(stage.plan(target), trackers, || ())?.faultless("a load on door and worker")?;
    stage.wait_until_drained()?;
    let took = began.elapsed();
    let people = people::gather(outcome);
    Ok((per_second(people::accepted(&people) - before, took), people))
}
