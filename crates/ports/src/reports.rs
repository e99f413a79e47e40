//! Reading people's time.

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::reports::Stint;
use domain::time::Span;
use domain::usage::Segment;

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
