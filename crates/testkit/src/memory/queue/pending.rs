//! What of somebody is in the queue in memory.

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::usage::Lane;
use ports::PortError;
use ports::usage::{Pending, PendingPings};

use super::MemoryQueue;
use super::state::Content;

#[async_trait]
impl PendingPings for MemoryQueue {
    async fn of(&self, user: UserId) -> Result<Pending, PortError> {
        let state = self.open("look what waits of somebody")?;
        let shard = self.shard_of(user);
        let entries = Lane::ALL.into_iter().flat_map(|lane| {
            let newest = state.lane(shard, lane).rev().take(Pending::LOOKED_THROUGH_MAX);
            let theirs = newest.filter(|(_, entry)| match &entry.content {
                Content::Arrivals(arrivals) => arrivals.iter().any(|arrival| arrival.user() == user),
                Content::Unreadable(_) => false,
            });
            theirs.map(move |((_, _, id), _)| (lane, id.to_string()))
        });
        let entries = entries.collect();
        Ok(Pending { user, entries })
    }

    async fn still(&self, pending: Pending) -> Result<Pending, PortError> {
        let state = self.open("look whether something still waits")?;
        let Pending { user, mut entries } = pending;
        let shard = self.shard_of(user);
        entries.retain(|(lane, id)| {
            id.parse()
                .is_ok_and(|id| state.entries.contains_key(&(shard, *lane, id)))
        });
        Ok(Pending { user, entries })
    }
}
