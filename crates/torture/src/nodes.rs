//! Nodes of Daybook: each a process of the real program, its ways to the servers, and what a service manager does for it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testkit::runs::{Failure, Program, command_for};

use crate::proxy::{Trick, Upstream, Way};
use crate::world::servers::Ways;

/// How long a node may take to end in order; then it is killed, as a service manager does.
const STOP_MAX: Duration = Duration::from_secs(8);
/// How long it is waited before a node that ended is started again.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Into how many shards pings are divided.
pub const SHARDS: u16 = 4;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `daybook api`.
    Api,
    /// `daybook worker`.
    Worker,
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// Of what nodes are made.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The program.
    pub daybook: PathBuf,
    /// Where logs go.
    pub log_dir: PathBuf,
    /// The servers.
    pub servers: Ways,
    /// Whether it may work on servers that are not durable.
    pub allows_weak: bool,
    /// What is added to the URL that workers reach Postgres by.
    pub worker_database_options: &'static str,
    /// How the ways of APIs to Redis lie.
    pub api_trick: Trick,
    /// How those of workers do.
    pub worker_trick: Trick,
}

/// A node's place: its ways stay, its process comes and goes.
pub struct Node {
    /// `api-1`, `worker-2`.
    pub name: String,
    /// What it is.
    pub part: Part,
    /// From trackers to it; leads nowhere for a worker.
    pub door: Way,
    /// To its HTTP and to its metrics, for those whom no fault shall befall.
    pub direct: Way,
    /// See `direct`.
    pub metrics: Way,
    /// To Redis.
    pub redis: Way,
    /// To Postgres.
    pub postgres: Way,
    recipe: Recipe,
    running: Option<Running>,
    /// Whether it should run.
    wanted: bool,
    /// How many processes there have been.
    started: u32,
    again_at: Instant,
}

struct Running {
    program: Program,
    metrics: SocketAddr,
    is_ready: bool,
}

impl Node {
    /// A place for a node. Nothing runs before it is [tended](Node::tend).
    pub async fn new(part: Part, number: usize, recipe: &Recipe) -> Result<Self, Failure> {
        let name = format!("{}-{number}", part.word());
        let trick = match part {
            Part::Api => recipe.api_trick,
            Part::Worker => recipe.worker_trick,
        };
        let nowhere = |what: &str| Way::open(what.replace("{}", &name), Upstream::Nobody, Trick::Honest);
        let redis = Upstream::Unix(recipe.servers.redis_socket.clone());
        let postgres = Upstream::Unix(recipe.servers.postgres_socket.clone());
        Ok(Self {
            part,
            door: nowhere("trackers to {}").await?,
            direct: nowhere("checker to {}").await?,
            metrics: nowhere("checker to the metrics of {}").await?,
            redis: Way::open(format!("{name} to redis"), redis, trick).await?,
            postgres: Way::open(format!("{name} to postgres"), postgres, Trick::Honest).await?,
            recipe: recipe.clone(),
            running: None,
            wanted: true,
            started: 0,
            again_at: Instant::now(),
            name,
        })
    }

    /// Does what is to be done at this moment: starts a process where one should run, and leads the ways to it once it is ready.
    pub fn tend(&mut self) -> Result<(), Failure> {
        if let Some(running) = &mut self.running {
            if !running.program.is_running() {
                self.running = None;
                self.lead_nowhere();
                self.again_at = Instant::now() + AGAIN_AFTER;
            } else if !running.is_ready
                && let Some(address) = running.address(self.part)
            {
                running.is_ready = true;
                let metrics = running.metrics;
                self.lead_to(address, metrics);
            }
        }
        if self.wanted && self.running.is_none() && Instant::now() >= self.again_at {
            self.running = Some(self.start(&self.name.clone())?);
        }
        Ok(())
    }

    /// Whether a process runs and is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.is_ready)
    }

    /// The end of the log of the last process.
    #[must_use]
    pub fn last_words(&self) -> String {
        self.running
            .as_ref()
            .map(|running| running.program.last_words())
            .unwrap_or_default()
    }

    /// Kills the process; none is started until [`Node::want`].
    pub fn kill(&mut self) {
        self.wanted = false;
        self.running = None;
        self.lead_nowhere();
    }

    /// Has a process run from now on.
    pub fn want(&mut self) {
        self.wanted = true;
        self.again_at = Instant::now();
    }

    /// Stops the process in its tracks, or lets it go on.
    pub fn pause(&mut self, is_paused: bool) -> Result<(), Failure> {
        let signal = if is_paused { Signal::STOP } else { Signal::CONT };
        match &mut self.running {
            Some(running) => running.program.signal(signal),
            None => Ok(()),
        }
    }

    /// Starts another process beside the one that runs, leads the ways to it when it is ready, and ends the old one in order: a deployment. Given up when
    /// the new one is not ready within `bound`.
    pub fn deploy(&mut self, bound: Duration) -> Result<bool, Failure> {
        // Both are in the queue at once, so they have different names.
        let mut new = self.start(&format!("{}-{}", self.name, self.started + 1))?;
        let began = Instant::now();
        let address = loop {
            if let Some(address) = new.address(self.part) {
                break address;
            }
            if began.elapsed() > bound || !new.program.is_running() {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        new.is_ready = true;
        self.lead_to(address, new.metrics);
        let old = self.running.replace(new);
        old.map_or(Ok(()), |old| end(old.program))?;
        Ok(true)
    }

    /// Ends the process in order, for good.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.wanted = false;
        self.running.take().map_or(Ok(()), |running| end(running.program))
    }

    fn start(&mut self, worker_name: &str) -> Result<Running, Failure> {
        self.started += 1;
        let metrics = free_address()?;
        let mut command = self.command();
        command.env("DAYBOOK_METRICS_LISTEN", metrics.to_string());
        if self.part == Part::Worker {
            command.env("DAYBOOK_WORKER_NAME", worker_name);
        }
        let log = self.recipe.log_dir.join(format!("{}.{}.log", self.name, self.started));
        Ok(Running {
            program: Program::start(command, &log)?,
            metrics,
            is_ready: false,
        })
    }

    fn command(&self) -> Command {
        let (role, options) = match self.part {
            Part::Api => ("daybook_api", ""),
            Part::Worker => ("daybook_worker", self.recipe.worker_database_options),
        };
        let mut command = command_for(&self.recipe.daybook);
        command
            .arg(self.part.word())
            .env(
                "DATABASE_URL",
                format!("postgresql://{role}@{}/daybook{options}", self.postgres.address()),
            )
            .env("REDIS_URL", format!("redis://{}", self.redis.address()))
            .env("DAYBOOK_LISTEN", "127.0.0.1:0")
            .env("DAYBOOK_API_THREADS", "2")
            .env("DAYBOOK_DATABASE_CONNECTIONS", "6")
            .env("DAYBOOK_RATE_LIMITS", "off")
            .env("DAYBOOK_PING_SHARDS", SHARDS.to_string());
        if self.recipe.allows_weak {
            command.env("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes");
        }
        command
    }

    fn lead_to(&self, address: SocketAddr, metrics: SocketAddr) {
        if self.part == Part::Api {
            self.door.lead_to(Upstream::Tcp(address));
            self.direct.lead_to(Upstream::Tcp(address));
        }
        self.metrics.lead_to(Upstream::Tcp(metrics));
    }

    fn lead_nowhere(&self) {
        for way in [&self.door, &self.direct, &self.metrics] {
            way.lead_to(Upstream::Nobody);
        }
    }
}

impl Running {
    /// Where it listens, once it says that it is ready. A worker listens for its metrics alone.
    fn address(&self, part: Part) -> Option<SocketAddr> {
        let output = self.program.output();
        match part {
            Part::Api => {
                let (_, rest) = output.split_once("ready at http://")?;
                rest.split_whitespace().next()?.trim_end_matches('/').parse().ok()
            }
            Part::Worker => output.contains("worker is ready").then_some(self.metrics),
        }
    }
}

/// An address that is free at this moment. A node that finds it taken after all ends, and is started again with another.
fn free_address() -> Result<SocketAddr, Failure> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(Failure::because("could not find a free port"))
}

fn end(mut program: Program) -> Result<(), Failure> {
    // One that is paused heeds nothing until it goes on.
    program.signal(Signal::CONT)?;
    program.signal(Signal::TERM)?;
    program.wait(STOP_MAX).map(drop)
}
