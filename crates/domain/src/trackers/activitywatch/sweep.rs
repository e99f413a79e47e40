//! Stretches of time that carry something: who has an instant that several claim, and what two lists say of it together.

use std::collections::BinaryHeap;

use crate::time::{Span, UnixMs};

use super::{GAP_MAX_MS, Row};

/// For every instant the row that started last, of several the greatest: a state lasts until the next begins.
pub(super) fn latest<T: Ord + Clone>(rows: &[Row<T>]) -> Vec<(Span, T)> {
    let claims = rows
        .iter()
        .filter_map(|row| Some((Span::new(row.start, row.end)?, (row.start, row.seen.clone()))));
    let mut stretches: Vec<(Span, T)> = Vec::new();
    for (span, (_, seen)) in greatest(claims) {
        push(&mut stretches, span, seen);
    }
    stretches
}

/// The rows, each short gap between two closed by the one before it.
pub(super) fn without_gaps<T: Ord + Clone>(rows: &[Row<T>]) -> Vec<Row<T>> {
    let mut rows = rows.to_vec();
    rows.sort_unstable_by(|a, b| (a.start, &a.seen, a.end).cmp(&(b.start, &b.seen, b.end)));
    // The row that ends last of those before; of several the latest.
    let mut front = 0;
    for next in 1..rows.len() {
        let (end, start) = (rows[front].end, rows[next].start);
        if end < start && start.0.saturating_sub(end.0) <= GAP_MAX_MS {
            rows[front].end = start;
        }
        if rows[next].end >= end {
            front = next;
        }
    }
    rows
}

/// For every instant the greatest of what claims it, in maximal runs. `O(n log n)`.
pub(super) fn greatest<T: Ord + Clone>(claims: impl IntoIterator<Item = (Span, T)>) -> Vec<(Span, T)> {
    let mut claims: Vec<(Span, T)> = claims.into_iter().collect();
    claims.sort_unstable_by_key(|(span, _)| span.start());
    let mut stretches: Vec<(Span, T)> = Vec::new();
    let mut present: BinaryHeap<(&T, UnixMs)> = BinaryHeap::new();
    let mut coming = claims.iter().peekable();
    let mut at = UnixMs(i64::MIN);
    loop {
        while let Some((span, what)) = coming.next_if(|(span, _)| span.start() <= at) {
            present.push((what, span.end()));
        }
        while present.peek().is_some_and(|(_, end)| *end <= at) {
            present.pop();
        }
        let next_start = coming.peek().map(|(span, _)| span.start());
        let Some((what, end)) = present.peek() else {
            let Some(start) = next_start else { return stretches };
            at = start;
            continue;
        };
        let until = next_start.map_or(*end, |start| start.min(*end));
        if let Some(span) = Span::new(at, until) {
            push(&mut stretches, span, (*what).clone());
        }
        at = until;
    }
}

/// What both lists say of the instants that both hold. Each is sorted and without overlaps, and so is what comes out.
pub(super) fn both<A: Clone, B: Clone>(left: &[(Span, A)], right: &[(Span, B)]) -> Vec<(Span, A, B)> {
    let mut shared = Vec::new();
    let (mut l, mut r) = (0, 0);
    while let (Some((here, a)), Some((there, b))) = (left.get(l), right.get(r)) {
        if let Some(span) = here.clip(*there) {
            shared.push((span, a.clone(), b.clone()));
        }
        if here.end() <= there.end() {
            l += 1;
        } else {
            r += 1;
        }
    }
    shared
}

/// Appends a stretch, or makes the last one longer.
fn push<T: PartialEq>(stretches: &mut Vec<(Span, T)>, span: Span, what: T) {
    if let Some((last, same)) = stretches.last_mut()
        && last.end() == span.start()
        && *same == what
        && let Some(longer) = Span::new(last.start(), span.end())
    {
        *last = longer;
        return;
    }
    stretches.push((span, what));
}
