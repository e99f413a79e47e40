//! Both servers on one data directory: taken, set up, started, kept running and stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::binaries::{Binaries, Search};
use crate::data_dir::{DataDir, Lock};
use crate::error::EmbeddedError;
use crate::keeper::{Keeper, ServerStatus};
use crate::postgres::{Initdb, Postgres};
use crate::redis::{Fsync, Redis};
use crate::server::{Place, Server};
use crate::{leftovers, log};

/// How long the first start may take: recovery after a crash, or loading a large append-only file.
const START_MAX: Duration = Duration::from_mins(10);
/// What Redis may hold before it refuses more: what a small machine has room for.
const REDIS_MEMORY_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// How the servers are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory for everything they keep.
    pub data_dir: PathBuf,
    /// Where their programs are looked for.
    pub search: Search,
    /// How the Postgres cluster is made, if there is none.
    pub initdb: Initdb,
    /// When Redis forces what was written to disk.
    pub redis_fsync: Fsync,
    /// How much memory the data of Redis may take; beyond that it refuses to store. 0 is no bound.
    pub redis_memory_bytes_max: u64,
    /// How long the first start may take.
    pub start_max: Duration,
}

impl Options {
    /// Durable servers with their data in `data_dir`.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        Self {
            search: Search::new(&data_dir),
            data_dir,
            initdb: Initdb::default(),
            redis_fsync: Fsync::Always,
            redis_memory_bytes_max: REDIS_MEMORY_BYTES_MAX,
            start_max: START_MAX,
        }
    }
}

/// What both servers are doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The database.
    pub postgres: ServerStatus,
    /// The queue.
    pub redis: ServerStatus,
}

/// A running Postgres and a running Redis, private to this process. Dropping them stops them; they also stop when this process dies.
pub struct Servers {
    // Dropped in this order: the directory is let go when nothing works in it any more.
    postgres: Keeper,
    redis: Keeper,
    database_url: String,
    api_database_url: String,
    worker_database_url: String,
    redis_url: String,
    _lock: Lock,
}

impl Servers {
    /// Takes the data directory, sets it up if it is new, ends what an earlier run left running, and starts both servers. Returns when
    /// both can be used.
    pub fn start(options: &Options) -> Result<Self, EmbeddedError> {
        let dirs = DataDir::open(&options.data_dir)?;
        let lock = dirs.lock()?;
        let binaries = Binaries::find(&options.search)?;
        let account = Account::of_servers()?;
        dirs.prepare(&account)?;
        let place = |name, dir| Place {
            dir,
            sockets: dirs.sockets().to_owned(),
            log: dirs.log(name),
            account: account.clone(),
        };
        let postgres = Postgres::new(binaries.postgres, place("postgres", dirs.postgres()));
        let redis_place = place("redis", dirs.redis());
        let redis = Redis::new(
            binaries.redis,
            redis_place,
            options.redis_fsync,
            options.redis_memory_bytes_max,
        );
        for server in [&postgres as &dyn Server, &redis] {
            leftovers::clear(server)?;
            log::rotate(&server.place().log)?;
        }
        postgres.forget_old()?;
        if postgres.initialize(options.initdb)? {
            tracing::info!(dir = %dirs.postgres().display(), "made a new Postgres cluster");
        }
        let redis_url = redis.url();
        // Both at once: recovery and loading take their time.
        let redis = Keeper::start(Arc::new(redis), options.start_max)?;
        let kept = Keeper::start(Arc::new(postgres.clone()), options.start_max)?;
        let servers = Self {
            postgres: kept,
            redis,
            database_url: postgres.database_url(),
            api_database_url: postgres.api_database_url(),
            worker_database_url: postgres.worker_database_url(),
            redis_url,
            _lock: lock,
        };
        servers.postgres.wait_up()?;
        postgres.ensure_database()?;
        servers.redis.wait_up()?;
        Ok(servers)
    }

    /// Where the application connects to set its database up: as the owner of that.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Where its API connects, as a role that owns nothing.
    #[must_use]
    pub fn api_database_url(&self) -> &str {
        &self.api_database_url
    }

    /// Where its worker connects, as a role that owns nothing.
    #[must_use]
    pub fn worker_database_url(&self) -> &str {
        &self.worker_database_url
    }

    /// Where it connects to Redis.
    #[must_use]
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// What they are doing.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            postgres: self.postgres.status(),
            redis: self.redis.status(),
        }
    }

    /// Stops both in order, and waits for that; one that does not heed is ended by force.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // Both at once; the keepers, dropped after this, wait for their servers.
        self.redis.ask_to_stop();
        self.postgres.ask_to_stop();
    }
}
