//! `login`, `run`, `status`, `sync`, `pause` and the rest: wires the parts together.

use std::io::{self, Write};
use std::path::Path;

use crate::account::{Account, SignInState};
use crate::address::ServerAddress;
use crate::clock;
use crate::device_login::NotConfirmed;
use crate::files::FileError;
use crate::import::ImportError;
use crate::import::delivery::DeliveryError;
use crate::keyring::Keyring;
use crate::password;
use crate::privacy::PrivacyError;
use crate::relay::store::StoreError;
use crate::server::{Server, SignInError};
use crate::session::Device;
use crate::settings::{AccountSettings, SettingsError, UseOfKeyring};
use crate::store::{SavedSession, SessionStore};

mod import;
mod login;
mod private;
mod rules;
mod run;
mod status;
mod sync;

pub use import::import;
pub use login::login;
pub use private::{pause, resume};
pub use rules::{add_rule, list_rules, remove_rule};
pub use run::run;
pub use status::status;
pub use sync::sync;

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
    /// What the relay keeps could not be read.
    #[error(transparent)]
    Relay(#[from] StoreError),
    /// The person's wishes could not be read or kept.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// The server did not let us in.
    #[error("cannot sign in")]
    SignIn(#[from] SignInError),
    /// Nobody confirmed this device.
    #[error("cannot sign in")]
    NotConfirmed(#[from] NotConfirmed),
    /// The server does not know where people reach it.
    #[error("the server did not say where to confirm this device: set DAYBOOK_PUBLIC_URL there, or use --email")]
    NoPage,
    /// What waits could not be sent.
    #[error("{waiting} pings still wait: {why}")]
    NotSent {
        /// How many.
        waiting: usize,
        /// Why, as far as it is known.
        why: String,
    },
    /// The terminal or the system did not do as asked.
    #[error("cannot {0}")]
    System(&'static str, #[source] io::Error),
    /// A file cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What files hold could not be sent.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The files hold nothing that counts.
    #[error("there is nothing to import: the lines above say why")]
    NothingToImport,
    /// The server wants nothing of it.
    #[error("nothing was taken: the lines above say why")]
    NothingTaken,
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
    let last = SavedSession::load(dir)?;
    let server = settings
        .server
        .as_deref()
        .or(last.as_ref().map(|session| session.server.as_str()));
    let address = settings.address(server)?;
    let email = settings.email(last.as_ref().map(|session| session.email.as_str()))?;
    account_of(dir, settings, address, email)
}

fn account_of(
    dir: &Path,
    settings: &AccountSettings,
    address: ServerAddress,
    email: String,
) -> Result<Account, CommandError> {
    let device = Device::load_or_make(dir, clock::random)?;
    let keyring = Keyring {
        device_id: device.device_id.clone(),
        bus: None,
        may_ask: false,
    };
    Ok(Account {
        server: Server::new(address),
        email,
        password: password::source(settings.password_file.as_deref()),
        device,
        device_name: settings.device_name.clone().unwrap_or_else(hostname),
        store: SessionStore {
            dir: dir.to_owned(),
            keyring: (settings.keyring == UseOfKeyring::Auto).then_some(keyring),
        },
        now: clock::wall,
        state: SignInState::default(),
    })
}

/// What this machine calls itself.
fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn not_the_owner(dir: &Path, waiting: usize, owner: String) -> CommandError {
    let dir = dir.display().to_string();
    CommandError::NotTheOwner { waiting, owner, dir }
}

fn print(text: &str) -> Result<(), CommandError> {
    let printed = io::stdout().write_all(text.as_bytes());
    printed.map_err(|error| CommandError::System("print", error))
}
