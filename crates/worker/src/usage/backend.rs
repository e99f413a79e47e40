//! An apalis backend over the port: its tasks are batches, each of one shard. Settling is the job's, so apalis has nothing to acknowledge.

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
use ports::PortError;
use ports::usage::Batch;

use super::Merging;
use super::hands::Hands;
use super::order::Turn;
use crate::stopping::Stopping;

/// The batches of all shards, one after the other, until work is to end.
pub(super) struct Batches(BoxStream<'static, Batch>);

impl Batches {
    /// Of what is taken in hand here; whoever works on a batch puts it down.
    pub(super) fn new(of: Merging, hands: Hands, stopping: Stopping) -> Self {
        let taking = Taking { of, hands, stopping };
        let batches = stream::unfold(taking, |taking| async {
            let batch = taking.next().await?;
            Some((batch, taking))
        });
        Self(batches.boxed())
    }
}

struct Taking {
    of: Merging,
    hands: Hands,
    stopping: Stopping,
}

impl Taking {
    /// The next batch; none once work is to end. What the queue had given out by then is still given out, so nothing that was taken is left behind. To apalis
    /// an error would be the end of the worker, so it is dealt with here.
    async fn next(&self) -> Option<Batch> {
        let mut retries = self.of.pace.retries();
        loop {
            self.hands.have_room().await;
            let is_stopping = self.stopping.is_stopping();
            let turn = {
                let mut order = self.hands.order();
                if is_stopping { order.last_turn() } else { order.turn() }
            };
            let outcome = match turn {
                Some(turn) => self.take(turn).await,
                None if is_stopping => return None,
                None => self.look().await.map(|()| None),
            };
            match outcome {
                Ok(batch) => {
                    self.of.queue.over();
                    retries = self.of.pace.retries();
                    if batch.is_some() {
                        return batch;
                    }
                }
                Err(error) => {
                    self.of.queue.noticed(&error);
                    self.stopping.wait(retries.next()).await;
                }
            }
        }
    }

    async fn take(&self, turn: Turn) -> Result<Option<Batch>, PortError> {
        self.hands.have_room_for(turn.shard).await;
        let taken = self.of.source.take(turn.shard, turn.part, turn.arrivals_max).await?;
        if let Some(batch) = &taken {
            self.hands.take(batch);
        }
        Ok(taken)
    }

    /// Begins a round over what waits.
    async fn look(&self) -> Result<(), PortError> {
        let ready = self.of.source.ready().await?;
        self.hands.order().begin(&ready);
        Ok(())
    }
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
