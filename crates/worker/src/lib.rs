//! Queued and scheduled work in, run by apalis. No SQL, no HTTP.

mod accounts;
mod pace;
mod stopping;
mod usage;

use std::sync::Arc;

use ports::usage::PingSource;
use services::usage::{ForgetErasures, MergePings, PrepareStorage};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use accounts::{KeepStandings, keep_key_uses, keep_log_short};
pub use pace::Pace;

use pace::Outage;
use stopping::Stopping;
use usage::{Shard, keep_forgetting, keep_measured, keep_prepared};

/// What a worker works with.
#[derive(Clone)]
pub struct Work {
    /// Where batches of pings come from.
    pub source: Arc<dyn PingSource>,
    /// Merges and settles a batch.
    pub merge: MergePings,
    /// Makes room in the storage ahead of time.
    pub prepare: PrepareStorage,
    /// Forgets even that people were erased.
    pub forget: ForgetErasures,
    /// How fast and how patiently.
    pub pace: Pace,
}

/// Works until `shutdown`, then takes nothing more and finishes what it has, as long as [`Pace::grace`] allows. What is not finished then stays in the queue
/// and is taken again, by whoever comes next.
///
/// Each shard has one batch in hand at a time: while it is merged, the next gathers, so batches grow with the load, and two batches of one person never meet
/// in one process.
pub async fn run(work: Work, shutdown: impl Future<Output = ()>) {
    let stopping = Stopping::default();
    let (queue, storage) = (Outage::of("taking pings from the queue"), Outage::of("merging pings"));
    let mut shards = JoinSet::new();
    for number in 0..work.source.shards() {
        let shard = Shard {
            number,
            source: Arc::clone(&work.source),
            merge: work.merge.clone(),
            pace: work.pace,
            queue: queue.clone(),
            storage: storage.clone(),
        };
        shards.spawn(shard.work(stopping.clone()));
    }
    // They end when this set is dropped.
    let mut around = JoinSet::new();
    around.spawn(keep_prepared(work.prepare, work.pace));
    around.spawn(keep_forgetting(work.forget, work.pace));
    around.spawn(keep_measured(work.source, work.pace));

    shutdown.await;
    stopping.stop();
    let finish = async { while shards.join_next().await.is_some() {} };
    if timeout(work.pace.grace, finish).await.is_err() {
        tracing::warn!(
            shards = shards.len(),
            "pings in hand could not be merged in time; they stay in the queue"
        );
    }
}
