//! What the operator does with accounts.

use async_trait::async_trait;
use domain::accounts::{Email, FullName, SecurityEntry, SessionId, UserId};
use domain::time::UnixMs;

use crate::PortError;

/// Accounts under the operator's hand.
#[async_trait]
pub trait Operation: Send + Sync {
    /// Closes the account of an address to its person, or opens it again, and keeps `entry`, with whose it is filled in. `None` when nobody has the address.
    ///
    /// Closing ends all sessions and answers them, with the ids of the API keys: both are noted as ended, so that the nodes refuse them, while the keys stay
    /// for when the account is opened again. Opening answers none. An account that stands so already answers none either, and keeps nothing.
    async fn set_disabled(
        &self,
        email: &Email,
        disabled: bool,
        now: UnixMs,
        entry: &SecurityEntry,
    ) -> Result<Option<Vec<SessionId>>, PortError>;

    /// The first `limit` people whose addresses sort after `after`, byte by byte; from the first one without it.
    async fn list(&self, after: Option<&Email>, limit: usize) -> Result<Vec<UserSummary>, PortError>;
}

/// A person as the operator sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSummary {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub email: Email,
    /// What they are called.
    pub full_name: FullName,
    /// When they registered.
    pub created_at: UnixMs,
    /// The account is closed.
    pub disabled: bool,
}
