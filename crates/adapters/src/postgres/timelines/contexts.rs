//! What heartbeats said, read: of the pieces that they hold, and as they came.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::reports::{Held, RECALL_MAX, Sayings};
use domain::time::{Span, UnixMs};
use domain::usage::{Beat, Context, ContextText, Heartbeat, Holder, Kind, Label, Mention, Patience, Rank, Segment};
use ports::PortError;
use ports::reports::ContextReader;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::postgres::failure::Failure;
use crate::postgres::statements::{HEARTBEATS_FIRST, HEARTBEATS_READ, HELD_READ};
use crate::postgres::values::{attention, column, searchable, stored_span, time, unix_ms};

use super::Timelines;
use super::heartbeats::patience;

impl Timelines {
    /// The pieces first: whatever holds one of them was written with it or before, so it is found afterwards.
    async fn read_held(&self, user: UserId, window: Span) -> Result<Vec<Held>, Failure> {
        let (start, end) = (searchable(window.start()), searchable(window.end()));
        let asked: [&(dyn ToSql + Sync); 4] = [&user.0, &time(start.day_start()), &time(end), &time(start)];
        let rows = self.database.as_user(user).query(HELD_READ, &asked).await?;
        let mut pieces = Vec::new();
        for row in &rows {
            read_pieces(row, &mut pieces)?;
        }
        pieces.sort_by_key(|piece| piece.span.start());
        let Some(first) = pieces.iter().filter_map(|piece| piece.holder.rank.beat).min() else {
            return Ok(Vec::new());
        };
        let points = Span::new(first.before(RECALL_MAX), window.end());
        let points =
            points.ok_or_else(|| Failure::Broken(format!("a piece of a heartbeat at {first} is before it")))?;
        let sayings = Sayings::of(self.read_heartbeats(user, points).await?);
        Ok(pieces.iter().filter_map(|piece| sayings.held(piece)).collect())
    }

    /// In the order of their instants, and of themselves within one.
    async fn read_heartbeats(&self, user: UserId, window: Span) -> Result<Vec<Heartbeat>, Failure> {
        let (start, end) = (searchable(window.start()), searchable(window.end()));
        let asked: [&(dyn ToSql + Sync); 3] = [&user.0, &time(start), &time(end)];
        let rows = self.database.as_user(user).query(HEARTBEATS_READ, &asked).await?;
        let mut heartbeats = Vec::new();
        for row in &rows {
            read_points(user, row, &mut heartbeats)?;
        }
        Ok(heartbeats)
    }
}

/// A row of `device_id, attention, precedence, app_name, domain`, and of the heartbeats, starts and ends of all pieces of these.
fn read_pieces(row: &Row, pieces: &mut Vec<Segment>) -> Result<(), Failure> {
    let rank = Rank {
        attention: attention(column(row, 1)?)?,
        precedence: column(row, 2)?,
        device: DeviceId(column(row, 0)?),
        beat: None,
    };
    let label = Label::trusted(column(row, 3)?, column(row, 4)?);
    let (beats, starts): (Vec<SystemTime>, Vec<SystemTime>) = (column(row, 5)?, column(row, 6)?);
    let ends: Vec<SystemTime> = column(row, 7)?;
    for ((beat, start), end) in beats.into_iter().zip(starts).zip(ends) {
        let rank = Rank {
            beat: Some(unix_ms(beat)),
            ..rank
        };
        let label = label.clone();
        pieces.push(Segment {
            span: stored_span(start, end)?,
            holder: Holder { rank, label },
        });
    }
    Ok(())
}

/// A row of everything but the instants, which come last.
fn read_points(user: UserId, row: &Row, heartbeats: &mut Vec<Heartbeat>) -> Result<(), Failure> {
    let device = DeviceId(column(row, 0)?);
    let attention = attention(column(row, 1)?)?;
    let precedence = column(row, 2)?;
    let patience: Patience = patience(column(row, 3)?)?;
    let label = Label::trusted(column(row, 4)?, column(row, 5)?);
    let context = Arc::new(context(row)?);
    for at in column::<Vec<SystemTime>>(row, 18)? {
        let beat = Beat {
            device,
            at: unix_ms(at),
            attention,
            precedence,
            label: label.clone(),
            patience,
        };
        let context = Arc::clone(&context);
        heartbeats.push(Heartbeat { user, beat, context });
    }
    Ok(())
}

fn context(row: &Row) -> Result<Context, Failure> {
    let text = |index| Ok::<_, Failure>(column::<Option<&str>>(row, index)?.map(ContextText::trusted));
    let mention = |name: usize, last: usize| {
        let mention = match text(name)? {
            Some(text) => Some(Mention::Named(text)),
            None => column::<bool>(row, last)?.then_some(Mention::Last),
        };
        Ok::<_, Failure>(mention)
    };
    let kind: &str = column(row, 6)?;
    Ok(Context {
        kind: Kind::of_word(kind).ok_or_else(|| Failure::Broken(format!("a heartbeat of kind {kind} is stored")))?,
        category: text(7)?,
        project: mention(8, 11)?,
        branch: mention(9, 12)?,
        language: mention(10, 13)?,
        editor: text(14)?,
        machine: text(15)?,
        operating_system: text(16)?,
        is_write: column(row, 17)?,
    })
}

#[async_trait]
impl ContextReader for Timelines {
    async fn held(&self, user: UserId, window: Span) -> Result<Vec<Held>, PortError> {
        let attempt = || format!("read what heartbeats of {user} said");
        self.database.call(attempt, self.read_held(user, window)).await
    }

    async fn heartbeats(&self, user: UserId, window: Span) -> Result<Vec<Heartbeat>, PortError> {
        let attempt = || format!("read the heartbeats of {user}");
        let mut heartbeats = self.database.call(attempt, self.read_heartbeats(user, window)).await?;
        heartbeats.sort_unstable();
        heartbeats.sort_by_key(|heartbeat| heartbeat.beat.at);
        Ok(heartbeats)
    }

    async fn first_heartbeat(&self, user: UserId) -> Result<Option<UnixMs>, PortError> {
        let attempt = || format!("read when the first heartbeat of {user} was");
        let work = async {
            let row = self
                .database
                .as_user(user)
                .query_opt(HEARTBEATS_FIRST, &[&user.0])
                .await?;
            row.as_ref()
                .map(|row| column::<SystemTime>(row, 0).map(unix_ms))
                .transpose()
        };
        self.database.call(attempt, work).await
    }
}
