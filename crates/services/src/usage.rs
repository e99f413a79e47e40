//! Pings: in through the door, out of the queue, into the timeline.

mod merge;
mod prepare;
mod track;

pub use merge::{MergePings, MergeSummary};
pub use prepare::PrepareStorage;
pub use track::{TrackPings, Tracked};
