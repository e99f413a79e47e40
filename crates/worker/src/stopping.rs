//! The wish that work ends, known to everybody who could begin some.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Whether work is to end. Clones know of the same wish.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stopping {
    /// From now on nothing new is begun.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether nothing new is to be begun.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits, but not beyond the wish that work ends.
    pub(crate) async fn wait(&self, at_most: Duration) {
        let mut wish = self.0.subscribe();
        let _ = timeout(at_most, wish.wait_for(|is_stopping| *is_stopping)).await;
    }
}
