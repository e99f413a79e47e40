//! What sums need of a piece of a timeline.

use crate::accounts::DeviceId;
use crate::time::Span;
use crate::usage::{Label, Segment};

/// A stretch of time that one device spent under one label: a segment, or a piece of one, without what only matters to merging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stint {
    /// When.
    pub span: Span,
    /// On which device.
    pub device: DeviceId,
    /// Under which label.
    pub label: Label,
}

impl From<&Segment> for Stint {
    fn from(segment: &Segment) -> Self {
        Self {
            span: segment.span,
            device: segment.holder.rank.device,
            label: segment.holder.label.clone(),
        }
    }
}
