//! What a merge reads: after taking the locks of its people, which of them were erased, the open pieces and progress of the others, and the closed pieces that
//! their claims can touch.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use domain::accounts::{DeviceId, UserId};
use domain::time::{DAY_MS, Span};
use domain::usage::{Progress, Stored, reach};
use futures_util::future::try_join4;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{ADVISORY_LOCK, CLOSED_READ, ERASED_READ, OPEN_READ, PROGRESS_READ, lock_class};
use crate::postgres::values::{Labels, column, piece, time};

use super::share::{Share, bucket};

/// What is stored of some people, as far as their shares can change it.
#[derive(Default)]
pub(super) struct Neighbourhood {
    /// Their pieces.
    pub(super) pieces: HashMap<UserId, Stored>,
    /// How far the devices are settled that number their pings.
    pub(super) progress: HashMap<(UserId, DeviceId), Progress>,
}

/// Locks the people of `shares` until the transaction ends, leaves out those who were erased, and reads what is stored of the others.
pub(super) async fn lock_and_read(
    transaction: &Transaction<'_>,
    mut shares: Vec<Share>,
) -> Result<(Vec<Share>, Neighbourhood), Failure> {
    let Keyed { erased, open, progress } = lock_and_read_keyed(transaction, &shares).await?;
    if !erased.is_empty() {
        let erased: HashSet<Uuid> = erased.iter().map(|row| column(row, 0)).collect::<Result<_, _>>()?;
        shares.retain(|share| !erased.contains(&share.user.0));
    }
    let mut stored = Neighbourhood::default();
    let mut labels = Labels::default();
    for row in &open {
        let (user, piece) = piece(row, &mut labels)?;
        stored.pieces.entry(user).or_default().open = Some(piece);
    }
    for row in &progress {
        let key = (UserId(column(row, 0)?), DeviceId(column(row, 1)?));
        stored
            .progress
            .insert(key, settled(column(row, 2)?, &column::<Vec<i64>>(row, 3)?)?);
    }
    let closed = read_closed(transaction, &shares, &stored).await?;
    for row in &closed {
        let (user, piece) = piece(row, &mut labels)?;
        stored.pieces.entry(user).or_default().closed.push(piece);
    }
    Ok((shares, stored))
}

/// The rows whose keys are known before anything is read.
struct Keyed {
    erased: Vec<Row>,
    open: Vec<Row>,
    progress: Vec<Row>,
}

/// The lock and those rows, in one round trip. Nothing waits between the four, so they are sent and run in this order: what is read is what stood there after
/// the lock was given.
async fn lock_and_read_keyed(transaction: &Transaction<'_>, shares: &[Share]) -> Result<Keyed, Failure> {
    let lock = transaction.prepare_cached(ADVISORY_LOCK).await?;
    let erased_read = transaction.prepare_cached(ERASED_READ).await?;
    let open_read = transaction.prepare_cached(OPEN_READ).await?;
    let progress_read = transaction.prepare_cached(PROGRESS_READ).await?;

    let users: Vec<_> = shares.iter().map(|share| share.user.0).collect();
    let mut buckets: Vec<_> = shares.iter().map(|share| bucket(share.user)).collect();
    buckets.dedup();
    let devices = |share: &Share| -> Vec<_> { share.numbers.keys().map(|device| (share.user.0, device.0)).collect() };
    let (numbered_users, numbered_devices): (Vec<_>, Vec<_>) = shares.iter().flat_map(devices).unzip();
    let (_, erased, open, progress) = try_join4(
        transaction.execute(&lock, &[&lock_class::PEOPLE, &buckets]),
        transaction.query(&erased_read, &[&users]),
        transaction.query(&open_read, &[&users]),
        async {
            if numbered_users.is_empty() {
                return Ok(Vec::new());
            }
            let numbered: [&(dyn ToSql + Sync); 2] = [&numbered_users, &numbered_devices];
            transaction.query(&progress_read, &numbered).await
        },
    )
    .await?;
    Ok(Keyed { erased, open, progress })
}

/// The closed pieces that the claims of `shares` can touch.
async fn read_closed(
    transaction: &Transaction<'_>,
    shares: &[Share],
    stored: &Neighbourhood,
) -> Result<Vec<Row>, Failure> {
    let mut near = Near::default();
    for share in shares {
        let open = stored.pieces.get(&share.user).and_then(|stored| stored.open.as_ref());
        for span in reach(&share.claims, open) {
            near.push(share.user, span);
        }
    }
    let (Some(earliest), Some(latest)) = (near.day_starts.iter().min(), near.befores.iter().max()) else {
        return Ok(Vec::new());
    };
    let read = transaction.prepare_cached(CLOSED_READ).await?;
    let rows = transaction
        .query(
            &read,
            &[
                &near.users,
                &near.day_starts,
                &near.starts,
                &near.befores,
                earliest,
                latest,
            ],
        )
        .await?;
    Ok(rows)
}

/// Stretches of people's time, each within one UTC day and each day of a person once, as columns.
#[derive(Default)]
struct Near {
    users: Vec<Uuid>,
    day_starts: Vec<SystemTime>,
    starts: Vec<SystemTime>,
    befores: Vec<SystemTime>,
}

impl Near {
    fn push(&mut self, user: UserId, span: Span) {
        let day_start = span.start().day_start();
        // A piece that starts where the stretch ends touches it, unless that is midnight: it belongs to the next day, and is never joined to this one.
        let before = span.end().plus_ms(1).min(day_start.plus_ms(DAY_MS));
        self.users.push(user.0);
        self.day_starts.push(time(day_start));
        self.starts.push(time(span.start()));
        self.befores.push(time(before));
    }
}

fn settled(through: i64, ahead: &[i64]) -> Result<Progress, Failure> {
    let number = |stored: i64| {
        u64::try_from(stored).map_err(|_| Failure::Broken(format!("{stored} is stored as the number of a ping")))
    };
    let ahead: Result<Vec<_>, _> = ahead.iter().map(|stored| number(*stored)).collect();
    Ok(Progress::trusted(number(through)?, &ahead?))
}
