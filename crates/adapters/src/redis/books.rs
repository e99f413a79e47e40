//! What became of all arrivals, as Redis keeps it: a hash that is changed in the same step as the streams.

use ports::PortError;
use ports::usage::Books;
use redis::{RedisResult, cmd};

use super::keys;
use super::link::{Link, port_error};

/// The fields, in the order in which they are read.
pub(super) const FIELDS: [&str; 6] = ["received", "merged", "refused", "dropped", "dead", "in_flight"];
/// What came in.
pub(super) const RECEIVED: &str = FIELDS[0];
/// What is in the streams.
pub(super) const IN_FLIGHT: &str = FIELDS[5];

/// What the values of all [`FIELDS`] say.
pub(super) fn of([received, merged, refused, dropped, dead, in_flight]: [Option<u64>; 6]) -> Books {
    Books {
        received: received.unwrap_or(0),
        merged: merged.unwrap_or(0),
        refused: refused.unwrap_or(0),
        dropped: dropped.unwrap_or(0),
        dead: dead.unwrap_or(0),
        in_flight: in_flight.unwrap_or(0),
    }
}

/// Reads them in one step.
pub(super) async fn read(link: &Link) -> Result<Books, PortError> {
    let mut read = cmd("HMGET");
    read.arg(keys::BOOKS).arg(&FIELDS);
    let values: RedisResult<[Option<u64>; 6]> = link.query_again(&read).await;
    values
        .map(of)
        .map_err(|error| port_error("read the books of the queue", error))
}
