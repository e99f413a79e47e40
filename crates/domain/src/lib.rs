//! What is true in Daybook: values, rules, folds and the timeline join. Nothing here waits, reads a clock or speaks JSON.

pub mod accounts;
pub mod fault;
pub mod privacy;
pub mod reports;
pub mod time;
pub mod trackers;
pub mod usage;
