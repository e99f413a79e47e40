//! Shows a person where they are signed in, renames and orders devices, and signs them out.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, DeviceId, SecurityEvent};
use ports::accounts::{
    Announcements, DeviceChange, DeviceState, Devices as DeviceStore, End, Sessions, StandingChange, Which,
};

use super::{AccountsError, Endings, Journal};

/// The use case.
#[derive(Clone)]
pub struct Devices {
    /// Where devices are kept.
    pub devices: Arc<dyn DeviceStore>,
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

    /// Signs a device of the caller out; an API key that it has is revoked.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchDevice`] when it is not signed in; or something outside.
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
            return Err(AccountsError::NoSuchDevice);
        }
        Ok(self.endings.announce(&ended).await?)
    }
}
