//! `login`, `run` and `status`: wires the parts together.

use std::io::{self, Write};
use std::path::Path;

use crate::account::{Account, SignInState};
use crate::clock;
use crate::files::FileError;
use crate::password;
use crate::server::{Server, SignInError};
use crate::session::{Device, Session};
use crate::settings::{AccountSettings, SettingsError};

mod login;
mod run;
mod status;

pub use login::login;
pub use run::run;
pub use status::status;

/// Locked by the agent that works on a data directory.
const LOCK_FILE: &str = "lock";

/// A command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings do not say enough.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server did not let us in.
    #[error("cannot sign in")]
    SignIn(#[from] SignInError),
    /// The terminal or the system did not do as asked.
    #[error("cannot {0}")]
    System(&'static str, #[source] io::Error),
    /// Another agent works on the same data.
    #[error("another daybook-agent runs on {0}")]
    Running(String),
    /// What waits belongs to somebody else.
    #[error(
        "{waiting} pings of {owner} wait in {dir}: sign in as {owner}, or use another --data-dir for another account"
    )]
    NotTheOwner {
        /// How many.
        waiting: usize,
        /// Whose.
        owner: String,
        /// Where.
        dir: String,
    },
}

fn account(dir: &Path, settings: &AccountSettings) -> Result<Account, CommandError> {
    let last = Session::load(dir)?;
    let last = last
        .as_ref()
        .map(|session| (session.server.as_str(), session.email.as_str()));
    let (address, email) = settings.account(last)?;
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(Account {
        server: Server::new(address),
        email,
        password: password::source(settings.password_file.as_deref()),
        device: Device::load_or_make(dir, clock::random)?,
        device_name: settings.device_name.clone().unwrap_or_else(host),
        dir: dir.to_owned(),
        now: clock::wall,
        state: SignInState::default(),
    })
}

fn not_the_owner(dir: &Path, waiting: usize, owner: String) -> CommandError {
    let dir = dir.display().to_string();
    CommandError::NotTheOwner { waiting, owner, dir }
}

fn print(text: &str) -> Result<(), CommandError> {
    let printed = io::stdout().write_all(text.as_bytes());
    printed.map_err(|error| CommandError::System("print", error))
}
