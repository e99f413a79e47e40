//! Shows a person where they are signed in, renames and orders devices, and signs them out.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, DeviceId, ImportDevice, SecurityEvent};
use domain::fault::Fault;
use ports::accounts::{
    Announcements, DeviceChange, DeviceState, Devices as DeviceStore, End, ImportDevices, Sessions, StandingChange,
    Which,
};

use super::{AccountsError, Endings, Journal};

/// The use case.
#[derive(Clone)]
pub struct Devices {
    /// Where devices are kept.
    pub devices: Arc<dyn DeviceStore>,
    /// Where those of imported history are kept.
    pub imports: Arc<dyn ImportDevices>,
    /// Where sign-ins are kept.
    pub sessions: Arc<dyn Sessions>,
    /// How nodes are told of a new order.
    pub announcements: Arc<dyn Announcements>,
    /// Tells every node of ends.
    pub endings: Endings,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl Devices {
    /// The caller's devices that are signed in or have an API key, the one that wins first.
    ///
    /// # Errors
    /// Something outside.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<DeviceState>, AccountsError> {
        Ok(self.devices.list(caller.user, self.journal.now()).await?)
    }

    /// The caller's devices of imported history that they did not remove, the one that wins first: all of them come after those that they sign in on.
    ///
    /// # Errors
    /// Something outside.
    pub async fn imports(&self, caller: &Caller) -> Result<Vec<ImportDevice>, AccountsError> {
        Ok(self.imports.list(caller.user).await?)
    }

    /// Changes a device of imported history of the caller. It has no other precedence than it was made with: what was imported never takes the place of what was
    /// recorded.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchDevice`], [`AccountsError::Invalid`] for a precedence, or something outside.
    pub async fn change_import(
        &self,
        caller: &Caller,
        device: DeviceId,
        change: &DeviceChange,
    ) -> Result<ImportDevice, AccountsError> {
        let name = change.name.as_deref().filter(|_| change.precedence.is_none());
        let changed = self.imports.rename(caller.user, device, name).await?;
        let changed = changed.ok_or(AccountsError::NoSuchDevice)?;
        if change.precedence.is_some() {
            let detail = "a device of imported history stays below all that one signs in on";
            return Err(AccountsError::Invalid(vec![Fault::new(
                "precedence",
                "of_import",
                detail,
            )]));
        }
        Ok(changed)
    }

    /// Changes a device of the caller. A new precedence holds for every ping that is accepted from then on, on every node.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchDevice`], or something outside.
    pub async fn change(
        &self,
        caller: &Caller,
        device: DeviceId,
        change: &DeviceChange,
    ) -> Result<DeviceState, AccountsError> {
        let changed = self
            .devices
            .change(caller.user, device, change, self.journal.now())
            .await?;
        let changed = changed.ok_or(AccountsError::NoSuchDevice)?;
        if let Some(precedence) = change.precedence {
            let sessions = changed.session.into_iter().chain(changed.api_key);
            let standings: Vec<_> = sessions
                .map(|session| StandingChange::Precedence { session, precedence })
                .collect();
            self.announcements.announce(&standings).await?;
        }
        Ok(changed)
    }

    /// Signs a device of the caller out; an API key that it has is revoked. One of imported history is not listed any more until something is imported to it again.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchDevice`] when it is not signed in and holds no imported history; or something outside.
    pub async fn sign_out(
        &self,
        caller: &Caller,
        device: DeviceId,
        address: Option<IpAddr>,
    ) -> Result<(), AccountsError> {
        let mut entry = self.journal.entry_of(caller, SecurityEvent::DeviceRevoked, address);
        // The one that was signed out; the session tells from where.
        entry.device = Some(device);
        let end = End {
            user: caller.user,
            which: Which::OfDevice(device),
            now: self.journal.now(),
            entry,
        };
        let ended = self.sessions.end(&end).await?;
        if ended.is_empty() {
            let is_removed = self.imports.remove(caller.user, device, &end.entry).await?;
            return is_removed.then_some(()).ok_or(AccountsError::NoSuchDevice);
        }
        Ok(self.endings.announce(&ended).await?)
    }
}
