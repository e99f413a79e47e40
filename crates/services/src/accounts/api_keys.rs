//! Makes, shows and revokes a person's API keys.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{ApiKeyText, Caller, DeviceId, Scopes, SecurityEvent, SessionId};
use ports::accounts::{ApiKeyState, ApiKeys as ApiKeyStore, KeyMaker, NewApiKey, NewKeyOutcome};

use super::{AccountsError, Endings, Journal};

/// The use case.
#[derive(Clone)]
pub struct ApiKeys {
    /// Where keys are kept.
    pub keys: Arc<dyn ApiKeyStore>,
    /// Makes keys.
    pub maker: Arc<dyn KeyMaker>,
    /// Tells every node of ends.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

/// A key that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedKey {
    /// What the person calls it.
    pub name: String,
    /// What its device is called; as the key, when not given.
    pub device_name: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
}

/// A key that has been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKey {
    /// The key itself, which is never shown again.
    pub text: ApiKeyText,
    /// How it stands.
    pub state: ApiKeyState,
}

impl ApiKeys {
    /// Makes a key for the caller.
    ///
    /// # Errors
    /// [`AccountsError::TooManyKeys`], [`AccountsError::AccountGone`], or something outside.
    pub async fn make(
        &self,
        caller: &Caller,
        wanted: WantedKey,
        address: Option<IpAddr>,
    ) -> Result<MadeKey, AccountsError> {
        let (text, hash) = self.maker.make()?;
        let now = self.journal.now();
        let device = DeviceId(self.journal.ids.new_id());
        let mut entry = self.journal.entry_of(caller, SecurityEvent::ApiKeyCreated, address);
        entry.device = Some(device);
        let key = NewApiKey {
            id: SessionId(self.journal.ids.new_id()),
            user: caller.user,
            device,
            device_name: wanted.device_name.unwrap_or_else(|| wanted.name.clone()),
            name: wanted.name,
            hash,
            scopes: wanted.scopes,
            now,
            entry,
        };
        match self.keys.insert(&key).await? {
            NewKeyOutcome::Kept => {}
            NewKeyOutcome::TooMany => return Err(AccountsError::TooManyKeys),
            NewKeyOutcome::Gone => return Err(AccountsError::AccountGone),
        }
        let state = ApiKeyState {
            id: key.id,
            name: key.name,
            scopes: key.scopes,
            device,
            device_name: key.device_name,
            created_at: now,
            last_used_at: None,
        };
        Ok(MadeKey { text, state })
    }

    /// The caller's keys, newest first.
    ///
    /// # Errors
    /// Something outside.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<ApiKeyState>, AccountsError> {
        Ok(self.keys.list(caller.user).await?)
    }

    /// Revokes a key of the caller, on every node within a second.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchKey`], or something outside.
    pub async fn revoke(&self, caller: &Caller, key: SessionId, address: Option<IpAddr>) -> Result<(), AccountsError> {
        let entry = self.journal.entry_of(caller, SecurityEvent::ApiKeyRevoked, address);
        if !self.keys.revoke(caller.user, key, self.journal.now(), &entry).await? {
            return Err(AccountsError::NoSuchKey);
        }
        Ok(self.endings.announce(&[key]).await?)
    }
}
