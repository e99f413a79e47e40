//! All processes of an installation must divide pings alike: the number of shards is kept beside the queue.

use ports::PortError;
use redis::{RedisError, cmd};

use super::keys;
use super::link::{Link, port_error};

/// Why a process may not use the queue.
#[derive(Debug, thiserror::Error)]
pub enum ShardsError {
    /// The queue is divided otherwise.
    #[error(
        "the queue has {kept} shards and DAYBOOK_PING_SHARDS says {set}: set it to {kept}; or, to change it, stop everything that sends pings, let the worker finish what \
         waits, stop it, delete the key {} in Redis and start again",
        keys::SHARDS
    )]
    Differ {
        /// How many there are.
        kept: u16,
        /// How many there should be.
        set: u16,
    },
    /// It could not be found out.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Keeps the number if there is none yet, and compares.
pub(super) async fn agree(link: &Link, set: u16) -> Result<(), ShardsError> {
    let attempted = |error: RedisError| port_error("compare the number of shards with that of the queue", error);
    // Asked first: a Redis that is full takes no number, and whoever could empty it must be able to start.
    let mut kept: Option<u16> = link.query(cmd("GET").arg(keys::SHARDS)).await.map_err(attempted)?;
    if kept.is_none() {
        let keep = link.query::<bool>(cmd("SETNX").arg(keys::SHARDS).arg(set)).await;
        keep.map_err(attempted)?;
        kept = link.query(cmd("GET").arg(keys::SHARDS)).await.map_err(attempted)?;
    }
    match kept {
        Some(kept) if kept != set => Err(ShardsError::Differ { kept, set }),
        _ => Ok(()),
    }
}
