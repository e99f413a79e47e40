//! Whether pings are merged as they are taken, for as long as it takes to see: the backlog, the age of the oldest, the memory, and at the end everybody's timeline.

mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testkit::runs::Failure;

use crate::chart::{Axis, Chart, Line, Scale};
use crate::figures::{number, per_second, ratio, slope};
use crate::histogram::Histogram;
use crate::load::{self, Outcome, Pace, Plan};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};
use crate::together;
use crate::tracker::{Person, Trackers};

use watch::{Seen, Watch};

/// What must be known to read the table.
pub const NOTE: &str = "Pings are due at a set rate whatever became of those before, and latency counts from that instant. The backlog is what was accepted and is not yet in the timeline; growth is the slope of a \
    line through what was seen, leaving out the first fifth. At the end, everybody's stored timeline was equal to what had been accepted.";

/// How many people send.
const PEOPLE: u32 = 10_000;
/// Part of what can be taken and merged together that is sent.
const SENT: f64 = 0.7;
/// How long access tokens are used before new ones are made: they live five minutes, from before the first request.
const LEG: Duration = Duration::from_mins(4);
/// How long a quick run is.
const QUICK: Duration = Duration::from_secs(20);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The same in a quick run.
const LOOK_EVERY_QUICKLY: Duration = Duration::from_secs(2);
/// How often it is looked whether the load has ended.
const ENDED_EVERY: Duration = Duration::from_millis(50);
/// By what part of the rate the backlog may grow.
const GROWTH_PERCENT_MAX: f64 = 1.0;
/// By how many megabytes memory may grow in a minute.
const MB_A_MINUTE_MAX: f64 = 1.0;
/// A megabyte.
const MB: f64 = 1e6;

/// Sends for so many minutes, at a set rate or at one that this machine sustains.
pub fn measure(stage: &mut Stage, table: &mut Table, minutes: u64, rate: Option<u64>) -> Result<Vec<Chart>, Failure> {
    stage.set_fsync(Fsync::Always)?;
    let callers = stage.new_people(PEOPLE)?;
    let people = people::with_trackers(&callers);
    let (most, mut people) = together::most(stage, people)?;
    table.push(Row::new(
        "soak.most",
        "the most that is taken and merged together, AOF always",
        most,
        "pings/s",
    ));
    let rate = rate.map_or(most * SENT, number);
    let (lasts, look_every) = if stage.options.quick {
        (QUICK, LOOK_EVERY_QUICKLY)
    } else {
        (Duration::from_mins(minutes), LOOK_EVERY)
    };
    say(&format!("soak, {rate:.0} pings/s due for {} s", lasts.as_secs()));
    let accepted = Arc::new(AtomicU64::new(people::accepted(&people)));
    let mut watch = Watch::begin(&callers, Arc::clone(&accepted), look_every);
    let mut latency = Histogram::default();
    let mut left = lasts;
    while !left.is_zero() {
        let leg = left.min(LEG);
        left -= leg;
        let trackers = trackers(stage, people, &accepted)?;
        let playing = play(stage, trackers, (rate, leg))?;
        while !playing.is_finished() {
            thread::sleep(ENDED_EVERY);
            watch.look_if_due(stage)?;
        }
        let outcome = playing.join().map_err(|_| Failure::new("the load broke down"))??;
        let outcome = outcome.faultless("a load on door and worker")?;
        latency.merge(&outcome.latency);
        people = people::gather(outcome);
    }
    stage.wait_until_drained()?;
    stage.verify(&people)?;
    judge(table, watch.seen(), &latency, (rate, lasts));
    Ok(charts(watch.seen()))
}

fn trackers(stage: &Stage, people: Vec<Person>, accepted: &Arc<AtomicU64>) -> Result<Vec<Trackers>, Failure> {
    let sending = Sending {
        pings_per_request: 1,
        rounds: None,
    };
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, sending)?.into_iter();
    Ok(trackers.map(|tracker| tracker.counting(Arc::clone(accepted))).collect())
}

type Playing = JoinHandle<Result<Outcome<Trackers, ()>, Failure>>;

fn play(stage: &mut Stage, trackers: Vec<Trackers>, (rate, lasts): (f64, Duration)) -> Result<Playing, Failure> {
    let target = stage.door(Door::Real)?;
    let of = u32::try_from(trackers.len()).unwrap_or(u32::MAX);
    let plan = Plan {
        warm_up: Duration::ZERO,
        measured: lasts,
        pace: Pace::Open {
            every: Duration::from_secs_f64(f64::from(of) / rate.max(1.0)),
            of,
        },
        ..stage.plan(target)
    };
    thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || load::run(plan, trackers, || ()))
        .map_err(Failure::because("could not start a thread for the load"))
}

/// The rows, from what was seen.
fn judge(table: &mut Table, seen: &[Seen], latency: &Histogram, (rate, lasts): (f64, Duration)) {
    let kept_up = per_second(latency.count(), lasts);
    let row = Row::new(
        "soak.accepted",
        format!("accepted while merging, {rate:.0} pings/s due"),
        kept_up,
        "pings/s",
    );
    table.push(
        row.latency(latency)
            .against(ratio(kept_up, rate), "of what was due", Aim::AtLeast(0.99)),
    );

    let settled = &seen[seen.len() / 5..];
    let line = |figure: &dyn Fn(&Seen) -> f64| -> Vec<(f64, f64)> {
        settled
            .iter()
            .map(|seen| (seen.at.as_secs_f64(), figure(seen)))
            .collect()
    };
    let growth = 100.0 * ratio(slope(&line(&|seen| number(seen.backlog()))), rate);
    let most = seen.iter().map(Seen::backlog).max().unwrap_or(0);
    let what = format!("growth of the backlog, which had {most} pings at most");
    let row = Row::new("soak.backlog", what, growth, "% of the rate");
    table.push(row.against(growth, "% of the rate", Aim::AtMost(GROWTH_PERCENT_MAX)));

    let oldest = seen.iter().map(|seen| seen.oldest).max().unwrap_or_default();
    table.push(Row::new(
        "soak.oldest",
        "age of the oldest in the queue, at most",
        oldest.as_secs_f64(),
        "s",
    ));

    let bytes = |seen: &Seen| number(seen.api_bytes + seen.worker_bytes) / MB;
    let growth = 60.0 * slope(&line(&bytes));
    let row = Row::new(
        "soak.memory.growth",
        "growth of memory, API and worker",
        growth,
        "MB a minute",
    );
    table.push(row.against(growth, "MB a minute", Aim::AtMost(MB_A_MINUTE_MAX)));
    let most = seen.iter().map(bytes).fold(0.0, f64::max);
    let row = Row::new("soak.memory", "memory of API and worker together, at most", most, "MB");
    table.push(row.against(most, "MB", Aim::AtMost(150.0)));
}

/// The backlog with the age of its oldest, and memory.
fn charts(seen: &[Seen]) -> Vec<Chart> {
    let line = |name: &str, colour: usize, figure: &dyn Fn(&Seen) -> f64| Line {
        name: name.to_owned(),
        colour,
        dashed: false,
        points: seen
            .iter()
            .map(|seen| (seen.at.as_secs_f64() / 60.0, figure(seen)))
            .collect(),
    };
    let chart = |title: &str, unit: &'static str, lines: Vec<Line>| Chart {
        title: title.to_owned(),
        x: Axis::new("minutes", Scale::Linear),
        y: Axis::new(unit, Scale::Linear),
        lines,
    };
    vec![
        chart(
            "Accepted and not yet merged",
            "pings",
            vec![line("backlog", 0, &|seen| number(seen.backlog()))],
        ),
        chart(
            "Memory",
            "MB",
            vec![
                line("API", 0, &|seen| number(seen.api_bytes) / MB),
                line("worker", 1, &|seen| number(seen.worker_bytes) / MB),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(secs: u64, accepted: u64, merged: u64, bytes: u64) -> Seen {
        Seen {
            at: Duration::from_secs(secs),
            accepted,
            merged,
            oldest: Duration::from_millis(20),
            api_bytes: bytes,
            worker_bytes: 0,
        }
    }

    fn met(growing: u64, bytes: u64) -> Vec<(String, bool)> {
        let seen: Vec<_> = (0..10)
            .map(|n| seen(n * 30, n * 30_000, n * (30_000 - growing), n * bytes))
            .collect();
        let mut table = Table::default();
        let mut latency = Histogram::default();
        (0..1_000).for_each(|_| latency.record(Duration::from_millis(1)));
        judge(&mut table, &seen, &latency, (1_000.0, Duration::from_secs(1)));
        let judged = table.rows.into_iter();
        judged
            .filter_map(|row| Some((row.name.into_owned(), row.against?.met)))
            .collect()
    }

    #[test]
    fn a_backlog_or_a_memory_that_grows_is_told() {
        let named = |name: &str, of: Vec<(String, bool)>| of.into_iter().find(|(of, _)| of == name).map(|(_, met)| met);
        assert!(met(0, 0).iter().all(|(_, met)| *met), "{:?}", met(0, 0));
        assert_eq!(named("soak.backlog", met(600, 0)), Some(false));
        assert_eq!(named("soak.memory.growth", met(0, 1_000_000)), Some(false));
        assert_eq!(named("soak.memory.growth", met(600, 0)), Some(true));
    }

    #[test]
    fn what_was_seen_is_drawn() {
        let charts = charts(&[seen(0, 5, 5, 0), seen(60, 10, 8, 2_000_000)]);
        let lines: Vec<_> = charts.iter().flat_map(|chart| &chart.lines).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].points, [(0.0, 0.0), (1.0, 2.0)]);
        assert_eq!(lines[1].points[1], (1.0, 2.0));
    }
}
