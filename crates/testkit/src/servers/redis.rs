//! A private Redis for one test.

use std::sync::Arc;

use embedded::{Fsync, Redis, RedisBinary, Search};

use super::home::Root;
use super::running::Running;

/// A Redis of its own for a test: empty, with an append-only file, on a unix socket. Gone when dropped.
pub struct TestRedis {
    running: Running,
    url: String,
}

impl TestRedis {
    /// Starts it with a file that is forced to disk once a second: nothing is lost when it is killed.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Fsync::EverySecond, 0)
    }

    /// Starts it with a policy for forcing the file to disk, and a bound on its memory in bytes (0: none).
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(fsync: Fsync, memory_bytes_max: u64) -> Self {
        let binary = RedisBinary::find(&Search::of_system()).unwrap_or_else(|error| panic!("{error}"));
        let home = Root::take().home();
        let server = Redis::new(binary, home.place(), fsync, memory_bytes_max);
        let url = server.url();
        Self {
            running: Running::start(Arc::new(server), home),
            url,
        }
    }

    /// Where clients connect; the same after a restart.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process id; none while it is down.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running.pid()
    }

    /// Stops it in its tracks: connections stay open and nothing is answered.
    ///
    /// # Panics
    /// When it is down.
    pub fn pause(&mut self) {
        self.running.pause();
    }

    /// Lets it go on after a pause.
    ///
    /// # Panics
    /// When it is down.
    pub fn resume(&mut self) {
        self.running.resume();
    }

    /// Kills it. It is down until [`TestRedis::restart`].
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Ends it in order. It is down until [`TestRedis::restart`].
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop(&mut self) {
        self.running.stop();
    }

    /// Starts it again with its data, after ending it in order if it runs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn restart(&mut self) {
        self.running.restart();
    }
}
