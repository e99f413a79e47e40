//! One batch: merged, settled, told of in one line.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Instant;

use domain::usage::Arrival;
use ports::usage::{Batch, Receipt};
use services::usage::MergeSummary;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Shard;

/// The job.
#[derive(Clone)]
pub(super) struct MergeBatch {
    of: Shard,
}

impl MergeBatch {
    pub(super) fn new(of: Shard) -> Self {
        Self { of }
    }

    pub(super) fn shard(&self) -> u16 {
        self.of.number
    }

    /// Works on the batch until it is settled, however long that takes, and holds it meanwhile.
    pub(super) async fn run(self, batch: Batch) {
        let started = Instant::now();
        let summary = tokio::select! {
            summary = self.merge(&batch) => summary,
            never = self.hold(&batch.receipt) => match never {},
        };
        let users: HashSet<_> = batch.arrivals.iter().map(Arrival::user).collect();
        let took = started.elapsed();
        metrics::histogram!("daybook_merge_seconds").record(took);
        #[expect(clippy::cast_precision_loss, reason = "a batch has a few thousand")]
        metrics::histogram!("daybook_merge_batch_pings").record(batch.arrivals.len() as f64);
        tracing::info!(
            shard = self.of.number,
            pings = batch.arrivals.len(),
            users = users.len(),
            dead = summary.dead,
            dropped = summary.dropped,
            rows = summary.rows,
            duration_ms = took.as_millis(),
            "pings merged"
        );
    }

    async fn merge(&self, batch: &Batch) -> MergeSummary {
        let mut retries = self.of.pace.retries();
        loop {
            match self.of.merge.merge(batch).await {
                Ok(summary) => {
                    self.of.storage.over();
                    return summary;
                }
                Err(error) => {
                    self.of.storage.noticed(&error);
                    sleep(retries.next()).await;
                }
            }
        }
    }

    /// A batch that could not be held may be taken over, and is merged twice then, which changes nothing. So nothing is done about it.
    async fn hold(&self, receipt: &Receipt) -> Infallible {
        let mut beat = interval(self.of.pace.hold_every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is now.
        beat.tick().await;
        loop {
            beat.tick().await;
            if let Err(error) = self.of.source.hold(receipt).await {
                tracing::debug!(
                    shard = receipt.shard,
                    error = error.chain(),
                    "a batch could not be held"
                );
            }
        }
    }
}
