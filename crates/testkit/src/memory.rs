//! Adapters that keep everything in memory: as good as the real ones by the contract suites, and gone with the test.

pub mod accounts;
mod away;
pub mod crypto;
pub mod factors;
pub mod mail;
pub mod queue;
pub mod standing;
pub mod throttle;
pub mod timelines;
pub mod watching;
