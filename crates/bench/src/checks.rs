//! What rate limits, and the checks of sessions since an older version, cost the door: one load on each, in turn, in many short rounds.

use testkit::runs::Failure;

use crate::figures::{median, number, ratio};
use crate::histogram::Histogram;
use crate::load::{self, Plan};
use crate::people::{self, Sending};
use crate::processes::CpuTimes;
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::{Person, Trackers};

/// Into how many rounds one of the other doors is divided: what disturbs the machine then disturbs every door.
const ROUNDS_EACH: u16 = 4;
/// What is left of the throughput, at least.
const LEFT: f64 = 0.9;
/// One ping a request, as long as the load lasts.
const ONE_BY_ONE: Sending = Sending {
    pings_per_request: 1,
    rounds: None,
};

/// A door, who sends to it, and what was measured of it.
struct Measured {
    door: Door,
    name: &'static str,
    what: &'static str,
    people: Vec<Person>,
    rounds: Vec<Round>,
}

/// One load on one door.
#[derive(Debug, Clone)]
struct Round {
    rate: f64,
    latency: Histogram,
    used: CpuTimes,
}

/// Compares the doors, each with as many people as connections.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    // Without an fsync, which would hide what the program costs.
    stage.set_fsync(Fsync::EverySecond)?;
    let mut doors = vec![
        Measured::new(
            stage,
            Door::Limited,
            "checks.on",
            "door, sessions checked, rates limited",
        )?,
        Measured::new(
            stage,
            Door::Real,
            "checks.unlimited",
            "door, sessions checked, no limits",
        )?,
    ];
    if stage.options.daybook_before.is_some() {
        let (name, what) = ("checks.before", "door of --daybook-before, without either");
        doors.push(Measured::new(stage, Door::Before, name, what)?);
    }
    let rounds = stage.options.door_rounds() * ROUNDS_EACH;
    for round in 0..rounds {
        say(&format!("checks, round {} of {rounds}", round + 1));
        let places = 0..doors.len();
        for place in places {
            // Who comes first changes, so that nobody gains by their place.
            let turn = (place + usize::from(round)) % doors.len();
            doors[turn].load(stage)?;
        }
    }
    tell(&doors, table)?;
    stage.start_worker()?;
    stage.wait_until_at_work()?;
    stage.stop_worker()?;
    for door in doors.iter().filter(|door| door.door != Door::Before) {
        stage.verify(&door.people)?;
    }
    Ok(())
}

fn tell(doors: &[Measured], table: &mut Table) -> Result<(), Failure> {
    let on = doors.first().ok_or_else(|| Failure::new("no door was measured"))?;
    for door in doors {
        let middle = median(&door.rounds, |round| round.rate).ok_or_else(|| Failure::new("no round was measured"))?;
        let mut latency = Histogram::default();
        for round in &door.rounds {
            latency.merge(&round.latency);
        }
        table.push(
            Row::new(
                door.name,
                format!("{}, AOF everysec", door.what),
                middle.rate,
                "pings/s",
            )
            .latency(&latency)
            .cpu(middle.used, middle.latency.count()),
        );
    }
    for (other, name, what, of) in doors.iter().skip(1).filter_map(|other| match other.door {
        Door::Before => Some((other, "checks.cost", "all of it", "of the door before")),
        Door::Real => Some((other, "checks.limits_cost", "rate limits", "of the door without limits")),
        Door::Bare | Door::Limited => None,
    }) {
        // Round by round, because what disturbs one door disturbs its neighbour.
        let mut ratios: Vec<f64> = (on.rounds.iter().zip(&other.rounds))
            .map(|(on, other)| ratio(on.rate, other.rate))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let left = median(&ratios, |ratio| *ratio).unwrap_or_default();
        let (least, most) = (ratios.first().unwrap_or(&0.0), ratios.last().unwrap_or(&0.0));
        let api_us = |door: &Measured| {
            let used: f64 = door.rounds.iter().map(|round| round.used.api.as_secs_f64()).sum();
            let count: u64 = door.rounds.iter().map(|round| round.latency.count()).sum();
            ratio(used * 1e6, number(count))
        };
        let what = format!(
            "what {what} costs a ping: {:+.2} µs of the API's {:.1}; the rate is {least:.2} to {most:.2} in {} rounds, in the middle",
            api_us(on) - api_us(other),
            api_us(on),
            ratios.len()
        );
        table.push(Row::new(name, what, left, of).against(left, of, Aim::MoreThan(LEFT)));
    }
    Ok(())
}

impl Measured {
    fn new(stage: &mut Stage, door: Door, name: &'static str, what: &'static str) -> Result<Self, Failure> {
        let count = u32::from(stage.options.connections);
        Ok(Self {
            door,
            name,
            what,
            people: people::with_trackers(&stage.new_people(count)?),
            rounds: Vec::new(),
        })
    }

    fn load(&mut self, stage: &mut Stage) -> Result<(), Failure> {
        let target = stage.door(self.door)?;
        let people = std::mem::take(&mut self.people);
        let trackers = match self.door {
            // They live for minutes, so each load gets its own.
            Door::Before => people
                .into_iter()
                .zip(stage.tokens_before()?)
                .map(|with_token| Trackers::new(vec![with_token], 1, u64::MAX))
                .collect(),
            _ => people::deal(people, stage.tokens(), stage.options.connections, ONE_BY_ONE)?,
        };
        let plan = stage.plan(target);
        let plan = Plan {
            warm_up: plan.warm_up / 2,
            measured: plan.measured / 2,
            ..plan
        };
        let watched = stage.watched(self.door);
        let outcome = load::run(plan, trackers, || watched.cpu_times())?.faultless(self.what)?;
        self.rounds.push(Round {
            rate: outcome.rate(),
            latency: outcome.latency.clone(),
            used: outcome.seen.1 - outcome.seen.0,
        });
        self.people = people::gather(outcome);
        Ok(())
    }
}
