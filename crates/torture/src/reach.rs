//! How the parts of a run reach Daybook: people through the proxies, the checker past them.

use std::time::Duration;

/// Where the people's programs reach Daybook: through the proxies.
#[derive(Debug, Clone)]
pub struct Doors {
    /// The URL of each API node as its clients see it, such as `http://127.0.0.1:40001`, without a slash at its end.
    pub api: Vec<String>,
}

/// Where the checker reaches everything: past the proxies, when all is healed.
///
/// Nodes keep their addresses over restarts: all of these hold for the whole run.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The URL of each API node itself.
    pub api: Vec<String>,
    /// The URL of each node's metrics, the path included.
    pub metrics: Vec<String>,
    /// Postgres, as the owner of the database.
    pub database_url: String,
    /// Redis.
    pub redis_url: String,
    /// Into how many shards pings are divided.
    pub shards: u16,
    /// How long the queue may stay as it is, with all healed, before it counts as stuck.
    pub stuck_after: Duration,
}
