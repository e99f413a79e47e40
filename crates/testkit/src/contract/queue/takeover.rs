//! From a worker that is gone to one that is there.

use std::time::Duration;

use domain::usage::Arrival;
use ports::usage::Outcome;
use tokio::time::{Instant, interval};

use super::{NEVER, QueueUnderTest, dead, drained, settled, taken, taken_now};
use crate::arrivals::{device, numbered, ping};

/// How soon a batch that nobody holds counts as abandoned, where that is to happen.
const SOON_ABANDONED: Duration = Duration::from_millis(100);
/// And where it is not to happen while it is held.
const HELD: Duration = Duration::from_millis(1_500);

/// # Panics
/// When the promise is broken.
pub async fn what_a_dead_worker_took_is_taken_over(queue: &dyn QueueUnderTest) {
    let pushed = vec![ping(1, 0), ping(1, 1)];
    queue.door().push(pushed.clone()).await.expect("kept");
    let dying = queue.worker("dying", NEVER);
    assert_eq!(taken(&*dying).await.arrivals, pushed);
    drop(dying);
    let heir = queue.worker("heir", SOON_ABANDONED);
    let batch = taken(&*heir).await;
    assert_eq!(batch.arrivals, pushed);
    settled(&*heir, &batch, Outcome::default()).await;
}

/// # Panics
/// When the promise is broken.
pub async fn what_is_held_is_not_taken_over(queue: &dyn QueueUnderTest) {
    queue.door().push(vec![ping(1, 0)]).await.expect("kept");
    let slow = queue.worker("slow", NEVER);
    let batch = taken(&*slow).await;
    let other = queue.worker("other", HELD);
    let hold = async {
        let mut beat = interval(HELD / 50);
        loop {
            beat.tick().await;
            slow.hold(&batch.receipt).await.expect("held");
        }
    };
    let wait = async {
        let until = Instant::now() + 2 * HELD;
        while Instant::now() < until {
            other.ready().await.expect("the queue is there");
            assert_eq!(taken_now(&*other).await, None);
        }
    };
    tokio::select! {
        () = hold => {}
        () = wait => {}
    }
    settled(&*slow, &batch, Outcome::default()).await;
}

/// # Panics
/// When the promise is broken.
pub async fn a_worker_that_restarts_goes_on_with_what_it_had(queue: &dyn QueueUnderTest) {
    let door = queue.door();
    let before: Vec<Arrival> = (0..3).map(|number| ping(number, 0)).collect();
    for arrival in &before {
        door.push(vec![arrival.clone()]).await.expect("kept");
    }
    let first = queue.worker("stable", NEVER);
    let mut had = Vec::new();
    while had.len() < before.len() {
        had.extend(taken(&*first).await.arrivals);
    }
    drop(first);
    let second = queue.worker("stable", NEVER);
    let mut again = drained(&*second).await;
    again.sort_by_key(Arrival::user);
    assert_eq!(again, before);
}

/// # Panics
/// When the promise is broken.
pub async fn settling_again_changes_nothing(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let batch = taken(&*worker).await;
    let outcome = Outcome {
        merged_through: vec![(device(1), 5)],
        dead: vec![dead(&batch, 0, "a test")],
        ..Outcome::default()
    };
    for _ in 0..3 {
        settled(&*worker, &batch, outcome.clone()).await;
    }
    assert_eq!(worker.backlog().await.expect("a backlog").dead, 1);
    assert_eq!(door.push(vec![numbered(1, 0)]).await.expect("kept"), Some(5));
    drained(&*worker).await;
}

/// # Panics
/// When the promise is broken.
pub async fn both_may_settle_what_was_taken_over(queue: &dyn QueueUnderTest) {
    queue.door().push(vec![ping(1, 0)]).await.expect("kept");
    let slow = queue.worker("slow", NEVER);
    let batch = taken(&*slow).await;
    let heir = queue.worker("heir", SOON_ABANDONED);
    let inherited = taken(&*heir).await;
    assert_eq!(inherited, batch);
    let outcome = Outcome {
        dead: vec![dead(&batch, 0, "a test")],
        ..Outcome::default()
    };
    settled(&*heir, &inherited, outcome.clone()).await;
    slow.hold(&batch.receipt)
        .await
        .expect("there is nothing to hold any more");
    settled(&*slow, &batch, outcome).await;
    assert_eq!(heir.backlog().await.expect("a backlog").dead, 1);
}

/// # Panics
/// When the promise is broken.
pub async fn what_was_taken_is_not_delivered_again_to_the_same_worker(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let first = taken(&*worker).await;
    door.push(vec![ping(1, 1)]).await.expect("kept");
    let second = taken(&*worker).await;
    assert_eq!(second.arrivals, [ping(1, 1)]);
    assert_eq!(taken_now(&*worker).await, None);
    settled(&*worker, &first, Outcome::default()).await;
    settled(&*worker, &second, Outcome::default()).await;
}

/// # Panics
/// When the promise is broken.
pub async fn two_workers_share_what_there_is(queue: &dyn QueueUnderTest) {
    let (door, one, other) = (queue.door(), queue.worker("one", NEVER), queue.worker("other", NEVER));
    for round in 0..2 {
        door.push(vec![ping(1, round)]).await.expect("kept");
        let batch = taken(&*one).await;
        door.push(vec![ping(1, 10 + round)]).await.expect("kept");
        assert_eq!(drained(&*other).await, [ping(1, 10 + round)]);
        settled(&*one, &batch, Outcome::default()).await;
    }
}
