//! When to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Listens from now on, and waits, until somebody asks the program to stop: Ctrl-C or SIGTERM. To be called before the program says that it is ready, as it may
/// be asked at once.
///
/// # Errors
/// When the system does not let us listen for signals.
pub fn stop() -> impl Future<Output = io::Result<()>> {
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (mut terminate, mut interrupt) = (terminate?, interrupt?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}
