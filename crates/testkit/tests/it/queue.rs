//! The queue in memory keeps the contract of the queue.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::usage::{Books, DeadLetters, Part, PendingPings, PingErasure, PingQueue, PingSource};
use testkit::clock::TestClock;
use testkit::contract::queue::QueueUnderTest;
use testkit::memory::queue::MemoryQueue;

struct InMemory(MemoryQueue);

#[async_trait]
impl QueueUnderTest for InMemory {
    fn door(&self) -> Arc<dyn PingQueue> {
        Arc::new(self.0.clone())
    }

    fn worker(&self, name: &str, abandoned_after: Duration) -> Arc<dyn PingSource> {
        Arc::new(self.0.source(name, abandoned_after))
    }

    fn impatient_worker(&self, name: &str) -> Arc<dyn PingSource> {
        let source = self.0.source(name, Duration::from_hours(1));
        Arc::new(source.lagging_after(Duration::ZERO))
    }

    fn letters(&self) -> Arc<dyn DeadLetters> {
        Arc::new(self.0.clone())
    }

    fn erasure(&self) -> Arc<dyn PingErasure> {
        Arc::new(self.0.clone())
    }

    fn pending(&self) -> Arc<dyn PendingPings> {
        Arc::new(self.0.clone())
    }

    async fn books(&self) -> Books {
        self.0.books()
    }

    async fn push_unreadable(&self, shard: u16, bytes: Vec<u8>) {
        self.0.push_unreadable(shard, bytes);
    }
}

testkit::queue_contract!(InMemory(MemoryQueue::new(4, Arc::new(TestClock::at(UnixMs(0))))));

#[tokio::test]
async fn a_queue_that_is_away_fails_until_it_is_back() {
    let queue = MemoryQueue::new(1, Arc::new(TestClock::at(UnixMs(0))));
    let worker = queue.source("a", Duration::from_hours(1));
    queue.fail(true);
    assert!(queue.push(vec![]).await.expect_err("away").is_unavailable());
    assert!(worker.ready().await.expect_err("away").is_unavailable());
    assert!(worker.take(0, Part::Live, 1).await.expect_err("away").is_unavailable());
    assert!(worker.backlog().await.expect_err("away").is_unavailable());
    assert!(worker.oldest().await.expect_err("away").is_unavailable());
    assert!(queue.erase(&[], &[]).await.expect_err("away").is_unavailable());
    queue.fail(false);
    assert_eq!(worker.take(0, Part::Live, 1).await.expect("back"), None);
}
