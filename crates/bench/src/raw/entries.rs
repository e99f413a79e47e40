//! Entries of the same bytes as the door makes, straight into Redis.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisResult};
use testkit::runs::Failure;
use tokio::task::JoinSet;

use crate::histogram::Histogram;

/// How long one answer may take: as long as the door waits for one.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How entries are put into Redis.
#[derive(Debug, Clone, Copy)]
pub struct Putting {
    /// How many do it at a time, each waiting for its answer.
    pub callers: u16,
    /// Into how many streams, in turn.
    pub shards: u16,
    /// For how long.
    pub lasts: Duration,
}

/// Puts entries of these bytes into the streams of the queue, over one connection that all callers share, and tells how long each took.
pub fn put(redis_url: &str, entry: &[u8], putting: &Putting) -> Result<Histogram, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::because("could not start the runtime of Redis' callers"))?;
    let failed = || Failure::because("could not put entries into Redis");
    runtime.block_on(async {
        let client = redis::Client::open(redis_url).map_err(failed())?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_MAX));
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(failed())?;
        let until = Instant::now() + putting.lasts;
        let mut callers = JoinSet::new();
        for caller in 0..putting.callers {
            let mut add = redis::cmd("XADD");
            add.arg(format!("daybook:pings:{}", caller % putting.shards.max(1)))
                .arg("*")
                .arg("p")
                .arg(entry);
            callers.spawn(put_again_and_again(connection.clone(), add, until));
        }
        let mut all = Histogram::default();
        while let Some(took) = callers.join_next().await {
            let took = took.map_err(Failure::because("a caller of Redis broke down"))?;
            all.merge(&took.map_err(failed())?);
        }
        Ok(all)
    })
}

async fn put_again_and_again(
    mut connection: MultiplexedConnection,
    add: Cmd,
    until: Instant,
) -> RedisResult<Histogram> {
    let mut took = Histogram::default();
    let mut began = Instant::now();
    while began < until {
        add.exec_async(&mut connection).await?;
        let answered = Instant::now();
        took.record(answered - began);
        began = answered;
    }
    Ok(took)
}
