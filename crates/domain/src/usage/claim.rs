//! Claims, and the total order that decides between them.

use crate::accounts::{DeviceId, UserId};
use crate::time::{Span, UnixMs};

use super::Label;

/// How much of the person's attention a claim says it had; an active claim beats a passive one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attention {
    /// In sight, without input: a film, a call.
    Passive,
    /// Used.
    Active,
}

/// Which claim wins an instant that several claim: the greater one. Fixed when the ping is accepted, from its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Decides first.
    pub attention: Attention,
    /// Decides second: the device's precedence, greater for a device that signed in later.
    pub precedence: i32,
    /// Decides third, by its bytes; and says whose claim it is.
    pub device: DeviceId,
    /// Decides fourth: the instant of the heartbeat that the claim is derived from, so that of two of a device the later labels. None for pings, which any
    /// heartbeat beats that is equal so far.
    pub beat: Option<UnixMs>,
}

/// Who holds an instant and under which label. This order is the whole law: the greatest holder ever accepted has the instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// Decides first.
    pub rank: Rank,
    /// Decides between claims of one rank.
    pub label: Label,
}

/// A stretch of a person's time and who holds it. In a [`Timeline`](super::Timeline) it is maximal; elsewhere it may be a piece of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Segment {
    /// When.
    pub span: Span,
    /// Who, and what for.
    pub holder: Holder,
}

impl Segment {
    /// The part of the segment within `to`.
    #[must_use]
    pub fn clip(&self, to: Span) -> Option<Segment> {
        Some(Segment {
            span: self.span.clip(to)?,
            holder: self.holder.clone(),
        })
    }
}

/// A ping after validation: this person's device says it had their attention for this stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose time it is.
    pub user: UserId,
    /// What it claims.
    pub segment: Segment,
}
