//! `daybook-agent login`: by a code that is confirmed in a browser, or with a password.

use std::io::{self, Write};
use std::path::Path;
use std::thread;

use url::Url;

use crate::account::{Account, PasswordSource};
use crate::device_login;
use crate::files;
use crate::password;
use crate::server::{DeviceCode, Grant};
use crate::settings::LoginSettings;
use crate::spool;
use crate::store::{Place, SavedSession};

use super::{CommandError, account_of, not_the_owner, print};

/// Signs in and saves the session.
pub fn login(dir: &Path, settings: &LoginSettings) -> Result<(), CommandError> {
    files::make_private_dir(dir)?;
    let last = SavedSession::load(dir)?;
    let account = &settings.account;
    let password = password::source(account.password_file.as_deref());
    let has_password = account.email.is_some() || !matches!(password, PasswordSource::Absent);
    let server = settings.url.as_deref().or(account.server.as_deref());
    let server = server.or(last.as_ref().map(|session| session.server.as_str()));
    let address = account.address(server)?;
    let email = if has_password {
        account.email(last.as_ref().map(|session| session.email.as_str()))?
    } else {
        String::new()
    };
    let mut account = account_of(dir, account, address, email)?;
    if let Some(keyring) = &mut account.store.keyring {
        keyring.may_ask = true;
    }
    if has_password {
        by_password(dir, &mut account)?;
    } else {
        by_code(dir, &mut account)?;
    }
    let place = match SavedSession::load(dir)?.map(|session| session.place()) {
        Some(Place::Keyring) => "the keyring",
        Some(Place::File) | None => "a file that only you may read",
    };
    let text = format!(
        "Signed in as {} at {}. The tokens are in {place}.\n",
        account.email,
        account.server.address()
    );
    print(&text)
}

fn by_password(dir: &Path, account: &mut Account) -> Result<(), CommandError> {
    check_owner(dir, &account.email)?;
    if let PasswordSource::Absent = account.password {
        let asked = password::ask(&account.email).map_err(|error| CommandError::System("read the password", error))?;
        account.password = PasswordSource::Given(asked);
    }
    account.sign_in()?;
    Ok(())
}

fn by_code(dir: &Path, account: &mut Account) -> Result<(), CommandError> {
    let code = account
        .server
        .device_code(&account.device.device_id, &account.device_name)?;
    show(&code)?;
    let grant = device_login::confirmed(&account.server, &code, thread::sleep)?;
    account.email = account.server.email(&grant.access_token)?;
    if let Err(error) = check_owner(dir, &account.email) {
        sign_out(account, &grant);
        return Err(error);
    }
    account.take(grant);
    Ok(())
}

/// What waits is not sent for somebody else, so the session is of no use.
fn sign_out(account: &Account, grant: &Grant) {
    if let Err(error) = account.server.logout(&grant.access_token) {
        tracing::warn!(%error, "the new session could not be ended: sign this device out in the list of your devices");
    }
}

fn check_owner(dir: &Path, email: &str) -> Result<(), CommandError> {
    let spool = spool::summary(dir)?;
    match spool.owner.filter(|owner| owner != email && spool.waiting > 0) {
        Some(owner) => Err(not_the_owner(dir, spool.waiting, owner)),
        None => Ok(()),
    }
}

fn show(code: &DeviceCode) -> Result<(), CommandError> {
    let (page, complete) = (
        printable(&code.verification_uri)?,
        printable(&code.verification_uri_complete)?,
    );
    let user_code: String = code.user_code.chars().filter(|c| !c.is_control()).collect();
    let minutes = code.expires_in / 60;
    let text = format!(
        "To sign this device in, open\n\n    {page}\n\nand type the code\n\n    {user_code}\n\nOr open {complete}\nand compare the code. Waiting for up to {minutes} minutes.\n"
    );
    print(&text)?;
    io::stdout()
        .flush()
        .map_err(|error| CommandError::System("print", error))
}

/// An address as it may be shown in a terminal: one of the web, whatever the server says.
fn printable(address: &str) -> Result<String, CommandError> {
    let url = Url::parse(address).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    url.map(String::from).ok_or(CommandError::NoPage)
}
