//! What a worker does all day.

use std::sync::Arc;

use domain::time::{DAY_MS, Span};
use ports::PortError;
use ports::usage::{Batch, Merged, Part, PingQueue, PingSource, TimelineStore};
use testkit::arrivals::{START, device, numbered, ping};
use testkit::memory::timelines::MemoryTimelines;
use tokio::sync::mpsc;

use crate::scenes::{Gated, NEVER, Running, backlog, emptied, pace, push, queue, soon, the_law_holds};

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

/// Whoever would begin more has the opportunity.
async fn nobody_begins_more(store: &Gated, than: u64) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    store.begun(than).await;
    assert_eq!(store.has_begun(), than);
}

#[tokio::test]
async fn one_batch_at_a_time_and_meanwhile_the_next_gather() {
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), store.clone());
    // Eight people are in four shards.
    push(&queue, 8, 1).await;
    store.begun(1).await;
    push(&queue, 8, 10).await;
    nobody_begins_more(&store, 1).await;
    store.open();
    emptied(&*source).await;
    assert_eq!(store.most_of_one(), 1);
    assert!(
        store.has_begun() <= 8,
        "each shard, once or twice: {}",
        store.has_begun()
    );
    the_law_holds(&store.timelines, 8, 10).await;
    running.end().await;
}

#[tokio::test]
async fn a_large_batch_has_company_of_another_shard_and_of_no_other() {
    // More than half of a batch of each of four shards.
    const PINGS: u64 = 5_000;
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("a", NEVER));
    for number in 0..4 {
        for from in (0..PINGS).step_by(100) {
            let pings = (from..from + 100).map(|count| ping(number, count)).collect();
            queue.push(pings).await.expect("kept");
        }
    }
    let running = Running::start(source.clone(), store.clone());
    nobody_begins_more(&store, 2).await;
    store.open();
    emptied(&*source).await;
    assert_eq!((store.most_of_one(), store.has_begun()), (1, 4));
    the_law_holds(&store.timelines, 4, PINGS).await;
    running.end().await;
}

#[tokio::test]
async fn live_pings_come_before_a_bulk_that_was_there_first() {
    const BULK: u64 = 50;
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), store.clone());
    for list in 0..BULK {
        let pings = (0..1_000).map(|count| ping(0, 1_000 * list + count)).collect();
        queue.push(pings).await.expect("kept");
    }
    store.begun(1).await;
    // Of the same person, so that the same merges count.
    queue.push(vec![ping(0, 1_000 * BULK)]).await.expect("kept");
    store.open();
    backlog(&*source, |backlog| backlog.entries < 4 * BULK).await;
    emptied(&*source).await;
    let merges = store.merges();
    let live = merges.iter().position(|arrivals| *arrivals == 1);
    assert_eq!(live, Some(1), "after the batch that was in hand: {merges:?}");
    running.end().await;
}

#[tokio::test]
async fn what_takes_long_is_held() {
    let (queue, store) = (queue(), Gated::closed());
    let source = Arc::new(queue.source("slow", NEVER));
    let running = Running::start(source.clone(), store.clone());
    queue.push(vec![ping(1, 0)]).await.expect("kept");
    store.begun(1).await;
    // Each look waits 50 ms, the batch is held every 20, and after 1,500 without that another would have it.
    let other = queue.source("other", std::time::Duration::from_millis(1_500));
    for _ in 0..60 {
        other.ready().await.expect("the queue is there");
        for shard in 0..other.shards() {
            assert_eq!(
                other
                    .take(shard, Part::Live, Batch::ARRIVALS_MAX)
                    .await
                    .expect("the queue is there"),
                None
            );
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
