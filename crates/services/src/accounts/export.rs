//! Everything that is kept of a person's account, for themselves.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, ImportDevice, SecurityEntry, SecurityEvent, User};
use ports::accounts::{
    ApiKeyState, ApiKeys, DeviceState, Devices, ImportDevices, KeptRules, PrivacyStore, SecurityLog, Users,
};

use super::{AccountsError, Journal};

/// How many entries of the log are read at once.
const LOG_PAGE: usize = 1_000;

/// The use case.
#[derive(Clone)]
pub struct ExportAccount {
    /// Where people are kept.
    pub users: Arc<dyn Users>,
    /// Where devices are kept.
    pub devices: Arc<dyn Devices>,
    /// Where those of imported history are kept.
    pub imports: Arc<dyn ImportDevices>,
    /// Where API keys are kept.
    pub keys: Arc<dyn ApiKeys>,
    /// Where privacy rules are kept.
    pub privacy: Arc<dyn PrivacyStore>,
    /// What happened.
    pub log: Arc<dyn SecurityLog>,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

/// An account, without what is secret even from its person: hashes, and secrets that are shown once.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedAccount {
    /// The person.
    pub user: User,
    /// Whether they use a second factor.
    pub second_factor: bool,
    /// Where they are signed in.
    pub devices: Vec<DeviceState>,
    /// From where they imported history.
    pub imports: Vec<ImportDevice>,
    /// Their API keys.
    pub keys: Vec<ApiKeyState>,
    /// Their privacy rules.
    pub privacy: KeptRules,
    /// Their security log, newest first.
    pub log: Vec<SecurityEntry>,
}

impl ExportAccount {
    /// The caller's account. That it was exported is noted first, and so is part of it.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`], or something outside.
    pub async fn export(&self, caller: &Caller, address: Option<IpAddr>) -> Result<ExportedAccount, AccountsError> {
        let account = self.users.account(caller.user).await?;
        let account = account.ok_or(AccountsError::AccountGone)?;
        let entry = self.journal.entry_of(caller, SecurityEvent::Exported, address);
        self.log.record(&entry).await?;
        Ok(ExportedAccount {
            user: account.user,
            second_factor: account.second_factor.is_some(),
            devices: self.devices.list(caller.user, self.journal.now()).await?,
            imports: self.imports.list(caller.user).await?,
            keys: self.keys.list(caller.user).await?,
            privacy: self.privacy.rules(caller.user).await?,
            log: self.whole_log(caller).await?,
        })
    }

    async fn whole_log(&self, caller: &Caller) -> Result<Vec<SecurityEntry>, AccountsError> {
        let mut log: Vec<SecurityEntry> = Vec::new();
        loop {
            let before = log.last().map(|entry| entry.id);
            let page = self.log.page(caller.user, before, LOG_PAGE).await?;
            let is_last = page.len() < LOG_PAGE;
            log.extend(page);
            if is_last {
                return Ok(log);
            }
        }
    }
}
