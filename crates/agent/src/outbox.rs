//! The spool between the two threads that use it: one keeps pings, the other sends them. Neither waits for the other's network.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::files::FileError;
use crate::spool::Spool;
use crate::watch::Ping;

/// The spool, and the news about it.
#[derive(Debug)]
pub struct Outbox {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
pub struct Inner {
    /// The pings.
    pub spool: Spool,
    /// Whether the agent is about to end.
    pub stopping: bool,
    /// Whether it ends without sending what is left.
    pub abandoned: bool,
}

impl Outbox {
    /// An outbox over `spool`.
    #[must_use]
    pub fn new(spool: Spool) -> Self {
        Self {
            inner: Mutex::new(Inner {
                spool,
                stopping: false,
                abandoned: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Keeps pings, and wakes the sender. Gives how many of the oldest had to go.
    pub fn keep(&self, pings: &[Ping]) -> Result<u64, FileError> {
        let dropped = self.lock().spool.keep(pings)?;
        self.changed.notify_all();
        Ok(dropped)
    }

    /// Tells the sender to finish.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Tells the sender to end as it is.
    pub fn abandon(&self) {
        let mut inner = self.lock();
        inner.stopping = true;
        inner.abandoned = true;
        drop(inner);
        self.changed.notify_all();
    }

    /// The spool, for as long as the guard is held. Never across a request.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        // The spool is as it was after its last whole line, whoever panicked.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, at most `bound`.
    pub(crate) fn wait<'a>(&self, guard: MutexGuard<'a, Inner>, bound: Option<Duration>) -> MutexGuard<'a, Inner> {
        match bound {
            None => self.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(bound) => {
                let waited = self.changed.wait_timeout(guard, bound);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}
