//! Storing by differences ends where joining everything at once would, having read only the neighbourhood of the new claims.

use std::collections::BTreeMap;

use domain::time::{Span, UnixMs};
use domain::usage::{Change, OpenChange, Segment, Stored, Timeline, reach};
use proptest::prelude::*;

use crate::model::{claims, holder, segment};

/// The two tables, with the constraints that the database has.
#[derive(Debug, Default, PartialEq, Clone)]
struct Tables {
    open: Option<Segment>,
    closed: BTreeMap<UnixMs, Segment>,
}

impl Tables {
    /// What the law says must stand in them: nothing but a function of the timeline.
    fn holding(timeline: &Timeline) -> Self {
        let mut closed: BTreeMap<_, _> = timeline.pieces().map(|piece| (piece.span.start(), piece)).collect();
        let open = closed.pop_last().map(|(_, piece)| piece);
        Self { open, closed }
    }

    /// The closed pieces that the storage would read: of the UTC day of each span, those that overlap or touch it.
    fn near(&self, spans: &[Span]) -> Vec<Segment> {
        let near = |piece: &Segment, span: &Span| {
            piece.span.start() >= span.start().day_start()
                && piece.span.start() <= span.end()
                && piece.span.end() >= span.start()
        };
        self.closed
            .values()
            .filter(|piece| spans.iter().any(|span| near(piece, span)))
            .cloned()
            .collect()
    }

    fn apply(&mut self, change: Change) {
        for start in change.delete {
            assert!(self.closed.remove(&start).is_some(), "only what is there is deleted");
        }
        match change.open {
            Some(OpenChange::Extend(end)) => {
                let open = self.open.as_mut().expect("only an open piece is extended");
                assert!(end > open.span.end(), "an extension is longer");
                open.span = Span::new(open.span.start(), end).expect("longer");
            }
            Some(OpenChange::Replace(piece)) => {
                assert!(
                    self.closed
                        .values()
                        .all(|closed| closed.span.end() <= piece.span.start()),
                    "open after all closed"
                );
                self.open = Some(piece);
            }
            None => {}
        }
        for piece in change.insert {
            let open = self.open.as_ref().expect("there is a newest piece");
            assert!(piece.span.end() <= open.span.start(), "closed before the open one");
            let free = self.closed.values().all(|other| other.span.clip(piece.span).is_none());
            assert!(free, "the exclusion constraint never trips");
            self.closed.insert(piece.span.start(), piece);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_batching_leaves_the_tables_that_the_whole_timeline_has(claims in claims(), size in 1..6usize) {
        let mut tables = Tables::default();
        for batch in claims.chunks(size) {
            let batch = Timeline::of(batch.to_vec());
            let spans = reach(&batch, tables.open.as_ref());
            let stored = Stored { open: tables.open.clone(), closed: tables.near(&spans) };
            tables.apply(Change::between(stored, batch));
        }
        prop_assert_eq!(tables, Tables::holding(&Timeline::of(claims)));
    }

    #[test]
    fn merging_again_writes_nothing(claims in claims()) {
        let timeline = Timeline::of(claims.clone());
        let tables = Tables::holding(&timeline);
        let spans = reach(&timeline, tables.open.as_ref());
        let stored = Stored { open: tables.open.clone(), closed: tables.near(&spans) };
        prop_assert!(Change::between(stored, timeline).is_empty());
    }
}

#[test]
fn a_ping_that_goes_on_only_extends_the_open_piece_and_reads_nothing_closed() {
    let app = holder(1, 0, 1, ("a", None));
    let open = segment(0, 5, app.clone());
    let next = Timeline::of([segment(5, 9, app)]);
    assert_eq!(reach(&next, Some(&open)), []);
    let change = Change::between(
        Stored {
            open: Some(open),
            closed: vec![],
        },
        next,
    );
    let end = segment(0, 9, holder(1, 0, 1, ("a", None))).span.end();
    assert_eq!(
        change,
        Change {
            open: Some(OpenChange::Extend(end)),
            ..Change::default()
        }
    );
}

#[test]
fn another_application_closes_the_open_piece() {
    let (a, b) = (holder(1, 0, 1, ("a", None)), holder(1, 0, 1, ("b", None)));
    let open = segment(0, 5, a);
    let change = Change::between(
        Stored {
            open: Some(open.clone()),
            closed: vec![],
        },
        Timeline::of([segment(5, 9, b.clone())]),
    );
    assert_eq!(
        change,
        Change {
            delete: vec![],
            open: Some(OpenChange::Replace(segment(5, 9, b))),
            insert: vec![open]
        }
    );
}
