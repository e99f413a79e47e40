//! Finds what of somebody waits, and looks whether it still does. Reads, never writes; the entries themselves stay in Redis.

use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::usage::Lane;
use ports::PortError;
use ports::usage::{Pending, PendingPings};
use redis::cmd;

use super::keys;
use super::link::{Link, port_error};

/// See the script.
const OF: &str = include_str!("pending/of.lua");
/// See the script.
const STILL: &str = include_str!("pending/still.lua");

/// What of somebody is on its way, as the streams of their shard say.
pub struct RedisPendingPings {
    link: Link,
    shards: u16,
}

impl RedisPendingPings {
    /// How long an answer may take. Whoever asks would rather read what is there than wait for long.
    pub(super) const ANSWER_MAX: Duration = Duration::from_secs(1);

    pub(super) fn new(link: Link, shards: u16) -> Self {
        Self { link, shards }
    }

    fn stream(&self, user: UserId, lane: Lane) -> String {
        keys::pings(keys::shard_of(user, self.shards), lane)
    }
}

#[async_trait]
impl PendingPings for RedisPendingPings {
    async fn of(&self, user: UserId) -> Result<Pending, PortError> {
        let mut find = cmd("EVAL");
        find.arg(OF)
            .arg(Lane::ALL.len())
            .arg(Lane::ALL.map(|lane| self.stream(user, lane)).as_slice());
        find.arg(user.0.as_bytes()).arg(Pending::LOOKED_THROUGH_MAX);
        let found = self.link.query_again::<Vec<Vec<String>>>(&find).await;
        let found = found.map_err(|error| port_error(format!("look what waits of {user}"), error))?;
        let lanes = Lane::ALL.into_iter().zip(found);
        let entries = lanes.flat_map(|(lane, ids)| ids.into_iter().map(move |id| (lane, id)));
        Ok(Pending {
            user,
            entries: entries.collect(),
        })
    }

    async fn still(&self, pending: Pending) -> Result<Pending, PortError> {
        let Pending { user, entries } = pending;
        if entries.is_empty() {
            return Ok(Pending { user, entries });
        }
        let mut look = cmd("EVAL");
        look.arg(STILL).arg(entries.len());
        for (lane, _) in &entries {
            look.arg(self.stream(user, *lane));
        }
        for (_, id) in &entries {
            look.arg(id);
        }
        let there = self.link.query_again::<Vec<u8>>(&look).await;
        let there = there.map_err(|error| {
            port_error(
                format!("look whether {} entries of {user} still wait", entries.len()),
                error,
            )
        })?;
        let still = entries.into_iter().zip(there).filter(|(_, there)| *there > 0);
        Ok(Pending {
            user,
            entries: still.map(|(entry, _)| entry).collect(),
        })
    }
}
