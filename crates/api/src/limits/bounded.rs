//! Where buckets are kept: as many as fit, and one more that all share who find no room. Never without a bound, never without a limit.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

/// Into how many parts the buckets are divided, so that workers seldom wait for one another.
const SHARDS: usize = 16;

/// The buckets, each as the time at which it will be full.
pub(super) struct Bounded {
    shards: [Mutex<HashMap<u128, Nanos>>; SHARDS],
    keys: AtomicUsize,
    keys_max: usize,
    overflow: Mutex<Option<Nanos>>,
}

impl Bounded {
    /// With room for so many.
    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            shards: Default::default(),
            keys: AtomicUsize::new(0),
            keys_max,
            overflow: Mutex::default(),
        }
    }

    fn shard(&self, key: u128) -> MutexGuard<'_, HashMap<u128, Nanos>> {
        // The last bits of an id are random, and the middle ones are where networks differ.
        let mixed = (key ^ (key >> 64)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
        let at = usize::try_from(mixed % SHARDS as u128).expect("smaller than the number of shards");
        lock(&self.shards[at])
    }

    /// Counts one key more, if there is room for it.
    fn make_room(&self) -> bool {
        let more = |keys| (keys < self.keys_max).then_some(keys + 1);
        self.keys
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

impl StateStore for Bounded {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(*key);
        if let Some(full_at) = shard.get_mut(key) {
            let (taken, next) = measure(Some(*full_at))?;
            *full_at = next;
            return Ok(taken);
        }
        if self.make_room() {
            let (taken, next) = measure(None).inspect_err(|_| {
                self.keys.fetch_sub(1, Ordering::Relaxed);
            })?;
            shard.insert(*key, next);
            return Ok(taken);
        }
        drop(shard);
        let mut overflow = lock(&self.overflow);
        let (taken, next) = measure(*overflow)?;
        *overflow = Some(next);
        Ok(taken)
    }
}

impl ShrinkableKeyedStateStore<u128> for Bounded {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, full_at| *full_at > drop_below);
            self.keys.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
    }

    fn len(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A number is as sound as before, whoever panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
