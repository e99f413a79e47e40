//! Threads whose end can be waited for, with a bound.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Starts a thread. What is given back is disconnected when the thread ends.
pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<Receiver<()>> {
    let (alive, ended) = channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _alive = alive;
        work();
    })?;
    Ok(ended)
}

/// Waits for the end of a thread. True if it came in time.
#[must_use]
pub fn has_ended(thread: &Receiver<()>, bound: Duration) -> bool {
    thread.recv_timeout(bound) == Err(RecvTimeoutError::Disconnected)
}
