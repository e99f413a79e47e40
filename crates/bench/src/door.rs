//! How many pings the door takes: bare, and durable with either policy of Redis, in turn, because machines are noisy.

use testkit::runs::Failure;

use crate::figures::{median, ratio};
use crate::histogram::Histogram;
use crate::load;
use crate::people::{self, Sending};
use crate::processes::CpuTimes;
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};
use crate::tracker::Person;

/// How many people send.
pub const PEOPLE: u32 = 1_000;
/// One ping a request, as long as the load lasts.
const ONE_BY_ONE: Sending = Sending {
    pings_per_request: 1,
    rounds: None,
};

/// What became of the load on the doors.
#[derive(Debug)]
pub struct Doors {
    /// The people, all of whose accepted pings are in the queue or merged.
    pub people: Vec<Person>,
    /// Pings a second with each policy.
    pub everysec: f64,
    /// Likewise, forced to disk before the answer.
    pub always: f64,
}

/// One load on one door.
#[derive(Debug, Clone)]
struct Measured {
    rate: f64,
    /// Of the bare door's rate, measured right before.
    of_bare: f64,
    latency: Histogram,
    used: CpuTimes,
}

/// Measures the doors in turn, and leaves what they took in the queue.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<Doors, Failure> {
    let callers = stage.new_people(PEOPLE)?;
    let mut people = people::with_trackers(&callers);
    let (mut bare, mut everysec, mut always) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=stage.options.door_rounds() {
        say(&format!("door, round {round} of {}", stage.options.door_rounds()));
        // What the bare door takes is thrown away, so nobody gets on by it.
        let (measured, _) = load_door(stage, Door::Bare, people.clone())?;
        let ceiling = measured.rate;
        bare.push(measured);
        for (fsync, results) in [(Fsync::EverySecond, &mut everysec), (Fsync::Always, &mut always)] {
            stage.set_fsync(fsync)?;
            let (measured, sent) = load_door(stage, Door::Real, people)?;
            people = sent;
            results.push(Measured {
                of_bare: ratio(measured.rate, ceiling),
                ..measured
            });
        }
    }
    let row = |name, what: &str, of: &[Measured]| {
        let middle = median(of, |measured| measured.rate).ok_or_else(|| Failure::new("no round was measured"))?;
        let row = Row::new(name, what, middle.rate, "pings/s")
            .latency(&middle.latency)
            .cpu(middle.used, middle.latency.count());
        Ok::<_, Failure>((middle.rate, row))
    };
    let of_bare = |of: &[Measured]| median(of, |measured| measured.of_bare).map_or(0.0, |middle| middle.of_bare);

    let (_, bare_row) = row("door.bare", "bare door: token check and parsing, no queue", &bare)?;
    let (everysec_rate, everysec_row) = row("door.everysec", "door, AOF everysec", &everysec)?;
    let (always_rate, always_row) = row("door.always", "door, AOF always", &always)?;
    table.push(bare_row);
    table.push(everysec_row.against(of_bare(&everysec), "of the bare door", Aim::AtLeast(0.7)));
    table.push(always_row.against(of_bare(&always), "of the bare door", Aim::AtLeast(0.4)));
    Ok(Doors {
        people,
        everysec: everysec_rate,
        always: always_rate,
    })
}

fn load_door(stage: &mut Stage, door: Door, people: Vec<Person>) -> Result<(Measured, Vec<Person>), Failure> {
    let target = stage.door(door)?;
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, ONE_BY_ONE)?;
    let watched = stage.watched(door);
    let outcome = load::run(stage.plan(target), trackers, || watched.cpu_times())?.faultless("a load on the door")?;
    let measured = Measured {
        rate: outcome.rate(),
        of_bare: 1.0,
        latency: outcome.latency.clone(),
        used: outcome.seen.1 - outcome.seen.0,
    };
    Ok((measured, people::gather(outcome)))
}
