//! Shows a person what happened to their account.

use std::sync::Arc;

use domain::accounts::{Caller, EntryId, SecurityEntry};
use ports::accounts::SecurityLog as Log;

use super::AccountsError;

/// The use case.
#[derive(Clone)]
pub struct SecurityLog {
    /// Where it is kept.
    pub log: Arc<dyn Log>,
}

/// Part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// Its entries, newest first.
    pub entries: Vec<SecurityEntry>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<EntryId>,
}

impl SecurityLog {
    /// The most entries of a page.
    pub const LIMIT_MAX: usize = 500;

    /// Up to `limit` entries of the caller's log, from the newest or from where a page before ended.
    ///
    /// # Errors
    /// Something outside.
    pub async fn page(&self, caller: &Caller, before: Option<EntryId>, limit: usize) -> Result<LogPage, AccountsError> {
        let limit = limit.clamp(1, Self::LIMIT_MAX);
        let mut entries = self.log.page(caller.user, before, limit + 1).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().map(|entry| entry.id).filter(|_| more);
        Ok(LogPage { entries, next })
    }
}
