//! What a worker does all day.

use std::sync::Arc;

use domain::time::{DAY_MS, Span};
use ports::PortError;
use ports::usage::{Merged, PingQueue, PingSource, TimelineStore};
use testkit::arrivals::{START, device, numbered, ping};
use testkit::memory::timelines::MemoryTimelines;
use tokio::sync::mpsc;

use crate::scenes::{Gated, NEVER, Running, emptied, pace, push, queue, soon, the_law_holds};

#[tokio::test]
async fn what_is_pushed_comes_into_the_timelines() {
    let (queue, timelines) = (queue(), Arc::new(MemoryTimelines::default()));
    let source = Arc::new(queue.source("a", NEVER));
    push(&queue, 10, 20).await;
    let running = Running::start(source.clone(), timelines.clone());
    push(&queue, 10, 40).await;
    emptied(&*source).await;
    the_law_holds(&*timelines, 10, 40).await;
    running.end().await;
}

#[tokio::test]
async fn a_device_is_told_through_which_number_its_pings_are_merged() {
    let (queue, timelines) = (queue(), Arc::new(MemoryTimelines::default()));
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), timelines);
    queue
        .push((0..7).map(|count| numbered(1, count)).collect())
        .await
        .expect("kept");
    emptied(&*source).await;
    assert_eq!(
        queue.push(vec![numbered(1, 7)]).await.expect("kept"),
        Some(7),
        "{:?}",
        device(1)
    );
    emptied(&*source).await;
    running.end().await;
}

#[tokio::test]
async fn one_batch_of_a_shard_at_a_time_and_shards_beside_each_other() {
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), store.clone());
    push(&queue, 8, 1).await;
    // Eight people are in four shards, of which each has begun one merge.
    store.begun(4).await;
    push(&queue, 8, 10).await;
    // Whoever would begin more has the opportunity.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    store.open();
    emptied(&*source).await;
    assert_eq!(store.most_of_one(), 1);
    the_law_holds(&store.timelines, 8, 10).await;
    running.end().await;
}

#[tokio::test]
async fn what_takes_long_is_held() {
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("slow", NEVER));
    let running = Running::start(source.clone(), store.clone());
    queue.push(vec![ping(1, 0)]).await.expect("kept");
    store.begun(1).await;
    // Each call waits 50 ms, the batch is held every 20, and after 1,500 without that another would have it.
    let other = queue.source("other", std::time::Duration::from_millis(1_500));
    for _ in 0..15 {
        for shard in 0..other.shards() {
            assert_eq!(other.take(shard).await.expect("the queue is there"), None);
        }
    }
    store.open();
    emptied(&*source).await;
    running.end().await;
}

/// Timelines that tell for which spans room is made, and fail as often as they are told to.
struct Prepared {
    timelines: MemoryTimelines,
    asked: mpsc::UnboundedSender<Span>,
    fail: std::sync::atomic::AtomicI32,
}

#[async_trait::async_trait]
impl TimelineStore for Prepared {
    async fn merge(&self, arrivals: &[domain::usage::Arrival]) -> Result<Merged, PortError> {
        self.timelines.merge(arrivals).await
    }

    async fn prepare(&self, span: Span) -> Result<(), PortError> {
        let _ = self.asked.send(span);
        let left = self.fail.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        if left > 0 {
            return Err(PortError::unavailable("make room", "it was told to fail"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn room_is_made_at_the_start_until_it_works_and_then_every_so_often() {
    let (asked, mut spans) = mpsc::unbounded_channel();
    let store = Arc::new(Prepared {
        timelines: MemoryTimelines::default(),
        asked,
        fail: 3.into(),
    });
    let every = worker::Pace {
        prepare_every: std::time::Duration::from_millis(5),
        ..pace()
    };
    let running = Running::with(Arc::new(queue().source("a", NEVER)), store, every);
    for _ in 0..6 {
        let span = soon(spans.recv()).await.expect("it goes on");
        assert_eq!(span.start(), START.plus_ms(-90 * DAY_MS));
        assert!(
            span.end() >= START.plus_ms(59 * DAY_MS),
            "two months ahead: {}",
            span.end()
        );
    }
    running.end().await;
}
