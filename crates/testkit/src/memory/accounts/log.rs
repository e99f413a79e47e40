//! The security log.

use async_trait::async_trait;
use domain::accounts::{EntryId, SecurityEntry, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::SecurityLog;

use super::MemoryAccounts;

#[async_trait]
impl SecurityLog for MemoryAccounts {
    async fn record(&self, entry: &SecurityEntry) -> Result<(), PortError> {
        self.kept("keep an entry of the security log")?.write(entry);
        Ok(())
    }

    async fn page(&self, user: UserId, before: Option<EntryId>, limit: usize) -> Result<Vec<SecurityEntry>, PortError> {
        let kept = self.kept("read a security log")?;
        let theirs = kept.log.values().rev().filter(|entry| entry.user == Some(user));
        let older = theirs.filter(|entry| before.is_none_or(|before| entry.id < before));
        Ok(older.take(limit).cloned().collect())
    }

    async fn forget_nobody_before(&self, at: UnixMs) -> Result<(), PortError> {
        let mut kept = self.kept("forget attempts at addresses that nobody has")?;
        kept.log.retain(|_, entry| entry.user.is_some() || entry.at >= at);
        Ok(())
    }
}
