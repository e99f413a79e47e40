//! Daybook as it is run: the built binary, real servers, over HTTP.

mod canary;
mod client;
mod commands;
mod crash;
mod day;
mod deploy;
mod desktop;
mod edge;
mod history;
mod law;
mod ledger;
mod metrics;
mod packages;
mod program;
mod standing;
mod trust;
mod up;
mod user;
