//! How a worker ends.

use std::sync::Arc;
use std::time::Duration;

use ports::usage::{Batch, Outcome, Part, PingQueue, PingSource};
use testkit::arrivals::ping;
use testkit::memory::timelines::MemoryTimelines;
use worker::Pace;

use crate::scenes::{Gated, NEVER, Running, emptied, pace, push, queue, the_law_holds};

#[tokio::test]
async fn what_is_in_hand_is_finished_and_nothing_new_is_begun() {
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("a", NEVER));
    let mut running = Running::start(source.clone(), store.clone());
    queue.push(vec![ping(0, 0)]).await.expect("kept");
    store.begun(1).await;
    running.stop();
    queue.push(vec![ping(0, 1)]).await.expect("kept");
    // Nothing is left but what is in hand, which keeps the worker.
    for shard in 0..source.shards() {
        let other = queue.source("other", NEVER);
        while let Some(batch) = other
            .take(shard, Part::Live, Batch::ARRIVALS_MAX)
            .await
            .expect("the queue is there")
        {
            other
                .settle(&batch.receipt, &Outcome::default())
                .await
                .expect("settled");
        }
    }
    assert!(!running.has_ended());
    store.open();
    running.end().await;
    the_law_holds(&store.timelines, 1, 1).await;
    emptied(&*source).await;
}

#[tokio::test]
async fn after_the_grace_work_is_given_up_and_stays_in_the_queue() {
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("stable", NEVER));
    let impatient = Pace {
        grace: Duration::from_millis(50),
        ..pace()
    };
    let running = Running::with(source.clone(), store.clone(), impatient);
    push(&queue, 8, 1).await;
    store.begun(1).await;
    running.end().await;
    assert_eq!(source.backlog().await.expect("a backlog").entries, 8);

    let timelines = Arc::new(MemoryTimelines::default());
    let restarted = Arc::new(queue.source("stable", NEVER));
    let running = Running::start(restarted.clone(), timelines.clone());
    emptied(&*restarted).await;
    the_law_holds(&*timelines, 8, 1).await;
    running.end().await;
}

#[tokio::test]
async fn a_worker_without_work_ends_at_once_also_while_the_queue_is_away() {
    for is_away in [false, true] {
        let queue = queue();
        queue.fail(is_away);
        let store = Arc::new(MemoryTimelines::default());
        store.fail(is_away);
        let patient = Pace {
            retry_first: NEVER,
            retry_max: NEVER,
            ..pace()
        };
        let running = Running::with(Arc::new(queue.source("a", NEVER)), store, patient);
        tokio::task::yield_now().await;
        running.end().await;
    }
}
