//! The events of buckets.

use async_trait::async_trait;
use ports::PortError;
use ports::trackers::{
    Edit, EditOutcome, EventWindow, LASTING_US, Look, SAME_START_MAX, Seen, WatchEvent, WatchEvents, Watcher,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{WATCH_EVENTS_COUNT, WATCH_EVENTS_READ, WATCH_KEEP, WATCH_LOOK};
use crate::postgres::values::{column, time};

use super::{Columns, Watching, count, event_at, searchable_us};

#[async_trait]
impl WatchEvents for Watching {
    async fn events(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<Vec<WatchEvent>, PortError> {
        let work = async {
            let (from, to) = (searchable_us(window.from_us), searchable_us(window.to_us));
            let limit = count(window.limit);
            let asked: [&(dyn ToSql + Sync); 7] = [&of.user.0, &of.device.0, &bucket, &from, &to, &limit, &LASTING_US];
            let rows = self.database.as_user(of.user).query(WATCH_EVENTS_READ, &asked).await?;
            rows.iter().map(|row| event_at(row, 0)).collect()
        };
        self.database
            .call(|| format!("read events of {}", of.device), work)
            .await
    }

    async fn count(&self, of: Watcher, bucket: &str, window: EventWindow) -> Result<u64, PortError> {
        let work = async {
            let (from, to) = (searchable_us(window.from_us), searchable_us(window.to_us));
            let asked: [&(dyn ToSql + Sync); 6] = [&of.user.0, &of.device.0, &bucket, &from, &to, &LASTING_US];
            let scope = self.database.as_user(of.user);
            let row = scope.query_opt(WATCH_EVENTS_COUNT, &asked).await?;
            let counted = row.map_or(Ok(0), |row| column::<i64>(&row, 0))?;
            Ok(counted.unsigned_abs())
        };
        self.database
            .call(|| format!("count events of {}", of.device), work)
            .await
    }

    async fn look(&self, of: Watcher, bucket: &str, look: &Look) -> Result<Option<Seen>, PortError> {
        let work = async {
            let limit = count(look.limit);
            let asked: [&(dyn ToSql + Sync); 9] = [
                &of.user.0,
                &of.device.0,
                &bucket,
                &look.at_us,
                &look.until_us,
                &limit,
                &look.ids,
                &look.starts_us,
                &count(SAME_START_MAX),
            ];
            let rows = self.database.as_user(of.user).query(WATCH_LOOK, &asked).await?;
            seen(&rows)
        };
        self.database
            .call(|| format!("look at a bucket of {}", of.device), work)
            .await
    }

    async fn keep(&self, of: Watcher, bucket: &str, edit: &Edit) -> Result<EditOutcome, PortError> {
        let work = async {
            let mut put = Put::default();
            edit.put.iter().for_each(|event| put.add(event));
            let (starts, ends): (Vec<i64>, Vec<i64>) =
                edit.touched.iter().map(|span| (span.start().0, span.end().0)).unzip();
            let kept: [&(dyn ToSql + Sync); 17] = [
                &of.user.0,
                &of.device.0,
                &bucket,
                &edit.seen,
                &edit.last_id,
                &LASTING_US,
                &time(edit.now),
                &edit.removed,
                &put.ids,
                &put.starts,
                &put.ends,
                &put.app_names,
                &put.domains,
                &put.are_here,
                &starts,
                &ends,
                &edit.precedence,
            ];
            let row = self.database.as_user(of.user).query_opt(WATCH_KEEP, &kept).await?;
            let buckets = row.map_or(Ok(0), |row| column::<i64>(&row, 0))?;
            Ok(if buckets > 0 {
                EditOutcome::Kept
            } else {
                EditOutcome::Changed
            })
        };
        self.database
            .call(|| format!("keep events of {}", of.device), work)
            .await
    }
}

/// Events, column by column.
#[derive(Default)]
struct Put {
    ids: Vec<i64>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    app_names: Vec<Option<String>>,
    domains: Vec<Option<String>>,
    are_here: Vec<Option<bool>>,
}

impl Put {
    fn add(&mut self, event: &WatchEvent) {
        let columns = Columns::of(&event.told);
        self.ids.push(event.id);
        self.starts.push(event.stretch.start_us);
        self.ends.push(event.stretch.end_us);
        self.app_names.push(columns.app_name);
        self.domains.push(columns.domain);
        self.are_here.push(columns.is_here);
    }
}

/// Rows of `kind, version, last_id, why, id, start_us, end_us, app_name, domain, is_here, first_id`.
fn seen(rows: &[Row]) -> Result<Option<Seen>, Failure> {
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut seen = Seen {
        kind: column(first, 0)?,
        version: column(first, 1)?,
        last_id: column(first, 2)?,
        first_id: column(first, 10)?,
        ..Seen::default()
    };
    for row in rows {
        match column::<Option<i32>>(row, 3)? {
            None => {}
            Some(0) => seen.before = Some(event_at(row, 4)?),
            Some(1) => seen.after.push(event_at(row, 4)?),
            Some(2) => seen.named.push(event_at(row, 4)?),
            Some(_) => seen.started.push(event_at(row, 4)?),
        }
    }
    seen.after
        .sort_unstable_by_key(|event| (event.stretch.start_us, event.id));
    Ok(Some(seen))
}
