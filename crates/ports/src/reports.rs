//! Reading people's time.

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::reports::{Held, Stint};
use domain::time::{Span, UnixMs};
use domain::usage::{Heartbeat, Segment};

use crate::PortError;

/// Timelines, read. May be answered by a replica that is a little behind.
#[async_trait]
pub trait TimelineReader: Send + Sync {
    /// The stored pieces of `user` that hold an instant of `window`, earliest first, whole (not cut to the window) and never overlapping. Two pieces
    /// of one segment are two here: `Timeline::of` makes them one.
    async fn pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError>;

    /// The same pieces, as sums need them: cheaper to read, where there are many.
    async fn stints(&self, user: UserId, window: Span) -> Result<Vec<Stint>, PortError>;
}

/// What heartbeats said, read; as far as they hold the person's time, or as they came.
#[async_trait]
pub trait ContextReader: Send + Sync {
    /// The stored pieces of `user` that a heartbeat holds and that hold an instant of `window`, earliest first, whole and never overlapping; each with what was
    /// said, where heartbeats up to [`RECALL_MAX`](domain::reports::RECALL_MAX) before it name what it leaves to them.
    async fn held(&self, user: UserId, window: Span) -> Result<Vec<Held>, PortError>;

    /// The heartbeats of `user` in `window`, in the order of their instants; those of one instant in an order that is always the same.
    async fn heartbeats(&self, user: UserId, window: Span) -> Result<Vec<Heartbeat>, PortError>;

    /// The instant of the first heartbeat of `user`, where there is one.
    async fn first_heartbeat(&self, user: UserId) -> Result<Option<UnixMs>, PortError>;
}
