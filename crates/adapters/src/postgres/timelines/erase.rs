//! What is forgotten of people's time: as the role of the API by themselves, as that of the worker once nothing of theirs can arrive any more.

use std::time::SystemTime;

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use futures_util::future::try_join;
use ports::PortError;
use ports::usage::{Erased, Erasures, TimelineErasure};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{
    ADVISORY_LOCK, CLOSED_ERASE, ERASED_BEFORE, ERASED_FORGET, HEARTBEATS_ERASE, TIMELINE_ERASE, WATCH_BUCKETS_ERASE,
    WATCH_EVENTS_ERASE, lock_class,
};
use crate::postgres::values::{column, searchable, time, unix_ms};

use super::Timelines;
use super::share::bucket;

/// How many closed pieces, heartbeats or events of watchers one statement erases at most: some weeks of somebody busy.
const AT_ONCE: i64 = 10_000;

impl Timelines {
    /// Under the lock that merges take: once the note is committed, nothing is written for the person any more. So what they had can go without the lock,
    /// which is that of many people, and bit by bit.
    async fn note_erased(&self, user: UserId, now: UnixMs) -> Result<(), Failure> {
        let scope = self.database.as_user(user);
        let transaction = scope.begin().await?;
        let lock = transaction.prepare_cached(ADVISORY_LOCK).await?;
        let erase = transaction.prepare_cached(TIMELINE_ERASE).await?;
        let bucket = vec![bucket(user)];
        try_join(
            transaction.execute(&lock, &[&lock_class::PEOPLE, &bucket]),
            transaction.execute(&erase, &[&user.0, &time(now)]),
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets some of what a person had, and answers how many.
    async fn erase_some(&self, user: UserId, erase: &str) -> Result<i64, Failure> {
        let erased = self
            .database
            .as_user(user)
            .query_opt(erase, &[&user.0, &AT_ONCE])
            .await?;
        erased.map_or(Ok(0), |row| column(&row, 0))
    }

    async fn erase_buckets(&self, user: UserId) -> Result<(), Failure> {
        self.database
            .as_user(user)
            .query(WATCH_BUCKETS_ERASE, &[&user.0])
            .await?;
        Ok(())
    }

    async fn erased_before(&self, instant: UnixMs, limit: usize) -> Result<Vec<Erased>, Failure> {
        let client = self.database.client().await?;
        let read = client.prepare_cached(ERASED_BEFORE).await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let asked: [&(dyn ToSql + Sync); 2] = [&time(searchable(instant)), &limit];
        let rows = client.query(&read, &asked).await?;
        let erased = rows.iter().map(|row| {
            Ok(Erased {
                user: UserId(column(row, 0)?),
                at: unix_ms(column(row, 1)?),
                devices: column::<Vec<Uuid>>(row, 2)?.into_iter().map(DeviceId).collect(),
            })
        });
        erased.collect()
    }

    async fn forget_erased(&self, erased: &[Erased]) -> Result<(), Failure> {
        let client = self.database.client().await?;
        let forget = client.prepare_cached(ERASED_FORGET).await?;
        let (users, instants): (Vec<Uuid>, Vec<SystemTime>) =
            erased.iter().map(|erased| (erased.user.0, time(erased.at))).unzip();
        client.execute(&forget, &[&users, &instants]).await?;
        Ok(())
    }
}

#[async_trait]
impl TimelineErasure for Timelines {
    async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), PortError> {
        let attempt = || format!("erase the timeline of {user}");
        // Each step is a call of its own: however much there is of a person, none takes longer than a call may.
        self.database.call(attempt, self.note_erased(user, now)).await?;
        for erase in [CLOSED_ERASE, HEARTBEATS_ERASE, WATCH_EVENTS_ERASE] {
            // Ends: nothing is added meanwhile, but for what their watchers send until their account is gone, and that goes with it.
            while self.database.call(attempt, self.erase_some(user, erase)).await? >= AT_ONCE {}
        }
        self.database.call(attempt, self.erase_buckets(user)).await
    }
}

#[async_trait]
impl Erasures for Timelines {
    async fn before(&self, instant: UnixMs, limit: usize) -> Result<Vec<Erased>, PortError> {
        let attempt = || format!("read who was erased before {instant}");
        self.database.call(attempt, self.erased_before(instant, limit)).await
    }

    async fn forget(&self, erased: &[Erased]) -> Result<(), PortError> {
        let attempt = || format!("forget that {} people were erased", erased.len());
        self.database.call(attempt, self.forget_erased(erased)).await
    }
}
