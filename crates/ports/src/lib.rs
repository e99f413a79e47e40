//! What Daybook needs from outside: one small trait per need, in the words of the domain. No row, pool, header or driver error crosses here.

pub mod accounts;
pub mod ambient;
pub mod error;
pub mod probe;
pub mod reports;
pub mod trackers;
pub mod usage;

pub use ambient::{Clock, Ids, SteadyClock};
pub use error::{PortError, PortErrorKind};
pub use probe::Probe;
