//! A test server that can be paused, killed and restarted.

use std::sync::Arc;
use std::time::Duration;

use embedded::{EmbeddedError, Process, Server, Signal};

use super::home::Home;

/// How long a test server may take to start, with a machine full of other tests.
const START_MAX: Duration = Duration::from_mins(1);

/// A server, running or not, and its directory.
pub(super) struct Running {
    process: Option<Process>,
    server: Arc<dyn Server>,
    _home: Home,
}

impl Running {
    /// Starts `server`, which lives in `home`.
    pub(super) fn start(server: Arc<dyn Server>, home: Home) -> Self {
        let mut running = Self {
            process: None,
            server,
            _home: home,
        };
        running.restart();
        running
    }

    /// The id of its first process; none while it is down.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Stops all of its processes in their tracks.
    pub(super) fn pause(&mut self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets them go on.
    pub(super) fn resume(&mut self) {
        self.signal_all(Signal::CONT);
    }

    /// Kills all of its processes.
    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            self.proven(process.crash());
        }
    }

    /// Ends it in order.
    pub(super) fn stop(&mut self) {
        let name = self.server.name();
        if let Some(mut process) = self.process.take() {
            assert!(process.stop(), "{name} does not stop");
        }
    }

    /// Starts it again, after stopping it if it runs.
    pub(super) fn restart(&mut self) {
        self.stop();
        self.process = Some(self.proven(Process::start(&self.server, START_MAX)));
    }

    fn signal_all(&mut self, signal: Signal) {
        let name = self.server.name();
        let process = self.process.as_mut().unwrap_or_else(|| panic!("{name} is down"));
        process
            .signal_all(signal)
            .unwrap_or_else(|error| panic!("signal {name}: {error}"));
    }

    fn proven<T>(&self, result: Result<T, EmbeddedError>) -> T {
        result.unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error)
                .map(|cause| format!(": {cause}"))
                .unwrap_or_default();
            panic!("test {}: {error}{cause}", self.server.name())
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of it, so that nothing writes while the directory is removed; it may be paused, or the test may be panicking.
        if let Some(process) = self.process.take() {
            // What does not die now is swept away by a later test.
            let _ = process.discard();
        }
    }
}
