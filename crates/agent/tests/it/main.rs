//! The agent against a small HTTP server with faults, and its program on a real desktop.

mod account;
mod desktop;
mod kill;
mod program;
mod rig;
mod sending;
mod stub;
