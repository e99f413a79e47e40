//! Routes of pings.

pub(crate) mod import;
pub(crate) mod letters;
mod ping;
pub(crate) mod track;
