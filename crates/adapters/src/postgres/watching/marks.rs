//! What was touched and is not claimed yet, and what is known of it.

use async_trait::async_trait;
use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{Browser, Kind, Stretch, Tabs, Told, Watched};
use ports::PortError;
use ports::trackers::{EARLIER_MAX, LASTING_MAX, LASTING_US, Mark, WatchMarks, WatchedRows, Watcher};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{WATCH_MARKS_READ, WATCH_MARKS_SETTLE, WATCH_WATCHED};
use crate::postgres::values::column;

use super::{Watching, count, searchable_us, told_at};

#[async_trait]
impl WatchMarks for Watching {
    async fn marks(&self, of: Watcher, before: UnixMs, limit: usize) -> Result<Vec<Mark>, PortError> {
        let work = async {
            let limit = count(limit);
            let asked: [&(dyn ToSql + Sync); 4] = [&of.user.0, &of.device.0, &before.0, &limit];
            let rows = self.database.as_user(of.user).query(WATCH_MARKS_READ, &asked).await?;
            rows.iter().map(mark).collect()
        };
        self.database
            .call(|| format!("read what is marked of {}", of.device), work)
            .await
    }

    async fn watched(&self, of: Watcher, reach: Span, limit: usize) -> Result<WatchedRows, PortError> {
        let work = async {
            let us = |at: UnixMs| searchable_us(at.0.saturating_mul(1_000));
            let (from, to) = (us(reach.start()), us(reach.end()));
            // One more of each bucket tells whether there are more.
            let more = count(limit.saturating_add(1));
            let asked: [&(dyn ToSql + Sync); 8] = [
                &of.user.0,
                &of.device.0,
                &from,
                &to,
                &more,
                &count(EARLIER_MAX),
                &LASTING_US,
                &count(LASTING_MAX),
            ];
            let rows = self.database.as_user(of.user).query(WATCH_WATCHED, &asked).await?;
            watched(&rows, limit)
        };
        self.database
            .call(|| format!("read what the watchers of {} told", of.device), work)
            .await
    }

    async fn settle(&self, of: Watcher, marks: &[i64], until: UnixMs) -> Result<(), PortError> {
        let work = async {
            let settled: [&(dyn ToSql + Sync); 4] = [&of.user.0, &of.device.0, &marks, &until.0];
            self.database
                .as_user(of.user)
                .query(WATCH_MARKS_SETTLE, &settled)
                .await?;
            Ok(())
        };
        self.database
            .call(|| format!("forget what was marked of {}", of.device), work)
            .await
    }
}

/// A row of `id, start_ms, end_ms, precedence`.
fn mark(row: &Row) -> Result<Mark, Failure> {
    let (start, end) = (UnixMs(column(row, 1)?), UnixMs(column(row, 2)?));
    let span = Span::new(start, end);
    Ok(Mark {
        id: column(row, 0)?,
        span: span.ok_or_else(|| Failure::Broken(format!("a mark from {start} to {end} is stored, which is empty")))?,
        precedence: column(row, 3)?,
    })
}

/// Rows of `id, kind, hostname, start_us, end_us, app_name, domain, is_here`, those of one bucket together, of which more than `limit` do not count.
fn watched(rows: &[Row], limit: usize) -> Result<WatchedRows, Failure> {
    let (mut watched, mut are_all) = (Watched::default(), true);
    for of_bucket in rows.chunk_by(|a, b| a.get::<_, &str>(0) == b.get::<_, &str>(0)) {
        let Some(first) = of_bucket.first() else { continue };
        let (id, kind): (&str, &str) = (column(first, 0)?, column(first, 1)?);
        let hostname: String = column(first, 2)?;
        let told = of_bucket.iter().filter_map(|row| told(row).transpose());
        let mut told: Vec<(Stretch, Told)> = told.collect::<Result<_, _>>()?;
        if told.len() > limit {
            are_all = false;
            told.sort_unstable_by_key(|(stretch, _)| std::cmp::Reverse(stretch.start_us));
            told.truncate(limit);
        }
        let told = told.into_iter();
        match Kind::of_type(kind) {
            Kind::Windows => {
                let rows = told.map(|(stretch, told)| told.window(stretch));
                watched.windows.push((hostname, rows.collect()));
            }
            Kind::Presence => {
                let rows = told.filter_map(|(stretch, told)| told.presence(stretch));
                watched.presence.push((hostname, rows.collect()));
            }
            Kind::Tabs => {
                if let Some(browser) = Browser::of_bucket(id) {
                    let rows = told.map(|(stretch, told)| told.tab(stretch)).collect();
                    watched.tabs.push((hostname, Tabs { browser, rows }));
                }
            }
            Kind::Other => {}
        }
    }
    Ok(WatchedRows { watched, are_all })
}

/// Nothing of the row of a bucket without events.
fn told(row: &Row) -> Result<Option<(Stretch, Told)>, Failure> {
    match column::<Option<i64>>(row, 3)? {
        Some(_) => told_at(row, 3).map(Some),
        None => Ok(None),
    }
}
