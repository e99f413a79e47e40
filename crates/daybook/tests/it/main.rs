//! Daybook as it is run: the built binary, real servers, over HTTP.

mod client;
mod commands;
mod crash;
mod desktop;
mod law;
mod ledger;
mod program;
mod up;
