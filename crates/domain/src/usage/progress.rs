//! Through which number all pings of a device are in the timeline.

use super::Seq;

/// The numbers of one device's pings that are settled: merged, or refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    through: u64,
    /// Settled stretches above `through + 1`, first and last number each, sorted, never touching.
    ahead: Vec<(u64, u64)>,
}

impl Progress {
    /// How many stretches above a gap are remembered. Beyond that the highest are forgotten, which is safe: the device still has those pings,
    /// as it was never told that they are merged, and sends them again.
    pub const AHEAD_MAX: usize = 256;

    /// The progress as it was stored: `ahead` holds first and last number of each stretch in turn.
    #[must_use]
    pub fn trusted(through: u64, ahead: &[u64]) -> Self {
        Self {
            through,
            ahead: ahead.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(),
        }
    }

    /// The number up to which every ping is settled; 0 when the first is not.
    #[must_use]
    pub fn through(&self) -> u64 {
        self.through
    }

    /// First and last number of each stretch above `through`, in turn.
    #[must_use]
    pub fn ahead(&self) -> Vec<u64> {
        self.ahead.iter().flat_map(|(first, last)| [*first, *last]).collect()
    }

    /// Whether all numbers up to [`Self::through`] are settled and none above.
    #[must_use]
    pub fn is_gapless(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Settles `seqs`, in any order and as often as one likes. Those that come in order where nothing is missing take no memory.
    pub fn settle(&mut self, seqs: impl IntoIterator<Item = Seq>) {
        let mut above = Vec::new();
        for seq in seqs.into_iter().map(Seq::get) {
            if seq <= self.through.saturating_add(1) {
                self.through = self.through.max(seq);
            } else {
                above.push((seq, seq));
            }
        }
        if !(above.is_empty() && self.ahead.is_empty()) {
            self.settle_stretches(above);
        }
    }

    /// Settles all numbers from the first up to `through`.
    pub fn settle_through(&mut self, through: u64) {
        self.settle_stretches([(0, through)]);
    }

    fn settle_stretches(&mut self, more: impl IntoIterator<Item = (u64, u64)>) {
        let mut stretches = std::mem::take(&mut self.ahead);
        stretches.extend(more);
        stretches.sort_unstable();
        for (first, last) in stretches {
            if first <= self.through.saturating_add(1) {
                self.through = self.through.max(last);
            } else if let Some(previous) = self
                .ahead
                .last_mut()
                .filter(|previous| first <= previous.1.saturating_add(1))
            {
                previous.1 = previous.1.max(last);
            } else {
                self.ahead.push((first, last));
            }
        }
        self.ahead.truncate(Self::AHEAD_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(progress: &mut Progress, seqs: &[u64]) {
        progress.settle(seqs.iter().map(|seq| Seq::new(*seq).expect("in range")));
    }

    #[test]
    fn a_gap_holds_the_number_back_until_it_is_filled() {
        let mut progress = Progress::default();
        settle(&mut progress, &[1, 2, 4, 6, 5]);
        assert_eq!((progress.through(), progress.ahead()), (2, vec![4, 6]));
        settle(&mut progress, &[3]);
        assert_eq!((progress.through(), progress.ahead()), (6, vec![]));
    }

    #[test]
    fn settling_through_a_number_settles_all_below_it_and_what_touches_it() {
        let mut progress = Progress::trusted(2, &[4, 6, 9, 9]);
        assert!(!progress.is_gapless());
        progress.settle_through(1);
        assert_eq!(progress, Progress::trusted(2, &[4, 6, 9, 9]));
        progress.settle_through(3);
        assert_eq!(progress, Progress::trusted(6, &[9, 9]));
        progress.settle_through(12);
        assert_eq!(progress, Progress::trusted(12, &[]));
        assert!(progress.is_gapless());
    }

    #[test]
    fn settling_again_changes_nothing() {
        let mut progress = Progress::default();
        settle(&mut progress, &[1, 3, 3, 7, 8]);
        let once = progress.clone();
        settle(&mut progress, &[8, 1, 3]);
        assert_eq!(progress, once);
        assert_eq!(Progress::trusted(once.through(), &once.ahead()), once);
    }

    #[test]
    fn only_the_lowest_stretches_are_remembered_and_what_is_forgotten_can_be_settled_again() {
        let mut progress = Progress::default();
        let odd: Vec<u64> = (0..300).map(|i| 3 + 2 * i).collect();
        settle(&mut progress, &odd);
        assert_eq!(progress.ahead().len(), 2 * Progress::AHEAD_MAX);
        settle(&mut progress, &(1..=1000).collect::<Vec<_>>());
        assert_eq!(progress.through(), 1000);
    }

    #[test]
    fn the_greatest_number_does_not_overflow() {
        let mut progress = Progress::trusted(Seq::MAX - 1, &[]);
        settle(&mut progress, &[Seq::MAX]);
        assert_eq!(progress.through(), Seq::MAX);
        assert!(Seq::new(0).is_err() && Seq::new(Seq::MAX + 1).is_err());
    }
}
