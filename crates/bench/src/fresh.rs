//! How long it takes until a ping is seen in its user's report, while the door is under half of the load that it can take.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use domain::accounts::Caller;
use testkit::runs::Failure;
use tokio::task::JoinSet;

use crate::door::Doors;
use crate::figures::{self, ratio};
use crate::histogram::Histogram;
use crate::http::{self, Connection};
use crate::load::{self, Pace, Plan};
use crate::people::{self, Sending};
use crate::progress::say;
use crate::stage::{Door, Fsync, Stage};
use crate::table::{Aim, Row, Table};

/// How many people make the load.
const PEOPLE: u32 = 10_000;
/// One ping a request, as long as the load lasts.
const ONE_BY_ONE: Sending = Sending {
    pings_per_request: 1,
    rounds: None,
};
/// How often a ping is followed.
const EVERY: Duration = Duration::from_millis(100);
/// For how many times as long as other loads this one lasts: a 99th percentile wants more than a few pings.
const LOAD_TIMES: u32 = 4;
/// How often the report is asked for while the ping is not in it.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// After this the ping counts as seen, and the aim as missed.
const SEEN_MAX: Duration = Duration::from_secs(20);
/// How long a followed ping is.
const PING_MS: i64 = 5_000;

/// What a thread that follows pings will tell.
pub(crate) type Following = JoinHandle<Result<Histogram, Failure>>;

/// Follows pings of people who do nothing else.
pub fn measure(stage: &mut Stage, table: &mut Table, doors: &Doors) -> Result<(), Failure> {
    say("freshness under half load");
    stage.set_fsync(Fsync::Always)?;
    let target = stage.door(Door::Real)?;
    stage.start_worker()?;
    let callers = stage.new_people(PEOPLE)?;
    stage.wait_until_at_work()?;

    let offered = doors.always / 2.0;
    let plan = half_load(stage, target, offered);
    let trackers = people::deal(
        people::with_trackers(&callers),
        stage.tokens(),
        stage.options.connections,
        ONE_BY_ONE,
    )?;
    let watched = stage.watched(Door::Real);
    let following = follow_beside(stage, target, plan)?;
    let outcome = load::run(plan, trackers, || watched.cpu_times())?.faultless("half load")?;
    let seen = joined(following)?;
    stage.wait_until_drained()?;

    let (rate, latency) = (outcome.rate(), outcome.latency.clone());
    let used = outcome.seen.1 - outcome.seen.0;
    stage.verify(&people::gather(outcome))?;
    let p99 = seen.quantile(990).as_secs_f64();
    let what = format!(
        "from a ping to its user's report, half load, AOF always, {} pings, p99",
        seen.count()
    );
    table.push(
        Row::new("fresh", what, p99, "s")
            .latency(&seen)
            .against(p99, "s", Aim::AtMost(1.0)),
    );
    // Where the door does not keep up with what is due, the row above was measured under more than it can take.
    let kept_up = ratio(rate, offered);
    let what = format!("door under that load, {offered:.0} pings/s due");
    let row = Row::new("fresh.load", what, rate, "pings/s")
        .latency(&latency)
        .cpu(used, latency.count());
    table.push(row.against(kept_up, "of what was due", Aim::AtLeast(0.95)));
    Ok(())
}

/// Follows pings of new people while a load of this plan is measured.
pub(crate) fn follow_beside(stage: &Stage, target: SocketAddr, plan: Plan) -> Result<Following, Failure> {
    let followed = plan.measured.as_millis() / EVERY.as_millis();
    let followers = followers(stage, u32::try_from(followed).unwrap_or(u32::MAX))?;
    thread::Builder::new()
        .name("followers".to_owned())
        .spawn(move || follow(followers, target, plan.warm_up))
        .map_err(Failure::because("could not start a thread to follow pings"))
}

/// How long they took to be seen.
pub(crate) fn joined(following: Following) -> Result<Histogram, Failure> {
    following
        .join()
        .map_err(|_| Failure::new("following pings broke down"))?
}

fn half_load(stage: &Stage, target: SocketAddr, offered: f64) -> Plan {
    let of = u32::from(stage.options.connections);
    let plan = stage.plan(target);
    Plan {
        measured: plan.measured * LOAD_TIMES,
        pace: Pace::Open {
            every: Duration::from_secs_f64(f64::from(of) / offered.max(1.0)),
            of,
        },
        ..plan
    }
}

/// A person whose one ping is followed.
struct Follower {
    /// Their requests' header lines.
    authorization: String,
    /// The app of their ping, and of no other.
    app_name: String,
}

fn followers(stage: &Stage, count: u32) -> Result<Vec<Follower>, Failure> {
    let callers = stage.new_people(count)?;
    let follower = |(number, caller): (u32, &Caller)| {
        let token = people::token(stage.tokens(), caller)?;
        Ok(Follower {
            authorization: format!("Host: bench\r\nAuthorization: Bearer {token}\r\n"),
            app_name: format!("Followed {number}."),
        })
    };
    (0..).zip(&callers).map(follower).collect()
}

/// Sends each follower's ping when it is due, whatever became of those before, and measures how long it takes until their report shows it.
fn follow(followers: Vec<Follower>, target: SocketAddr, after: Duration) -> Result<Histogram, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::because("could not start the runtime of the followers"))?;
    runtime.block_on(async {
        let begin = Instant::now() + after;
        let mut following = JoinSet::new();
        for (number, follower) in (0..).zip(followers) {
            let due = begin + EVERY * number;
            following.spawn(async move {
                tokio::time::sleep_until(due.into()).await;
                follower.follow(target).await
            });
        }
        let mut seen = Histogram::default();
        while let Some(followed) = following.join_next().await {
            let followed = followed.map_err(Failure::because("following a ping broke down"))?;
            seen.record(followed?);
        }
        Ok(seen)
    })
}

impl Follower {
    /// How long it takes from sending the ping until the report shows it.
    async fn follow(self, target: SocketAddr) -> Result<Duration, Failure> {
        let failed = || Failure::because(format!("could not follow the ping of {}", self.app_name));
        let mut connection = Connection::open(target).await.map_err(failed())?;
        let (track, report) = (self.track(), self.report());
        let sent = Instant::now();
        let answer = connection.exchange(track.as_bytes()).await.map_err(failed())?;
        if answer.status != 202 {
            let body = String::from_utf8_lossy(answer.body);
            return Err(Failure::new(format!(
                "a followed ping was answered {} {body}",
                answer.status
            )));
        }
        while sent.elapsed() < SEEN_MAX {
            let answer = connection.exchange(report.as_bytes()).await.map_err(failed())?;
            if answer.status != 200 {
                let body = String::from_utf8_lossy(answer.body);
                return Err(Failure::new(format!("a report was answered {} {body}", answer.status)));
            }
            if http::holds(answer.body, self.app_name.as_bytes()) {
                return Ok(sent.elapsed());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(SEEN_MAX)
    }

    /// The request that sends the ping: of the moments before it is due, as a tracker's are.
    fn track(&self) -> String {
        let end = figures::now();
        let body = format!(
            r#"{{"app_name":"{}","start_time":"{}","end_time":"{end}","seq":1}}"#,
            self.app_name,
            end.plus_ms(-PING_MS)
        );
        let (authorization, length) = (&self.authorization, body.len());
        format!(
            "POST /api/v1/usage/track HTTP/1.1\r\n{authorization}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }

    fn report(&self) -> String {
        format!("GET /api/v1/report/apps HTTP/1.1\r\n{}\r\n", self.authorization)
    }
}
