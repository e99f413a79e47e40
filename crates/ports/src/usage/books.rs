//! What became of arrivals, counted: everything that came in is merged, refused, dropped, dead, or still in flight.

use domain::usage::Arrival;

use super::{DeadContent, Entry, Outcome, Receipt};

/// The books of the queue, in arrivals: pings, a heartbeat being one, and the numbers of refused ones. They are changed in the same step as the queue itself, so that
/// `received = merged + refused + dropped + dead + in_flight` whenever they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    /// What was kept by the queue.
    pub received: u64,
    /// Pings that are in the timelines.
    pub merged: u64,
    /// Numbers of refused pings that are settled.
    pub refused: u64,
    /// What was dropped because its people were erased.
    pub dropped: u64,
    /// What is among the dead letters.
    pub dead: u64,
    /// What is in the queue, taken or not.
    pub in_flight: u64,
}

impl Books {
    /// Whether everything that came in is accounted for.
    #[must_use]
    pub fn balance(&self) -> bool {
        self.received == self.merged + self.refused + self.dropped + self.dead + self.in_flight
    }
}

/// What became of the arrivals of one entry. Their sum is what the entry holds, whatever the outcome says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fates {
    /// Pings that are in the timelines.
    pub merged: u64,
    /// Numbers of refused pings that are settled.
    pub refused: u64,
    /// What was dropped.
    pub dropped: u64,
    /// What is dead.
    pub dead: u64,
}

impl Fates {
    /// Those of each entry that `receipt` names: what nobody can read, or `outcome` names as dead, is that; so is what it names as dropped; everything else was
    /// merged or settled.
    #[must_use]
    pub fn of(receipt: &Receipt, outcome: &Outcome) -> Vec<Self> {
        let merged = |entry: &Entry| Self {
            merged: entry.pings,
            refused: entry.refused,
            dead: entry.unreadable,
            ..Self::default()
        };
        let mut fates: Vec<Self> = receipt.entries.iter().map(merged).collect();
        for gone in &outcome.dropped {
            if let Some(fates) = fates.get_mut(gone.entry) {
                fates.dropped += take(&mut fates.refused, gone.refused);
                fates.dropped += take(&mut fates.merged, gone.pings);
            }
        }
        for dead in &outcome.dead {
            if let Some(fates) = fates.get_mut(dead.entry) {
                fates.dead += match &dead.letter.content {
                    DeadContent::Arrival(Arrival::Claim { .. } | Arrival::Heartbeat { .. }) => {
                        take(&mut fates.merged, 1)
                    }
                    DeadContent::Arrival(Arrival::Refused { .. }) => take(&mut fates.refused, 1),
                    DeadContent::Unreadable(_) => 0,
                };
            }
        }
        fates
    }
}

/// Takes up to `count` away, and answers how many those were.
fn take(from: &mut u64, count: u64) -> u64 {
    let taken = count.min(*from);
    *from -= taken;
    taken
}

#[cfg(test)]
mod tests {
    use domain::accounts::{DeviceId, UserId};
    use domain::usage::{Lane, Seq};
    use uuid::Uuid;

    use super::super::{Batch, Dead, DeadLetter, Dropped};
    use super::*;

    /// Of entries with so many pings, numbers, and unreadable arrivals.
    fn receipt(entries: &[[u64; 3]]) -> Receipt {
        let entry = |&[pings, refused, unreadable]: &[u64; 3]| Entry {
            name: String::new(),
            pings,
            refused,
            unreadable,
        };
        Receipt {
            shard: 0,
            lane: Lane::Live,
            entries: entries.iter().map(entry).collect(),
        }
    }

    fn dead(entry: usize, content: DeadContent) -> Dead {
        let reason = "a test".to_owned();
        Dead {
            entry,
            letter: DeadLetter { content, reason },
        }
    }

    fn refused() -> DeadContent {
        DeadContent::Arrival(Arrival::Refused {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            seq: Seq::new(1).expect("in range"),
        })
    }

    fn dropped(entry: usize, pings: u64, refused: u64) -> Dropped {
        Dropped { entry, pings, refused }
    }

    fn numbers(fates: &Fates) -> [u64; 4] {
        [fates.merged, fates.refused, fates.dropped, fates.dead]
    }

    #[test]
    fn what_nothing_is_said_of_was_merged_or_settled() {
        let fates = Fates::of(&receipt(&[[3, 2, 0], [0, 0, 0]]), &Outcome::default());
        assert_eq!(fates.iter().map(numbers).collect::<Vec<_>>(), [[3, 2, 0, 0], [0; 4]]);
    }

    #[test]
    fn each_entry_counts_what_it_held() {
        let outcome = Outcome {
            dead: vec![dead(0, refused()), dead(2, DeadContent::Unreadable(vec![9]))],
            dropped: vec![dropped(0, 1, 0), dropped(1, 2, 1)],
            ..Outcome::default()
        };
        let fates = Fates::of(&receipt(&[[3, 2, 0], [3, 1, 0], [0, 0, 7]]), &outcome);
        let expected = [[2, 1, 1, 1], [1, 0, 3, 0], [0, 0, 0, 7]];
        assert_eq!(fates.iter().map(numbers).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_outcome_makes_more_or_less_of_an_entry_than_it_holds() {
        let outcome = Outcome {
            dead: vec![dead(0, refused()), dead(0, refused()), dead(8, refused())],
            dropped: vec![dropped(0, 9, 9), dropped(9, 1, 1)],
            ..Outcome::default()
        };
        let fates = Fates::of(&receipt(&[[3, 2, 0], [1, 0, 0]]), &outcome);
        let sums: Vec<u64> = fates.iter().map(|fates| numbers(fates).iter().sum()).collect();
        assert_eq!(sums, [5, 1]);
    }
    #[test]
    fn arrivals_are_found_in_their_entries_past_those_without_any() {
        let batch = Batch {
            arrivals: Vec::new(),
            unreadable: Vec::new(),
            receipt: receipt(&[[0, 0, 9], [2, 1, 0], [0, 0, 0], [0, 1, 0]]),
        };
        let found = [0, 1, 2, 3].map(|arrival| batch.entry_of(arrival));
        assert_eq!(found, [1, 1, 1, 3]);
    }
}
