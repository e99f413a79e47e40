//! The bench's own ways to the servers, past the programs that are measured.

use adapters::ambient::SystemIds;
use adapters::crypto::{Rota, SignedAccessTokens};
use adapters::postgres::{self, Database, Timelines, TokenKeys};
use adapters::redis::{Redis, RedisPingSource, Taking};
use embedded::Servers;
use ports::Ids;
use ports::usage::PingSource;
use redis::aio::MultiplexedConnection;
use tokio_postgres::{Client, NoTls};

use crate::failure::Failure;
use crate::figures;

/// When Redis forces what was written to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before it answers.
    Always,
    /// Once a second.
    EverySecond,
}

/// Open connections.
pub(super) struct Connections {
    /// For statements of the bench's own, as the owner of everything; the rest is as the API.
    pub(super) client: Client,
    pub(super) timelines: Timelines,
    pub(super) tokens: SignedAccessTokens,
    queue: RedisPingSource,
    redis: MultiplexedConnection,
}

impl Connections {
    /// Opens them; the database has all migrations.
    pub(super) async fn open(servers: &Servers, shards: u16) -> Result<Self, Failure> {
        let to_postgres = || Failure::because("could not connect to Postgres");
        let (client, connection) = tokio_postgres::connect(servers.database_url(), NoTls)
            .await
            .map_err(to_postgres())?;
        // It speaks to the server until the client is dropped; what goes wrong meanwhile, the client is told.
        tokio::spawn(connection);
        let database = postgres::connect(&postgres::Settings::new(servers.api_database_url()))
            .map_err(Failure::because("could not read the database's URL"))?;

        let to_redis = "could not connect to Redis";
        let queue = Redis::new(servers.redis_url(), shards).map_err(Failure::because(to_redis))?;
        let redis = redis::Client::open(servers.redis_url()).map_err(Failure::because(to_redis))?;
        let redis = redis
            .get_multiplexed_async_connection()
            .await
            .map_err(Failure::because(to_redis))?;
        Ok(Self {
            client,
            tokens: tokens(&database).await?,
            timelines: Timelines::new(database),
            queue: queue.ping_source(&Taking::by("bench")),
            redis,
        })
    }

    /// The versions of Postgres and of Redis.
    pub(super) async fn versions(&mut self) -> Result<(String, String), Failure> {
        let postgres = self
            .client
            .query_one("SELECT split_part(current_setting('server_version'), ' ', 1)", &[])
            .await;
        let postgres = postgres.and_then(|row| row.try_get(0));
        let info: Result<String, _> = redis::cmd("INFO").arg("server").query_async(&mut self.redis).await;
        let info = info.map_err(Failure::because("could not ask Redis for its version"))?;
        let redis = info
            .lines()
            .find_map(|line| line.strip_prefix("redis_version:"))
            .unwrap_or("unknown");
        Ok((
            postgres.map_err(Failure::because("could not ask Postgres for its version"))?,
            redis.to_owned(),
        ))
    }

    /// How many entries are in the queue.
    pub(super) async fn queued(&self) -> Result<u64, Failure> {
        let backlog = self
            .queue
            .backlog()
            .await
            .map_err(Failure::because("could not look into the queue"))?;
        if backlog.dead > 0 {
            return Err(Failure::new(format!(
                "{} pings could not be merged and are dead letters",
                backlog.dead
            )));
        }
        Ok(backlog.entries)
    }

    /// Says when Redis forces what is written to disk from now on.
    pub(super) async fn set_fsync(&mut self, fsync: Fsync) -> Result<(), Failure> {
        let value = match fsync {
            Fsync::Always => "always",
            Fsync::EverySecond => "everysec",
        };
        redis::cmd("CONFIG")
            .arg("SET")
            .arg("appendfsync")
            .arg(value)
            .exec_async(&mut self.redis)
            .await
            .map_err(Failure::because(format!("could not set appendfsync to {value}")))
    }
}

/// The maker and checker of access tokens that all programs on this database share.
pub async fn tokens(database: &Database) -> Result<SignedAccessTokens, Failure> {
    let failed = "could not get the key of access tokens";
    let keys = TokenKeys::new(database.clone())
        .turn(SystemIds.new_id(), figures::now())
        .await
        .map_err(Failure::because(failed))?;
    let rota = Rota::of(&keys, figures::now());
    SignedAccessTokens::new(&rota.keys).map_err(Failure::because(failed))
}
