//! Daybook as it is run: the built binary, real servers, over HTTP.

mod client;
mod commands;
mod crash;
mod desktop;
mod edge;
mod law;
mod ledger;
mod program;
mod standing;
mod trust;
mod up;
mod user;
