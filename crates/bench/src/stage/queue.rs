//! The queue as the bench looks at it: what waits, what became of everything, and how long it takes until nothing does.

use std::thread;
use std::time::{Duration, Instant};

use ports::usage::Books;
use testkit::runs::Failure;

use super::Stage;

/// How often it is looked whether the queue is empty.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long the queue may take to get shorter; beyond that the run fails.
const STALLED_MAX: Duration = Duration::from_secs(30);

impl Stage {
    /// Throws away what is in the queue. No worker may run.
    pub fn clear_queue(&mut self) -> Result<(), Failure> {
        self.runtime.block_on(self.connections.clear_queue())
    }

    /// The bytes of one entry of the queue.
    pub fn an_entry(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        self.runtime.block_on(self.connections.an_entry())
    }

    /// How long ago the oldest entry of the queue was put there.
    pub fn oldest(&mut self) -> Result<Duration, Failure> {
        self.runtime.block_on(self.connections.oldest())
    }

    /// How many entries are in the queue.
    pub fn queued(&self) -> Result<u64, Failure> {
        self.runtime.block_on(self.connections.queued())
    }

    /// What became of all pings since the queue was last cleared.
    pub fn books(&self) -> Result<Books, Failure> {
        self.runtime.block_on(self.connections.books())
    }

    /// Waits until the queue is empty, and fails when it does not get shorter.
    pub fn wait_until_drained(&mut self) -> Result<(), Failure> {
        self.wait_until_none(|stage| stage.queued())
    }

    /// The same of the live lanes alone, whatever waits in those of the bulk.
    pub fn wait_until_live_is_drained(&mut self) -> Result<(), Failure> {
        self.wait_until_none(|stage| stage.runtime.block_on(stage.connections.queued_live()))
    }

    fn wait_until_none(&mut self, count: impl Fn(&mut Self) -> Result<u64, Failure>) -> Result<(), Failure> {
        let (mut least, mut since) = (u64::MAX, Instant::now());
        loop {
            let queued = count(self)?;
            if queued == 0 {
                return Ok(());
            }
            if let Some(worker) = &mut self.worker {
                worker.child.check_alive()?;
            }
            if queued < least {
                (least, since) = (queued, Instant::now());
            }
            if since.elapsed() > STALLED_MAX {
                return Err(Failure::new(format!("{queued} entries stay in the queue")));
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}
