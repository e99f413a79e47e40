//! Questions about a person's time: in which days, under which labels, how long.

mod contexts;
mod days;
mod ranking;
mod stint;
mod tally;

pub use contexts::{Dimension, Held, RECALL_MAX, Said, SaidTally, SaidTotals, Sayings};
pub use days::Days;
pub use ranking::{LabelTotals, by_app, by_site};
pub use stint::Stint;
pub use tally::{Bridge, Tally};

/// A time zone of the IANA database.
pub type Zone = chrono_tz::Tz;
