//! What of a person is on its way, for reads that should show what they sent a moment ago.

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::usage::Lane;

use crate::PortError;

/// The queue, for whoever reads after writing.
#[async_trait]
pub trait PendingPings: Send + Sync {
    /// Names what waits of `user`, or is being merged, among the last [`Pending::LOOKED_THROUGH_MAX`] entries of each of the lanes that their pings take. What
    /// is pushed from now on is none of it.
    async fn of(&self, user: UserId) -> Result<Pending, PortError>;

    /// What of `pending` is not settled yet.
    async fn still(&self, pending: Pending) -> Result<Pending, PortError>;
}

/// Names of entries to the queue that gave them; they mean nothing to anybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Whose.
    pub user: UserId,
    /// Each with the lane that it is in.
    pub entries: Vec<(Lane, String)>,
}

impl Pending {
    /// How many entries of a lane are looked through, the newest first: a queue in which more wait is so far behind that nobody waits for it.
    pub const LOOKED_THROUGH_MAX: usize = 256;

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
