//! One batch: merged, settled, put down, told of.

use std::convert::Infallible;
use std::time::Instant;

use ports::usage::{Batch, Receipt};
use services::usage::MergeSummary;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Merging;
use super::hands::Hands;
use super::told::Told;

/// The job.
#[derive(Clone)]
pub(super) struct MergeBatch {
    of: Merging,
    hands: Hands,
    told: Told,
}

impl MergeBatch {
    pub(super) fn new(of: Merging, hands: Hands, told: Told) -> Self {
        Self { of, hands, told }
    }

    /// Works on the batch until it is settled, however long that takes, and holds it meanwhile. Then puts it down.
    pub(super) async fn run(self, batch: Batch) {
        let started = Instant::now();
        let summary = tokio::select! {
            summary = self.merge(&batch) => summary,
            never = self.hold(&batch.receipt) => match never {},
        };
        let took = started.elapsed();
        self.hands.put_down(&batch, took);
        metrics::histogram!("daybook_merge_seconds").record(took);
        #[expect(clippy::cast_precision_loss, reason = "a batch has a few thousand")]
        metrics::histogram!("daybook_merge_batch_pings").record(batch.arrivals.len() as f64);
        self.told.tell(&batch, &summary, took);
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
