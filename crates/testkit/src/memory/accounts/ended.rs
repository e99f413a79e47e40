//! The sessions that have ended.

use std::ops::Bound;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{EndedSession, EndedSessions};

use super::MemoryAccounts;

#[async_trait]
impl EndedSessions for MemoryAccounts {
    async fn after(&self, place: EndedSession, limit: u16) -> Result<Vec<EndedSession>, PortError> {
        let kept = self.kept("read which sessions have ended")?;
        let later = kept.ended.range((Bound::Excluded(place), Bound::Unbounded));
        Ok(later.take(usize::from(limit)).copied().collect())
    }

    async fn forget_before(&self, at: UnixMs) -> Result<(), PortError> {
        let mut kept = self.kept("forget sessions that have ended")?;
        kept.ended.retain(|ended| ended.ended_at >= at);
        Ok(())
    }
}
