//! Sign-ins: whether the time of a refused one tells who has an account, how many a node does, and what a burst of them does to pings.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use adapters::ambient::SystemIds;
use domain::accounts::Caller;
use ports::Ids;
use testkit::runs::Failure;

use crate::histogram::Histogram;
use crate::http::Connection;
use crate::load::{self, Outcome, Pace, Plan};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::samples::{mann_whitney_p, median_difference_ms, median_ms, numbers};
use crate::sign_in::{self, SignIns, WRONG_PASSWORD};
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};

/// How many sign-ins of each kind are compared.
const PAIRS: u32 = 1_000;
/// How many go before, so that everything is warm.
const WARM_UP: u32 = 20;
/// Samples of one distribution are told apart by mistake in one run of a hundred.
const LEVEL: f64 = 0.01;
/// From how many connections people sign in.
const SIGNING_IN: usize = 16;
/// How many people sign in again and again.
const PEOPLE: u32 = 160;
/// How many people send pings meanwhile.
const SENDING: u32 = 1_000;
/// How many pings a second they send: few enough that what delays them is the burst alone.
const PINGS_PER_SEC: u32 = 1_000;
/// One ping a request, as long as the load lasts.
const ONE_BY_ONE: Sending = Sending {
    pings_per_request: 1,
    rounds: None,
};

/// How long refused sign-ins took.
#[derive(Debug, Default)]
pub struct Refused {
    /// With an address that nobody has.
    pub unknown: Vec<Duration>,
    /// With the address of somebody and not their password.
    pub wrong: Vec<Duration>,
}

/// Measures all of it on the door as it is.
pub fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    stage.set_fsync(Fsync::Always)?;
    let target = stage.door(Door::Real)?;
    told_apart(stage, table, target)?;
    burst(stage, table, target)
}

fn told_apart(stage: &Stage, table: &mut Table, target: SocketAddr) -> Result<(), Failure> {
    let pairs = stage.options.scaled(PAIRS);
    say(&format!("refused sign-ins, {pairs} of each kind"));
    let callers = with_password(stage, WARM_UP + pairs)?;
    let (warm_up, measured) = callers.split_at(WARM_UP as usize);
    let (runtime, _) = stage.database();
    let seed = seed()?;
    runtime.block_on(refused(target, warm_up, numbers(seed)))?;
    let Refused { unknown, wrong } = runtime.block_on(refused(target, measured, numbers(seed + 1)))?;

    for (name, what, times) in [
        ("auth.unknown", "refused sign-in, an address that nobody has", &unknown),
        ("auth.wrong", "refused sign-in, a wrong password", &wrong),
    ] {
        let mut latency = Histogram::default();
        for time in times {
            latency.record(*time);
        }
        table.push(Row::new(name, format!("{what}, p50"), median_ms(times.clone()), "ms").latency(&latency));
    }
    let p = mann_whitney_p(&unknown, &wrong);
    let (difference, low, high) = median_difference_ms(&wrong, &unknown, numbers(seed + 2));
    let what = format!(
        "the two, {pairs} of each in random order: Mann-Whitney U; a wrong password's median is {difference:+.3} ms off (95 %: {low:+.3} to {high:+.3})"
    );
    let row = Row::new("auth.apart", what, p, "p");
    table.push(row.against(p, "p, where less tells them apart", Aim::AtLeast(LEVEL)));
    Ok(())
}

/// Signs in as each of `people` with a wrong password, beside as many whom nobody knows: one after the other, which first is drawn by lot. Each comes from
/// an address of its own and fails once, so nobody is made to wait.
pub async fn refused(target: SocketAddr, people: &[Caller], mut next: impl FnMut() -> u64) -> Result<Refused, Failure> {
    let failed = || Failure::because("could not sign in to be refused");
    let mut connection = Connection::open(target).await.map_err(failed())?;
    let mut times = Refused::default();
    for (place, caller) in (0..).zip(people) {
        let nobody = format!("{}@example.org", SystemIds.new_id());
        let unknown = sign_in::request(&nobody, WRONG_PASSWORD, 2 * place);
        let wrong = sign_in::request(&sign_in::email(caller), WRONG_PASSWORD, 2 * place + 1);
        let mut both = [(&unknown, &mut times.unknown), (&wrong, &mut times.wrong)];
        if next() & 1 == 1 {
            both.reverse();
        }
        for (request, times) in both {
            let asked = Instant::now();
            let answer = connection.exchange(request).await.map_err(failed())?;
            times.push(asked.elapsed());
            if answer.status != 401 {
                let said = String::from_utf8_lossy(answer.body);
                return Err(Failure::new(format!(
                    "a sign-in was answered with {}: {said}",
                    answer.status
                )));
            }
        }
    }
    Ok(times)
}

fn burst(stage: &mut Stage, table: &mut Table, target: SocketAddr) -> Result<(), Failure> {
    say("sign-ins, alone and beside pings");
    let people = with_password(stage, PEOPLE)?;
    let plan = stage.plan(target);
    let watched = stage.watched(Door::Real);
    let alone = load::run(plan, SignIns::deal(&people, SIGNING_IN), || watched.cpu_times())?.faultless("sign-ins")?;
    let row = Row::new("auth.rate", "sign-ins on a node", alone.rate(), "sign-ins/s").latency(&alone.latency);
    table.push(row.cpu(alone.seen.1 - alone.seen.0, alone.latency.count()));

    let quiet = pings(stage, plan)?;
    let beside = thread::Builder::new()
        .name("sign-ins".to_owned())
        .spawn(move || load::run(plan, SignIns::deal(&people, SIGNING_IN), || ()))
        .map_err(Failure::because("could not start a thread to sign in"))?;
    let busy = pings(stage, plan)?;
    let signed_in = beside
        .join()
        .map_err(|_| Failure::new("signing in broke down"))??
        .faultless("sign-ins beside pings")?;
    let p99 = |outcome: &Outcome<_, ()>| outcome.latency.quantile(990).as_secs_f64() * 1e3;
    let what = format!("pings, {PINGS_PER_SEC}/s due, nobody signs in, p99");
    table.push(Row::new("auth.pings_quiet", what, p99(&quiet), "ms").latency(&quiet.latency));
    let what = format!(
        "pings, {PINGS_PER_SEC}/s due, {SIGNING_IN} people sign in all the time, {:.0}/s, p99",
        signed_in.rate()
    );
    table.push(Row::new("auth.pings_busy", what, p99(&busy), "ms").latency(&busy.latency));

    stage.start_worker()?;
    stage.wait_until_at_work()?;
    stage.stop_worker()?;
    for outcome in [quiet, busy] {
        stage.verify(&people::gather(outcome))?;
    }
    Ok(())
}

fn pings(stage: &Stage, plan: Plan) -> Result<Outcome<crate::tracker::Trackers, ()>, Failure> {
    let people = people::with_trackers(&stage.new_people(SENDING)?);
    let trackers = people::deal(people, stage.tokens(), stage.options.connections, ONE_BY_ONE)?;
    let of = u32::from(stage.options.connections);
    let pace = Pace::Open {
        every: Duration::from_secs(1) * of / PINGS_PER_SEC,
        of,
    };
    load::run(Plan { pace, ..plan }, trackers, || ())?.faultless("pings beside sign-ins")
}

fn with_password(stage: &Stage, count: u32) -> Result<Vec<Caller>, Failure> {
    let callers = stage.new_people(count)?;
    let (runtime, client) = stage.database();
    runtime.block_on(sign_in::give_password(client, &callers))?;
    Ok(callers)
}

fn seed() -> Result<u64, Failure> {
    let mut seed = [0; 4];
    getrandom::fill(&mut seed).map_err(Failure::because("could not draw lots"))?;
    Ok(u32::from_le_bytes(seed).into())
}
