//! The proof that a ping which was accepted is in the timeline exactly once, whatever crashes in between: real servers, real programs, faults from a seed.

pub mod books;
pub mod checker;
pub mod http;
pub mod ledger;
pub mod nemesis;
pub mod nodes;
pub mod options;
pub mod phases;
pub mod proxy;
pub mod random;
pub mod reach;
pub mod report;
pub mod run;
pub mod sabotage;
pub mod say;
pub mod shim;
pub mod trackers;
pub mod violation;
pub mod world;
