//! Trackers that people already have: what their records mean here.

pub mod activitywatch;
pub mod wakatime;
