//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits until somebody asks the program to stop: Ctrl-C or SIGTERM.
///
/// # Errors
/// When the system does not let us listen for signals.
pub async fn stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
