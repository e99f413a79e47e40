//! `daybook-agent login`.

use std::path::Path;

use crate::account::PasswordSource;
use crate::files;
use crate::password;
use crate::settings::AccountSettings;
use crate::spool;

use super::{CommandError, account, not_the_owner, print};

/// Signs in and saves the session.
pub fn login(dir: &Path, settings: &AccountSettings) -> Result<(), CommandError> {
    files::make_private_dir(dir)?;
    let mut account = account(dir, settings)?;
    let spool = spool::summary(dir)?;
    if let Some(owner) = spool.owner.filter(|owner| *owner != account.email && spool.waiting > 0) {
        return Err(not_the_owner(dir, spool.waiting, owner));
    }
    if let PasswordSource::Absent = account.password {
        let asked = password::ask(&account.email).map_err(|error| CommandError::System("read the password", error))?;
        account.password = PasswordSource::Given(asked);
    }
    account.sign_in()?;
    let text = format!("Signed in as {} at {}.\n", account.email, account.server.address());
    print(&text)
}
