//! What a merge writes, as the columns of a few statements, and the check that each did what it should.

use std::collections::BTreeSet;
use std::time::SystemTime;

use deadpool_postgres::Transaction;
use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use domain::usage::{Change, Domain, OpenChange, Progress, Segment};
use futures_util::future::{try_join, try_join3, try_join5};
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::failure::Failure;
use crate::postgres::months::Month;
use crate::postgres::statements::{
    CLOSED_DELETE, CLOSED_INSERT, HEARTBEATS_INSERT, OPEN_EXTEND, OPEN_INSERT, OPEN_REPLACE, PROGRESS_DELETE,
    PROGRESS_WRITE,
};
use crate::postgres::values::{attention_code, time};

use super::heartbeats::{Point, Points};
use super::numbers::{Note, Settled};

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The differences of some people, put together by kind. Each person's rows stand in one of the statements on open pieces at most once.
#[derive(Default)]
pub(super) struct Difference {
    gone: Vec<(UserId, UnixMs)>,
    extended: Vec<(UserId, UnixMs, Option<Note>)>,
    replaced: Vec<(UserId, Segment, Option<Note>)>,
    opened: Vec<(UserId, Segment, Option<Note>)>,
    closed: Vec<(UserId, Segment, Option<Note>)>,
    points: Vec<Point>,
    settled: Vec<(UserId, DeviceId, Progress)>,
    noted: Vec<(UserId, DeviceId)>,
    merged_through: Vec<(DeviceId, u64)>,
}

impl Difference {
    /// Adds what must be written of one person, whose open piece ended at `open_end` and had `note` beside it.
    pub(super) fn add(
        &mut self,
        user: UserId,
        change: Change,
        (open_end, note): (Option<UnixMs>, Option<Note>),
        settled: Settled,
    ) {
        self.gone.extend(change.delete.into_iter().map(|start| (user, start)));
        match (change.open, open_end) {
            (Some(OpenChange::Extend(end)), _) => self.extended.push((user, end, settled.note)),
            (Some(OpenChange::Replace(piece)), Some(_)) => self.replaced.push((user, piece, settled.note)),
            (Some(OpenChange::Replace(piece)), None) => self.opened.push((user, piece, settled.note)),
            (None, Some(end)) if settled.note != note => self.extended.push((user, end, settled.note)),
            (None, _) => {}
        }
        self.closed
            .extend(change.insert.into_iter().map(|piece| (user, piece, None)));
        let kept = settled.kept.into_iter();
        self.settled
            .extend(kept.map(|(device, progress)| (user, device, progress)));
        self.noted.extend(settled.gone.into_iter().map(|device| (user, device)));
        self.merged_through.extend(settled.through);
    }

    /// Adds points that are to be kept.
    pub(super) fn add_points(&mut self, points: Vec<Point>) {
        self.points.extend(points);
    }

    /// The months for which closed pieces need partitions.
    pub(super) fn months(&self) -> Result<BTreeSet<Month>, Failure> {
        let mut months = BTreeSet::new();
        // Neighbours nearly always lie in one day, so most need no look at the calendar.
        let mut last_day = None;
        for (_, piece, _) in &self.closed {
            let day = piece.span.start().day_start();
            if last_day != Some(day) {
                months.insert(Month::of(day)?);
                last_day = Some(day);
            }
        }
        Ok(months)
    }

    /// Through which number the pings of each numbering device are merged once this is written.
    pub(super) fn merged_through(&self) -> impl Iterator<Item = (DeviceId, u64)> + '_ {
        self.merged_through.iter().copied()
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
        let open = transaction.prepare_cached(OPEN_INSERT).await?;
        let close = transaction.prepare_cached(CLOSED_INSERT).await?;
        let settle = transaction.prepare_cached(PROGRESS_WRITE).await?;
        let note = transaction.prepare_cached(PROGRESS_DELETE).await?;
        let keep = transaction.prepare_cached(HEARTBEATS_INSERT).await?;

        let (gone_users, gone_starts) = keys(&self.gone);
        let extended = Extensions::of(&self.extended)?;
        let (replaced, opened) = (Pieces::of(&self.replaced)?, Pieces::of(&self.opened)?);
        let closed = Pieces::of(&self.closed)?;
        let settled = Progresses::of(&self.settled)?;
        let (noted_users, noted_devices): (Vec<_>, Vec<_>) =
            self.noted.iter().map(|(user, device)| (user.0, device.0)).unzip();
        let points = Points::of(&self.points);
        let ((deleted, extended, replaced, opened, closed), (settled, noted, kept)) = try_join(
            try_join5(
                run(transaction, &delete, gone_users.len(), &[&gone_users, &gone_starts]),
                run(transaction, &extend, extended.users.len(), &extended.columns()),
                run(transaction, &replace, replaced.users.len(), &replaced.columns()),
                run(transaction, &open, opened.users.len(), &opened.columns()),
                run(
                    transaction,
                    &close,
                    closed.users.len(),
                    &closed.columns()[..PIECE_COLUMNS],
                ),
            ),
            try_join3(
                run(transaction, &settle, settled.users.len(), &settled.columns()),
                run(transaction, &note, noted_users.len(), &[&noted_users, &noted_devices]),
                run(transaction, &keep, self.points.len(), &points.columns()),
            ),
        )
        .await?;
        Ok(deleted + extended + replaced + opened + closed + settled + noted + kept)
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

/// New ends of open pieces as columns.
#[derive(Default)]
struct Extensions {
    users: Vec<Uuid>,
    ends: Vec<SystemTime>,
    notes: Notes,
}

impl Extensions {
    fn of(extended: &[(UserId, UnixMs, Option<Note>)]) -> Result<Self, Failure> {
        let mut columns = Self::default();
        for (user, end, note) in extended {
            columns.users.push(user.0);
            columns.ends.push(time(*end));
            columns.notes.push(*note)?;
        }
        Ok(columns)
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.users, &self.ends, &self.notes.devices, &self.notes.throughs]
    }
}

/// What stands beside open pieces, as columns.
#[derive(Default)]
struct Notes {
    devices: Vec<Option<Uuid>>,
    throughs: Vec<Option<i64>>,
}

impl Notes {
    fn push(&mut self, note: Option<Note>) -> Result<(), Failure> {
        self.devices.push(note.map(|note| note.device.0));
        self.throughs.push(note.map(|note| fitted(note.through)).transpose()?);
        Ok(())
    }
}

/// How many columns a piece has; what stands beside an open one comes after them.
const PIECE_COLUMNS: usize = 9;

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
    beats: Vec<Option<SystemTime>>,
    notes: Notes,
}

impl<'a> Pieces<'a> {
    fn of(pieces: &'a [(UserId, Segment, Option<Note>)]) -> Result<Self, Failure> {
        let mut columns = Self::default();
        for (user, Segment { span, holder }, note) in pieces {
            columns.users.push(user.0);
            columns.devices.push(holder.rank.device.0);
            columns.attentions.push(attention_code(holder.rank.attention));
            columns.precedences.push(holder.rank.precedence);
            columns.app_names.push(holder.label.app_name.as_str());
            columns.domains.push(holder.label.domain.as_ref().map(Domain::as_str));
            columns.starts.push(time(span.start()));
            columns.ends.push(time(span.end()));
            columns.beats.push(holder.rank.beat.map(time));
            columns.notes.push(*note)?;
        }
        Ok(columns)
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); PIECE_COLUMNS + 2] {
        [
            &self.users,
            &self.devices,
            &self.attentions,
            &self.precedences,
            &self.app_names,
            &self.domains,
            &self.starts,
            &self.ends,
            &self.beats,
            &self.notes.devices,
            &self.notes.throughs,
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
    fn of(settled: &[(UserId, DeviceId, Progress)]) -> Result<Self, Failure> {
        let mut columns = Self::default();
        for (user, device, progress) in settled {
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
