//! The stretches of time about which something new is known.

use crate::time::Span;

/// The most stretches that are told apart. Beyond it, those with the least time between them become one: what lies between is joined once more,
/// which changes nothing.
pub const TOUCHED_MAX: usize = 256;

/// Sorted, never overlapping and never touching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched(Vec<Span>);

impl Touched {
    /// Adds a stretch, where there is one.
    pub fn extend(&mut self, span: Option<Span>) {
        if let Some(span) = span {
            self.add(span);
        }
    }

    /// Adds a stretch.
    pub fn add(&mut self, span: Span) {
        let from = self.0.partition_point(|known| known.end() < span.start());
        let to = self.0.partition_point(|known| known.start() <= span.end());
        let met = self.0[from..to].iter().fold(span, |met, known| hull(met, *known));
        self.0.splice(from..to, [met]);
        if self.0.len() > TOUCHED_MAX {
            self.close_the_smallest_gap();
        }
    }

    /// The stretches, earliest first. None is left.
    #[must_use]
    pub fn take(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn close_the_smallest_gap(&mut self) {
        let gap = |index: &usize| self.0[index + 1].start().0 - self.0[*index].end().0;
        if let Some(index) = (0..self.0.len() - 1).min_by_key(gap) {
            let met = hull(self.0[index], self.0[index + 1]);
            self.0.splice(index..=index + 1, [met]);
        }
    }
}

/// The stretches that these make together, however many: sorted, never overlapping and never touching.
pub fn united(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.into_iter().collect();
    spans.sort_unstable();
    spans.dedup_by(|next, met| {
        let meets = next.start() <= met.end();
        if meets {
            *met = hull(*met, *next);
        }
        meets
    });
    spans
}

fn hull(a: Span, b: Span) -> Span {
    Span::new(a.start().min(b.start()), a.end().max(b.end())).unwrap_or(a)
}

#[cfg(test)]
mod tests {
    use crate::time::UnixMs;

    use super::*;

    fn span(start: i64, end: i64) -> Span {
        Span::new(UnixMs(start), UnixMs(end)).expect("not empty")
    }

    #[test]
    fn stretches_that_meet_become_one() {
        let mut touched = Touched::default();
        for (start, end) in [(10, 20), (40, 50), (20, 25), (30, 41), (0, 1)] {
            touched.add(span(start, end));
        }
        assert_eq!(touched.take(), [span(0, 1), span(10, 25), span(30, 50)]);
        assert!(touched.is_empty());
    }

    #[test]
    fn however_many_there_are_only_those_that_meet_are_united() {
        let spans = [(10, 20), (40, 50), (20, 25), (30, 41), (0, 1), (12, 14)];
        let met = united(spans.map(|(start, end)| span(start, end)));
        assert_eq!(met, [span(0, 1), span(10, 25), span(30, 50)]);
        let apart = (0..1_000).map(|number| span(number * 3, number * 3 + 2));
        assert_eq!(united(apart).len(), 1_000);
    }

    #[test]
    fn beyond_the_bound_the_smallest_gap_is_closed() {
        let mut touched = Touched::default();
        let count = i64::try_from(TOUCHED_MAX).expect("small");
        for number in 0..count {
            touched.add(span(number * 100, number * 100 + 10));
        }
        assert_eq!(touched.0.len(), TOUCHED_MAX);
        touched.add(span(count * 100 - 80, count * 100 - 70));
        assert_eq!(touched.0.len(), TOUCHED_MAX);
        assert_eq!(touched.0.last(), Some(&span(count * 100 - 100, count * 100 - 70)));
    }
}
