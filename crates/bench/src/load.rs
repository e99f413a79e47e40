//! Load: connections that each play a script against a server, as fast as it answers or at a set pace, from threads of their own.

mod alarm;
mod connection;

use std::net::SocketAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use testkit::runs::Failure;

use crate::histogram::Histogram;

pub use alarm::Alarm;
use connection::Player;

/// How long all connections get to open before the first request.
const LEAD: Duration = Duration::from_millis(200);
/// How long a server may take for the last answers; beyond that the run fails.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(30);

/// What one connection asks, and what it makes of the answers.
pub trait Script: Send + 'static {
    /// Writes the next request to `request`, which is empty; `false` when there is nothing more to ask.
    fn next(&mut self, request: &mut Vec<u8>) -> bool;

    /// Takes the answer to the last request, and says whether it is as it should be. Without one, the request is as good as never made:
    /// the server may have taken it or not.
    fn answered(&mut self, status: u16, body: &[u8]) -> bool;
}

/// How to load a server.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The server.
    pub target: SocketAddr,
    /// How long answers are not counted yet.
    pub warm_up: Duration,
    /// How long they are counted. A run ends earlier when all scripts have.
    pub measured: Duration,
    /// When requests are sent.
    pub pace: Pace,
    /// From how many threads.
    pub threads: usize,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// On each connection as soon as the answer before has come.
    Closed,
    /// At fixed instants, whether the server keeps up or not; latency counts from that instant.
    Open {
        /// How far apart they are on each connection.
        every: Duration,
        /// Among how many connections, which take turns.
        of: u32,
    },
}

/// What a run measured. `T` is what was looked at from outside when counting began and ended.
#[derive(Debug)]
pub struct Outcome<S, T> {
    /// How long it took to be answered, of the good answers that came while they were counted.
    pub latency: Histogram,
    /// For how long they were counted.
    pub counted: Duration,
    /// How many requests were answered otherwise or not at all, in the whole run.
    pub failed: u64,
    /// Why the first of them failed.
    pub first_failure: Option<String>,
    /// What was seen from outside, before and after.
    pub seen: (T, T),
    /// The scripts as they ended.
    pub scripts: Vec<S>,
}

impl<S, T> Outcome<S, T> {
    /// Good answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        crate::figures::per_second(self.latency.count(), self.counted)
    }

    /// The outcome, unless a request failed.
    pub fn faultless(self, what: &str) -> Result<Self, Failure> {
        match &self.first_failure {
            None => Ok(self),
            Some(why) => Err(Failure::new(format!(
                "{what}: {} requests failed, the first: {why}",
                self.failed
            ))),
        }
    }
}

/// Plays each of `scripts` on a connection of its own, and looks with `look` when counting begins and ends.
pub fn run<S: Script, T>(plan: Plan, scripts: Vec<S>, mut look: impl FnMut() -> T) -> Result<Outcome<S, T>, Failure> {
    let times = Times::from_now(&plan);
    let (results, played) = mpsc::channel();
    let groups = deal(scripts, plan.threads.max(1));
    let awaited = groups.len();
    for group in groups {
        let results = results.clone();
        // Detached, so that a server that never answers cannot hold up the run beyond its bound.
        let work = move || drop(results.send(play(plan, times, group)));
        thread::Builder::new()
            .name("load".to_owned())
            .spawn(work)
            .map_err(Failure::because("could not start a thread for the load"))?;
    }
    drop(results);

    let mut ended = Vec::new();
    wait(&played, &mut ended, awaited, times.counted_from);
    let before = look();
    wait(&played, &mut ended, awaited, times.until);
    let after = look();
    wait(&played, &mut ended, awaited, times.until + LAST_ANSWER_MAX);
    if ended.len() < awaited {
        return Err(Failure::new(format!(
            "{} did not answer within {} s",
            plan.target,
            LAST_ANSWER_MAX.as_secs()
        )));
    }
    let players = ended.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(outcome(players.into_iter().flatten().collect(), times, (before, after)))
}

/// When a run's parts begin and end.
#[derive(Debug, Clone, Copy)]
struct Times {
    begin: Instant,
    counted_from: Instant,
    until: Instant,
}

impl Times {
    fn from_now(plan: &Plan) -> Self {
        let begin = Instant::now() + LEAD;
        let counted_from = begin + plan.warm_up;
        Self {
            begin,
            counted_from,
            until: counted_from + plan.measured,
        }
    }
}

type Played<S> = Result<Vec<Player<S>>, Failure>;

/// Collects what has ended, until everything has or it is `until`.
fn wait<S>(played: &mpsc::Receiver<Played<S>>, ended: &mut Vec<Played<S>>, awaited: usize, until: Instant) {
    while ended.len() < awaited {
        match played.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(result) => ended.push(result),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Plays a group of scripts, with their places among all, on this thread alone: what a thread of its own does not have to share costs least.
fn play<S: Script>(plan: Plan, times: Times, group: Vec<(u32, S)>) -> Played<S> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::because("could not start the load's runtime"))?;
    runtime.block_on(async {
        let playing: Vec<_> = group
            .into_iter()
            .map(|(place, script)| tokio::spawn(Player::new(script).play(plan, times, place)))
            .collect();
        let mut players = Vec::with_capacity(playing.len());
        for player in playing {
            players.push(
                player
                    .await
                    .map_err(Failure::because("a connection of the load broke down"))?,
            );
        }
        Ok(players)
    })
}

/// Deals scripts out to `threads` groups, each script with its place among all.
fn deal<S>(scripts: Vec<S>, threads: usize) -> Vec<Vec<(u32, S)>> {
    let mut groups: Vec<Vec<(u32, S)>> = (0..threads.min(scripts.len())).map(|_| Vec::new()).collect();
    for (place, script) in (0_u32..).zip(scripts) {
        let group = place as usize % groups.len();
        groups[group].push((place, script));
    }
    groups
}

fn outcome<S, T>(players: Vec<Player<S>>, times: Times, seen: (T, T)) -> Outcome<S, T> {
    let last = players.iter().filter_map(|player| player.ended).max();
    let mut outcome = Outcome {
        latency: Histogram::default(),
        counted: last.map_or(Duration::ZERO, |last| {
            last.min(times.until).saturating_duration_since(times.counted_from)
        }),
        failed: 0,
        first_failure: None,
        seen,
        scripts: Vec::with_capacity(players.len()),
    };
    for player in players {
        outcome.latency.merge(&player.latency);
        outcome.failed += player.failed;
        outcome.first_failure = outcome.first_failure.or(player.first_failure);
        outcome.scripts.push(player.script);
    }
    outcome
}
