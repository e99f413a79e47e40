//! The laws of the timeline and of the joins that feed it, shown against models that keep one cell per instant.

mod activitywatch;
mod beats;
mod change;
mod contexts;
mod forecast;
mod model;
mod tally;
mod timeline;
