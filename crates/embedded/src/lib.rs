//! Private Postgres and Redis servers as supervised child processes: find the binaries, start, restart, stop.
//!
//! [`Servers`] is what a program runs: both servers on one data directory, restarted when they die and stopped with the program. Below
//! it, [`Postgres`] and [`Redis`] say how one server is made and started, and [`Process`] is one such server running, unsupervised.
//! [`spawn`] starts any other program that must not outlive this one. Nothing here knows what is stored in them.

mod account;
mod binaries;
mod data_dir;
mod error;
mod keeper;
mod leftovers;
mod log;
mod postgres;
mod process;
mod redis;
mod server;
mod servers;
mod shared_memory;
mod spawner;

pub use account::Account;
pub use binaries::{Binaries, PostgresBinaries, RedisBinary, Search, Version};
pub use data_dir::{DataDir, Lock};
pub use error::EmbeddedError;
pub use keeper::{ServerState, ServerStatus};
pub use leftovers::processes_in;
pub use postgres::{Initdb, Postgres};
pub use process::Process;
pub use redis::{Fsync, Redis};
pub use server::{Place, Readiness, Server, Signals};
pub use servers::{Options, Servers, Status};
pub use shared_memory::release_shared_memory;
pub use spawner::spawn;

/// A signal that can be sent to a server's process.
pub use rustix::process::Signal;
