//! What Daybook does: one use case per file, over ports alone. Loads, lets the domain decide, commits.

pub mod accounts;
pub mod error;
pub mod reports;
pub mod trackers;
pub mod usage;

pub use error::Kind;
