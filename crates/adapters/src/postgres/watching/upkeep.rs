//! What is left to the worker, and what a person is given of all their watchers.

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use ports::PortError;
use ports::trackers::{WatchReader, WatchUpkeep, WatchedEvent, Watcher};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{WATCH_EVENTS_FORGET, WATCH_EVENTS_OF_PERSON, WATCH_LEFT_BEHIND};
use crate::postgres::values::{column, searchable, time};

use super::{Watching, count, event_at, searchable_us};

#[async_trait]
impl WatchUpkeep for Watching {
    async fn left_behind(&self, marked: UnixMs, now: UnixMs, limit: usize) -> Result<Vec<Watcher>, PortError> {
        let work = async {
            let client = self.database.client().await?;
            let read = client.prepare_cached(WATCH_LEFT_BEHIND).await?;
            let asked: [&(dyn ToSql + Sync); 3] = [&time(searchable(marked)), &now.0, &count(limit)];
            let rows = client.query(&read, &asked).await?;
            let watcher = |row: &Row| {
                Ok(Watcher {
                    user: UserId(column(row, 0)?),
                    device: DeviceId(column(row, 1)?),
                })
            };
            rows.iter().map(watcher).collect()
        };
        self.database
            .call(|| "read which watchers were left behind".to_owned(), work)
            .await
    }

    async fn forget_events(&self, before: UnixMs, limit: usize) -> Result<u64, PortError> {
        let work = async {
            let client = self.database.client().await?;
            let forget = client.prepare_cached(WATCH_EVENTS_FORGET).await?;
            let before_us = searchable_us(before.0.saturating_mul(1_000));
            let old: [&(dyn ToSql + Sync); 2] = [&before_us, &count(limit)];
            Ok(client.execute(&forget, &old).await?)
        };
        self.database
            .call(|| format!("forget what watchers told before {before}"), work)
            .await
    }
}

#[async_trait]
impl WatchReader for Watching {
    async fn watched_events(&self, user: UserId, window: Span) -> Result<Vec<WatchedEvent>, PortError> {
        let work = async {
            let us = |at: UnixMs| searchable_us(at.0.saturating_mul(1_000));
            let asked: [&(dyn ToSql + Sync); 3] = [&user.0, &us(window.start()), &us(window.end())];
            let rows = self
                .database
                .as_user(user)
                .query(WATCH_EVENTS_OF_PERSON, &asked)
                .await?;
            rows.iter().map(watched_event).collect()
        };
        self.database
            .call(|| format!("read what the watchers of {user} told"), work)
            .await
    }
}

/// A row of `device_id, id, hostname` of a bucket and `id, start_us, end_us, app_name, domain, is_here` of an event.
fn watched_event(row: &Row) -> Result<WatchedEvent, Failure> {
    Ok(WatchedEvent {
        device: DeviceId(column(row, 0)?),
        bucket: column(row, 1)?,
        hostname: column(row, 2)?,
        event: event_at(row, 3)?,
    })
}
