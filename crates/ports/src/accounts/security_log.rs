//! The security log: who did what to an account, append-only.

use async_trait::async_trait;
use domain::accounts::{EntryId, SecurityEntry, UserId};
use domain::time::UnixMs;

use crate::PortError;

/// The log.
#[async_trait]
pub trait SecurityLog: Send + Sync {
    /// Keeps an entry that belongs to no other write.
    async fn record(&self, entry: &SecurityEntry) -> Result<(), PortError>;

    /// Up to `limit` entries of a person, newest first, those before the entry of id `before` if given.
    async fn page(&self, user: UserId, before: Option<EntryId>, limit: usize) -> Result<Vec<SecurityEntry>, PortError>;

    /// Forgets attempts at addresses that nobody has, from before `at` and at least 30 days old. A person's entries stay.
    async fn forget_nobody_before(&self, at: UnixMs) -> Result<(), PortError>;
}
