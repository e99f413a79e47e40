//! What is done beside the queue on every replica, as often as one likes: room made ahead of time, the queue measured.

use std::convert::Infallible;
use std::sync::Arc;

use ports::usage::{Backlog, PingSource};
use services::usage::PrepareStorage;
use tokio::time::sleep;

use crate::pace::{Outage, Pace};

/// Makes room in the storage, now and every so often. A late ping makes its own room, so a failure is no reason to hurry: each wait is bounded, their number
/// is not.
pub(crate) async fn keep_prepared(prepare: PrepareStorage, pace: Pace) -> Infallible {
    let outage = Outage::of("making room in the storage");
    let mut retries = pace.retries();
    loop {
        let wait = match prepare.prepare().await {
            Ok(()) => {
                outage.over();
                retries = pace.retries();
                pace.prepare_every
            }
            Err(error) => {
                outage.noticed(&error);
                retries.next()
            }
        };
        sleep(wait).await;
    }
}

/// Keeps the gauges of the queue. While it cannot be measured they stay as they are; the workers say why.
pub(crate) async fn keep_measured(source: Arc<dyn PingSource>, pace: Pace) -> Infallible {
    loop {
        if let Ok(backlog) = source.backlog().await {
            show(backlog);
        }
        sleep(pace.measure_every).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 entries")]
fn show(backlog: Backlog) {
    metrics::gauge!("daybook_queue_entries").set(backlog.entries as f64);
    metrics::gauge!("daybook_queue_in_flight").set(backlog.in_flight as f64);
    metrics::gauge!("daybook_dead_letters").set(backlog.dead as f64);
}
