//! What the relay keeps beside buckets and events: settings of ActivityWatch's page, and how far the events are joined.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use domain::time::Span;

use crate::relay::store::StoreError;

use super::{SqliteStore, failed};

impl SqliteStore {
    /// This installation's name for itself.
    pub fn device(&self) -> Result<String, StoreError> {
        let found = self
            .connection
            .query_row("SELECT device FROM own", [], |row| row.get(0));
        found.map_err(failed("read"))
    }

    /// The stretches of time about which something new is known, and the change up to which they tell it.
    #[must_use]
    pub fn take_touched(&mut self) -> (Vec<Span>, i64) {
        (self.touched.take(), self.change - 1)
    }

    /// Puts back what could not be joined.
    pub fn touch_again(&mut self, span: Span) {
        self.touched.add(span);
    }

    /// Remembers that everything up to `change` is in the spool.
    pub fn keep_joined(&mut self, change: i64) -> Result<(), StoreError> {
        let kept = self
            .connection
            .execute("UPDATE own SET joined = ?1 WHERE joined < ?1", [change]);
        kept.map(drop).map_err(failed("keep"))
    }

    /// The settings, each a JSON value as text.
    pub fn settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let mut all = self.prepare("SELECT name, value FROM settings")?;
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).map_err(failed("read"))
    }

    /// One setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut one = self.prepare("SELECT value FROM settings WHERE name = ?1")?;
        let found = one.query_row([name], |row| row.get(0));
        found.optional().map_err(failed("read"))
    }

    /// Keeps a setting, or forgets it. False, and nothing is kept, where there are `max` others.
    pub fn keep_setting(&mut self, name: &str, value: Option<&str>, max: usize) -> Result<bool, StoreError> {
        let Some(value) = value else {
            let deleted = self.connection.execute("DELETE FROM settings WHERE name = ?1", [name]);
            return deleted.map(|_| true).map_err(failed("delete"));
        };
        let kept = self.connection.execute(
            "INSERT INTO settings (name, value) SELECT ?1, ?2 WHERE (SELECT count(*) FROM settings WHERE name <> ?1) < ?3
             ON CONFLICT (name) DO UPDATE SET value = ?2",
            params![name, value, i64::try_from(max).unwrap_or(i64::MAX)],
        );
        kept.map(|count| count > 0).map_err(failed("keep"))
    }

    pub(super) fn touch_what_is_not_joined(&mut self) -> rusqlite::Result<()> {
        let statement = "SELECT start_us, end_us FROM events WHERE change > (SELECT joined FROM own) ORDER BY start_us";
        let mut found = self.connection.prepare(statement)?;
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let stretches: Vec<(i64, i64)> = rows.collect::<Result<_, _>>()?;
        drop(found);
        for (start_us, end_us) in stretches {
            self.touch(start_us, end_us);
        }
        Ok(())
    }
}
