//! Protocols of trackers that people already have, as those trackers speak them.

pub(crate) mod activitywatch;
mod asking;
pub(crate) mod wakatime;
