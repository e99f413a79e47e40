//! Load generators, and the one command that prints every figure. Everything it loads is its own: private servers on this machine, gone at the end.

pub mod auth;
pub mod bare;
pub mod chart;
pub mod checks;
pub mod child;
pub mod door;
pub mod drain;
pub mod fair;
pub mod figures;
pub mod fresh;
pub mod histogram;
pub mod http;
pub mod ingest;
pub mod load;
pub mod machine;
pub mod merging;
pub mod options;
pub mod people;
pub mod processes;
pub mod progress;
pub mod raw;
pub mod reading;
pub mod samples;
pub mod sign_in;
pub mod soak;
pub mod stage;
pub mod table;
pub mod together;
pub mod tracker;
pub mod year;

mod report;

pub use report::{Report, run};
