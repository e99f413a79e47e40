//! Chance that can be had again: everything drawn in a run comes from its seed, by SplitMix64.

/// What each step adds: the golden ratio in 64 bits, as SplitMix64 has it.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of random numbers. Two of the same seed are the same.
#[derive(Debug, Clone)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// A stream of its own for the part called `name`. It depends on the seed and the name alone, so that one part drawing more or less changes nothing
    /// for the others.
    #[must_use]
    pub fn fork(&self, name: &str) -> Self {
        let named = name
            .bytes()
            .fold(self.seed, |state, byte| mix(state ^ u64::from(byte)).wrapping_add(STEP));
        Self::new(mix(named))
    }

    /// The next number, any of them.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number below `bound`; 0 when there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        // By the high half of the product, whose bias is far below what any run could see.
        let product = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least).saturating_add(1))
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// A place in a list of `length`; 0 when it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of `items`, unless there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.index(items.len());
        items.get(index)
    }

    /// Puts `items` into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}

/// SplitMix64's finalizer.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        let drawn = [random.next_u64(), random.next_u64(), random.next_u64()];
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_fork_depends_on_the_seed_and_its_name_and_not_on_what_was_drawn() {
        let (untouched, mut drawn) = (Random::new(7), Random::new(7));
        drawn.next_u64();
        assert_eq!(untouched.fork("nemesis").next_u64(), drawn.fork("nemesis").next_u64());
        assert_ne!(
            untouched.fork("nemesis").next_u64(),
            untouched.fork("trackers").next_u64()
        );
        assert_ne!(
            untouched.fork("nemesis").next_u64(),
            Random::new(8).fork("nemesis").next_u64()
        );
    }

    #[test]
    fn numbers_keep_their_bounds_and_reach_them() {
        let mut random = Random::new(3);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.between(4, 7)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&4), Some(&7)));
        assert_eq!((random.below(0), random.below(1), random.index(0)), (0, 0, 0));
        assert!((0..100).all(|_| random.chance(100) && !random.chance(0)));
    }

    #[test]
    fn shuffling_keeps_everything() {
        let mut items: Vec<u8> = (0..50).collect();
        Random::new(9).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<u8>>());
        assert_eq!(Random::new(9).pick::<u8>(&[]), None);
    }
}
