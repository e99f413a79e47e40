//! What one heavy device does to how soon other people's pings are seen, and what a backlog does.

mod heavy;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use ports::usage::Books;
use testkit::runs::Failure;

use crate::figures::{per_second, ratio};
use crate::fresh;
use crate::histogram::Histogram;
use crate::load::{self, Pace, Plan};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};

use heavy::{Heavy, LIST};

/// How many ordinary people send.
const PEOPLE: u32 = 1_000;
/// How many pings a second they send together.
const OFFERED: f64 = 1_000.0;
/// How often they are measured without the heavy device and with it, in turn: whatever else the machine does meets both.
const TURNS: u32 = 2;
/// For how many times as long as other loads each turn lasts: a 99th percentile wants more than a few pings.
const LOAD_TIMES: u32 = 2;
/// An hour of pings of each person, in lists that count as live.
const AN_HOUR: Sending = Sending {
    pings_per_request: 90,
    rounds: Some(8),
};
/// How long it may take to put that into the queue.
const FILL_MAX: Duration = Duration::from_mins(5);
/// How much older than new pings those that wait must be before the new ones are taken first (`adapters::redis::Taking`), and a little more.
const OLD: Duration = Duration::from_secs(11);

/// Follows pings of people who do nothing else, beside ordinary load, then beside a heavy device as well, then with a backlog.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    stage.set_fsync(Fsync::Always)?;
    let target = stage.door(Door::Real)?;
    let (mut alone, mut beside) = (Histogram::default(), Histogram::default());
    let mut burden = Burden::default();
    for turn in 1..=TURNS {
        say(&format!("ordinary people alone, {turn} of {TURNS}"));
        let ordinary = seen_under_load(stage, target, None)?;
        alone.merge(&ordinary.seen);
        say(&format!("ordinary people beside one heavy device, {turn} of {TURNS}"));
        beside.merge(&seen_beside(stage, target, &mut burden)?);
    }
    judge(table, &alone, &beside, &burden);
    measure_backlog(stage, target, table)
}

/// What a heavy device sent in all turns, and what of it was merged meanwhile.
#[derive(Debug, Default)]
struct Burden {
    accepted: u64,
    merged: u64,
    took: Duration,
}

/// The rows, of people without a heavy device and beside one.
fn judge(table: &mut Table, alone: &Histogram, beside: &Histogram, burden: &Burden) {
    let sent = per_second(burden.accepted, burden.took);
    let device = format!("the same beside a device that sends {sent:.0} pings/s in lists of {LIST}");
    let merged = per_second(burden.merged, burden.took);
    let ordinary = format!("from a ping to its user's report, {OFFERED:.0} pings/s of {PEOPLE} people");
    for (alone_name, beside_name, part, per_mille) in [
        ("fair.alone.p50", "fair.p50", "p50", 500),
        ("fair.alone.p99", "fair.p99", "p99", 990),
    ] {
        let (without, with) = (
            alone.quantile(per_mille).as_secs_f64(),
            beside.quantile(per_mille).as_secs_f64(),
        );
        table.push(Row::new(alone_name, format!("{ordinary}, {part}"), without, "s").latency(alone));
        let row = Row::new(beside_name, format!("{device}, {part}"), with, "s").latency(beside);
        table.push(row.against(
            ratio(with, without),
            "of what it takes without that device",
            Aim::AtMost(2.0),
        ));
    }
    table.push(Row::new(
        "fair.heavy",
        "merged meanwhile of that device",
        merged,
        "pings/s",
    ));
}

/// A load of ordinary people that has ended, all of it merged.
struct Ordinary {
    /// How long pings took to be seen.
    seen: Histogram,
    /// How many were accepted, those that were followed included.
    accepted: u64,
    /// The heavy device that sent beside them, if one did.
    heavy: Option<Heavy>,
}

/// How long pings take to be seen while ordinary people send, and `heavy` beside them. What the heavy device left in the bulk lanes stays there.
fn seen_under_load(stage: &mut Stage, target: SocketAddr, heavy: Option<Heavy>) -> Result<Ordinary, Failure> {
    stage.start_worker()?;
    stage.wait_until_at_work()?;
    let callers = stage.new_people(PEOPLE)?;
    let connections = stage.options.connections;
    let plan = stage.plan(target);
    let plan = Plan {
        measured: plan.measured * LOAD_TIMES,
        pace: Pace::Open {
            every: Duration::from_secs_f64(f64::from(connections) / OFFERED),
            of: connections.into(),
        },
        ..plan
    };
    let sending = Sending {
        pings_per_request: 1,
        rounds: None,
    };
    let trackers = people::deal(people::with_trackers(&callers), stage.tokens(), connections, sending)?;
    let following = fresh::follow_beside(stage, target, plan)?;
    let heavy = heavy.map(|heavy| heavy.send(plan)).transpose()?;
    let outcome = load::run(plan, trackers, || ())?.faultless("the load of ordinary people")?;
    let seen = fresh::joined(following)?;
    let heavy = heavy.map(heavy::joined).transpose()?;
    stage.wait_until_live_is_drained()?;
    let people = people::gather(outcome);
    stage.verify(&people)?;
    Ok(Ordinary {
        accepted: people::accepted(&people) + seen.count(),
        seen,
        heavy,
    })
}

/// How long pings take to be seen beside a heavy device. What of it is merged by then is compared and the rest counted and thrown away: it may be more than is
/// merged in hours.
fn seen_beside(stage: &mut Stage, target: SocketAddr, burden: &mut Burden) -> Result<Histogram, Failure> {
    let heavy = Heavy::new(stage)?;
    let before = stage.books()?;
    let began = Instant::now();
    let ordinary = seen_under_load(stage, target, Some(heavy))?;
    stage.stop_worker()?;
    let took = began.elapsed();
    let heavy = ordinary.heavy.ok_or_else(|| Failure::new("the heavy device is gone"))?;
    let waits = waiting(before, stage.books()?, ordinary.accepted + heavy.accepted())?;
    // All others' pings are merged, so what waits is of the heavy device.
    let merged = heavy.accepted().saturating_sub(waits);
    heavy.verify(stage, merged)?;
    stage.clear_queue()?;
    burden.accepted += heavy.accepted();
    burden.merged += merged;
    burden.took += took;
    Ok(ordinary.seen)
}

/// How many pings wait, where the books say that of `accepted` ones each waits or is merged, and that none waited before.
fn waiting(before: Books, after: Books, accepted: u64) -> Result<u64, Failure> {
    let expected = Books {
        received: before.received + accepted,
        merged: before.merged + accepted.saturating_sub(after.in_flight),
        in_flight: after.in_flight,
        ..before
    };
    if before.in_flight == 0 && after == expected {
        return Ok(after.in_flight);
    }
    Err(Failure::new(format!(
        "{accepted} pings were accepted between these books: {before:?} and {after:?}"
    )))
}

/// Leaves an hour of pings in the queue, and follows new ones from the moment at which the worker starts.
fn measure_backlog(stage: &mut Stage, target: SocketAddr, table: &mut Table) -> Result<(), Failure> {
    say("new pings while an hour's backlog waits");
    stage.stop_worker()?;
    let callers = stage.new_people(stage.options.scaled(PEOPLE))?;
    let plan = stage.plan(target);
    let people = people::with_trackers(&callers);
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, AN_HOUR)?;
    let fill = Plan {
        warm_up: Duration::ZERO,
        measured: FILL_MAX,
        ..plan
    };
    let outcome = load::run(fill, trackers, || ())?.faultless("filling the queue")?;
    let people = people::gather(outcome);
    thread::sleep(OLD);
    let began = Instant::now();
    stage.start_worker()?;
    let at_once = Plan {
        warm_up: Duration::ZERO,
        ..plan
    };
    let following = fresh::follow_beside(stage, target, at_once)?;
    stage.wait_until_drained()?;
    let drained = per_second(people::accepted(&people), began.elapsed());
    let seen = fresh::joined(following)?;
    stage.wait_until_drained()?;
    stage.verify(&people)?;
    let what = format!(
        "from a ping to its user's report, from the start of a worker that finds {} pings of the last hour, merged at {drained:.0} pings/s, p99",
        people::accepted(&people)
    );
    let p99 = seen.quantile(990).as_secs_f64();
    table.push(Row::new("fair.backlog", what, p99, "s").latency(&seen));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(received: u64, merged: u64, in_flight: u64) -> Books {
        Books {
            received,
            merged,
            in_flight,
            ..Books::default()
        }
    }

    #[test]
    fn what_waits_is_told_where_nothing_is_lost() {
        let before = books(10, 10, 0);
        assert_eq!(waiting(before, books(110, 80, 30), 100).ok(), Some(30));
        for (lost, after) in [
            ("one was not kept", books(109, 79, 30)),
            ("one was kept twice", books(111, 81, 30)),
            ("one is neither merged nor waits", books(110, 79, 30)),
            (
                "one is a dead letter",
                Books {
                    dead: 1,
                    ..books(110, 79, 30)
                },
            ),
        ] {
            assert!(waiting(before, after, 100).is_err(), "{lost}");
        }
        assert!(
            waiting(books(10, 9, 1), books(110, 80, 30), 100).is_err(),
            "one waited before"
        );
    }

    #[test]
    fn people_who_wait_more_than_twice_as_long_beside_the_device_are_told() {
        let took = |ms: u64| {
            let mut histogram = Histogram::default();
            (0..100).for_each(|_| histogram.record(Duration::from_millis(ms)));
            histogram
        };
        let burden = Burden {
            accepted: 100_000,
            merged: 20_000,
            took: Duration::from_secs(2),
        };
        for (beside, met) in [(19, true), (22, false)] {
            let mut table = Table::default();
            judge(&mut table, &took(10), &took(beside), &burden);
            let judged: Vec<_> = table.rows.iter().filter_map(|row| row.against.as_ref()).collect();
            assert_eq!(judged.len(), 2);
            assert!(judged.iter().all(|against| against.met == met), "{beside} ms");
        }
    }
}
