//! Which numbers to send next: in order, and where there is a backlog the newest in turns with it, so that a week offline does not hold up what is done now.

use super::{BATCH_MAX, LIVE_MAX};

/// How far sending has come.
///
/// Everything through `cursor` was taken. Where more than [`LIVE_MAX`] numbers waited above it, there is a stretch `ahead` of it that was taken as well, at the
/// end of which new pings are sent; in between lies the backlog.
#[derive(Debug, Default)]
pub(super) struct Course {
    cursor: u64,
    ahead: Option<Ahead>,
    /// Whether the backlog has its turn.
    backlogs_turn: bool,
}

#[derive(Debug, Clone, Copy)]
struct Ahead {
    after: u64,
    through: u64,
}

/// Numbers to send: those above `after` and through `through`, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The number before the first.
    pub after: u64,
    /// The last.
    pub through: u64,
    /// How many at most.
    pub max: usize,
}

impl Course {
    /// What to send next, where everything through `merged` is merged and `last` is the number given last. It may hold nothing.
    pub(super) fn next(&mut self, merged: u64, last: u64, max: usize) -> Stretch {
        self.cursor = self.cursor.max(merged);
        self.join();
        if self.ahead.is_none() && last.saturating_sub(self.cursor) > LIVE_MAX as u64 {
            let after = last - LIVE_MAX as u64;
            self.ahead = Some(Ahead { after, through: after });
            self.backlogs_turn = false;
        }
        let Some(ahead) = self.ahead else {
            return Stretch {
                after: self.cursor,
                through: last,
                max: max.min(BATCH_MAX),
            };
        };
        if last > ahead.through && !self.backlogs_turn {
            return Stretch {
                after: ahead.through,
                through: last,
                max: max.min(LIVE_MAX),
            };
        }
        Stretch {
            after: self.cursor,
            through: ahead.after,
            max: max.min(BATCH_MAX),
        }
    }

    /// Everything through `seq` of the stretch that it belongs to was taken.
    pub(super) fn taken(&mut self, seq: u64) {
        match &mut self.ahead {
            Some(ahead) if seq > ahead.after => {
                ahead.through = ahead.through.max(seq);
                self.backlogs_turn = true;
            }
            _ => {
                self.cursor = self.cursor.max(seq);
                self.backlogs_turn = false;
            }
        }
        self.join();
    }

    /// Where the backlog is sent, there is one course again.
    fn join(&mut self) {
        if let Some(ahead) = self.ahead.filter(|ahead| ahead.after <= self.cursor) {
            self.cursor = self.cursor.max(ahead.through);
            self.ahead = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn stretch(after: u64, through: u64, max: usize) -> Stretch {
        Stretch { after, through, max }
    }

    #[test]
    fn what_is_new_is_sent_in_order() {
        let mut course = Course::default();
        assert_eq!(course.next(0, 100, 500), stretch(0, 100, 500));
        course.taken(100);
        assert_eq!(course.next(40, 101, 500), stretch(100, 101, 500));
        assert_eq!(course.next(200, 201, 500), stretch(200, 201, 500));
    }

    #[test]
    fn a_backlog_and_what_is_new_are_sent_in_turns_the_newest_first() {
        let mut course = Course::default();
        assert_eq!(course.next(0, 1_201, 500), stretch(1_101, 1_201, 100));
        course.taken(1_201);
        assert_eq!(course.next(0, 1_202, 500), stretch(0, 1_101, 500));
        course.taken(500);
        assert_eq!(course.next(0, 1_203, 500), stretch(1_201, 1_203, 100));
        course.taken(1_203);
        course.taken(1_000);
        assert_eq!(course.next(0, 1_203, 500), stretch(1_000, 1_101, 500), "nothing is new");
        course.taken(1_101);
        assert_eq!(
            course.next(0, 1_204, 500),
            stretch(1_203, 1_204, 500),
            "one course again"
        );
    }

    #[test]
    fn at_the_bound_there_is_no_backlog_and_one_above_there_is() {
        assert_eq!(Course::default().next(0, 100, 500).max, 500);
        assert_eq!(Course::default().next(0, 101, 500), stretch(1, 101, 100));
    }

    proptest! {
        /// Whatever arrives meanwhile and however much fits.
        #[test]
        fn every_number_is_sent_once(
            backlog in 0_u64..5_000,
            arrivals in prop::collection::vec(0_u64..200, 1..60),
            max in 1_usize..600,
        ) {
            let mut course = Course::default();
            let (mut last, mut sent) = (backlog, BTreeSet::new());
            let mut arrivals = arrivals.into_iter();
            loop {
                let stretch = course.next(0, last, max);
                let numbers: Vec<u64> = (stretch.after + 1..=stretch.through).take(stretch.max).collect();
                match numbers.last() {
                    Some(taken) => course.taken(*taken),
                    None if sent.len() as u64 == last && arrivals.len() == 0 => break,
                    None => prop_assert_eq!(sent.len() as u64, last),
                }
                for number in numbers {
                    prop_assert!(sent.insert(number), "{} twice", number);
                }
                last += arrivals.next().unwrap_or(0);
            }
        }
    }
}
