//! What programs stand on that prove or measure something with real servers and programs: their directory, their child processes, and how they fail.

mod build;
mod failure;
mod home;
mod programs;

pub use build::{Profile, daybook, sources};
pub use failure::Failure;
pub use home::Home;
pub(crate) use home::{abandoned, lock};
pub use programs::{Program, command_for};
