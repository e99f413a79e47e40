//! Pings: out of the queue, into the timelines; and what surrounds that.

mod around;
mod backend;
mod hands;
mod job;
mod order;
mod told;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use apalis::prelude::{WorkerBuilder, WorkerBuilderExt, WorkerError};
use futures_util::FutureExt;
use ports::usage::{Batch, PingSource};
use services::usage::MergePings;

use crate::pace::{Outage, Pace};
use crate::stopping::Stopping;

pub(crate) use around::{keep_forgetting, keep_prepared};
use backend::Batches;
use hands::{BATCHES_MAX, Hands};
use job::MergeBatch;
use told::Told;

/// Pings out of the queue, into the timelines.
#[derive(Clone)]
pub(crate) struct Merging {
    pub(crate) source: Arc<dyn PingSource>,
    pub(crate) merge: MergePings,
    pub(crate) pace: Pace,
    pub(crate) queue: Outage,
    pub(crate) storage: Outage,
}

impl Merging {
    /// Takes and merges batches until work is to end. A worker that fails is replaced; what it had in hand is taken again.
    pub(crate) async fn work(self, stopping: Stopping) {
        let mut retries = self.pace.retries();
        while !stopping.is_stopping() {
            let ended = AssertUnwindSafe(self.clone().worker(stopping.clone()))
                .catch_unwind()
                .await;
            let why = match ended {
                Ok(Ok(())) if stopping.is_stopping() => return,
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                // The panic has been logged where it happened.
                Err(_) => "it panicked".to_owned(),
            };
            tracing::error!(why, "a worker failed and is replaced");
            stopping.wait(retries.next()).await;
        }
    }

    async fn worker(self, stopping: Stopping) -> Result<(), WorkerError> {
        let hands = Hands::default();
        let batches = Batches::new(self.clone(), hands.clone(), stopping);
        let job = MergeBatch::new(self, hands, Told::default());
        WorkerBuilder::new("pings")
            .backend(batches)
            .concurrency(BATCHES_MAX)
            .build(move |batch: Batch| {
                let job = job.clone();
                async move { job.run(batch).await }
            })
            .run()
            .await
    }
}
