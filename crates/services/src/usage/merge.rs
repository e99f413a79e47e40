//! Merges a batch from the queue into the timelines, and settles it only after that is committed.

use std::collections::HashMap;
use std::sync::Arc;

use domain::accounts::DeviceId;
use domain::usage::Arrival;
use ports::PortError;
use ports::usage::{Batch, DeadContent, DeadLetter, Merged, Outcome, PingSource, TimelineStore};

/// The use case.
#[derive(Clone)]
pub struct MergePings {
    store: Arc<dyn TimelineStore>,
    source: Arc<dyn PingSource>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergeSummary {
    /// Arrivals that are in the timelines now.
    pub merged: usize,
    /// What went to the dead letters.
    pub dead: usize,
    /// Arrivals dropped because their people were erased.
    pub dropped: usize,
    /// Rows written.
    pub rows: usize,
}

impl MergePings {
    /// Over these ports.
    #[must_use]
    pub fn new(store: Arc<dyn TimelineStore>, source: Arc<dyn PingSource>) -> Self {
        Self { store, source }
    }

    /// Merges and settles `batch`. A batch that the storage refuses is halved until the arrivals at fault stand alone: those go to the dead letters with the
    /// reason, their neighbours are merged. At most twice as many merges as arrivals.
    ///
    /// # Errors
    /// Only when something is away: nothing is settled then, and calling again with the same batch goes on where this stopped, because merging what is
    /// merged already changes nothing.
    pub async fn merge(&self, batch: &Batch) -> Result<MergeSummary, PortError> {
        let mut merging = Merging {
            dead: batch.unreadable.clone(),
            ..Merging::default()
        };
        let mut parts: Vec<&[Arrival]> = vec![&batch.arrivals];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match (self.store.merge(part).await, part) {
                (Ok(merged), _) => merging.merged(part.len(), merged),
                (Err(error), _) if error.is_unavailable() => return Err(error),
                (Err(error), [alone]) => merging.died(alone, &error),
                (Err(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        let (summary, outcome) = merging.end();
        self.source.settle(&batch.receipt, &outcome).await?;
        metrics::counter!("daybook_pings_merged_total").increment(summary.merged as u64);
        metrics::counter!("daybook_pings_dead_total").increment(summary.dead as u64);
        metrics::counter!("daybook_pings_dropped_total").increment(summary.dropped as u64);
        Ok(summary)
    }
}

#[derive(Default)]
struct Merging {
    summary: MergeSummary,
    merged_through: HashMap<DeviceId, u64>,
    dead: Vec<DeadLetter>,
}

impl Merging {
    fn merged(&mut self, arrivals: usize, merged: Merged) {
        self.summary.merged += arrivals - merged.dropped;
        self.summary.dropped += merged.dropped;
        self.summary.rows += merged.rows;
        for (device, number) in merged.merged_through {
            let known = self.merged_through.entry(device).or_default();
            *known = number.max(*known);
        }
    }

    fn died(&mut self, arrival: &Arrival, error: &PortError) {
        tracing::error!(error = error.chain(), user.id = %arrival.user(), "a ping cannot be merged and goes to the dead letters");
        self.dead.push(DeadLetter {
            content: DeadContent::Arrival(arrival.clone()),
            reason: error.chain(),
        });
    }

    fn end(mut self) -> (MergeSummary, Outcome) {
        self.summary.dead = self.dead.len();
        (
            self.summary,
            Outcome {
                merged_through: self.merged_through.into_iter().collect(),
                dead: self.dead,
            },
        )
    }
}
