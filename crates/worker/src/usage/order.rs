//! Whose turn it is: live pings of every shard, then something of the bulk, for no longer than they took. Decides, and knows no queue and no clock.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use domain::usage::Lane;
use ports::usage::{Batch, Part};

/// The fewest arrivals that a batch of the bulk lane is asked to have: an entry's.
const BULK_MIN: usize = 256;
/// How long a batch of the bulk lane may take at most, as where there are no live pings: so long does one that comes then wait.
const BULK_ALONE_MAX: Duration = Duration::from_millis(25);
/// How long it may take in any case: a merge has its price also when it is small.
const BULK_MIN_TIME: Duration = Duration::from_millis(5);
/// So long is a round taken to last in which nothing was merged: what is owed goes in any case, so the bulk never starves.
const ROUND_MIN_TIME: Duration = Duration::from_millis(1);
/// In so many rounds without live pings nobody is thought to be waiting for any.
const QUIET_ROUNDS: u32 = 20;

/// A batch to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) shard: u16,
    pub(super) part: Part,
    pub(super) arrivals_max: usize,
}

/// The order of work: rounds, each over what was ready when it began.
#[derive(Debug)]
pub(super) struct Order {
    /// What is left of the round.
    round: VecDeque<(u16, Part)>,
    /// The lanes that were ready and have not had a turn since.
    untouched: BTreeSet<(Lane, u16)>,
    /// Which shard's bulk was last.
    bulk_last: u16,
    /// How long live batches have taken since the last one of the bulk, beyond what was owed.
    live_took: Duration,
    /// By how much the bulk has taken longer than live batches did: it has no turn beside them until they have taken as long.
    owed: Duration,
    /// Whether anything was merged in this round.
    has_merged: bool,
    /// For how long the next batch of the bulk is meant to be.
    bulk_time: Duration,
    /// And of how many arrivals it is, therefore.
    bulk_max: usize,
    /// How many rounds have passed without live pings.
    quiet: u32,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            round: VecDeque::new(),
            untouched: BTreeSet::new(),
            bulk_last: 0,
            live_took: Duration::ZERO,
            owed: Duration::ZERO,
            has_merged: false,
            bulk_time: BULK_MIN_TIME,
            bulk_max: BULK_MIN,
            quiet: QUIET_ROUNDS,
        }
    }
}

impl Order {
    /// Begins a round over the lanes that are ready.
    ///
    /// After each live batch comes one of the bulk, shard after shard, unless the bulk has had more than its time; where no live pings are ready, just one, so
    /// that those which come meanwhile wait for no more than that.
    pub(super) fn begin(&mut self, ready: &[(u16, Lane)]) {
        if !std::mem::take(&mut self.has_merged) {
            self.owed = self.owed.saturating_sub(ROUND_MIN_TIME);
        }
        self.untouched = ready.iter().map(|&(shard, lane)| (lane, shard)).collect();
        let shards = |wanted| {
            ready
                .iter()
                .filter(move |(_, lane)| *lane == wanted)
                .map(|(shard, _)| *shard)
        };
        let (mut later, earlier): (Vec<u16>, Vec<u16>) = shards(Lane::Bulk).partition(|shard| *shard > self.bulk_last);
        later.extend(earlier);
        let mut bulk = later.into_iter();
        self.round.clear();
        for shard in shards(Lane::Live) {
            self.round.extend([(shard, Part::Newest), (shard, Part::Live)]);
            self.round.extend(bulk.next().map(|shard| (shard, Part::Bulk)));
        }
        if self.round.is_empty() {
            self.quiet = self.quiet.saturating_add(1);
            self.round.extend(bulk.next().map(|shard| (shard, Part::Bulk)));
        } else {
            self.quiet = 0;
        }
    }

    /// Whose turn is next in this round, if any.
    pub(super) fn turn(&mut self) -> Option<Turn> {
        let is_due = |part| part != Part::Bulk || self.quiet > 0 || self.owed.is_zero();
        let (shard, part) = loop {
            match self.round.pop_front()? {
                (shard, part) if is_due(part) => break (shard, part),
                _ => {}
            }
        };
        if part != Part::Newest {
            self.untouched.remove(&(part.lane(), shard));
        }
        let mut arrivals_max = Batch::ARRIVALS_MAX;
        if part == Part::Bulk {
            self.bulk_last = shard;
            self.bulk_time = self.time_for_bulk();
            arrivals_max = self.bulk_max;
        }
        Some(Turn {
            shard,
            part,
            arrivals_max,
        })
    }

    /// What is to be taken when work ends: as little as can be of the lanes whose turn has not come, because the queue may have begun to give it out.
    pub(super) fn last_turn(&mut self) -> Option<Turn> {
        self.round.clear();
        let (lane, shard) = self.untouched.pop_first()?;
        let part = match lane {
            Lane::Live => Part::Live,
            Lane::Bulk => Part::Bulk,
        };
        Some(Turn {
            shard,
            part,
            arrivals_max: 1,
        })
    }

    /// A batch of so many arrivals has taken so long.
    pub(super) fn took(&mut self, lane: Lane, arrivals: usize, took: Duration) {
        self.has_merged = true;
        if lane == Lane::Live {
            let beyond = took.saturating_sub(self.owed);
            self.owed = self.owed.saturating_sub(took);
            self.live_took += beyond;
            return;
        }
        if self.quiet == 0 {
            self.owed += took.saturating_sub(self.live_took);
        }
        self.live_took = Duration::ZERO;
        let is_full = arrivals.saturating_add(BULK_MIN) > self.bulk_max;
        if is_full || took > self.bulk_time {
            let fits = self.bulk_time.as_secs_f64() / took.as_secs_f64().max(f64::EPSILON);
            self.bulk_max = times(arrivals, fits.min(2.0)).clamp(BULK_MIN, Batch::ARRIVALS_MAX);
        }
    }

    /// As long as live pings have taken since the last time; longer where there are none.
    fn time_for_bulk(&self) -> Duration {
        if !self.live_took.is_zero() {
            self.live_took.clamp(BULK_MIN_TIME, BULK_ALONE_MAX)
        } else if self.quiet >= QUIET_ROUNDS {
            BULK_ALONE_MAX
        } else {
            self.bulk_time
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a batch has a few thousand, and the factor is 0 to 2"
)]
fn times(arrivals: usize, factor: f64) -> usize {
    (arrivals as f64 * factor) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Lane = Lane::Live;
    const BULK: Lane = Lane::Bulk;
    const MS: Duration = Duration::from_millis(1);

    fn round(order: &mut Order, ready: &[(u16, Lane)]) -> Vec<(u16, Part)> {
        order.begin(ready);
        let turns = std::iter::from_fn(|| order.turn());
        turns.map(|turn| (turn.shard, turn.part)).collect()
    }

    #[test]
    fn each_live_batch_is_followed_by_one_of_the_bulk() {
        let ready = [(0, LIVE), (2, LIVE), (0, BULK), (1, BULK), (3, BULK)];
        assert_eq!(
            round(&mut Order::default(), &ready),
            [
                (0, Part::Newest),
                (0, Part::Live),
                (1, Part::Bulk),
                (2, Part::Newest),
                (2, Part::Live),
                (3, Part::Bulk),
            ]
        );
    }

    #[test]
    fn without_live_pings_a_round_is_one_batch_of_the_bulk_shard_after_shard() {
        let mut order = Order::default();
        let ready = [(0, BULK), (1, BULK), (3, BULK)];
        let turns: Vec<_> = (0..4).flat_map(|_| round(&mut order, &ready)).collect();
        assert_eq!(turns, [1, 3, 0, 1].map(|shard| (shard, Part::Bulk)));
    }

    #[test]
    fn no_shard_of_the_bulk_starves_beside_live_pings() {
        let mut order = Order::default();
        let ready = [(0, LIVE), (0, BULK), (1, BULK), (2, BULK)];
        let turns: Vec<_> = (0..6).flat_map(|_| round(&mut order, &ready)).collect();
        for shard in 0..3 {
            let count = turns.iter().filter(|turn| **turn == (shard, Part::Bulk)).count();
            assert_eq!(count, 2, "shard {shard}");
        }
    }

    /// The size to which batches of the bulk settle that take so many microseconds an arrival, beside live ones that take so long.
    fn settled(order: &mut Order, live: Option<Duration>, us_per_arrival: u32) -> usize {
        let mut last = 0;
        for _ in 0..50 {
            match live {
                Some(_) => order.begin(&[(0, LIVE), (0, BULK)]),
                None => order.begin(&[(0, BULK)]),
            }
            while let Some(turn) = order.turn() {
                match (turn.part, live) {
                    (Part::Live, Some(took)) => order.took(LIVE, 100, took),
                    (Part::Bulk, _) => {
                        last = turn.arrivals_max;
                        let took = us_per_arrival * u32::try_from(last).expect("small");
                        order.took(BULK, last, Duration::from_micros(took.into()));
                    }
                    _ => {}
                }
            }
        }
        last
    }

    #[test]
    fn the_bulk_takes_no_longer_than_live_pings_do() {
        let mut order = Order::default();
        assert_eq!(settled(&mut order, Some(20 * MS), 10), 2_000);
        assert_eq!(settled(&mut order, Some(10 * MS), 10), 1_000);
    }

    /// Rounds in which live pings and the bulk are ready, where each batch of a lane takes so long: how long each took in all.
    fn shared(live: Duration, bulk: Duration) -> (Duration, Duration) {
        let (mut order, mut spent) = (Order::default(), (Duration::ZERO, Duration::ZERO));
        for _ in 0..1_000 {
            order.begin(&[(0, LIVE), (1, LIVE), (0, BULK), (1, BULK)]);
            while let Some(turn) = order.turn() {
                match turn.part {
                    Part::Newest => {}
                    Part::Live => {
                        spent.0 += live;
                        order.took(LIVE, 10, live);
                    }
                    Part::Bulk => {
                        spent.1 += bulk;
                        order.took(BULK, turn.arrivals_max, bulk);
                    }
                }
            }
        }
        spent
    }

    #[test]
    fn what_the_least_batch_of_the_bulk_takes_too_long_live_pings_get_back() {
        let (live, bulk) = shared(2 * MS, 40 * MS);
        assert!(bulk <= live + live / 10, "{bulk:?} beside {live:?}");
        assert!(bulk >= live / 2, "{bulk:?} beside {live:?}: it starves");
        // Cheaper than live batches, it may follow each.
        assert_eq!(shared(2 * MS, MS), (4_000 * MS, 2_000 * MS));
    }

    #[test]
    fn what_is_owed_is_forgotten_though_no_live_batch_is_ever_taken() {
        let mut order = Order::default();
        order.begin(&[(0, LIVE), (0, BULK)]);
        order.took(BULK, BULK_MIN, 100 * MS);
        let turns = (0..200).filter(|_| round(&mut order, &[(0, LIVE), (0, BULK)]).contains(&(0, Part::Bulk)));
        assert_eq!(turns.count(), 200 - 100);
    }

    #[test]
    fn a_batch_of_the_bulk_is_never_less_than_an_entry_nor_more_than_a_batch() {
        let mut order = Order::default();
        assert_eq!(settled(&mut order, Some(MS), 1_000), BULK_MIN);
        assert_eq!(settled(&mut order, None, 1), Batch::ARRIVALS_MAX);
    }

    #[test]
    fn without_live_pings_the_bulk_may_take_longer_and_after_the_next_no_more() {
        let mut order = Order::default();
        assert_eq!(settled(&mut order, None, 20), 1_250);
        assert_eq!(settled(&mut order, Some(10 * MS), 20), 500);
    }

    #[test]
    fn a_batch_that_was_not_full_does_not_make_the_next_smaller() {
        let mut order = Order::default();
        let before = settled(&mut order, Some(20 * MS), 10);
        order.took(BULK, 10, MS);
        assert_eq!(order.bulk_max, before);
    }

    #[test]
    fn at_the_end_only_what_was_ready_and_had_no_turn_is_taken() {
        let mut order = Order::default();
        order.begin(&[(0, LIVE), (1, LIVE), (0, BULK), (1, BULK)]);
        for _ in 0..2 {
            order.turn();
        }
        let turns: Vec<_> = std::iter::from_fn(|| order.last_turn()).collect();
        assert!(turns.iter().all(|turn| turn.arrivals_max == 1));
        let turns: Vec<_> = turns.iter().map(|turn| (turn.shard, turn.part)).collect();
        assert_eq!(turns, [(1, Part::Live), (0, Part::Bulk), (1, Part::Bulk)]);
        assert_eq!(order.turn(), None);
    }
}
