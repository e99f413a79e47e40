//! What a merge writes, as the columns of a few statements, and the check that each did what it should.

use std::collections::BTreeSet;
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use domain::usage::{Change, Domain, OpenChange, Progress, Segment, Seq};
use futures_util::future::try_join5;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::failure::Failure;
use crate::postgres::months::Month;
use crate::postgres::statements::{CLOSED_DELETE, CLOSED_INSERT, OPEN_EXTEND, OPEN_REPLACE, PROGRESS_WRITE};
use crate::postgres::values::{attention_code, time};

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The differences of some people, put together by kind. Each person's rows stand in one of the statements on open pieces at most once.
#[derive(Default)]
pub(super) struct Difference {
    gone: Vec<(UserId, UnixMs)>,
    extended: Vec<(UserId, UnixMs)>,
    replaced: Vec<(UserId, Segment)>,
    closed: Vec<(UserId, Segment)>,
    settled: Vec<Settled>,
}

/// How far a device is settled now.
struct Settled {
    user: UserId,
    device: DeviceId,
    progress: Progress,
    changed: bool,
}

impl Difference {
    /// Adds what must be written of one person's pieces.
    pub(super) fn add(&mut self, user: UserId, change: Change) {
        self.gone.extend(change.delete.into_iter().map(|start| (user, start)));
        match change.open {
            Some(OpenChange::Extend(end)) => self.extended.push((user, end)),
            Some(OpenChange::Replace(piece)) => self.replaced.push((user, piece)),
            None => {}
        }
        self.closed.extend(change.insert.into_iter().map(|piece| (user, piece)));
    }

    /// Settles numbers of one device, of which `before` is stored.
    pub(super) fn settle(&mut self, (user, device): (UserId, DeviceId), before: Option<&Progress>, seqs: Vec<Seq>) {
        let mut progress = before.cloned().unwrap_or_default();
        progress.settle(seqs);
        self.settled.push(Settled {
            user,
            device,
            changed: before != Some(&progress),
            progress,
        });
    }

    /// The months for which closed pieces need partitions.
    pub(super) fn months(&self) -> Result<BTreeSet<Month>, Failure> {
        self.closed
            .iter()
            .map(|(_, piece)| Month::of(piece.span.start()))
            .collect()
    }

    /// Through which number the pings of each numbering device are merged once this is written.
    pub(super) fn merged_through(&self) -> impl Iterator<Item = (DeviceId, u64)> + '_ {
        self.settled
            .iter()
            .map(|settled| (settled.device, settled.progress.through()))
    }

    /// Writes it all in one round trip, in the order in which no constraint is broken on the way, and answers how many rows that were.
    ///
    /// # Errors
    /// Also when a statement met another number of rows than it named: somebody changed them without the lock.
    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<usize, Failure> {
        // Prepared before anything is sent, so that nothing waits between the statements and their order is this.
        let delete = transaction.prepare_cached(CLOSED_DELETE).await?;
        let extend = transaction.prepare_cached(OPEN_EXTEND).await?;
        let replace = transaction.prepare_cached(OPEN_REPLACE).await?;
        let insert = transaction.prepare_cached(CLOSED_INSERT).await?;
        let settle = transaction.prepare_cached(PROGRESS_WRITE).await?;

        let (gone_users, gone_starts) = keys(&self.gone);
        let (extended_users, extended_ends) = keys(&self.extended);
        let (replaced, closed) = (Pieces::of(&self.replaced), Pieces::of(&self.closed));
        let settled = Progresses::of(self.settled.iter().filter(|settled| settled.changed))?;
        let (rows_deleted, rows_extended, rows_replaced, rows_inserted, rows_settled) = try_join5(
            run(transaction, &delete, gone_users.len(), &[&gone_users, &gone_starts]),
            run(
                transaction,
                &extend,
                extended_users.len(),
                &[&extended_users, &extended_ends],
            ),
            run(transaction, &replace, replaced.users.len(), &replaced.columns()),
            run(transaction, &insert, closed.users.len(), &closed.columns()),
            run(transaction, &settle, settled.users.len(), &settled.columns()),
        )
        .await?;
        Ok(rows_deleted + rows_extended + rows_replaced + rows_inserted + rows_settled)
    }
}

/// Runs a statement that names `rows` rows, if it names any.
async fn run(
    transaction: &Transaction<'_>,
    statement: &Statement,
    rows: usize,
    parameters: Parameters<'_>,
) -> Result<usize, Failure> {
    if rows == 0 {
        return Ok(0);
    }
    let written = transaction.execute(statement, parameters).await?;
    if usize::try_from(written) == Ok(rows) {
        return Ok(rows);
    }
    Err(Failure::Broken(format!(
        "a merge wrote {written} of the {rows} rows it named"
    )))
}

fn keys(pairs: &[(UserId, UnixMs)]) -> (Vec<Uuid>, Vec<SystemTime>) {
    pairs.iter().map(|(user, at)| (user.0, time(*at))).unzip()
}

/// Pieces as columns.
#[derive(Default)]
struct Pieces<'a> {
    users: Vec<Uuid>,
    devices: Vec<Uuid>,
    attentions: Vec<i16>,
    precedences: Vec<i32>,
    app_names: Vec<&'a str>,
    domains: Vec<Option<&'a str>>,
    starts: Vec<SystemTime>,
    ends: Vec<SystemTime>,
}

impl<'a> Pieces<'a> {
    fn of(pieces: &'a [(UserId, Segment)]) -> Self {
        let mut columns = Self::default();
        for (user, Segment { span, holder }) in pieces {
            columns.users.push(user.0);
            columns.devices.push(holder.rank.device.0);
            columns.attentions.push(attention_code(holder.rank.attention));
            columns.precedences.push(holder.rank.precedence);
            columns.app_names.push(holder.label.app_name.as_str());
            columns.domains.push(holder.label.domain.as_ref().map(Domain::as_str));
            columns.starts.push(time(span.start()));
            columns.ends.push(time(span.end()));
        }
        columns
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); 8] {
        [
            &self.users,
            &self.devices,
            &self.attentions,
            &self.precedences,
            &self.app_names,
            &self.domains,
            &self.starts,
            &self.ends,
        ]
    }
}

/// Progress as columns; the stretches of all devices in one, and where those of each begin and how many numbers they are.
#[derive(Default)]
struct Progresses {
    users: Vec<Uuid>,
    devices: Vec<Uuid>,
    throughs: Vec<i64>,
    ahead_froms: Vec<i32>,
    ahead_counts: Vec<i32>,
    aheads: Vec<i64>,
}

impl Progresses {
    fn of<'a>(settled: impl Iterator<Item = &'a Settled>) -> Result<Self, Failure> {
        let mut columns = Self::default();
        for Settled {
            user, device, progress, ..
        } in settled
        {
            let ahead = progress.ahead();
            columns.users.push(user.0);
            columns.devices.push(device.0);
            columns.throughs.push(fitted(progress.through())?);
            columns.ahead_froms.push(fitted(columns.aheads.len())?);
            columns.ahead_counts.push(fitted(ahead.len())?);
            for number in ahead {
                columns.aheads.push(fitted(number)?);
            }
        }
        Ok(columns)
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); 6] {
        [
            &self.users,
            &self.devices,
            &self.throughs,
            &self.ahead_froms,
            &self.aheads,
            &self.ahead_counts,
        ]
    }
}

fn fitted<N, S>(number: N) -> Result<S, Failure>
where
    N: Copy + std::fmt::Display,
    S: TryFrom<N>,
{
    S::try_from(number).map_err(|_| Failure::Broken(format!("{number} is too great to be stored")))
}
