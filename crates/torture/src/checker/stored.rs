//! What is stored, read past everything: the tables themselves, as the owner of the database.

use std::collections::BTreeMap;

use domain::accounts::DeviceId;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment};
use testkit::runs::Failure;
use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

use crate::ledger::{Ledger, Person};
use crate::violation::Violation;

/// A person's pieces, by their start.
const PIECES: &str = include_str!("stored/pieces.sql");
/// Pieces of people whom nobody knows.
const STRANGERS: &str = include_str!("stored/strangers.sql");

/// How far each numbering device is settled.
const PROGRESS: &str = include_str!("stored/progress.sql");

/// Partitions without the constraint that keeps pieces apart.
const UNGUARDED: &str = include_str!("stored/unguarded.sql");

/// The database.
pub(super) struct Store {
    client: Client,
}

/// A piece as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) segment: Segment,
    /// Whether it is the newest one, that goes on.
    pub(super) is_open: bool,
}

/// How far a device's numbers are settled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Progress {
    pub(super) through: u64,
    /// First and last number of each stretch above, in turn.
    pub(super) ahead: Vec<u64>,
}

impl Store {
    /// Connects as the owner.
    pub(super) async fn connect(url: &str) -> Result<Self, Failure> {
        let connected = tokio_postgres::connect(url, NoTls).await;
        let (client, connection) = connected.map_err(Failure::because("connect to Postgres as the owner"))?;
        // Ends with the client.
        tokio::spawn(connection);
        Ok(Self { client })
    }

    /// All pieces of a person, earliest first.
    pub(super) async fn pieces(&self, person: &Person) -> Result<Vec<Piece>, Failure> {
        let rows = self.client.query(PIECES, &[&person.id.0]).await;
        let rows = rows.map_err(Failure::because(format!("read the pieces of {}", person.email)))?;
        let pieces: Option<Vec<Piece>> = rows.iter().map(piece).collect();
        pieces.ok_or_else(|| Failure::new(format!("a piece of {} is empty or turned round", person.email)))
    }

    /// How far the numbers of each device are settled.
    pub(super) async fn progress(&self) -> Result<BTreeMap<DeviceId, Progress>, Failure> {
        let rows = self.client.query(PROGRESS, &[]).await;
        let rows = rows.map_err(Failure::because("read how far numbers are settled"))?;
        let number = i64::cast_unsigned;
        let progress = |row: &Row| Progress {
            through: number(row.get(1)),
            ahead: row.get::<_, Vec<i64>>(2).into_iter().map(number).collect(),
        };
        Ok(rows.iter().map(|row| (DeviceId(row.get(0)), progress(row))).collect())
    }
}

/// Nothing is stored of people who are not in the ledger.
pub(super) async fn strangers(store: &Store, ledger: &Ledger) -> Result<Vec<Violation>, Failure> {
    let known: Vec<Uuid> = ledger.people.iter().map(|person| person.id.0).collect();
    let rows = store.client.query(STRANGERS, &[&known]).await;
    let rows = rows.map_err(Failure::because("look for pieces of people whom nobody knows"))?;
    let violation = |row: &Row| Violation {
        promise: "nothing is stored that nobody claimed".to_owned(),
        found: format!(
            "{} pieces of the user {}, who is none of ours",
            row.get::<_, i64>(1),
            row.get::<_, Uuid>(0)
        ),
        history: Vec::new(),
    };
    Ok(rows.iter().map(violation).collect())
}

/// Every partition forbids overlaps by itself.
pub(super) async fn unguarded(store: &Store) -> Result<Vec<Violation>, Failure> {
    let rows = store.client.query(UNGUARDED, &[]).await;
    let rows = rows.map_err(Failure::because("look at the constraints of the partitions"))?;
    let violation = |row: &Row| Violation {
        promise: "every partition forbids overlaps".to_owned(),
        found: format!("{} does not", row.get::<_, String>(0)),
        history: Vec::new(),
    };
    Ok(rows.iter().map(violation).collect())
}

/// What is wrong with the shape of a person's pieces, which are sorted by their start, whatever they say.
pub(super) fn shape(pieces: &[Piece]) -> Vec<String> {
    let mut wrong = Vec::new();
    for piece in pieces {
        if piece.segment.span.end() > piece.segment.span.start().day_start().plus_ms(DAY_MS) {
            wrong.push(format!(
                "the piece of {} goes beyond its UTC day",
                piece.segment.span.start()
            ));
        }
    }
    for pair in pieces.windows(2) {
        let (one, next) = (&pair[0], &pair[1]);
        let start = next.segment.span.start();
        let touches = one.segment.span.end() == start && start.day_start() != start;
        if touches && one.segment.holder == next.segment.holder {
            wrong.push(format!("the pieces that meet at {start} could be one"));
        }
        if one.is_open {
            wrong.push(format!(
                "the open piece of {} is not the newest",
                one.segment.span.start()
            ));
        }
    }
    if pieces.last().is_some_and(|newest| !newest.is_open) {
        wrong.push("the newest piece is not open".to_owned());
    }
    wrong
}

fn piece(row: &Row) -> Option<Piece> {
    let attention = match row.get::<_, i16>("attention") {
        0 => Attention::Passive,
        _ => Attention::Active,
    };
    let rank = Rank {
        attention,
        precedence: row.get("precedence"),
        device: DeviceId(row.get("device_id")),
        beat: None,
    };
    let label = Label::trusted(row.get("app_name"), row.get("domain"));
    let span = Span::new(UnixMs(row.get("start_ms")), UnixMs(row.get("end_ms")))?;
    Some(Piece {
        segment: Segment {
            span,
            holder: Holder { rank, label },
        },
        is_open: row.get("is_open"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(start: i64, end: i64, app: &str, is_open: bool) -> Piece {
        let rank = Rank {
            attention: Attention::Active,
            precedence: 1,
            device: DeviceId(Uuid::nil()),
            beat: None,
        };
        Piece {
            segment: Segment {
                span: Span::new(UnixMs(start), UnixMs(end)).expect("not empty"),
                holder: Holder {
                    rank,
                    label: Label::trusted(app, None),
                },
            },
            is_open,
        }
    }

    #[test]
    fn the_shape_that_the_tables_must_have_is_right() {
        let pieces = [
            piece(0, 10, "a", false),
            piece(10, DAY_MS, "b", false),
            piece(DAY_MS, DAY_MS + 5, "b", false),
            piece(DAY_MS + 6, DAY_MS + 7, "b", true),
        ];
        assert_eq!(shape(&pieces), Vec::<String>::new());
        assert_eq!(shape(&[]), Vec::<String>::new());
    }

    #[test]
    fn each_fault_of_the_shape_is_named() {
        for (pieces, fault) in [
            (vec![piece(0, 10, "a", false), piece(10, 20, "a", true)], "could be one"),
            (vec![piece(0, DAY_MS + 1, "a", true)], "beyond its UTC day"),
            (
                vec![piece(0, 10, "a", true), piece(20, 30, "b", true)],
                "is not the newest",
            ),
            (vec![piece(0, 10, "a", false)], "is not open"),
        ] {
            let wrong = shape(&pieces);
            assert!(wrong.len() == 1 && wrong[0].contains(fault), "{fault}: {wrong:?}");
        }
    }
}
