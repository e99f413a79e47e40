//! Tells every node of sessions that have ended, once they have in the store.

use std::sync::Arc;

use domain::accounts::SessionId;
use ports::PortError;
use ports::accounts::{Announcements, StandingChange};

/// The last step of everything that ends a session.
#[derive(Clone)]
pub struct Endings {
    /// How nodes are told.
    pub announcements: Arc<dyn Announcements>,
}

impl Endings {
    /// `Ok` means that every node that lives knows within a second. After an error they will all the same, a little later: the store has noted the ends.
    ///
    /// # Errors
    /// Something outside.
    pub(crate) async fn announce(&self, ended: &[SessionId]) -> Result<(), PortError> {
        if ended.is_empty() {
            return Ok(());
        }
        let changes: Vec<_> = ended.iter().copied().map(StandingChange::Ended).collect();
        self.announcements.announce(&changes).await
    }
}
