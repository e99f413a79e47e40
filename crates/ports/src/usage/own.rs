//! A person's stored time, read for themselves before something of theirs is merged.

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::Span;
use domain::usage::{Beat, Segment};

use crate::PortError;

/// One person's timeline as it is stored, and the points that it was derived from. What is answered may be out of date when it arrives.
#[async_trait]
pub trait OwnTimeline: Send + Sync {
    /// The stored pieces of `user` that hold an instant of `window`, in order, whole (not cut to the window) and never overlapping.
    async fn stored(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError>;

    /// The points of `user` where `near` says: stretches of their devices, of which those of one device do not overlap. In any order.
    async fn beats(&self, user: UserId, near: &[(DeviceId, Span)]) -> Result<Vec<Beat>, PortError>;
}
