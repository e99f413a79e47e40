//! The agent against a small HTTP server with faults, and its program on a real desktop.

mod absence;
mod account;
mod desktop;
mod import;
mod keyring;
mod kill;
mod logind;
mod program;
mod relay;
mod rig;
mod sending;
mod servers;
mod stub;
