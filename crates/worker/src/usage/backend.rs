//! An apalis backend over the port: its tasks are batches of one shard. Settling is the job's, so apalis has nothing to acknowledge.

use std::convert::Infallible;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::layers::Identity;
use apalis_core::task::Task;
use apalis_core::task::task_id::RandomId;
use apalis_core::worker::context::WorkerContext;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use ports::usage::Batch;

use super::Shard;
use crate::stopping::Stopping;

/// The batches of a shard, until work is to end.
pub(super) struct Batches(BoxStream<'static, Batch>);

impl Batches {
    pub(super) fn new(shard: &Shard, stopping: Stopping) -> Self {
        let taking = (shard.clone(), stopping);
        let batches = stream::unfold(taking, |(shard, stopping)| async {
            let batch = next(&shard, &stopping).await?;
            Some((batch, (shard, stopping)))
        });
        Self(batches.boxed())
    }
}

/// The next batch; none once work is to end. A batch that is on its way at that moment is still given out, so nothing that was taken is left behind. To apalis
/// an error would be the end of the worker, so it is dealt with here.
async fn next(shard: &Shard, stopping: &Stopping) -> Option<Batch> {
    let mut retries = shard.pace.retries();
    while !stopping.is_stopping() {
        match shard.source.take(shard.number).await {
            Ok(batch) => {
                shard.queue.over();
                if batch.is_some() {
                    return batch;
                }
                retries = shard.pace.retries();
            }
            Err(error) => {
                shard.queue.noticed(&error);
                stopping.wait(retries.next()).await;
            }
        }
    }
    None
}

impl Backend for Batches {
    type Task = Task<Batch>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Task<Batch>, Infallible>>> {
        let next = self.0.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None)) && !worker.is_shutting_down() {
            // A worker whose backend has ended waits for somebody to stop it.
            let _ = worker.stop();
        }
        next.map(|batch| batch.map(|batch| Ok(Task::new(batch))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Batches {
    type Args = Batch;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
