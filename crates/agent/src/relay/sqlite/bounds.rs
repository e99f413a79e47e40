//! How much is kept, and for how long.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use domain::time::UnixMs;

use crate::relay::store::StoreError;

use super::{SqliteStore, failed, ms, path_in};

/// As long as the server takes pings.
const AGE_MAX: Duration = Duration::from_hours(90 * 24);
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How many of the oldest events go at a time, so that a full store does not say so at every heartbeat.
const DROPPED_AT_ONCE: u32 = 2_000;

/// The bounds of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Events that ended longer ago go.
    pub age_max: Duration,
    /// Beyond so many bytes, the events that were kept first go.
    pub bytes_max: u64,
    /// How many of them at a time.
    pub dropped_at_once: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            age_max: AGE_MAX,
            bytes_max: BYTES_MAX,
            dropped_at_once: DROPPED_AT_ONCE,
        }
    }
}

/// What a store says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// How many buckets there are.
    pub buckets: u64,
    /// How many events.
    pub events: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// Start of the first of them.
    pub oldest: Option<UnixMs>,
    /// How many were given up, because they were old or too many.
    pub dropped: u64,
}

/// What the store in `dir` says about itself, read without touching it; nothing if there is none. It may be in use.
pub fn kept(dir: &Path) -> Result<Option<Kept>, StoreError> {
    let path = path_in(dir);
    if !path.exists() {
        return Ok(None);
    }
    let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed("read"))?;
    kept_in(&connection).map(Some).map_err(failed("read"))
}

impl SqliteStore {
    /// What the store says about itself.
    pub fn kept(&self) -> Result<Kept, StoreError> {
        kept_in(&self.connection).map_err(failed("read"))
    }

    /// Keeps the bounds, and gives how many events went for them.
    pub fn trim(&mut self, now: UnixMs) -> Result<u64, StoreError> {
        let oldest_us = now.before(self.bounds.age_max).0.saturating_mul(1_000);
        self.transaction(|store| {
            let mut dropped = store.forget("DELETE FROM events WHERE start_us < ?1 AND end_us < ?1", oldest_us)?;
            let some = i64::from(store.bounds.dropped_at_once);
            while used_bytes(&store.connection).map_err(failed("read"))? > store.bounds.bytes_max {
                let gone = store.forget(
                    "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?1)",
                    some,
                )?;
                if gone == 0 {
                    break;
                }
                dropped += gone;
            }
            if dropped > 0 {
                let told = store.connection.execute(
                    "UPDATE own SET dropped = dropped + ?1",
                    [i64::try_from(dropped).unwrap_or(i64::MAX)],
                );
                told.map_err(failed("keep"))?;
            }
            Ok(dropped)
        })
    }

    fn forget(&self, statement: &str, value: i64) -> Result<u64, StoreError> {
        let gone = self.connection.execute(statement, [value]);
        gone.map(|count| count as u64).map_err(failed("delete"))
    }
}

/// Pages given back are used again before the file grows.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let of = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let pages = of("page_count")? - of("freelist_count")?;
    Ok((pages * of("page_size")?).unsigned_abs())
}

fn kept_in(connection: &Connection) -> rusqlite::Result<Kept> {
    let of = |statement: &str| connection.query_row(statement, [], |row| row.get::<_, Option<i64>>(0));
    let number = |statement: &str| of(statement).map(|number| number.unwrap_or_default().unsigned_abs());
    Ok(Kept {
        buckets: number("SELECT count(*) FROM buckets")?,
        events: number("SELECT count(*) FROM events")?,
        bytes: used_bytes(connection)?,
        oldest: of("SELECT min(start_us) FROM events")?.map(ms),
        dropped: number("SELECT dropped FROM own")?,
    })
}
