//! What is in hand: one batch, or two where there is so much that the queue and the storage should work beside each other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ports::usage::Batch;
use tokio::sync::Notify;

use super::order::Order;

/// From so many arrivals on a batch says that more wait than are merged one batch at a time.
const LARGE: usize = Batch::ARRIVALS_MAX / 2;
/// How many batches may be in hand.
pub(super) const BATCHES_MAX: usize = 2;

/// The order of work, and what of it is in hand. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Hands(Arc<Shared>);

#[derive(Default)]
struct Shared {
    order: Mutex<Order>,
    held: Mutex<Vec<Held>>,
    put_down: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    shard: u16,
    is_large: bool,
}

impl Held {
    fn of(batch: &Batch) -> Self {
        Self {
            shard: batch.receipt.shard,
            is_large: batch.arrivals.len() >= LARGE,
        }
    }
}

impl Hands {
    /// The order of work.
    pub(super) fn order(&self) -> MutexGuard<'_, Order> {
        self.0.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another batch may be taken, of any shard that is not in hand.
    pub(super) async fn have_room(&self) {
        self.wait(|held| matches!(held, [] | [Held { is_large: true, .. }]))
            .await;
    }

    /// Waits until one of this shard may be taken: two of one person never meet.
    pub(super) async fn have_room_for(&self, shard: u16) {
        self.wait(|held| match held {
            [] => true,
            [one] => one.is_large && one.shard != shard,
            _ => false,
        })
        .await;
    }

    /// Takes a batch in hand.
    pub(super) fn take(&self, batch: &Batch) {
        self.held().push(Held::of(batch));
    }

    /// It is done, and took so long.
    pub(super) fn put_down(&self, batch: &Batch, took: Duration) {
        self.order().took(batch.receipt.lane, batch.arrivals.len(), took);
        let mut held = self.held();
        if let Some(place) = held.iter().position(|held| *held == Held::of(batch)) {
            held.remove(place);
        }
        drop(held);
        self.0.put_down.notify_waiters();
    }

    async fn wait(&self, is_so: impl Fn(&[Held]) -> bool) {
        loop {
            let changed = self.0.put_down.notified();
            if is_so(&self.held()) {
                return;
            }
            changed.await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use domain::usage::Lane;
    use futures_util::FutureExt;
    use ports::usage::Receipt;
    use testkit::arrivals::ping;

    use super::*;

    fn batch(shard: u16, arrivals: usize) -> Batch {
        Batch {
            arrivals: vec![ping(1, 0); arrivals],
            unreadable: Vec::new(),
            receipt: Receipt {
                shard,
                lane: Lane::Live,
                entries: Vec::new(),
            },
        }
    }

    #[test]
    fn beside_a_small_batch_there_is_no_room() {
        let hands = Hands::default();
        assert!(hands.have_room_for(0).now_or_never().is_some());
        let small = batch(0, LARGE - 1);
        hands.take(&small);
        assert!(hands.have_room().now_or_never().is_none());
        hands.put_down(&small, Duration::ZERO);
        assert!(hands.have_room().now_or_never().is_some());
    }

    #[test]
    fn beside_a_large_batch_there_is_room_for_one_of_another_shard() {
        let hands = Hands::default();
        let large = batch(0, LARGE);
        hands.take(&large);
        assert!(hands.have_room().now_or_never().is_some());
        assert!(hands.have_room_for(0).now_or_never().is_none());
        assert!(hands.have_room_for(1).now_or_never().is_some());
        hands.take(&batch(1, LARGE));
        assert!(hands.have_room().now_or_never().is_none());
        assert!(hands.have_room_for(2).now_or_never().is_none());
        hands.put_down(&large, Duration::ZERO);
        assert!(hands.have_room_for(0).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_waits_for_room_goes_on_when_a_batch_is_put_down() {
        let hands = Hands::default();
        let small = batch(0, 1);
        hands.take(&small);
        let waiting = tokio::spawn({
            let hands = hands.clone();
            async move { hands.have_room().await }
        });
        tokio::task::yield_now().await;
        hands.put_down(&small, Duration::ZERO);
        waiting.await.expect("it did not panic");
    }
}
