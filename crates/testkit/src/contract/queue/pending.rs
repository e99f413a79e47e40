//! What of somebody is on its way.

use domain::usage::Lane;
use ports::usage::{Outcome, Pending};

use super::{NEVER, QueueUnderTest, drained, settled, taken};
use crate::arrivals::{ping, user};

async fn waits(queue: &dyn QueueUnderTest, number: u64) -> Pending {
    queue.pending().of(user(number)).await.expect("the queue is there")
}

async fn still(queue: &dyn QueueUnderTest, pending: &Pending) -> Pending {
    let still = queue.pending().still(pending.clone()).await;
    still.expect("the queue is there")
}

/// Taken is not settled.
///
/// # Panics
/// When the promise is broken.
pub async fn what_somebody_pushed_is_pending_until_it_is_settled(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    assert!(waits(queue, 1).await.is_empty());
    door.push(vec![ping(1, 0), ping(1, 1)]).await.expect("kept");
    let pending = waits(queue, 1).await;
    assert_eq!((pending.user, pending.entries.len()), (user(1), 1));
    let batch = taken(&*worker).await;
    assert_eq!(still(queue, &pending).await, pending);
    settled(&*worker, &batch, Outcome::default()).await;
    assert!(still(queue, &pending).await.is_empty());
    assert!(waits(queue, 1).await.is_empty());
}

/// # Panics
/// When the promise is broken.
pub async fn what_comes_later_is_not_waited_for(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let before = waits(queue, 1).await;
    let batch = taken(&*worker).await;
    door.push(vec![ping(1, 1)]).await.expect("kept");
    let both = waits(queue, 1).await;
    assert_eq!((before.entries.len(), both.entries.len()), (1, 2));
    settled(&*worker, &batch, Outcome::default()).await;
    assert!(still(queue, &before).await.is_empty());
    assert_eq!(still(queue, &both).await.entries.len(), 1);
    drained(&*worker).await;
    assert!(still(queue, &both).await.is_empty());
}

/// Neither where they are in the same shard.
///
/// # Panics
/// When the promise is broken.
pub async fn nothing_of_others_is_pending(queue: &dyn QueueUnderTest) {
    for other in 2..20 {
        queue.door().push(vec![ping(other, 0)]).await.expect("kept");
    }
    assert!(waits(queue, 1).await.is_empty());
    assert_eq!(waits(queue, 2).await.entries.len(), 1);
    drained(&*queue.worker("a", NEVER)).await;
}

/// # Panics
/// When the promise is broken.
pub async fn a_long_list_is_pending_too(queue: &dyn QueueUnderTest) {
    let list = (0..=Lane::LIVE_PINGS_MAX as u64).map(|count| ping(1, count)).collect();
    queue.door().push(list).await.expect("kept");
    let pending = waits(queue, 1).await;
    assert!(!pending.is_empty() && pending.entries.iter().all(|(lane, _)| *lane == Lane::Bulk));
    drained(&*queue.worker("a", NEVER)).await;
    assert!(still(queue, &pending).await.is_empty());
}

/// # Panics
/// When the promise is broken.
pub async fn of_a_long_queue_only_the_newest_are_looked_through(queue: &dyn QueueUnderTest) {
    let entries_max = Pending::LOOKED_THROUGH_MAX as u64;
    for count in 0..entries_max {
        queue.door().push(vec![ping(1, count)]).await.expect("kept");
    }
    let all = waits(queue, 1).await;
    assert_eq!(all.entries.len(), Pending::LOOKED_THROUGH_MAX);
    queue.door().push(vec![ping(1, entries_max)]).await.expect("kept");
    let newest = waits(queue, 1).await;
    assert_eq!(newest.entries.len(), Pending::LOOKED_THROUGH_MAX);
    assert_ne!(newest, all);
    drained(&*queue.worker("a", NEVER)).await;
    assert!(still(queue, &all).await.is_empty());
}
