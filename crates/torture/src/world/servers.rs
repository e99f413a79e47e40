//! Postgres and Redis as the faults need them: durable, under the shim, killed and started again at will. They listen on unix sockets, which proxies lead to.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use embedded::{
    Account, Binaries, EmbeddedError, Fsync, Initdb, Place, Postgres, Process, Readiness, Redis, Search, Server,
    Signal, Signals, processes_in, release_shared_memory,
};
use testkit::runs::Failure;

use crate::shim::{Cut, PowerCut};

/// How long a server may take to start: recovery, on a machine that has other things to do.
const START_MAX: Duration = Duration::from_mins(1);
/// The name of Postgres' socket.
const POSTGRES_SOCKET: &str = ".s.PGSQL.5432";
/// The longest path of a socket: `sun_path` has 108 bytes, one of them the final zero.
const SOCKET_PATH_MAX: usize = 107;
/// The size of a file of the write-ahead log, the smallest, so that it goes from one to the next often.
const WAL_SEGMENT_MB: u16 = 1;
/// What Postgres is given above its durable settings: little memory and frequent checkpoints, so that its files are written and forced to disk all the
/// time; connections for nodes that are there twice.
const POSTGRES_SETTINGS: [(&str, &str); 6] = [
    ("max_connections", "100"),
    ("shared_buffers", "8MB"),
    ("checkpoint_timeout", "30s"),
    ("max_wal_size", "16MB"),
    ("min_wal_size", "4MB"),
    ("bgwriter_delay", "50ms"),
];
/// The append-only file is rewritten when it has doubled and is so long: often, in a run.
const REWRITE_FROM: &str = "2mb";

/// Both servers.
pub struct Servers {
    /// The database.
    pub postgres: Kept,
    /// The queue.
    pub redis: Kept,
    /// How to reach them.
    pub ways: Ways,
}

/// How the servers are reached past every proxy.
#[derive(Debug, Clone)]
pub struct Ways {
    /// The socket of Postgres.
    pub postgres_socket: PathBuf,
    /// The socket of Redis.
    pub redis_socket: PathBuf,
    /// Postgres as the owner of the database.
    pub database_url: String,
    /// The same as the superuser.
    pub admin_url: String,
    /// Redis.
    pub redis_url: String,
}

impl Servers {
    /// Starts both below `home`. `fsync` is `Always` but where it is what is sabotaged.
    pub fn start(home: &Path, fsync: Fsync) -> Result<Self, Failure> {
        let because = |what: &str| Failure::because(format!("could not {what}"));
        let binaries = Binaries::find(&Search::of_system()).map_err(because("find Postgres and Redis"))?;
        let account = Account::of_servers().map_err(because("find an account for the servers"))?;
        let sockets = home.join("s");
        let longest = sockets.join(POSTGRES_SOCKET);
        if longest.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(Failure::new(format!(
                "{} is too long for a socket: name a shorter --data-dir",
                longest.display()
            )));
        }
        private_dir(&sockets, &account)?;
        let place = |name: &str| Place {
            dir: home.join(name),
            sockets: sockets.clone(),
            log: home.join(format!("{name}.log")),
            account: account.clone(),
        };
        let (postgres_place, redis_place) = (place("postgres"), place("redis"));
        private_dir(&redis_place.dir, &account)?;
        let postgres = POSTGRES_SETTINGS.into_iter().fold(
            Postgres::new(binaries.postgres, postgres_place),
            |server, (name, value)| server.with(name, value),
        );
        let how = Initdb {
            // What the shim has not seen written counts as durable.
            durable: false,
            wal_segment_mb: WAL_SEGMENT_MB,
        };
        postgres.initialize(how).map_err(because("make a cluster"))?;
        let redis = Redis::new(binaries.redis, redis_place, fsync, 0);
        let ways = Ways {
            postgres_socket: longest,
            redis_socket: sockets.join("redis.sock"),
            database_url: postgres.database_url(),
            admin_url: postgres.admin_url(),
            redis_url: redis.url(),
        };
        let kept = Kept::start(Shimmed::new(postgres.clone(), &[], home, &account)?)?;
        postgres.ensure_database().map_err(because("make the database"))?;
        let rewrites = ["--auto-aof-rewrite-min-size", REWRITE_FROM];
        Ok(Self {
            postgres: kept,
            redis: Kept::start(Shimmed::new(redis, &rewrites, home, &account)?)?,
            ways,
        })
    }
}

/// A server that is started again whenever it should run.
pub struct Kept {
    process: Option<Process>,
    server: Arc<dyn Server>,
    power: PowerCut,
    /// Whether it should run.
    wanted: bool,
    is_full: bool,
}

impl Kept {
    fn start<S: Server>(server: Shimmed<S>) -> Result<Self, Failure> {
        let power = server.power.clone();
        let mut kept = Self {
            process: None,
            server: Arc::new(server),
            power,
            wanted: true,
            is_full: false,
        };
        kept.up()?;
        Ok(kept)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.server.name()
    }

    /// The id of its first process; none while it is down.
    pub fn pid(&mut self) -> Option<u32> {
        self.is_up().then(|| self.process.as_ref().map(Process::pid)).flatten()
    }

    /// Whether it runs, as far as can be seen from outside.
    pub fn is_up(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| matches!(process.wait(Duration::ZERO), Ok(None)))
    }

    /// Whether it can be used: one that runs may be recovering from a fault of before.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.server.readiness() == Readiness::Ready
    }

    /// Starts it again where it has given up by itself, as a service manager does. A server whose disk is full would not start.
    pub fn tend(&mut self) -> Result<(), Failure> {
        if self.wanted && !self.is_full {
            self.up()
        } else {
            Ok(())
        }
    }

    /// Starts it unless it runs, and waits until it can be used.
    pub fn up(&mut self) -> Result<(), Failure> {
        self.wanted = true;
        if self.is_up() {
            return Ok(());
        }
        // Its first process may have ended by itself, and others of it be left.
        self.end()?;
        let name = self.server.name();
        let process = Process::start(&self.server, START_MAX).map_err(failed("start", name))?;
        self.power.check(process.pid())?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills all of its processes. What they wrote is with the kernel.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.wanted = false;
        self.end()
    }

    fn end(&mut self) -> Result<(), Failure> {
        match self.process.take() {
            Some(process) => process.crash().map_err(failed("kill", self.server.name())),
            None => Ok(()),
        }
    }

    /// Kills all of its processes, and takes back what they did not force to disk.
    pub fn cut_power(&mut self) -> Result<Cut, Failure> {
        self.kill()?;
        self.power.apply()
    }

    /// Stops it in its tracks, or lets it go on.
    pub fn pause(&mut self, is_paused: bool) -> Result<(), Failure> {
        let signal = if is_paused { Signal::STOP } else { Signal::CONT };
        match &mut self.process {
            Some(process) => process.signal_all(signal).map_err(failed("signal", self.server.name())),
            None => Ok(()),
        }
    }

    /// Fills its disk, or makes room again.
    pub fn fill_disk(&mut self, is_full: bool) -> Result<(), Failure> {
        self.is_full = is_full;
        self.power.set_full(is_full)
    }

    /// The ids of all of its processes.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        processes_in(&self.server.place().dir, self.server.process_names())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Nobody wants its data any more.
        let ended = match self.process.take() {
            Some(process) => process.discard(),
            None => release_shared_memory(&self.server.place().dir),
        };
        if let Err(failure) = ended.map_err(failed("end", self.server.name())) {
            crate::say::complain(&failure.in_full());
        }
    }
}

fn failed(what: &str, name: &str) -> impl FnOnce(EmbeddedError) -> Failure {
    Failure::because(format!("could not {what} {name}"))
}

fn private_dir(path: &Path, account: &Account) -> Result<(), Failure> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(Failure::because(format!("could not make {}", path.display())))?;
    account
        .own(path)
        .map_err(Failure::because("could not give a directory to the servers"))
}

/// A server with the shim preloaded.
struct Shimmed<S> {
    server: S,
    arguments: Vec<String>,
    power: PowerCut,
}

impl<S: Server> Shimmed<S> {
    fn new(server: S, arguments: &[&str], home: &Path, account: &Account) -> Result<Self, Failure> {
        let dir = &server.place().dir;
        let data = fs::canonicalize(dir).map_err(Failure::because(format!("could not look at {}", dir.display())))?;
        let power = PowerCut::install(&home.join(format!("{}-shim", server.name())), &data, account)?;
        Ok(Self {
            server,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            power,
        })
    }
}

impl<S: Server> Server for Shimmed<S> {
    fn name(&self) -> &'static str {
        self.server.name()
    }

    fn command(&self) -> Command {
        let mut command = self.server.command();
        command.args(&self.arguments);
        self.power.preload(&mut command);
        command
    }

    /// What the launcher forces to disk is durable to the shim as well.
    fn force(&self) -> io::Result<Vec<PathBuf>> {
        let forced = self.server.force()?;
        self.power.forced(&forced)?;
        Ok(forced)
    }

    fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    fn signals(&self) -> Signals {
        self.server.signals()
    }

    fn place(&self) -> &Place {
        self.server.place()
    }

    fn pid_file(&self) -> PathBuf {
        self.server.pid_file()
    }

    fn process_names(&self) -> &'static [&'static str] {
        self.server.process_names()
    }

    fn is_passing(&self, log_tail: &str) -> bool {
        self.server.is_passing(log_tail)
    }
}
