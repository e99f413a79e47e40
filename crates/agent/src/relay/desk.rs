//! One thread has the store: it does what gathered while it wrote the last time as one transaction, and answers when that is on the disk.
//!
//! So the disk is synced once for many heartbeats, with no timer that would make any of them wait. In between it joins.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use domain::time::UnixMs;

use crate::chain::Chain;

use super::joiner::Joiner;
use super::sqlite::SqliteStore;
use super::store::StoreError;

/// How much may wait for the store.
pub const WAITING_MAX: usize = 1_024;
/// How much is done as one transaction.
const TOGETHER_MAX: usize = 256;
/// How often something is tried that the disk did not take. A watcher that hears of a failure forgets its heartbeat, so it waits.
pub const TRIES_MAX: u32 = 20;
/// How long between two tries: ten seconds in all.
pub const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How often the bounds are looked after.
const TRIM_EVERY: Duration = Duration::from_mins(10);
/// How soon after something failed it is joined again.
const JOIN_AGAIN: Duration = Duration::from_secs(30);

/// The way to the store. Cheap to clone; the thread ends when all are gone.
#[derive(Debug, Clone)]
pub struct Desk {
    waiting: SyncSender<Box<dyn Job>>,
}

/// The store cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is sent cannot be kept now")]
pub struct Unavailable;

/// The thread's side.
pub struct Counter {
    store: SqliteStore,
    joiner: Joiner,
    waiting: Receiver<Box<dyn Job>>,
    times: Times,
}

/// When to do what.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// How often new knowledge is joined.
    pub join_every: Duration,
    /// How long to wait before something that the disk did not take is tried again.
    pub retry_pause: Duration,
    /// The wall clock.
    pub now: fn() -> UnixMs,
}

/// Something to do with the store. It may be done again when it did not reach the disk.
trait Job: Send {
    fn work(&mut self, store: &mut SqliteStore) -> Result<(), StoreError>;
    /// Tells whoever asked what came of it.
    fn settle(&mut self, done: bool);
}

struct Asked<T, F> {
    work: F,
    result: Option<T>,
    asker: Option<oneshot::Sender<Result<T, Unavailable>>>,
}

impl<T: Send, F: FnMut(&mut SqliteStore) -> Result<T, StoreError> + Send> Job for Asked<T, F> {
    fn work(&mut self, store: &mut SqliteStore) -> Result<(), StoreError> {
        self.result = Some((self.work)(store)?);
        Ok(())
    }

    fn settle(&mut self, done: bool) {
        let result = self.result.take().filter(|_| done).ok_or(Unavailable);
        if let Some(asker) = self.asker.take() {
            // Whoever hung up does not want to know.
            let _ = asker.send(result);
        }
    }
}

impl Desk {
    /// A desk over `store`, and what its thread runs.
    #[must_use]
    pub fn over(store: SqliteStore, joiner: Joiner, times: Times) -> (Self, Counter) {
        let (sender, waiting) = sync_channel(WAITING_MAX);
        let counter = Counter {
            store,
            joiner,
            waiting,
            times,
        };
        (Self { waiting: sender }, counter)
    }

    /// Does the work, and gives its result when it is on the disk. It is all done or not at all, and may be begun more than once.
    pub async fn ask<T, F>(&self, work: F) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: FnMut(&mut SqliteStore) -> Result<T, StoreError> + Send + 'static,
    {
        let (asker, answer) = oneshot::channel();
        self.send(work, Some(asker))?;
        answer.await.map_err(|_| Unavailable)?
    }

    /// Has the work done some time, with nobody waiting for it. Never waits itself.
    pub fn tell<F>(&self, mut work: F) -> Result<(), Unavailable>
    where
        F: FnMut(&mut SqliteStore) -> Result<(), StoreError> + Send + 'static,
    {
        self.send(move |store: &mut SqliteStore| work(store), None)
    }

    fn send<T, F>(&self, work: F, asker: Option<oneshot::Sender<Result<T, Unavailable>>>) -> Result<(), Unavailable>
    where
        T: Send + 'static,
        F: FnMut(&mut SqliteStore) -> Result<T, StoreError> + Send + 'static,
    {
        let result = None;
        let job: Box<dyn Job> = Box::new(Asked { work, result, asker });
        // There is room for one of each connection, and for all that the keeper has in hand.
        self.waiting.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Unavailable,
        })
    }
}

impl Counter {
    /// Works until every [`Desk`] is gone, and joins once more what is left.
    pub fn run(mut self) {
        // Not at once: the agent may be about to find out that it can watch the focus itself.
        let mut join_at = Instant::now() + self.times.join_every;
        let mut trim_at = Instant::now();
        loop {
            let first = match self
                .waiting
                .recv_timeout(join_at.saturating_duration_since(Instant::now()))
            {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut jobs: Vec<Box<dyn Job>> = first.into_iter().collect();
            jobs.extend(self.waiting.try_iter().take(TOGETHER_MAX - jobs.len()));
            if !jobs.is_empty() {
                self.serve(&mut jobs);
            }
            let now = Instant::now();
            if now >= trim_at {
                trim_at = now + TRIM_EVERY;
                self.trim();
            }
            if now >= join_at {
                join_at = now
                    + if self.join() {
                        self.times.join_every
                    } else {
                        JOIN_AGAIN.max(self.times.join_every)
                    };
            }
        }
        self.join();
        let joined = self.joiner.joined();
        if let Err(error) = self
            .store
            .transaction(|store| joined.map_or(Ok(()), |joined| store.keep_joined(joined)))
        {
            tracing::warn!(error = %Chain(&error), "how far it is joined is not noted: some of it is sent again");
        }
    }

    fn serve(&mut self, jobs: &mut [Box<dyn Job>]) {
        if self.attempt(jobs).is_ok() {
            for job in jobs {
                job.settle(true);
            }
            return;
        }
        // One that cannot be done spoils the transaction of all, so each has its own now.
        for job in jobs {
            let done = (1..=TRIES_MAX).any(|number| match self.attempt(std::slice::from_mut(job)) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(error = %Chain(&error), number, "ActivityWatch's watchers have to wait");
                    thread::sleep(self.times.retry_pause);
                    false
                }
            });
            job.settle(done);
        }
    }

    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let joined = self.joiner.joined();
        self.store.transaction(|store| {
            jobs.iter_mut().try_for_each(|job| job.work(store))?;
            // Along with what is written anyway. Until then a crash makes the agent send again, which changes nothing.
            joined.map_or(Ok(()), |joined| store.keep_joined(joined))
        })
    }

    /// False if it has to be done again.
    fn join(&mut self) -> bool {
        match self.joiner.join(&mut self.store, (self.times.now)()) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(error = %Chain(&*error), "what ActivityWatch's watchers saw is not joined: trying on");
                false
            }
        }
    }

    fn trim(&mut self) {
        match self.store.trim((self.times.now)()) {
            Ok(0) => {}
            Ok(dropped) => tracing::info!(
                dropped,
                "what ActivityWatch's watchers sent is old or too much: the oldest events are gone"
            ),
            Err(error) => tracing::error!(error = %Chain(&error), "old events could not be dropped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::relay::sqlite::Bounds;

    use super::*;

    /// What becomes of works of which each fails so many times, when all wait for the store at once; and how many of them it kept.
    fn results_of(failures: &[u32]) -> (Vec<Result<u32, Unavailable>>, usize) {
        let dir = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(dir.path(), Bounds::default(), "device").expect("opened");
        let joiner = Joiner::new(Box::new(|_| Ok(())), Arc::default());
        let times = Times {
            join_every: Duration::from_hours(1),
            retry_pause: Duration::ZERO,
            now: || UnixMs(0),
        };
        let (desk, counter) = Desk::over(store, joiner, times);
        let mut answers = Vec::new();
        for (name, fails) in (0..).zip(failures.iter().copied()) {
            let (asker, answer) = oneshot::channel();
            let tries = AtomicU32::new(0);
            let work = move |store: &mut SqliteStore| {
                store.keep_setting(&format!("{name}"), Some("1"), usize::MAX)?;
                if tries.fetch_add(1, Ordering::Relaxed) < fails {
                    return Err(StoreError::new("keep", "a test says so"));
                }
                Ok(name)
            };
            desk.send(work, Some(asker)).expect("there is room");
            answers.push(answer);
        }
        drop(desk);
        counter.run();
        let results = answers
            .into_iter()
            .map(|mut answer| answer.try_recv().expect("settled"))
            .collect();
        let store = SqliteStore::open(dir.path(), Bounds::default(), "device").expect("opened");
        (results, store.settings().expect("read").len())
    }

    #[test]
    fn what_the_disk_does_not_take_is_tried_on_and_spoils_nothing_else() {
        assert_eq!(results_of(&[0, 0, 0]), (vec![Ok(0), Ok(1), Ok(2)], 3));
        // Once together with the others, and then so many times by itself.
        assert_eq!(results_of(&[0, TRIES_MAX, 3]), (vec![Ok(0), Ok(1), Ok(2)], 3));
        assert_eq!(
            results_of(&[0, TRIES_MAX + 1, 0]),
            (vec![Ok(0), Err(Unavailable), Ok(2)], 2)
        );
    }

    #[test]
    fn more_than_may_wait_is_turned_away_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(dir.path(), Bounds::default(), "device").expect("opened");
        let joiner = Joiner::new(Box::new(|_| Ok(())), Arc::default());
        let times = Times {
            join_every: Duration::from_hours(1),
            retry_pause: Duration::ZERO,
            now: || UnixMs(0),
        };
        let (desk, _counter) = Desk::over(store, joiner, times);
        for _ in 0..WAITING_MAX {
            desk.tell(|_| Ok(())).expect("there is room");
        }
        assert_eq!(desk.tell(|_| Ok(())), Err(Unavailable));
    }
}
