//! What all scrapes together must show.
//!
//! Counters may not go backwards, whichever node shows them. Scrapes overlap, so the law is about those that do not: a scrape that was asked for after another
//! was answered shows no less. That holds over a power cut of Redis, too: with `appendfsync always` it answers nobody, not even a reader, before what it did is
//! forced to disk, so whatever a scrape ever showed is there afterwards. What had not been answered may be gone, and nobody has seen it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ledger::now;
use crate::violation::Violation;

use super::page::{Page, Shown};

/// How long what was shown is kept by the time of its answer: longer than any scrape takes.
const KEPT: Duration = Duration::from_secs(5);
/// The most violations that are told; the others are counted.
const TOLD_MAX: usize = 10;

/// A scrape.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) node: usize,
    pub(super) asked: Instant,
    pub(super) answered: Instant,
    pub(super) page: Shown,
}

/// Everything that was shown so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    scrapes: u64,
    /// By the time of the answer: the greatest counts that were shown until then.
    greatest: VecDeque<(Instant, Page)>,
    violations: Vec<Violation>,
    untold: u64,
}

impl Watch {
    /// Looks at a scrape.
    pub(super) fn add(&mut self, scrape: Scrape) {
        let node = scrape.node;
        let page = match scrape.page {
            Shown::Whole(page) => page,
            Shown::Absent => return,
            Shown::Broken(how) => return self.violated("the books are shown whole", &format!("node {node}: {how}")),
        };
        self.scrapes += 1;
        if !page.balances() {
            let found = format!("node {node}: {}", page.words());
            self.violated("received = merged + refused + dropped + dead + in flight", &found);
        }
        let known = self.greatest.partition_point(|(answered, _)| *answered <= scrape.asked);
        let before = known.checked_sub(1).and_then(|place| self.greatest.get(place));
        if let Some((name, before, now)) = before.and_then(|(_, before)| page.fell_from(before)) {
            let found = format!("node {node}: {name} was {before} and is {now}: {}", page.words());
            self.violated("counters never go backwards", &found);
        }
        self.keep(scrape.answered, page);
    }

    /// How many whole pages were shown.
    pub(super) fn scrapes(&self) -> u64 {
        self.scrapes
    }

    /// What was wrong.
    pub(super) fn into_violations(mut self) -> Vec<Violation> {
        if self.scrapes == 0 {
            self.violated("the books are kept", "no node ever showed them");
        }
        if self.untold > 0 {
            let found = format!("{} violations more", self.untold);
            self.violations
                .push(violation("the books are right all the time", found));
        }
        self.violations
    }

    fn keep(&mut self, answered: Instant, page: Page) {
        // Another reader may have come first with a later answer.
        let answered = self.greatest.back().map_or(answered, |(last, _)| answered.max(*last));
        let greatest = self
            .greatest
            .back()
            .map_or(page, |(_, greatest)| page.greatest(greatest));
        self.greatest.push_back((answered, greatest));
        while self.greatest.get(1).is_some_and(|(next, _)| *next + KEPT < answered) {
            self.greatest.pop_front();
        }
    }

    fn violated(&mut self, promise: &str, found: &str) {
        if self.violations.len() < TOLD_MAX {
            self.violations
                .push(violation(promise, format!("at {}: {found}", now())));
        } else {
            self.untold += 1;
        }
    }
}

fn violation(promise: &str, found: String) -> Violation {
    Violation {
        promise: promise.to_owned(),
        found,
        history: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scrapes by when they were asked for and answered, in milliseconds; the promises that they break.
    fn broken(scrapes: &[(u64, u64, Shown)]) -> Vec<String> {
        let begun = Instant::now();
        let mut watch = Watch::default();
        for (asked, answered, page) in scrapes {
            watch.add(Scrape {
                node: 0,
                asked: begun + Duration::from_millis(*asked),
                answered: begun + Duration::from_millis(*answered),
                page: page.clone(),
            });
        }
        watch
            .into_violations()
            .into_iter()
            .map(|violation| violation.promise)
            .collect()
    }

    fn page(received: u64, merged: u64, in_flight: u64) -> Shown {
        Shown::Whole(Page::of([received, merged, 0, 0, 0, in_flight]))
    }

    #[test]
    fn books_that_balance_and_grow_are_right() {
        let scrapes = [
            (0, 1, page(5, 2, 3)),
            (2, 3, Shown::Absent),
            (4, 5, page(9, 9, 0)),
            (6, 7, page(9, 9, 0)),
        ];
        assert_eq!(broken(&scrapes), Vec::<String>::new());
    }

    #[test]
    fn books_that_do_not_balance_are_told() {
        let promise = "received = merged + refused + dropped + dead + in flight";
        assert_eq!(broken(&[(0, 1, page(5, 2, 2))]), [promise]);
    }

    #[test]
    fn a_counter_that_falls_is_told_once_the_greater_was_answered_before() {
        let falls = "counters never go backwards";
        assert_eq!(broken(&[(0, 1, page(5, 5, 0)), (1, 2, page(4, 4, 0))]), [falls]);
        // Both were under way at once: the second may have looked first.
        assert_eq!(
            broken(&[(0, 5, page(5, 5, 0)), (4, 6, page(4, 4, 0))]),
            Vec::<String>::new()
        );
        // Long after everything else was forgotten.
        let late = [
            (0, 1, page(5, 5, 0)),
            (60_000, 60_001, page(5, 5, 0)),
            (120_000, 120_001, page(4, 4, 0)),
        ];
        assert_eq!(broken(&late), [falls]);
    }

    #[test]
    fn nothing_to_look_at_and_half_a_page_are_told() {
        assert_eq!(broken(&[(0, 1, Shown::Absent)]), ["the books are kept"]);
        let half = [(0, 1, Shown::Broken("half".to_owned())), (2, 3, page(1, 1, 0))];
        assert_eq!(broken(&half), ["the books are shown whole"]);
    }

    #[test]
    fn of_many_violations_the_first_are_told_and_the_others_counted() {
        let wrong: Vec<_> = (0..25).map(|at| (at, at, page(5, 1, 1))).collect();
        assert_eq!(broken(&wrong).len(), TOLD_MAX + 1);
    }
}
