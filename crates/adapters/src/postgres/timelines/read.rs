//! What a merge reads: after taking the locks of its people, which of them were erased, the open pieces of the others, and then what is not always needed: closed
//! pieces that their claims can touch, and progress that does not stand beside the open piece.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use domain::accounts::{DeviceId, UserId};
use domain::time::{DAY_MS, Span};
use domain::usage::{Progress, Stored, reach};
use futures_util::future::{try_join, try_join4};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{ADVISORY_LOCK, CLOSED_READ, ERASED_READ, OPEN_READ, PROGRESS_READ, lock_class};
use crate::postgres::values::{Labels, column, piece, time};

use super::heartbeats;
use super::numbers::{Note, Rows, devices_to_read};
use super::share::{Share, bucket};

/// What is stored of a person, as far as their share can change it.
#[derive(Default)]
pub(super) struct Known {
    /// Their pieces.
    pub(super) pieces: Stored,
    /// The number that stands beside the open one.
    pub(super) note: Option<Note>,
    /// Of which devices progress was looked for.
    pub(super) devices: BTreeSet<DeviceId>,
    /// What was found of them.
    pub(super) progress: Rows,
}

impl Known {
    /// The device that holds the open piece.
    pub(super) fn holder(&self) -> Option<DeviceId> {
        self.pieces.open.as_ref().map(|open| open.holder.rank.device)
    }
}

/// By person; those of whom nothing is stored may be missing.
pub(super) type Neighbourhood = HashMap<UserId, Known>;

/// Locks the people of `shares` until the transaction ends, leaves out those who were erased and adds them to `left_out`, and reads what is stored of the
/// others.
pub(super) async fn lock_and_read(
    transaction: &Transaction<'_>,
    mut shares: Vec<Share>,
    left_out: &mut Vec<UserId>,
) -> Result<(Vec<Share>, Neighbourhood), Failure> {
    let (erased, open, near) = lock_and_read_keyed(transaction, &shares).await?;
    if !erased.is_empty() {
        let erased: HashSet<Uuid> = erased.iter().map(|row| column(row, 0)).collect::<Result<_, _>>()?;
        shares.retain(|share| !erased.contains(&share.user.0));
        left_out.extend(erased.into_iter().map(UserId));
    }
    heartbeats::claim(&mut shares, &near)?;
    let mut known = Neighbourhood::with_capacity(shares.len());
    let mut labels = Labels::default();
    for row in &open {
        let (user, piece) = piece(row, &mut labels)?;
        let of_user = known.entry(user).or_default();
        of_user.pieces.open = Some(piece);
        of_user.note = note(row)?;
    }
    for share in &shares {
        let of_user = known.get(&share.user);
        let devices = devices_to_read(
            share,
            of_user.and_then(Known::holder),
            of_user.and_then(|known| known.note),
        );
        if !devices.is_empty() {
            known.entry(share.user).or_default().devices = devices;
        }
    }
    let (closed, progress) = try_join(
        read_closed(transaction, &shares, &known),
        read_progress(transaction, &shares, &known),
    )
    .await?;
    for row in &closed {
        let (user, piece) = piece(row, &mut labels)?;
        known.entry(user).or_default().pieces.closed.push(piece);
    }
    for row in &progress {
        let (user, device) = (UserId(column(row, 0)?), DeviceId(column(row, 1)?));
        let progress = settled(column(row, 2)?, &column::<Vec<i64>>(row, 3)?)?;
        known.entry(user).or_default().progress.insert(device, progress);
    }
    Ok((shares, known))
}

/// The lock, and the rows whose keys are known before anything is read: who was erased, open pieces, and points around new ones. All in one round trip: nothing
/// waits between the four, so they are sent and run in this order, and what is read is what stood there after the lock was given.
async fn lock_and_read_keyed(
    transaction: &Transaction<'_>,
    shares: &[Share],
) -> Result<(Vec<Row>, Vec<Row>, Vec<Row>), Failure> {
    let lock = transaction.prepare_cached(ADVISORY_LOCK).await?;
    let erased_read = transaction.prepare_cached(ERASED_READ).await?;
    let open_read = transaction.prepare_cached(OPEN_READ).await?;

    let users: Vec<_> = shares.iter().map(|share| share.user.0).collect();
    let mut buckets: Vec<_> = shares.iter().map(|share| bucket(share.user)).collect();
    buckets.dedup();
    let stretches = heartbeats::Stretches::of(shares);
    let near = stretches.prepare(transaction).await?;
    let (_, erased, open, near) = try_join4(
        transaction.execute(&lock, &[&lock_class::PEOPLE, &buckets]),
        transaction.query(&erased_read, &[&users]),
        transaction.query(&open_read, &[&users]),
        stretches.read(transaction, near.as_ref()),
    )
    .await?;
    Ok((erased, open, near))
}

/// How far the devices are settled that have to be looked up.
async fn read_progress(
    transaction: &Transaction<'_>,
    shares: &[Share],
    known: &Neighbourhood,
) -> Result<Vec<Row>, Failure> {
    let devices_of = |share: &Share| {
        let devices = known.get(&share.user).map(|known| &known.devices);
        let user = share.user.0;
        devices.into_iter().flatten().map(move |device| (user, device.0))
    };
    let (users, devices): (Vec<_>, Vec<_>) = shares.iter().flat_map(devices_of).unzip();
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let read = transaction.prepare_cached(PROGRESS_READ).await?;
    Ok(transaction.query(&read, &[&users, &devices]).await?)
}

/// The closed pieces that the claims of `shares` can touch.
async fn read_closed(
    transaction: &Transaction<'_>,
    shares: &[Share],
    known: &Neighbourhood,
) -> Result<Vec<Row>, Failure> {
    let mut near = Near::default();
    for share in shares {
        let open = known.get(&share.user).and_then(|known| known.pieces.open.as_ref());
        for span in reach(&share.claims, open) {
            near.push(share.user, span);
        }
    }
    let (Some(earliest), Some(latest)) = (near.day_starts.iter().min(), near.befores.iter().max()) else {
        return Ok(Vec::new());
    };
    let read = transaction.prepare_cached(CLOSED_READ).await?;
    let around: [&(dyn ToSql + Sync); 6] = [
        &near.users,
        &near.day_starts,
        &near.starts,
        &near.befores,
        earliest,
        latest,
    ];
    Ok(transaction.query(&read, &around).await?)
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

/// What stands beside an open piece, in the columns after it.
fn note(row: &Row) -> Result<Option<Note>, Failure> {
    let (device, through): (Option<Uuid>, Option<i64>) = (column(row, 9)?, column(row, 10)?);
    let noted = |(device, through)| {
        let through = number(through)?;
        let device = DeviceId(device);
        Ok(Note { device, through })
    };
    device.zip(through).map(noted).transpose()
}

fn number(stored: i64) -> Result<u64, Failure> {
    u64::try_from(stored).map_err(|_| Failure::Broken(format!("{stored} is stored as the number of a ping")))
}

fn settled(through: i64, ahead: &[i64]) -> Result<Progress, Failure> {
    let ahead: Result<Vec<_>, _> = ahead.iter().map(|stored| number(*stored)).collect();
    Ok(Progress::trusted(number(through)?, &ahead?))
}
