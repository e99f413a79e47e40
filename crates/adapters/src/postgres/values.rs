//! Values of the domain as the driver takes and gives them.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::failure::Failure;

/// The first instant that a `timestamptz` can hold: 4714-11-24 BC (PostgreSQL's documentation, table 8.9).
const EARLIEST: UnixMs = UnixMs(-210_866_803_200_000);
/// The last whole second that it can hold, at the end of 294276-12-31.
const LATEST: UnixMs = UnixMs(9_224_318_015_999_000);

/// `at` as the driver takes it.
pub(super) fn time(at: UnixMs) -> SystemTime {
    let distance = Duration::from_millis(at.0.unsigned_abs());
    if at.0 < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

/// `at`, or the nearer end of what can be stored: nothing that a search could find lies beyond.
pub(super) fn searchable(at: UnixMs) -> UnixMs {
    at.clamp(EARLIEST, LATEST)
}

/// What the driver gave as an instant.
pub(super) fn unix_ms(at: SystemTime) -> UnixMs {
    let ms = |distance: Duration| i64::try_from(distance.as_millis()).unwrap_or(i64::MAX);
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => UnixMs(ms(after)),
        Err(before) => UnixMs(-ms(before.duration())),
    }
}

/// How attention is stored.
pub(super) fn attention_code(attention: Attention) -> i16 {
    match attention {
        Attention::Passive => 0,
        Attention::Active => 1,
    }
}

/// The attention that is stored so.
pub(super) fn attention(code: i16) -> Result<Attention, Failure> {
    match code {
        0 => Ok(Attention::Passive),
        1 => Ok(Attention::Active),
        _ => Err(Failure::Broken(format!("attention {code} is stored, which is unknown"))),
    }
}

/// The column `index` of `row`.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, index: usize) -> Result<T, Failure> {
    Ok(row.try_get(index)?)
}

/// The labels of an answer, each made once however many rows have it.
#[derive(Default)]
pub(super) struct Labels<'r>(HashMap<(&'r str, Option<&'r str>), Label>);

impl<'r> Labels<'r> {
    /// That of a name and a site.
    pub(super) fn get(&mut self, app_name: &'r str, domain: Option<&'r str>) -> Label {
        let made = || Label::trusted(app_name, domain);
        self.0.entry((app_name, domain)).or_insert_with(made).clone()
    }
}

/// The span of a piece, from the instants that are stored of it.
pub(super) fn stored_span(start: SystemTime, end: SystemTime) -> Result<Span, Failure> {
    let (start, end) = (unix_ms(start), unix_ms(end));
    Span::new(start, end)
        .ok_or_else(|| Failure::Broken(format!("a piece from {start} to {end} is stored, which is empty")))
}

/// A row of `user_id, device_id, attention, precedence, app_name, domain, start_time, end_time, beat_at`.
pub(super) fn piece<'r>(row: &'r Row, labels: &mut Labels<'r>) -> Result<(UserId, Segment), Failure> {
    let rank = Rank {
        attention: attention(column(row, 2)?)?,
        precedence: column(row, 3)?,
        device: DeviceId(column(row, 1)?),
        beat: column::<Option<SystemTime>>(row, 8)?.map(unix_ms),
    };
    let span = stored_span(column(row, 6)?, column(row, 7)?)?;
    let label = labels.get(column(row, 4)?, column(row, 5)?);
    Ok((
        UserId(column(row, 0)?),
        Segment {
            span,
            holder: Holder { rank, label },
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_there_and_back() {
        for ms in [0, 1, -1, -86_400_001, 1_772_355_600_250, EARLIEST.0, LATEST.0] {
            assert_eq!(unix_ms(time(UnixMs(ms))), UnixMs(ms));
        }
    }

    #[test]
    fn a_search_stays_within_what_can_be_stored() {
        assert_eq!(searchable(UnixMs(i64::MIN)), EARLIEST);
        assert_eq!(searchable(UnixMs(i64::MAX)), LATEST);
        assert_eq!(searchable(EARLIEST.day_start()), EARLIEST);
    }
}
