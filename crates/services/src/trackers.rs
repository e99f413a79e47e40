//! Trackers that people already have: what ActivityWatch's watchers tell, kept and made into claims.

mod activitywatch;
mod claim_watched;
mod keep_watched;

pub use activitywatch::{ActivityWatch, SentEvent, WatchError};
pub use claim_watched::ClaimWatched;
pub use keep_watched::KeepWatched;
