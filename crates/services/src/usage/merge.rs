//! Merges a batch from the queue into the timelines, and settles it only after that is committed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::accounts::DeviceId;
use domain::usage::Arrival;
use futures_util::FutureExt;
use ports::PortError;
use ports::usage::{Batch, Dead, DeadContent, DeadLetter, Dropped, Merged, Outcome, PingSource, TimelineStore};

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

    /// Merges and settles `batch`. A batch that the storage refuses, or panics over, is halved until the arrivals at fault stand alone: those go to the dead letters with the
    /// reason, their neighbours are merged. At most twice as many merges as arrivals.
    ///
    /// # Errors
    /// Only when something is away: nothing is settled then, and calling again with the same batch goes on where this stopped, because merging what is
    /// merged already changes nothing.
    pub async fn merge(&self, batch: &Batch) -> Result<MergeSummary, PortError> {
        let mut merging = Merging::of(batch);
        let whole = 0..batch.arrivals.len();
        let mut parts = vec![whole];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.merge_part(&batch.arrivals[part.clone()]).await {
                Ok(merged) => merging.merged(part, merged),
                Err(error) if error.is_unavailable() => return Err(error),
                Err(error) if part.len() == 1 => merging.died(part.start, &error),
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
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

    /// A panic is a fault of what was merged, like a refusal: taken again and again as it is, it would end its worker for ever.
    async fn merge_part(&self, part: &[Arrival]) -> Result<Merged, PortError> {
        let merged = AssertUnwindSafe(self.store.merge(part)).catch_unwind().await;
        merged.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            let why = format!("it panicked: {}", said.unwrap_or("no text"));
            Err(PortError::bug(format!("merge {} pings", part.len()), why))
        })
    }
}

/// What has become of a batch so far.
struct Merging<'a> {
    batch: &'a Batch,
    rows: usize,
    merged_through: HashMap<DeviceId, u64>,
    dead: Vec<Dead>,
    /// By entry of the receipt.
    dropped: BTreeMap<usize, Dropped>,
}

impl<'a> Merging<'a> {
    fn of(batch: &'a Batch) -> Self {
        Self {
            batch,
            rows: 0,
            merged_through: HashMap::new(),
            dead: batch.unreadable.clone(),
            dropped: BTreeMap::new(),
        }
    }

    fn merged(&mut self, part: Range<usize>, merged: Merged) {
        self.rows += merged.rows;
        for (device, number) in merged.merged_through {
            let known = self.merged_through.entry(device).or_default();
            *known = number.max(*known);
        }
        if merged.erased.is_empty() {
            return;
        }
        let erased: HashSet<_> = merged.erased.into_iter().collect();
        for arrival in part.filter(|arrival| erased.contains(&self.batch.arrivals[*arrival].user())) {
            self.was_dropped(arrival);
        }
    }

    fn was_dropped(&mut self, arrival: usize) {
        let entry = self.batch.entry_of(arrival);
        let none = Dropped {
            entry,
            pings: 0,
            refused: 0,
        };
        let dropped = self.dropped.entry(entry).or_insert(none);
        match self.batch.arrivals[arrival] {
            Arrival::Claim { .. } | Arrival::Heartbeat { .. } => dropped.pings += 1,
            Arrival::Refused { .. } => dropped.refused += 1,
        }
    }

    fn died(&mut self, arrival: usize, error: &PortError) {
        let entry = self.batch.entry_of(arrival);
        let arrival = &self.batch.arrivals[arrival];
        tracing::error!(error = error.chain(), user.id = %arrival.user(), "a ping cannot be merged and goes to the dead letters");
        let letter = DeadLetter {
            content: DeadContent::Arrival(arrival.clone()),
            reason: error.chain(),
        };
        self.dead.push(Dead { entry, letter });
    }

    fn end(self) -> (MergeSummary, Outcome) {
        let dropped: u64 = self
            .dropped
            .values()
            .map(|dropped| dropped.pings + dropped.refused)
            .sum();
        let dropped = usize::try_from(dropped).expect("they are counted in this batch");
        let died = self.dead.len() - self.batch.unreadable.len();
        let summary = MergeSummary {
            merged: self.batch.arrivals.len() - dropped - died,
            dead: self.dead.len(),
            dropped,
            rows: self.rows,
        };
        let outcome = Outcome {
            merged_through: self.merged_through.into_iter().collect(),
            dead: self.dead,
            dropped: self.dropped.into_values().collect(),
        };
        (summary, outcome)
    }
}
