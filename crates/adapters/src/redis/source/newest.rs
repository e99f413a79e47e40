//! The way around a backlog: a second group of a live stream, from its end on, by which what is new is delivered before what is old.
//!
//! It is a hint and no guarantee. What it delivers is merged and settled like everything else, and the group of all workers finds it gone, or delivers it a
//! second time, which changes nothing. What a worker that dies had taken by it is still in the stream.

use std::time::Duration;

use domain::usage::Lane;
use redis::{RedisResult, Value, cmd};

use super::reader::Reader;
use super::reply;
use crate::redis::keys;
use crate::redis::link::Link;

/// What is known of the second group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Newest {
    /// It may be there, from before.
    #[default]
    Unknown,
    /// Nobody needs it.
    Needless,
    /// Old entries wait in front of new ones.
    Wanted,
}

impl Newest {
    pub(super) fn is_wanted(self) -> bool {
        self == Self::Wanted
    }

    /// After the oldest were taken: `last` is the last of them, where there was no room for more. Where that is much older than the last of the stream, the
    /// second group is made; where everything was taken, it goes. Where neither can be done, as in a Redis that is full, it is tried after the next batch.
    pub(super) async fn look(&mut self, link: &Link, reader: &Reader, last: Option<&str>) {
        if reader.lane != Lane::Live {
            return;
        }
        let outcome = match last {
            Some(last) => self.overtake(link, reader, last).await,
            None => self.give_way(link, reader).await,
        };
        told(outcome, reader);
    }

    /// After the newest were taken, likewise: where these lag too, they are left to the others as well, and it goes on from the end.
    pub(super) async fn go_on(&mut self, link: &Link, reader: &Reader, last: Option<&str>) {
        let outcome = match last {
            Some(last) => match end_behind(link, reader, last).await {
                Ok(Some(end)) => group(link, "SETID", reader, Some(&end)).await,
                nothing => nothing.map(drop),
            },
            None => Ok(()),
        };
        told(outcome, reader);
    }

    async fn overtake(&mut self, link: &Link, reader: &Reader, last: &str) -> RedisResult<()> {
        if self.is_wanted() {
            return Ok(());
        }
        let Some(end) = end_behind(link, reader, last).await? else {
            return Ok(());
        };
        match group(link, "CREATE", reader, Some(&end)).await {
            // Another worker has made it.
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            _ => {
                tracing::info!(shard = reader.shard, "the newest pings are taken before those that lag");
                *self = Self::Wanted;
                Ok(())
            }
        }
    }

    async fn give_way(&mut self, link: &Link, reader: &Reader) -> RedisResult<()> {
        if *self != Self::Needless {
            group(link, "DESTROY", reader, None).await?;
            *self = Self::Needless;
        }
        Ok(())
    }
}

fn told(outcome: RedisResult<()>, reader: &Reader) {
    if let Err(error) = outcome {
        tracing::debug!(%error, shard = reader.shard, "the newest pings cannot be taken apart");
    }
}

/// The last entry of the stream, where it came much later than `entry`.
async fn end_behind(link: &Link, reader: &Reader, entry: &str) -> RedisResult<Option<String>> {
    let mut end = cmd("XREVRANGE");
    end.arg(&reader.stream).arg("+").arg("-").arg("COUNT").arg(1);
    let end = reply::delivered(link.query(&end).await?)?.pop();
    let came = |id: &str| keys::put_at(id).map_or(0, |at| at.0);
    Ok(end.map(|end| end.id).filter(|end| {
        let lag = came(end).saturating_sub(came(entry));
        Duration::from_millis(lag.try_into().unwrap_or(0)) >= reader.lags_after()
    }))
}

async fn group(link: &Link, what: &str, reader: &Reader, from: Option<&str>) -> RedisResult<()> {
    let mut command = cmd("XGROUP");
    command.arg(what).arg(&reader.stream).arg(keys::NEWEST);
    if let Some(from) = from {
        command.arg(from);
    }
    link.query::<Value>(&command).await.map(drop)
}
