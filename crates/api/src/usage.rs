//! Routes of pings.

mod ping;
pub(crate) mod track;
