//! Protocols of trackers that people already have, as those trackers speak them.

pub(crate) mod wakatime;
