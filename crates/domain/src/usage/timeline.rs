//! The join: for every instant, the greatest claim ever accepted for it.

use std::collections::BinaryHeap;

use crate::time::{Span, UnixMs};

use super::{Holder, Segment};

/// All segments of one person: sorted, never overlapping, no two neighbours that could be one.
///
/// Joining is commutative, associative and idempotent, so neither the order in which claims arrive, nor how they are batched, nor how often
/// one is sent can change what comes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline(Vec<Segment>);

impl Timeline {
    /// The timeline that `claims` make, in any order, overlapping as they like. `O(n log n)` time in their number.
    #[must_use]
    pub fn of(claims: impl IntoIterator<Item = Segment>) -> Self {
        let mut claims: Vec<Segment> = claims.into_iter().collect();
        claims.sort_by_key(|claim| claim.span.start());
        if disjoint(&claims) {
            Self::of_disjoint(claims)
        } else {
            Self(sweep(&claims))
        }
    }

    /// What both make together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self::of(self.0.into_iter().chain(other.0))
    }

    /// The segments, earliest first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The segments, earliest first.
    #[must_use]
    pub fn into_segments(self) -> Vec<Segment> {
        self.0
    }

    /// The part within `window`.
    #[must_use]
    pub fn clip(&self, window: Span) -> Self {
        Self(self.0.iter().filter_map(|segment| segment.clip(window)).collect())
    }

    /// The segments cut at every UTC midnight: the pieces that are stored. A pure function of the timeline, so what is stored depends on
    /// nothing else, no piece is longer than 24 hours and none crosses a month.
    pub fn pieces(&self) -> impl Iterator<Item = Segment> + '_ {
        self.0.iter().flat_map(|segment| {
            segment.span.utc_days().map(|span| Segment {
                span,
                holder: segment.holder.clone(),
            })
        })
    }

    /// Claims that are sorted and do not overlap, which is what one device sends and what is read back: nothing to decide, only to coalesce.
    fn of_disjoint(mut claims: Vec<Segment>) -> Self {
        claims.dedup_by(|claim, last| {
            let goes_on = continues(last, claim.span.start(), &claim.holder);
            if goes_on {
                last.span = hull(last.span, claim.span.end());
            }
            goes_on
        });
        Self(claims)
    }
}

fn disjoint(sorted: &[Segment]) -> bool {
    sorted.windows(2).all(|pair| pair[0].span.end() <= pair[1].span.start())
}

/// One pass over the claims by their start, with those that hold the present instant in a heap by holder. Between two steps nobody starts and the
/// holder does not end, so each step is one stretch of one holder; every step uses up a start or an end, so there are at most `2n`.
fn sweep(sorted: &[Segment]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::with_capacity(sorted.len());
    let mut present: BinaryHeap<(&Holder, UnixMs)> = BinaryHeap::new();
    let mut coming = sorted.iter().peekable();
    let mut at = UnixMs(i64::MIN);
    loop {
        while let Some(claim) = coming.next_if(|claim| claim.span.start() <= at) {
            present.push((&claim.holder, claim.span.end()));
        }
        while present.peek().is_some_and(|(_, end)| *end <= at) {
            present.pop();
        }
        let next_start = coming.peek().map(|claim| claim.span.start());
        let Some((holder, end)) = present.peek() else {
            let Some(start) = next_start else { return segments };
            at = start;
            continue;
        };
        let until = next_start.map_or(*end, |start| start.min(*end));
        match segments.last_mut() {
            Some(last) if continues(last, at, holder) => last.span = hull(last.span, until),
            _ => segments.extend(Span::new(at, until).map(|span| Segment {
                span,
                holder: (*holder).clone(),
            })),
        }
        at = until;
    }
}

fn continues(last: &Segment, start: UnixMs, holder: &Holder) -> bool {
    last.span.end() == start && last.holder == *holder
}

fn hull(span: Span, end: UnixMs) -> Span {
    Span::new(span.start(), end.max(span.end())).unwrap_or(span)
}
