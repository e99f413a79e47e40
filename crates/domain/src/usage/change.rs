//! From new claims to the least that must be written: which stored pieces go, which come, and what becomes of the open one.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::{Span, UnixMs};

use super::{Segment, Timeline};

/// What is stored of one person's timeline, as far as new claims can touch it. The newest piece of all is the open one; the others are closed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// The newest piece; `None` only while nothing at all is stored.
    pub open: Option<Segment>,
    /// The closed pieces that meet [`reach`], in any order.
    pub closed: Vec<Segment>,
}

/// The difference between what is stored and what should be. Written in this order it breaks no constraint on the way: delete, open, insert.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Starts of the closed pieces to delete.
    pub delete: Vec<UnixMs>,
    /// What becomes of the open piece, if anything.
    pub open: Option<OpenChange>,
    /// Closed pieces to insert, earliest first.
    pub insert: Vec<Segment>,
}

/// What becomes of the open piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenChange {
    /// It goes on, to this end. Nearly all of the work is this.
    Extend(UnixMs),
    /// Another piece is the newest now.
    Replace(Segment),
}

/// Where closed pieces must be read before `claims` can be joined: one span for each UTC day that claims touch, up to the open piece.
///
/// A closed piece matters when it lies in that UTC day and overlaps or touches the span. Nothing closed ends after the open piece starts, so claims
/// that start after that need no reading; and as pieces are cut at midnight, a neighbour beyond it never merges with anything.
#[must_use]
pub fn reach(claims: &Timeline, open: Option<&Segment>) -> Vec<Span> {
    let Some(open) = open else { return Vec::new() };
    let mut days: BTreeMap<UnixMs, Span> = BTreeMap::new();
    let late = claims
        .segments()
        .iter()
        .take_while(|claim| claim.span.start() <= open.span.start());
    for day in late
        .flat_map(|claim| claim.span.utc_days())
        .filter(|day| day.start() <= open.span.start())
    {
        let hull = |seen: &mut Span| *seen = Span::new(seen.start(), day.end()).unwrap_or(*seen);
        days.entry(day.start().day_start()).and_modify(hull).or_insert(day);
    }
    days.into_values().collect()
}

impl Change {
    /// What must be written so that `stored` becomes the join of itself and `claims`.
    #[must_use]
    pub fn between(stored: Stored, claims: Timeline) -> Self {
        let Stored { open, closed } = stored;
        let before = closed.iter().chain(&open).cloned();
        let after = Timeline::of(before.chain(claims.into_segments()));
        let mut insert: Vec<Segment> = after.pieces().collect();
        let newest = insert.pop();

        let mut kept = BTreeSet::new();
        let mut delete = Vec::new();
        for piece in &closed {
            let start = piece.span.start();
            let wanted = insert.binary_search_by_key(&start, |piece| piece.span.start());
            if wanted.is_ok_and(|place| insert[place] == *piece) {
                kept.insert(start);
            } else {
                delete.push(start);
            }
        }
        delete.sort_unstable();
        insert.retain(|piece| !kept.contains(&piece.span.start()));
        Self {
            delete,
            open: newest.and_then(|newest| open_change(open.as_ref(), newest)),
            insert,
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.open.is_none() && self.insert.is_empty()
    }
}

fn open_change(open: Option<&Segment>, newest: Segment) -> Option<OpenChange> {
    match open {
        Some(open) if *open == newest => None,
        Some(open) if open.span.start() == newest.span.start() && open.holder == newest.holder => {
            Some(OpenChange::Extend(newest.span.end()))
        }
        _ => Some(OpenChange::Replace(newest)),
    }
}
