//! Buckets.

use async_trait::async_trait;
use domain::time::UnixMs;
use domain::trackers::activitywatch::Stretch;
use ports::PortError;
use ports::trackers::{BUCKETS_MAX, BucketOutcome, LASTING_US, WatchBucket, WatchBuckets, Watcher};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{
    WATCH_BUCKET_CHANGE, WATCH_BUCKET_CREATE, WATCH_BUCKET_DELETE, WATCH_BUCKET_EMPTY, WATCH_BUCKETS_READ,
};
use crate::postgres::values::{column, time};

use super::{Watching, count};

/// How many events of a bucket one statement forgets at most.
const EMPTIED_AT_ONCE: i64 = 10_000;

#[async_trait]
impl WatchBuckets for Watching {
    async fn buckets(&self, of: Watcher, id: Option<&str>) -> Result<Vec<WatchBucket>, PortError> {
        let work = async {
            let asked: [&(dyn ToSql + Sync); 4] = [&of.user.0, &of.device.0, &id, &LASTING_US];
            let rows = self.database.as_user(of.user).query(WATCH_BUCKETS_READ, &asked).await?;
            rows.iter().map(bucket).collect()
        };
        self.database
            .call(|| format!("read the buckets of {}", of.device), work)
            .await
    }

    async fn create(
        &self,
        of: Watcher,
        bucket: &WatchBucket,
        (silent_since, now): (UnixMs, UnixMs),
    ) -> Result<BucketOutcome, PortError> {
        let work = async {
            let kept: [&(dyn ToSql + Sync); 10] = [
                &of.user.0,
                &of.device.0,
                &bucket.id,
                &bucket.kind,
                &bucket.client,
                &bucket.hostname,
                &bucket.created_us,
                &time(now),
                &count(BUCKETS_MAX),
                &time(silent_since),
            ];
            let scope = self.database.as_user(of.user);
            let row = scope.query_opt(WATCH_BUCKET_CREATE, &kept).await?;
            let row = row.ok_or_else(|| Failure::Broken("making a bucket answered nothing".to_owned()))?;
            let (is_made, is_there, buckets): (bool, bool, i64) =
                (column(&row, 0)?, column(&row, 1)?, column(&row, 2)?);
            Ok(if is_made {
                BucketOutcome::Made
            } else if is_there || buckets < count(BUCKETS_MAX) {
                // In the second case somebody made it at the same time, or the person is gone and their key is about to be.
                BucketOutcome::There
            } else {
                BucketOutcome::TooMany
            })
        };
        self.database
            .call(|| format!("make a bucket of {}", of.device), work)
            .await
    }

    async fn change(&self, of: Watcher, bucket: &WatchBucket) -> Result<bool, PortError> {
        let work = async {
            let kept: [&(dyn ToSql + Sync); 6] = [
                &of.user.0,
                &of.device.0,
                &bucket.id,
                &bucket.kind,
                &bucket.client,
                &bucket.hostname,
            ];
            let scope = self.database.as_user(of.user);
            Ok(scope.query_opt(WATCH_BUCKET_CHANGE, &kept).await?.is_some())
        };
        self.database
            .call(|| format!("change a bucket of {}", of.device), work)
            .await
    }

    async fn delete(&self, of: Watcher, id: &str) -> Result<bool, PortError> {
        while self.empty(of, id).await? >= EMPTIED_AT_ONCE {}
        let work = async {
            let named: [&(dyn ToSql + Sync); 3] = [&of.user.0, &of.device.0, &id];
            let scope = self.database.as_user(of.user);
            Ok(scope.query_opt(WATCH_BUCKET_DELETE, &named).await?.is_some())
        };
        self.database
            .call(|| format!("forget a bucket of {}", of.device), work)
            .await
    }
}

impl Watching {
    /// Forgets some events of a bucket, and answers how many.
    async fn empty(&self, of: Watcher, id: &str) -> Result<i64, PortError> {
        let work = async {
            let some: [&(dyn ToSql + Sync); 4] = [&of.user.0, &of.device.0, &id, &EMPTIED_AT_ONCE];
            let scope = self.database.as_user(of.user);
            let row = scope.query_opt(WATCH_BUCKET_EMPTY, &some).await?;
            row.map_or(Ok(0), |row| column(&row, 0))
        };
        self.database
            .call(|| format!("forget events of a bucket of {}", of.device), work)
            .await
    }
}

/// A row of `id, kind, client, hostname, created_us, start_us, end_us`.
fn bucket(row: &Row) -> Result<WatchBucket, Failure> {
    let (start, end): (Option<i64>, Option<i64>) = (column(row, 5)?, column(row, 6)?);
    Ok(WatchBucket {
        id: column(row, 0)?,
        kind: column(row, 1)?,
        client: column(row, 2)?,
        hostname: column(row, 3)?,
        created_us: column(row, 4)?,
        stretch: start.zip(end).map(|(start_us, end_us)| Stretch { start_us, end_us }),
    })
}
