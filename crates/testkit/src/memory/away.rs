//! A switch that makes an in-memory adapter fail as if what it stands for were away.

use std::sync::atomic::{AtomicBool, Ordering};

use ports::PortError;

/// Whether the outside is away.
#[derive(Debug, Default)]
pub(super) struct Away(AtomicBool);

impl Away {
    /// Takes the outside away, or brings it back.
    pub(super) fn set(&self, away: bool) {
        self.0.store(away, Ordering::SeqCst);
    }

    /// An error in place of `attempted` while it is away.
    pub(super) fn check(&self, attempted: &str) -> Result<(), PortError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(PortError::unavailable(attempted, "it was told to be away"));
        }
        Ok(())
    }
}
