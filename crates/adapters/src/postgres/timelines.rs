//! Everybody's timelines in Postgres: the newest piece of a person in `usage_open`, all others in `app_usage`.

mod contexts;
mod erase;
mod heartbeats;
mod numbers;
mod own;
mod read;
mod share;
mod stints;
mod write;

use std::collections::BTreeSet;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use domain::accounts::UserId;
use domain::reports::Stint;
use domain::time::Span;
use domain::usage::{Arrival, Change, OpenChange, Segment};
use ports::PortError;
use ports::reports::TimelineReader;
use ports::usage::{Merged, TimelineStore};
use tokio_postgres::types::ToSql;

use super::database::Database;
use super::failure::Failure;
use super::months::{KnownMonths, Month, months_of};
use super::statements::{ENSURE_MONTH, PIECES_READ};
use super::values::{Labels, piece, searchable, time};

use self::share::Share;
use self::write::Difference;

/// The most people that one statement names.
const PEOPLE_MAX: usize = 2_000;

/// Timelines, written to one database as the role of the worker, or read from it as that of the API, which sees one person at a time. For reports, a second
/// value may read a replica.
#[derive(Debug)]
pub struct Timelines {
    database: Database,
    months: KnownMonths,
}

impl Timelines {
    /// The timelines in `database`, which has all migrations.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self {
            database,
            months: KnownMonths::default(),
        }
    }

    async fn merge_all(&self, arrivals: &[Arrival]) -> Result<Merged, Failure> {
        let mut forgot = false;
        // Ends: each round makes room for months that were not known before, and all are forgotten once at most.
        loop {
            match self.merge_once(arrivals).await {
                Ok(Attempt::Committed(merged)) => return Ok(merged),
                Ok(Attempt::NoRoom(months)) => self.make_room(&months).await?,
                Err(failure) if failure.lacks_partition() && !forgot => {
                    tracing::warn!("a partition of app_usage is gone and is made again");
                    self.months.forget();
                    forgot = true;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// One transaction. Room is made outside of it, because a partition that is made keeps others from making any until it ends.
    async fn merge_once(&self, arrivals: &[Arrival]) -> Result<Attempt, Failure> {
        let mut client = self.database.client().await?;
        let transaction = client.transaction().await?;
        let mut merged = Merged::default();
        let mut shares = Share::of_all(arrivals).into_iter();
        loop {
            let some: Vec<_> = shares.by_ref().take(PEOPLE_MAX).collect();
            if some.is_empty() {
                break;
            }
            let difference = difference(&transaction, some, &mut merged.erased).await?;
            let no_room = self.months.unknown_of(&difference.months()?);
            if !no_room.is_empty() {
                transaction.rollback().await?;
                return Ok(Attempt::NoRoom(no_room));
            }
            merged.rows += difference.write(&transaction).await?;
            merged.merged_through.extend(difference.merged_through());
        }
        transaction.commit().await?;
        Ok(Attempt::Committed(merged))
    }

    async fn make_room(&self, months: &BTreeSet<Month>) -> Result<(), Failure> {
        let client = self.database.client().await?;
        let ensure = client.prepare_cached(ENSURE_MONTH).await?;
        for month in months {
            let made: bool = client.query_one(&ensure, &[&time(month.start())]).await?.try_get(0)?;
            if made {
                tracing::info!(%month, "made a partition of app_usage");
            }
            self.months.learn(*month);
        }
        Ok(())
    }

    async fn read_pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, Failure> {
        let (start, end) = (searchable(window.start()), searchable(window.end()));
        let asked: [&(dyn ToSql + Sync); 4] = [&user.0, &time(start.day_start()), &time(end), &time(start)];
        let rows = self.database.as_user(user).query(PIECES_READ, &asked).await?;
        let mut labels = Labels::default();
        let pieces: Result<Vec<_>, Failure> = rows.iter().map(|row| Ok(piece(row, &mut labels)?.1)).collect();
        let mut pieces = pieces?;
        pieces.sort_by_key(|piece| piece.span.start());
        Ok(pieces)
    }
}

/// What became of a transaction that did not fail.
enum Attempt {
    Committed(Merged),
    /// Rolled back, because pieces of these months may have nowhere to go.
    NoRoom(BTreeSet<Month>),
}

/// Locks the people of `shares`, reads what their claims can touch, and computes what must be written. Adds to `erased` those who were.
async fn difference(
    transaction: &Transaction<'_>,
    shares: Vec<Share>,
    erased: &mut Vec<UserId>,
) -> Result<Difference, Failure> {
    let (shares, mut stored) = read::lock_and_read(transaction, shares, erased).await?;
    let mut difference = Difference::default();
    for share in shares {
        let known = stored.remove(&share.user).unwrap_or_default();
        let (holder, open_end) = (known.holder(), known.pieces.open.as_ref().map(|open| open.span.end()));
        let change = Change::between(known.pieces, share.claims);
        let holder = match &change.open {
            Some(OpenChange::Replace(piece)) => Some(piece.holder.rank.device),
            _ => holder,
        };
        let settled = numbers::settle(&share.numbers, known.note, (&known.devices, &known.progress), holder);
        difference.add_points(share.points);
        difference.add(share.user, change, (open_end, known.note), settled);
    }
    Ok(difference)
}

#[async_trait]
impl TimelineStore for Timelines {
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
        if arrivals.is_empty() {
            return Ok(Merged::default());
        }
        let attempt = || format!("merge {} pings", arrivals.len());
        // Seven statements in flight at once make a future too large to be moved about.
        self.database.call(attempt, Box::pin(self.merge_all(arrivals))).await
    }

    async fn prepare(&self, span: Span) -> Result<(), PortError> {
        let attempt = || format!("make room for time from {} to {}", span.start(), span.end());
        let work = async { self.make_room(&months_of(span)?).await };
        self.database.call(attempt, work).await
    }
}

#[async_trait]
impl TimelineReader for Timelines {
    async fn pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
        let attempt = || format!("read the timeline of {user}");
        self.database.call(attempt, self.read_pieces(user, window)).await
    }

    async fn stints(&self, user: UserId, window: Span) -> Result<Vec<Stint>, PortError> {
        let attempt = || format!("read the time of {user}");
        self.database.call(attempt, self.read_stints(user, window)).await
    }
}
