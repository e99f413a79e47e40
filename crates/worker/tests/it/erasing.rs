//! People who were erased, out of the queue and out of mind.

use std::sync::Arc;
use std::time::Duration;

use domain::time::{DAY_MS, Span, UnixMs};
use metrics_exporter_prometheus::PrometheusBuilder;
use ports::reports::TimelineReader;
use ports::usage::{Erasures, TimelineErasure};
use services::usage::ForgetErasures;
use testkit::arrivals::{START, user};
use testkit::clock::TestClock;
use testkit::memory::queue::MemoryQueue;
use testkit::memory::timelines::MemoryTimelines;

use crate::scenes::{NEVER, Running, emptied, eventually, pace, push, the_law_holds};

const EVER: UnixMs = UnixMs(i64::MAX);

#[tokio::test]
async fn what_waits_of_somebody_erased_is_dropped_and_then_they_are_forgotten() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let exporter = recorder.handle();
    // The test's runtime has one thread.
    let _local = metrics::set_default_local_recorder(&recorder);

    let clock = Arc::new(TestClock::at(START));
    let queue = MemoryQueue::new(4, clock.clone());
    let timelines = Arc::new(MemoryTimelines::default());
    let source = Arc::new(queue.source("a", NEVER));
    push(&queue, 8, 5).await;
    for erased in [6, 7] {
        timelines.erase(user(erased), START).await.expect("erased");
    }
    let forget = ForgetErasures {
        erasures: timelines.clone(),
        source: source.clone(),
        pings: Arc::new(queue.clone()),
        clock: clock.clone(),
    };
    let often = worker::Pace {
        forget_every: Duration::from_millis(5),
        ..pace()
    };
    let running = Running::forgetting(source.clone(), timelines.clone(), often, forget);
    emptied(&*source).await;
    the_law_holds(&*timelines, 6, 5).await;
    let ever = Span::new(UnixMs(0), START.plus_ms(DAY_MS)).expect("not empty");
    for erased in [6, 7] {
        assert_eq!(timelines.pieces(user(erased), ever).await.expect("read"), []);
    }
    for line in ["daybook_pings_merged_total 30", "daybook_pings_dropped_total 10"] {
        eventually(async || exporter.render().lines().any(|shown| shown == line)).await;
    }

    assert_eq!(
        timelines.before(EVER, 10).await.expect("read").len(),
        2,
        "it is too early"
    );
    clock.advance(Duration::from_hours(1));
    eventually(async || timelines.before(EVER, 10).await.is_ok_and(|erased| erased.is_empty())).await;
    running.end().await;
}
