//! Buckets and events in a SQLite file: what a committed transaction wrote survives a power cut.
//!
//! A write-ahead log that is synced at each commit. A heartbeat that makes an event longer rewrites one page of it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{GAP_MAX_MS, Stretch, Touched};

use super::event::{Bucket, Data, Event, Extent};
use super::store::{Catalogue, Events, StoreError, Window};

pub use bounds::{Bounds, Kept, kept};

mod bounds;
mod own;
#[cfg(test)]
mod tests;

const SCHEMA: &str = include_str!("sqlite/schema.sql");
const SCHEMA_VERSION: i64 = 1;
/// A new event.
const KEPT: &str = "INSERT INTO events (bucket, start_us, end_us, change, data) VALUES (?1, ?2, ?3, ?4, ?5)";
const REPLACED: &str = "UPDATE events SET start_us = ?2, end_us = ?3, change = ?4, data = ?5 WHERE id = ?1";
/// One that only became longer. Naming no column of the index, it leaves that alone.
const GROWN: &str = "UPDATE events SET end_us = ?2, change = ?3 WHERE id = ?1";
/// Pages kept in memory: 1 MiB.
const CACHE_KIB: i64 = 1_024;
/// The log is written back into the file at this many pages: 2 MiB.
const LOG_PAGES: i64 = 512;

/// The store. One process at a time may have it open.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    bounds: Bounds,
    /// The number of the next change.
    change: i64,
    touched: Touched,
}

impl SqliteStore {
    /// Opens the store in `dir`, or makes an empty one. One that is damaged is set aside. `device` names this installation when it is new.
    pub fn open(dir: &Path, bounds: Bounds, device: &str) -> Result<Self, StoreError> {
        let path = path_in(dir);
        match Self::open_file(&path, bounds, device) {
            Err(error) if is_damage(&error) => {
                let aside = path.with_extension("damaged");
                tracing::error!(aside = %aside.display(), "what ActivityWatch's watchers sent is damaged: set aside, and begun anew");
                set_aside(&path, &aside).map_err(failed("set aside"))?;
                Self::open_file(&path, bounds, device)
            }
            opened => opened,
        }
    }

    fn open_file(path: &Path, bounds: Bounds, device: &str) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        // The log and its index, made beside it, take over its rights.
        options.create(true).append(true).mode(0o600);
        options.open(path).map_err(failed("open"))?;
        let connection = Connection::open(path).map_err(failed("open"))?;
        let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        if version.map_err(failed("open"))? > SCHEMA_VERSION {
            return Err(StoreError::new("open", "it was written by a newer agent"));
        }
        Self::over(connection, bounds, device).map_err(failed("open"))
    }

    fn over(mut connection: Connection, bounds: Bounds, device: &str) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        connection.set_prepared_statement_cache_capacity(32);
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            let making = connection.transaction()?;
            making.execute_batch(SCHEMA)?;
            making.execute("INSERT INTO own (device) VALUES (?1)", [device])?;
            making.commit()?;
        }
        // The last event that was joined may be gone; a number that counts as joined is given to no other.
        let last: i64 = connection.query_row(
            "SELECT max(joined, coalesce((SELECT max(change) FROM events), 0)) FROM own",
            [],
            |row| row.get(0),
        )?;
        let mut store = Self {
            change: last + 1,
            connection,
            bounds,
            touched: Touched::default(),
        };
        store.touch_what_is_not_joined()?;
        Ok(store)
    }

    /// Does all of it or nothing of it. When it succeeds, it is on the disk.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.execute("BEGIN IMMEDIATE")?;
        let done = work(self).and_then(|done| self.execute("COMMIT").map(|()| done));
        if done.is_err() && !self.connection.is_autocommit() {
            // What cannot be rolled back is, when the connection finds the disk again.
            let _ = self.execute("ROLLBACK");
        }
        done
    }

    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        self.connection.execute_batch(statement).map_err(failed("write"))
    }

    fn number(&self, bucket: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let mut found = self.prepare("SELECT number, longest_us FROM buckets WHERE id = ?1")?;
        let row = found.query_row([bucket], |row| Ok((row.get(0)?, row.get(1)?)));
        row.optional().map_err(failed("read"))
    }

    fn prepare(&self, statement: &str) -> Result<rusqlite::CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(statement).map_err(failed("read"))
    }

    fn write(&self, statement: &str, values: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.prepare(statement)?.execute(values).map_err(failed("keep"))
    }

    /// Something new is known of the time from `from_us` to `to_us`, and of a short gap on either side.
    fn touch(&mut self, from_us: i64, to_us: i64) {
        let (from, to) = (ms(from_us).plus_ms(-GAP_MAX_MS), ms(to_us).plus_ms(GAP_MAX_MS));
        self.touched.extend(Span::new(from, to));
    }
}

impl Catalogue for SqliteStore {
    fn buckets(&self) -> Result<Vec<Extent>, StoreError> {
        let mut all = self.prepare(
            "SELECT id, kind, client, hostname, created_us, data, number, longest_us FROM buckets ORDER BY id",
        )?;
        let rows = all.query_map([], |row| Ok((bucket_of(row)?, (row.get(6)?, row.get(7)?))));
        let found = rows
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed("read"))?;
        found
            .into_iter()
            .map(|(bucket, number)| self.extent(bucket, number))
            .collect()
    }

    fn bucket(&self, id: &str) -> Result<Option<Extent>, StoreError> {
        let mut one = self.prepare(
            "SELECT id, kind, client, hostname, created_us, data, number, longest_us FROM buckets WHERE id = ?1",
        )?;
        let row = one.query_row([id], |row| Ok((bucket_of(row)?, (row.get(6)?, row.get(7)?))));
        let found = row.optional().map_err(failed("read"))?;
        found.map(|(bucket, number)| self.extent(bucket, number)).transpose()
    }

    fn keep_bucket(&mut self, bucket: &Bucket) -> Result<(), StoreError> {
        let kept = self.connection.execute(
            "INSERT INTO buckets (id, kind, client, hostname, created_us, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET kind = ?2, client = ?3, hostname = ?4, data = ?6",
            params![
                bucket.id,
                bucket.kind,
                bucket.client,
                bucket.hostname,
                bucket.created_us,
                bucket.data.as_str()
            ],
        );
        kept.map(drop).map_err(failed("keep"))
    }

    fn delete_bucket(&mut self, id: &str) -> Result<bool, StoreError> {
        let deleted = self.connection.execute("DELETE FROM buckets WHERE id = ?1", [id]);
        deleted.map(|count| count > 0).map_err(failed("delete"))
    }
}

impl Events for SqliteStore {
    fn events(&self, bucket: &str, window: &Window) -> Result<Vec<Event>, StoreError> {
        let Some((number, longest_us)) = self.number(bucket)? else {
            return Ok(Vec::new());
        };
        let mut found = self.prepare(
            "SELECT id, start_us, end_us, data FROM events
             WHERE bucket = ?1 AND start_us BETWEEN ?2 AND ?3 AND end_us >= ?4
             ORDER BY start_us DESC, id DESC LIMIT ?5",
        )?;
        let limit = i64::try_from(window.limit).unwrap_or(i64::MAX);
        let earliest = window.from_us.saturating_sub(longest_us);
        let rows = found.query_map(params![number, earliest, window.to_us, window.from_us, limit], event_of);
        rows.and_then(Iterator::collect).map_err(failed("read"))
    }

    fn after(&self, bucket: &str, start_us: i64) -> Result<Option<Event>, StoreError> {
        let Some((number, _)) = self.number(bucket)? else {
            return Ok(None);
        };
        let mut found = self.prepare(
            "SELECT id, start_us, end_us, data FROM events WHERE bucket = ?1 AND start_us > ?2 ORDER BY start_us, id LIMIT 1",
        )?;
        let row = found.query_row(params![number, start_us], event_of);
        row.optional().map_err(failed("read"))
    }

    fn count(&self, bucket: &str, window: &Window) -> Result<u64, StoreError> {
        let Some((number, longest_us)) = self.number(bucket)? else {
            return Ok(0);
        };
        let earliest = window.from_us.saturating_sub(longest_us);
        let mut found = self
            .prepare("SELECT count(*) FROM events WHERE bucket = ?1 AND start_us BETWEEN ?2 AND ?3 AND end_us >= ?4")?;
        let counted = found.query_row(params![number, earliest, window.to_us, window.from_us], |row| {
            row.get::<_, i64>(0)
        });
        counted.map(i64::unsigned_abs).map_err(failed("count"))
    }

    fn event(&self, bucket: &str, id: i64) -> Result<Option<Event>, StoreError> {
        let Some((number, _)) = self.number(bucket)? else {
            return Ok(None);
        };
        let mut found = self.prepare("SELECT id, start_us, end_us, data FROM events WHERE bucket = ?1 AND id = ?2")?;
        let row = found.query_row(params![number, id], event_of);
        row.optional().map_err(failed("read"))
    }

    fn keep_event(&mut self, bucket: &str, event: &Event) -> Result<i64, StoreError> {
        let Some((number, longest_us)) = self.number(bucket)? else {
            return Err(StoreError::new("keep", "there is no such bucket"));
        };
        let Stretch { start_us, end_us } = event.stretch;
        let before = match event.id {
            Some(id) => self.event(bucket, id)?,
            None => None,
        };
        let grows = before.as_ref().is_some_and(|before| {
            before.data == event.data && before.stretch.start_us == start_us && before.stretch.end_us <= end_us
        });
        let id = match before.as_ref().and_then(|before| before.id) {
            Some(id) if grows => self.write(GROWN, params![id, end_us, self.change]).map(|_| id)?,
            Some(id) => {
                let values = params![id, start_us, end_us, self.change, event.data.as_str()];
                self.write(REPLACED, values).map(|_| id)?
            }
            None => {
                self.write(
                    KEPT,
                    params![number, start_us, end_us, self.change, event.data.as_str()],
                )?;
                self.connection.last_insert_rowid()
            }
        };
        self.change += 1;
        let length_us = end_us.saturating_sub(start_us);
        if length_us > longest_us {
            // Twice as long each time, so that an event that grows changes this seldom.
            let longest_us = length_us.unsigned_abs().next_power_of_two();
            let longest_us = i64::try_from(longest_us).unwrap_or(i64::MAX);
            let kept = self.connection.execute(
                "UPDATE buckets SET longest_us = ?2 WHERE number = ?1",
                [number, longest_us],
            );
            kept.map_err(failed("keep"))?;
        }
        match before {
            // Of what it said before nothing new is known.
            Some(before) if grows => {
                let (from, to) = (ms(before.stretch.end_us), ms(end_us).plus_ms(GAP_MAX_MS));
                self.touched.extend(Span::new(from, to));
            }
            Some(before) => self.touch(before.stretch.start_us.min(start_us), before.stretch.end_us.max(end_us)),
            None => self.touch(start_us, end_us),
        }
        Ok(id)
    }

    fn delete_event(&mut self, bucket: &str, id: i64) -> Result<bool, StoreError> {
        let Some((number, _)) = self.number(bucket)? else {
            return Ok(false);
        };
        let deleted = self
            .connection
            .execute("DELETE FROM events WHERE bucket = ?1 AND id = ?2", [number, id]);
        deleted.map(|count| count > 0).map_err(failed("delete"))
    }
}

impl SqliteStore {
    fn extent(&self, bucket: Bucket, (number, longest_us): (i64, i64)) -> Result<Extent, StoreError> {
        let of = |statement: &str, values: &[&dyn rusqlite::ToSql]| {
            let mut found = self.prepare(statement)?;
            found
                .query_row(values, |row| row.get::<_, Option<i64>>(0))
                .map_err(failed("read"))
        };
        let first = of("SELECT min(start_us) FROM events WHERE bucket = ?1", &[&number])?;
        let newest = of("SELECT max(start_us) FROM events WHERE bucket = ?1", &[&number])?;
        let near = newest.map(|newest| newest.saturating_sub(longest_us));
        let last = of(
            "SELECT max(end_us) FROM events WHERE bucket = ?1 AND start_us >= ?2",
            &[&number, &near],
        )?;
        let stretch = first.zip(last).map(|(start_us, end_us)| Stretch { start_us, end_us });
        Ok(Extent { bucket, stretch })
    }
}

/// The millisecond that holds the microsecond.
pub(crate) fn ms(at_us: i64) -> UnixMs {
    UnixMs(at_us.div_euclid(1_000))
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("activitywatch.db")
}

fn bucket_of(row: &Row<'_>) -> rusqlite::Result<Bucket> {
    Ok(Bucket {
        id: row.get(0)?,
        kind: row.get(1)?,
        client: row.get(2)?,
        hostname: row.get(3)?,
        created_us: row.get(4)?,
        data: Data::trusted(row.get(5)?),
    })
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: Some(row.get(0)?),
        stretch: Stretch {
            start_us: row.get(1)?,
            end_us: row.get(2)?,
        },
        data: Data::trusted(row.get(3)?),
    })
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::new(doing, source)
}

fn is_damage(error: &StoreError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<rusqlite::Error>());
    let code = source.and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// The log goes with its file: by itself it is worth nothing, and beside a new file it would do harm.
fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    for end in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(end);
        match std::fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    std::fs::rename(path, aside)
}
