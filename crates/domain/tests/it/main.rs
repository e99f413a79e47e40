//! The law of the timeline, shown against a model that keeps one cell per instant.

mod change;
mod model;
mod tally;
mod timeline;
