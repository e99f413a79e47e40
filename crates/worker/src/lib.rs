//! Queued and scheduled work in, run by apalis. No SQL, no HTTP.

mod accounts;
mod pace;
mod stopping;
mod trackers;
mod usage;

use std::sync::Arc;

use ports::usage::PingSource;
use services::usage::{ForgetErasures, MergePings, PrepareStorage};
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use accounts::{KeepStandings, keep_device_codes_few, keep_key_uses, keep_log_short};
pub use pace::Pace;
pub use trackers::keep_watched;

use pace::Outage;
use stopping::Stopping;
use usage::{Merging, keep_forgetting, keep_prepared};

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
/// One batch of one shard is in hand at a time, shard after shard: while it is merged, the next gather, so batches grow with the load. Where they are large, a
/// second is taken beside it, of another shard: two batches of one person never meet in one process.
pub async fn run(work: Work, shutdown: impl Future<Output = ()>) {
    let stopping = Stopping::default();
    let (queue, storage) = (Outage::of("taking pings from the queue"), Outage::of("merging pings"));
    let merging = Merging {
        source: Arc::clone(&work.source),
        merge: work.merge,
        pace: work.pace,
        queue,
        storage,
    };
    // They end when these sets are dropped.
    let (mut pings, mut around) = (JoinSet::new(), JoinSet::new());
    pings.spawn(merging.work(stopping.clone()));
    around.spawn(keep_prepared(work.prepare, work.pace));
    around.spawn(keep_forgetting(work.forget, work.pace));

    shutdown.await;
    stopping.stop();
    if timeout(work.pace.grace, pings.join_next()).await.is_err() {
        tracing::warn!("pings in hand could not be merged in time; they stay in the queue");
    }
}
