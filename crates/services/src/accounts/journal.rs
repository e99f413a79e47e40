//! Makes the entries of the security log.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, EntryId, SecurityEntry, SecurityEvent, UserId};
use domain::time::UnixMs;
use ports::{Clock, Ids};

/// Dates and numbers what happens.
#[derive(Clone)]
pub struct Journal {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

impl Journal {
    /// The present instant.
    pub(crate) fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// That `event` happened to the account of `user`, if it is anybody's, by a request from `address`.
    pub(super) fn entry(&self, event: SecurityEvent, user: Option<UserId>, address: Option<IpAddr>) -> SecurityEntry {
        SecurityEntry {
            id: EntryId(self.ids.new_id()),
            user,
            at: self.clock.now(),
            event,
            device: None,
            session: None,
            address,
            count: None,
        }
    }

    /// That `caller` did it, from the device they are signed in on.
    pub(super) fn entry_of(&self, caller: &Caller, event: SecurityEvent, address: Option<IpAddr>) -> SecurityEntry {
        SecurityEntry {
            device: Some(caller.device),
            session: Some(caller.session),
            ..self.entry(event, Some(caller.user), address)
        }
    }
}
