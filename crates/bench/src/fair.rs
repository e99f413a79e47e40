//! What one heavy device does to how soon other people's pings are seen, and what a backlog does.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use domain::accounts::Caller;
use domain::time::{DAY_MS, UnixMs};

use crate::failure::Failure;
use crate::figures::{self, per_second, ratio};
use crate::fresh;
use crate::histogram::Histogram;
use crate::load::{self, Pace, Plan, Script};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};

/// How many ordinary people send.
const PEOPLE: u32 = 1_000;
/// How many pings a second they send together.
const OFFERED: f64 = 1_000.0;
/// For how many times as long as other loads these last: a 99th percentile wants more than a few pings.
const LOAD_TIMES: u32 = 4;
/// How many pings the heavy device sends at once: as many as it may.
const LIST: u64 = 1_000;
/// How long each of its pings is.
const PING_MS: i64 = 5_000;
/// After so many lists it begins again where it began, with other apps.
const LISTS: u64 = 400;
/// How long ago it begins.
const BEGIN_DAYS_AGO: i64 = 60;
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
    stage.start_worker()?;
    stage.wait_until_at_work()?;
    say("ordinary people alone");
    let (alone, _) = seen_under_load(stage, target, None)?;
    say("ordinary people beside one heavy device");
    let heavy = Heavy::new(stage)?;
    let (beside, sent) = seen_under_load(stage, target, Some(heavy))?;
    for (name, part, per_mille) in [("fair.p50", "p50", 500), ("fair.p99", "p99", 990)] {
        let (without, with) = (alone.quantile(per_mille), beside.quantile(per_mille));
        let what = format!(
            "from a ping to its user's report, {OFFERED:.0} pings/s of {PEOPLE} people, beside a device that sends {sent:.0} pings/s in lists of {LIST}, {part}"
        );
        table.push(Row::new(name, what, with.as_secs_f64(), "s").latency(&beside).against(
            ratio(with.as_secs_f64(), without.as_secs_f64()),
            "of what it takes without that device",
            Aim::AtMost(2.0),
        ));
    }
    measure_backlog(stage, target, table)
}

/// How long pings take to be seen while ordinary people send, and how many a second the heavy device got accepted.
fn seen_under_load(stage: &mut Stage, target: SocketAddr, heavy: Option<Heavy>) -> Result<(Histogram, f64), Failure> {
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
    let sent = heavy.map_or(Ok(0.0), |heavy| {
        let sent = heavy
            .join()
            .map_err(|_| Failure::new("the heavy device broke down"))??;
        Ok(sent)
    })?;
    stage.wait_until_drained()?;
    stage.verify(&people::gather(outcome))?;
    Ok((seen, sent))
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

/// A device that sends long lists as fast as they are answered: a fortnight and more in each round, again and again with other apps, so that each writes.
struct Heavy {
    authorization: String,
    begin: UnixMs,
    lists: u64,
    body: String,
}

impl Heavy {
    fn new(stage: &Stage) -> Result<Self, Failure> {
        let callers: Vec<Caller> = stage.new_people(1)?;
        let [caller] = callers.as_slice() else {
            return Err(Failure::new("nobody was made"));
        };
        Ok(Self {
            authorization: people::token(stage.tokens(), caller)?,
            begin: figures::now().day_start().plus_ms(-BEGIN_DAYS_AGO * DAY_MS),
            lists: 0,
            body: String::new(),
        })
    }

    /// Sends beside a load of this plan; in the end tells how many pings a second were accepted.
    fn send(self, beside: Plan) -> Result<JoinHandle<Result<f64, Failure>>, Failure> {
        let plan = Plan {
            pace: Pace::Closed,
            threads: 1,
            ..beside
        };
        let work = move || {
            let outcome = load::run(plan, vec![self], || ())?.faultless("the load of a heavy device")?;
            #[expect(clippy::cast_precision_loss, reason = "a thousand")]
            Ok(outcome.rate() * LIST as f64)
        };
        thread::Builder::new()
            .name("heavy".to_owned())
            .spawn(work)
            .map_err(Failure::because("could not start a thread for the heavy device"))
    }
}

impl Script for Heavy {
    fn next(&mut self, request: &mut Vec<u8>) -> bool {
        let round = self.lists / LISTS;
        let first = (self.lists % LISTS) * LIST;
        self.body.clear();
        self.body.push_str(r#"{"pings":"#);
        for ping in first..first + LIST {
            let start = self.begin.plus_ms(PING_MS * ping.cast_signed());
            let separator = if ping == first { '[' } else { ',' };
            let app = (ping + round) % 7;
            let end = start.plus_ms(PING_MS);
            // Writing to a string cannot fail.
            let _ = write!(
                self.body,
                r#"{separator}{{"app_name":"Heavy {round} {app}","start_time":"{start}","end_time":"{end}"}}"#
            );
        }
        self.body.push_str("]}");
        self.lists += 1;
        let head = format!(
            "POST /api/v1/usage/track HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.authorization,
            self.body.len()
        );
        request.extend(head.as_bytes());
        request.extend(self.body.as_bytes());
        true
    }

    fn answered(&mut self, status: u16, _: &[u8]) -> bool {
        status == 202
    }
}
