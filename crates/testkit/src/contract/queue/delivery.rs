//! From the door to a worker.

use std::collections::HashMap;

use domain::usage::Arrival;
use ports::usage::{Backlog, Batch, Outcome, Part};

use super::{NEVER, QueueUnderTest, dead, drained, settled, taken, taken_now};
use crate::arrivals::{device, numbered, ping, refused, user};

/// # Panics
/// When the promise is broken.
pub async fn what_is_pushed_is_delivered_whole_and_in_order(queue: &dyn QueueUnderTest) {
    let pushed: Vec<Arrival> = (0..1_000)
        .map(|count| match count % 3 {
            0 => ping(1, count),
            1 => numbered(1, count),
            _ => refused(1, count),
        })
        .collect();
    queue.door().push(pushed.clone()).await.expect("kept");
    assert_eq!(drained(&*queue.worker("a", NEVER)).await, pushed);
}

/// # Panics
/// When the promise is broken.
pub async fn all_of_a_person_is_in_one_shard(queue: &dyn QueueUnderTest) {
    for number in (0..20).chain(0..20) {
        queue.door().push(vec![ping(number, 0)]).await.expect("kept");
    }
    let worker = queue.worker("a", NEVER);
    let mut shards = HashMap::new();
    let mut count = 0;
    while let Some(batch) = taken_now(&*worker).await {
        for arrival in &batch.arrivals {
            count += 1;
            let shard = shards.entry(arrival.user()).or_insert(batch.receipt.shard);
            assert_eq!(*shard, batch.receipt.shard);
        }
        settled(&*worker, &batch, Outcome::default()).await;
    }
    assert_eq!((shards.len(), count), (20, 40));
    assert!(worker.shards() > 1, "one shard shows nothing");
}

/// # Panics
/// When the promise is broken.
pub async fn an_empty_queue_gives_nothing(queue: &dyn QueueUnderTest) {
    assert_eq!(queue.door().push(Vec::new()).await.expect("nothing to keep"), None);
    assert_eq!(taken_now(&*queue.worker("a", NEVER)).await, None);
}

/// # Panics
/// When the promise is broken.
pub async fn a_batch_has_a_bound(queue: &dyn QueueUnderTest) {
    let door = queue.door();
    for call in 0..20 {
        let pushed = (0..1_000).map(|count| ping(1, 1_000 * call + count)).collect();
        door.push(pushed).await.expect("kept");
    }
    let worker = queue.worker("a", NEVER);
    let (mut batches, mut arrivals) = (0, 0);
    while let Some(batch) = taken_now(&*worker).await {
        assert!(batch.arrivals.len() <= Batch::ARRIVALS_MAX, "{}", batch.arrivals.len());
        settled(&*worker, &batch, Outcome::default()).await;
        batches += 1;
        arrivals += batch.arrivals.len();
    }
    assert_eq!(arrivals, 20_000);
    assert!(batches <= 5, "batches are as large as they may be: {batches}");
}

/// # Panics
/// When the promise is broken.
pub async fn a_batch_is_as_small_as_it_is_asked_for(queue: &dyn QueueUnderTest) {
    let pushed: Vec<Arrival> = (0..1_000).map(|count| ping(1, count)).collect();
    queue.door().push(pushed.clone()).await.expect("kept");
    let worker = queue.worker("a", NEVER);
    let mut arrivals = Vec::new();
    // Less than an entry is an entry; two entries are within the second bound, three are not.
    for (asked, bound) in [(0, 256), (1, 256), (600, 512), (600, 512)] {
        let mut batch = None;
        for shard in 0..worker.shards() {
            let taken = worker.take(shard, Part::Bulk, asked).await;
            batch = batch.or(taken.expect("the queue is there"));
        }
        let Some(batch) = batch else { break };
        assert!(batch.arrivals.len() <= bound, "{}", batch.arrivals.len());
        settled(&*worker, &batch, Outcome::default()).await;
        arrivals.extend(batch.arrivals);
    }
    assert_eq!(arrivals, pushed);
}

/// # Panics
/// When the promise is broken.
pub async fn a_shard_that_does_not_exist_is_a_bug(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    let error = worker
        .take(worker.shards(), Part::Live, 1)
        .await
        .expect_err("no such shard");
    assert!(!error.is_unavailable(), "{}", error.chain());
}

/// # Panics
/// When the promise is broken.
pub async fn a_device_is_told_how_far_it_is_merged(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    assert_eq!(door.push(vec![numbered(1, 0)]).await.expect("kept"), None);
    let batch = taken(&*worker).await;
    let merged_through = vec![(device(1), 7), (device(2), u64::MAX >> 1)];
    let outcome = Outcome {
        merged_through,
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    assert_eq!(door.push(vec![ping(1, 0), refused(1, 1)]).await.expect("kept"), Some(7));
    assert_eq!(
        door.push(vec![numbered(2, 0)]).await.expect("kept"),
        Some(u64::MAX >> 1)
    );
    assert_eq!(door.push(vec![numbered(3, 0)]).await.expect("kept"), None);
    assert_eq!(
        door.push(vec![ping(1, 1)]).await.expect("kept"),
        None,
        "it does not number"
    );
    drained(&*worker).await;
}

/// # Panics
/// When the promise is broken.
pub async fn a_number_never_goes_down(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    // These two differ by less than a 64-bit float can tell.
    let (greatest, less) = (u64::MAX >> 1, (u64::MAX >> 1) - 1);
    for (through, told) in [
        (9, 9),
        (10, 10),
        (9, 10),
        (less, less),
        (greatest, greatest),
        (less, greatest),
    ] {
        door.push(vec![ping(1, 0)]).await.expect("kept");
        let batch = taken(&*worker).await;
        let outcome = Outcome {
            merged_through: vec![(device(1), through)],
            ..Outcome::default()
        };
        settled(&*worker, &batch, outcome).await;
        assert_eq!(
            door.push(vec![numbered(1, 0)]).await.expect("kept"),
            Some(told),
            "{through}"
        );
        drained(&*worker).await;
    }
}

/// # Panics
/// When the promise is broken.
pub async fn the_backlog_counts_what_waits_what_is_taken_and_what_is_dead(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    let backlog = || async { worker.backlog().await.expect("a backlog") };
    assert_eq!(backlog().await, Backlog::default());
    for number in 0..4 {
        door.push(vec![ping(number, 0)]).await.expect("kept");
    }
    let count = |entries, in_flight, dead| Backlog {
        entries,
        in_flight,
        dead,
    };
    assert_eq!(backlog().await, count(4, 0, 0));
    let batch = taken(&*worker).await;
    let taken = batch.arrivals.len() as u64;
    assert_eq!(backlog().await, count(4, taken, 0));
    let outcome = Outcome {
        dead: vec![dead(&batch, 0, "a test")],
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    assert_eq!(backlog().await, count(4 - taken, 0, 1));
    drained(&*worker).await;
    assert_eq!(backlog().await, count(0, 0, 1));
}

/// # Panics
/// When the promise is broken.
pub async fn many_may_push_at_once(queue: &dyn QueueUnderTest) {
    const CALLERS: u64 = 64;
    let door = queue.door();
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let door = door.clone();
            tokio::spawn(async move {
                for count in 0..20 {
                    door.push(vec![ping(number, count)]).await.expect("kept");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("it did not panic");
    }
    let mut by_user: HashMap<_, Vec<Arrival>> = HashMap::new();
    for arrival in drained(&*queue.worker("a", NEVER)).await {
        by_user.entry(arrival.user()).or_default().push(arrival);
    }
    for number in 0..CALLERS {
        let pushed: Vec<Arrival> = (0..20).map(|count| ping(number, count)).collect();
        assert_eq!(by_user.remove(&user(number)), Some(pushed), "user {number}");
    }
}
