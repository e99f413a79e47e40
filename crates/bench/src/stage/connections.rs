//! The bench's own ways to the servers, past the programs that are measured.

use std::time::Duration;

use adapters::ambient::SystemIds;
use adapters::crypto::{Rota, SignedAccessTokens};
use adapters::postgres::{self, Database, Timelines, TokenKeys};
use adapters::redis::{Redis, RedisPingSource, Taking};
use embedded::Servers;
use ports::Ids;
use ports::usage::{Books, PingSource};
use redis::aio::MultiplexedConnection;
use testkit::runs::Failure;
use tokio_postgres::{Client, NoTls};

use crate::figures;

/// What the keys of the queue begin with: its streams, and what is counted of them.
const QUEUE_KEYS: &str = "daybook:pings:";
/// The one of them that is an agreement between programs, and stays.
const AGREEMENT: &str = "daybook:pings:shards";
/// The one that is no part of the queue any more.
const DEAD: &str = "daybook:pings:dead";

/// An entry of a stream: its id, then its fields, each a name and a value.
type Entry = (String, Vec<Vec<u8>>);

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
    shards: u16,
    books: Redis,
    queue: RedisPingSource,
    redis: MultiplexedConnection,
}

impl Connections {
    /// Opens them; the database has all migrations.
    pub(super) async fn open(servers: &Servers, shards: u16) -> Result<Self, Failure> {
        let client = to_postgres(servers.database_url()).await?;
        let database = postgres::connect(&postgres::Settings::new(servers.api_database_url()))
            .map_err(Failure::because("could not read the database's URL"))?;

        let to_redis = "could not connect to Redis";
        let books = Redis::new(servers.redis_url(), shards).map_err(Failure::because(to_redis))?;
        let redis = redis::Client::open(servers.redis_url()).map_err(Failure::because(to_redis))?;
        let redis = redis
            .get_multiplexed_async_connection()
            .await
            .map_err(Failure::because(to_redis))?;
        Ok(Self {
            client,
            tokens: tokens(&database).await?,
            timelines: Timelines::new(database),
            shards,
            queue: books.ping_source(&Taking::by("bench")),
            books,
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

    /// How many entries are in the live lanes.
    pub(super) async fn queued_live(&mut self) -> Result<u64, Failure> {
        let mut lengths = redis::pipe();
        for shard in 0..self.shards {
            lengths.cmd("XLEN").arg(format!("{QUEUE_KEYS}{shard}"));
        }
        let lengths: Vec<u64> = lengths
            .query_async(&mut self.redis)
            .await
            .map_err(Failure::because("could not look into the live lanes of the queue"))?;
        Ok(lengths.into_iter().sum())
    }

    /// What became of all pings.
    pub(super) async fn books(&self) -> Result<Books, Failure> {
        let books = self.books.books().await;
        books.map_err(Failure::because("could not read the books of the queue"))
    }

    /// Throws away what is in the queue, with all that is counted of it.
    pub(super) async fn clear_queue(&mut self) -> Result<(), Failure> {
        let keys = self.queue_keys().await?;
        let mut clear = redis::cmd("DEL");
        // One that is not there, for where nothing else is.
        clear
            .arg(QUEUE_KEYS)
            .arg(keys.iter().filter(|key| *key != AGREEMENT).collect::<Vec<_>>());
        // Not in the background: what comes next is measured.
        let cleared = clear.exec_async(&mut self.redis).await;
        cleared.map_err(Failure::because("could not clear the queue"))
    }

    /// The bytes of an entry of the queue.
    pub(super) async fn an_entry(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let first = self.firsts().await?.into_iter().next();
        // Its one field is named first.
        Ok(first.and_then(|(_, fields)| fields.into_iter().nth(1)))
    }

    /// How long ago the oldest entry of the queue was put there; nothing when it is empty.
    pub(super) async fn oldest(&mut self) -> Result<Duration, Failure> {
        let put_at = |(id, _): (String, _)| id.split_once('-')?.0.parse::<i64>().ok();
        let oldest = self.firsts().await?.into_iter().filter_map(put_at).min();
        let age_ms = oldest.map_or(0, |oldest| figures::now().0 - oldest);
        Ok(Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)))
    }

    /// The first entry of each stream of the queue that has any.
    async fn firsts(&mut self) -> Result<Vec<Entry>, Failure> {
        let failed = || Failure::because("could not look into the queue");
        let mut firsts = Vec::new();
        for key in self.queue_keys().await? {
            let kind: String = redis::cmd("TYPE")
                .arg(&key)
                .query_async(&mut self.redis)
                .await
                .map_err(failed())?;
            if kind != "stream" || key == DEAD {
                continue;
            }
            let mut first = redis::cmd("XRANGE");
            first.arg(key).arg(("-", "+", "COUNT", 1));
            let entries: Vec<Entry> = first.query_async(&mut self.redis).await.map_err(failed())?;
            firsts.extend(entries);
        }
        Ok(firsts)
    }

    /// The keys of the queue.
    async fn queue_keys(&mut self) -> Result<Vec<String>, Failure> {
        redis::cmd("KEYS")
            .arg(format!("{QUEUE_KEYS}*"))
            .query_async(&mut self.redis)
            .await
            .map_err(Failure::because("could not list the keys of the queue"))
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

/// A connection to the database at `url`.
pub(super) async fn to_postgres(url: &str) -> Result<Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .map_err(Failure::because("could not connect to Postgres"))?;
    // It speaks to the server until the client is dropped; what goes wrong meanwhile, the client is told.
    tokio::spawn(connection);
    Ok(client)
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
