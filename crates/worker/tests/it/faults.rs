//! What a worker survives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::{
    Backlog, Batch, DeadContent, DeadLetters, Merged, Outcome, Part, PingSource, Receipt, TimelineStore,
};
use testkit::memory::queue::MemoryPingSource;
use testkit::memory::timelines::MemoryTimelines;

use crate::scenes::{NEVER, Running, backlog, emptied, push, queue, the_law_holds};

#[tokio::test]
async fn while_the_storage_is_away_pings_stay_in_the_queue() {
    let (queue, timelines) = (queue(), Arc::new(MemoryTimelines::default()));
    let source = Arc::new(queue.source("a", NEVER));
    timelines.fail(true);
    let running = Running::start(source.clone(), timelines.clone());
    push(&queue, 8, 5).await;
    backlog(&*source, |backlog| backlog.in_flight >= 1).await;
    assert_eq!(source.backlog().await.expect("a backlog").entries, 40);
    timelines.fail(false);
    emptied(&*source).await;
    the_law_holds(&*timelines, 8, 5).await;
    assert_eq!(source.backlog().await.expect("a backlog").dead, 0);
    running.end().await;
}

#[tokio::test]
async fn a_queue_that_is_away_is_awaited() {
    let (queue, timelines) = (queue(), Arc::new(MemoryTimelines::default()));
    let source = Arc::new(queue.source("a", NEVER));
    queue.fail(true);
    let running = Running::start(source.clone(), timelines.clone());
    for round in 1..=3 {
        queue.fail(false);
        push(&queue, 4, round * 5).await;
        emptied(&*source).await;
        queue.fail(true);
    }
    queue.fail(false);
    the_law_holds(&*timelines, 4, 15).await;
    running.end().await;
}

/// Timelines that panic over whatever one person sends.
struct Panicking {
    timelines: MemoryTimelines,
    whom: UserId,
}

#[async_trait]
impl TimelineStore for Panicking {
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
        let is_theirs = |arrival: &Arrival| arrival.user() == self.whom;
        assert!(!arrivals.iter().any(is_theirs), "told to panic");
        self.timelines.merge(arrivals).await
    }

    async fn prepare(&self, span: Span) -> Result<(), PortError> {
        self.timelines.prepare(span).await
    }
}

#[tokio::test]
async fn what_makes_a_merge_panic_ends_with_the_dead_letters_and_holds_nobody_up() {
    let queue = queue();
    let store = Arc::new(Panicking {
        timelines: MemoryTimelines::default(),
        whom: testkit::arrivals::user(9),
    });
    push(&queue, 10, 3).await;
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), store.clone());
    emptied(&*source).await;
    the_law_holds(&store.timelines, 9, 3).await;
    let letters = queue.list(None, 10).await.expect("letters");
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|kept| kept.letter.reason.ends_with("told to panic")));
    running.end().await;
}

/// A queue that panics so many times before it takes what was merged.
struct Fragile {
    source: MemoryPingSource,
    left: AtomicU32,
}

#[async_trait]
impl PingSource for Fragile {
    fn shards(&self) -> u16 {
        self.source.shards()
    }

    async fn ready(&self) -> Result<Vec<(u16, Lane)>, PortError> {
        self.source.ready().await
    }

    async fn take(&self, shard: u16, part: Part, arrivals_max: usize) -> Result<Option<Batch>, PortError> {
        self.source.take(shard, part, arrivals_max).await
    }

    async fn hold(&self, receipt: &Receipt) -> Result<(), PortError> {
        self.source.hold(receipt).await
    }

    async fn settle(&self, receipt: &Receipt, outcome: &Outcome) -> Result<(), PortError> {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "told to panic");
        self.source.settle(receipt, outcome).await
    }

    async fn backlog(&self) -> Result<Backlog, PortError> {
        self.source.backlog().await
    }

    async fn oldest(&self) -> Result<Option<UnixMs>, PortError> {
        self.source.oldest().await
    }
}

#[tokio::test]
async fn a_worker_that_panicked_is_replaced_and_what_it_had_is_taken_again() {
    let queue = queue();
    let timelines = Arc::new(MemoryTimelines::default());
    let source = Arc::new(Fragile {
        source: queue.source("a", Duration::from_millis(30)),
        left: AtomicU32::new(3),
    });
    let running = Running::start(source.clone(), timelines.clone());
    push(&queue, 8, 3).await;
    emptied(&*source).await;
    assert_eq!(source.left.load(Ordering::SeqCst), 0);
    the_law_holds(&*timelines, 8, 3).await;
    running.end().await;
}

/// Timelines that refuse whatever one person sends.
struct Refusing {
    timelines: MemoryTimelines,
    whom: UserId,
}

#[async_trait]
impl TimelineStore for Refusing {
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
        if arrivals.iter().any(|arrival| arrival.user() == self.whom) {
            return Err(PortError::bug("merge", "told to refuse"));
        }
        self.timelines.merge(arrivals).await
    }

    async fn prepare(&self, span: Span) -> Result<(), PortError> {
        self.timelines.prepare(span).await
    }
}

#[tokio::test]
async fn what_can_never_be_merged_ends_with_the_dead_letters_and_holds_nobody_up() {
    let queue = queue();
    let store = Arc::new(Refusing {
        timelines: MemoryTimelines::default(),
        whom: testkit::arrivals::user(9),
    });
    push(&queue, 10, 3).await;
    queue.push_unreadable(2, b"nonsense".to_vec());
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), store.clone());
    emptied(&*source).await;
    the_law_holds(&store.timelines, 9, 3).await;
    let letters = queue.list(None, 10).await.expect("letters");
    let unreadable = letters
        .iter()
        .filter(|kept| matches!(kept.letter.content, DeadContent::Unreadable(_)));
    assert_eq!((letters.len(), unreadable.count()), (4, 1));
    running.end().await;
}
