//! What a worker lets others see of it.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;

use crate::scenes::{Gated, NEVER, Running, backlog, emptied, push, queue};

#[tokio::test]
async fn merges_are_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let exporter = recorder.handle();
    // The test's runtime has one thread.
    let _local = metrics::set_default_local_recorder(&recorder);

    let (queue, store) = (queue(), Gated::closed());
    queue.push_unreadable(0, b"nonsense".to_vec());
    let source = Arc::new(queue.source("a", NEVER));
    let running = Running::start(source.clone(), store.clone());
    push(&queue, 8, 1).await;
    store.begun(1).await;
    backlog(&*source, |backlog| backlog.dead == 0 && backlog.entries >= 8).await;
    store.open();
    emptied(&*source).await;
    running.end().await;
    let page = exporter.render();
    for line in [
        "daybook_pings_merged_total 8",
        "daybook_pings_dead_total 1",
        "daybook_merge_batch_pings_sum 8",
    ] {
        assert!(page.lines().any(|shown| shown == line), "{line} in\n{page}");
    }
    assert!(page.contains("daybook_merge_seconds_count"), "{page}");
}
