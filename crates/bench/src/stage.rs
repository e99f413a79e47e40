//! Where a run takes place: private servers on a real disk, and the programs of ours that work on them. All of it ends with the run.

mod before;
mod connections;
mod queue;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use adapters::ambient::SystemIds;
use domain::accounts::{Caller, UserId};
use domain::time::Span;
use domain::usage::Timeline;
use embedded::{DataDir, Servers};
use ports::accounts::AccessTokens;
use ports::reports::TimelineReader as _;
use testkit::runs::{Failure, Home, command_for};
use tokio::runtime::Runtime;

use crate::child::Child;
use crate::load::{Pace, Plan};
use crate::options::Options;
use crate::people;
use crate::processes::{Resident, Watched};
use crate::tracker::Person;

use before::Before;
use connections::Connections;
pub use connections::{Fsync, tokens};

/// Into how many streams pings are divided: the default.
pub const SHARDS: u16 = 4;
/// How the name of a run's directory begins.
const HOME_PREFIX: &str = "daybook-bench-";
/// Where in the run's directory the servers keep their data.
const DATA_DIR: &str = "data";
/// Where those of the API from before do.
const BEFORE_DIR: &str = "before";
/// A rate that no load reaches, in the largest numbers that a rate may have.
const UNREACHED: &str = "1000000/s burst 1000000";

/// The servers, the programs, and ways to look at them.
pub struct Stage {
    // Dropped in this order: programs before the servers that they use, the directory last.
    api: Option<Program>,
    limited: Option<Program>,
    bare_door: Option<Program>,
    before: Option<Before>,
    worker: Option<Worker>,
    connections: Connections,
    /// For what the bench itself asks of the servers, outside of any load.
    runtime: Runtime,
    servers: Servers,
    home: Home,
    daybook: PathBuf,
    /// What to measure.
    pub options: Options,
}

/// A program that answers HTTP.
struct Program {
    child: Child,
    address: SocketAddr,
}

struct Worker {
    child: Child,
    /// Whether it has said that it is at work.
    is_ready: bool,
}

/// Which door is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The same HTTP stack, token check and parsing, and no queue behind.
    Bare,
    /// The whole API, without limits on rates: a generator of load is what they are against.
    Real,
    /// The whole API, with limits that are never reached.
    Limited,
    /// The API from before, with servers of its own.
    Before,
}

impl Stage {
    /// Starts the servers and migrates the database with `daybook`, the program to measure.
    pub fn set_up(options: Options, daybook: PathBuf) -> Result<Self, Failure> {
        let home = Home::in_dir(&options.data_dir, HOME_PREFIX)?;
        let mut wanted = embedded::Options::new(home.path().join(DATA_DIR));
        // A bound would end a load early on a quick machine; what is measured here is speed.
        wanted.redis_memory_bytes_max = 0;
        let servers = Servers::start(&wanted).map_err(Failure::because("could not start Postgres and Redis"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::because("could not start the bench's runtime"))?;
        let migrate = command(&daybook, "migrate", &servers);
        Child::start("migrate", migrate, home.path())?.succeed()?;
        let connections = runtime.block_on(Connections::open(&servers, SHARDS))?;
        Ok(Self {
            api: None,
            limited: None,
            bare_door: None,
            before: None,
            worker: None,
            connections,
            runtime,
            servers,
            home,
            daybook,
            options,
        })
    }

    /// The versions of Postgres and of Redis.
    pub fn versions(&mut self) -> Result<(String, String), Failure> {
        self.runtime.block_on(self.connections.versions())
    }

    /// Where everything of the run is kept.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    /// The address of a door, which is started when it is not there yet.
    pub fn door(&mut self, door: Door) -> Result<SocketAddr, Failure> {
        let (slot, subcommand) = match door {
            Door::Bare => (&mut self.bare_door, "bare-door"),
            Door::Real => (&mut self.api, "api"),
            Door::Limited => (&mut self.limited, "api"),
            Door::Before => return self.start_before().map(Before::address),
        };
        if let Some(program) = slot {
            return Ok(program.address);
        }
        let program = match door {
            Door::Bare => {
                std::env::current_exe().map_err(Failure::because("could not find the bench's own program"))?
            }
            _ => self.daybook.clone(),
        };
        let mut command = command(&program, subcommand, &self.servers);
        let name = if door == Door::Limited {
            command.env("DAYBOOK_RATE_LIMITS", "on");
            for limit in ["PINGS", "ACCOUNT", "ADDRESS"] {
                command.env(format!("DAYBOOK_LIMIT_{limit}"), UNREACHED);
            }
            "api-limited"
        } else {
            subcommand
        };
        let child = Child::start(name, command, self.home.path())?;
        let address = address(name, &child)?;
        *slot = Some(Program { child, address });
        Ok(address)
    }

    /// The API from before, which is started when it is not there yet, with as many people as connections.
    fn start_before(&mut self) -> Result<&Before, Failure> {
        let before = if let Some(before) = self.before.take() {
            before
        } else {
            let program = self.options.daybook_before.as_ref();
            let program = program.ok_or_else(|| Failure::new("no server from before is named: --daybook-before"))?;
            let before = Before::start(program, self.home.path())?;
            before.register(&self.runtime, self.options.connections.into())?;
            before
        };
        Ok(self.before.insert(before))
    }

    /// New access tokens for the API from before: one for each connection.
    pub fn tokens_before(&mut self) -> Result<Vec<String>, Failure> {
        let connections = self.options.connections.into();
        self.start_before()?;
        let before = self
            .before
            .as_ref()
            .ok_or_else(|| Failure::new("there is no server from before"))?;
        before.tokens(&self.runtime, connections)
    }

    /// Starts the worker, unless it runs. Does not wait until it works.
    pub fn start_worker(&mut self) -> Result<(), Failure> {
        if self.worker.is_none() {
            let command = command(&self.daybook, "worker", &self.servers);
            let child = Child::start("worker", command, self.home.path())?;
            self.worker = Some(Worker { child, is_ready: false });
        }
        Ok(())
    }

    /// Waits until the worker is at work, and nothing is left of what it found in the queue.
    pub fn wait_until_at_work(&mut self) -> Result<(), Failure> {
        if let Some(worker) = &mut self.worker
            && !worker.is_ready
        {
            worker.child.line_with("ready")?;
            worker.is_ready = true;
        }
        self.wait_until_drained()
    }

    /// Whether the worker runs.
    #[must_use]
    pub fn has_worker(&self) -> bool {
        self.worker.is_some()
    }

    /// Stops the worker, if it runs, in order.
    pub fn stop_worker(&mut self) -> Result<(), Failure> {
        self.worker.take().map_or(Ok(()), |worker| worker.child.stop())
    }

    /// Says when Redis forces pings to disk from now on.
    pub fn set_fsync(&mut self, fsync: Fsync) -> Result<(), Failure> {
        self.runtime.block_on(self.connections.set_fsync(fsync))
    }

    /// Where Redis is.
    #[must_use]
    pub fn redis_url(&self) -> &str {
        self.servers.redis_url()
    }

    /// Makes people who are signed in and have not sent a ping.
    pub fn new_people(&self, count: u32) -> Result<Vec<Caller>, Failure> {
        let client = &self.connections.client;
        self.runtime.block_on(people::sign_in(client, &SystemIds, count))
    }

    /// Compares what is stored of `people` with what was accepted of them.
    pub fn verify(&self, people: &[Person]) -> Result<(), Failure> {
        self.runtime
            .block_on(people::verify(people, &self.connections.timelines))
    }

    /// What is stored of somebody's time in this window.
    pub fn stored(&self, user: UserId, window: Span) -> Result<Timeline, Failure> {
        let pieces = self.connections.timelines.pieces(user, window);
        let pieces = self.runtime.block_on(pieces);
        pieces
            .map(Timeline::of)
            .map_err(Failure::because(format!("could not read the timeline of {user}")))
    }

    /// What access tokens are made with.
    #[must_use]
    pub fn tokens(&self) -> &dyn AccessTokens {
        &self.connections.tokens
    }

    /// A connection to the database, and what runs it.
    #[must_use]
    pub fn database(&self) -> (&Runtime, &tokio_postgres::Client) {
        (&self.runtime, &self.connections.client)
    }

    /// One more connection to the database, as the owner of everything. It works while the stage's runtime does.
    pub async fn connect(&self) -> Result<tokio_postgres::Client, Failure> {
        connections::to_postgres(self.servers.database_url()).await
    }

    /// How to load `target` as fast as it answers.
    #[must_use]
    pub fn plan(&self, target: SocketAddr) -> Plan {
        Plan {
            target,
            warm_up: self.options.warm_up(),
            measured: self.options.measured(),
            pace: Pace::Closed,
            threads: thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        }
    }

    /// What to watch while `door` is loaded.
    #[must_use]
    pub fn watched(&self, door: Door) -> Watched {
        let api = match door {
            Door::Bare => self.bare_door.as_ref().map(|program| program.child.pid()),
            Door::Real => self.api.as_ref().map(|program| program.child.pid()),
            Door::Limited => self.limited.as_ref().map(|program| program.child.pid()),
            Door::Before => self.before.as_ref().map(Before::api_pid),
        };
        let (servers, data_dir) = match &self.before {
            Some(before) if door == Door::Before => (before.servers(), BEFORE_DIR),
            _ => (&self.servers, DATA_DIR),
        };
        let status = servers.status();
        Watched {
            api,
            worker: self.worker.as_ref().map(|worker| worker.child.pid()),
            redis: status.redis.pid,
            postgres: status.postgres.pid,
            postgres_dir: self.postgres_dir(data_dir),
        }
    }

    /// The memory of the API and of the worker, as far as they run.
    pub fn resident(&self) -> Result<(Resident, Resident), Failure> {
        let of = |child: Option<&Child>| {
            child.map_or(Ok(Resident::default()), |child| {
                Resident::of(child.pid()).map_err(Failure::because("could not look at the memory of a program"))
            })
        };
        Ok((
            of(self.api.as_ref().map(|program| &program.child))?,
            of(self.worker.as_ref().map(|worker| &worker.child))?,
        ))
    }

    fn postgres_dir(&self, data_dir: &str) -> PathBuf {
        let dirs = DataDir::open(&self.home.path().join(data_dir));
        dirs.map(|dirs| dirs.postgres()).unwrap_or_default()
    }
}

/// `program` with nothing in its environment but what it needs.
fn command(program: &Path, subcommand: &str, servers: &Servers) -> Command {
    let database_url = match subcommand {
        "migrate" => servers.database_url(),
        "worker" => servers.worker_database_url(),
        _ => servers.api_database_url(),
    };
    let mut command = bare_command(program, subcommand);
    command
        .env("DATABASE_URL", database_url)
        .env("REDIS_URL", servers.redis_url())
        // Some figures are of a Redis that syncs once a second.
        .env("DAYBOOK_REDIS_FSYNC", "everysec")
        // A generator of load is what limits are against.
        .env("DAYBOOK_RATE_LIMITS", "off")
        // Who signs in comes from an address of their own, as behind a proxy.
        .env("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1")
        .env("DAYBOOK_PING_SHARDS", SHARDS.to_string());
    command
}

/// `program` with what every version of it needs, except for its servers.
fn bare_command(program: &Path, subcommand: &str) -> Command {
    let mut command = command_for(program);
    command
        .arg(subcommand)
        .env("DAYBOOK_LISTEN", "127.0.0.1:0")
        // Measured as it should be run: with metrics that somebody could read.
        .env("DAYBOOK_METRICS_LISTEN", "127.0.0.1:0");
    command
}

/// The address that a program which answers HTTP prints.
fn address(name: &str, child: &Child) -> Result<SocketAddr, Failure> {
    let line = child.line_with("ready at http://")?;
    let address = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
    address
        .and_then(|address| address.trim_end_matches('/').parse().ok())
        .ok_or_else(|| Failure::new(format!("{name} named no address: {line}")))
}
