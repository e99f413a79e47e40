//! Forgetting a person's time: in the timelines, in the queue, and what is still on its way from one to the other.

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;

use crate::PortError;

/// The timelines, for whoever forgets a person.
#[async_trait]
pub trait TimelineErasure: Send + Sync {
    /// Forgets the person's timeline and numbers and what their watchers told, and notes that they were erased: as long as that is noted, a merge drops what arrives of them. Safe to do
    /// again, also after an error, when part of the timeline may be left.
    async fn erase(&self, user: UserId, now: UnixMs) -> Result<(), PortError>;
}

/// What is noted of erased people. It stays only as long as something of theirs may be in the queue.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Up to `limit` of those who were erased before `instant`, the earliest first.
    async fn before(&self, instant: UnixMs, limit: usize) -> Result<Vec<Erased>, PortError>;

    /// Forgets these, unless they were erased again since. Safe to do again.
    async fn forget(&self, erased: &[Erased]) -> Result<(), PortError>;
}

/// Somebody who was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Who.
    pub user: UserId,
    /// When, the last time.
    pub at: UnixMs,
    /// The devices that had numbered their pings, in ascending order.
    pub devices: Vec<DeviceId>,
}

/// The queue, for whoever forgets people.
#[async_trait]
pub trait PingErasure: Send + Sync {
    /// Forgets the dead letters of `users`, and how far the pings of `devices` were merged. A letter that nobody can read goes too where it holds one of their
    /// ids. Safe to do again.
    async fn erase(&self, users: &[UserId], devices: &[DeviceId]) -> Result<(), PortError>;
}
