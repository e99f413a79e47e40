//! Where people are signed in.

use std::cmp::Reverse;

use async_trait::async_trait;
use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{DeviceChange, DeviceState, Devices};

use super::{Kept, KeptDevice, MemoryAccounts, Session};

#[async_trait]
impl Devices for MemoryAccounts {
    async fn list(&self, user: UserId, now: UnixMs) -> Result<Vec<DeviceState>, PortError> {
        let kept = self.kept("list devices")?;
        let states = kept.devices_of(user).filter_map(|device| kept.state(device, now));
        let mut states: Vec<_> = states.collect();
        states.sort_by_key(|state| Reverse((state.device.precedence, state.device.id)));
        Ok(states)
    }

    async fn change(
        &self,
        user: UserId,
        device: DeviceId,
        change: &DeviceChange,
        now: UnixMs,
    ) -> Result<Option<DeviceState>, PortError> {
        let attempted = "change a device";
        let mut kept = self.kept(attempted)?;
        let theirs = kept.devices.get(&device).filter(|device| device.user == user);
        if theirs.and_then(|device| kept.state(device, now)).is_none() {
            return Ok(None);
        }
        if change.precedence.is_some() {
            kept.person(user, attempted)?.devices_ordered = true;
        }
        let changed = kept.devices.get_mut(&device).map(|kept| &mut kept.device);
        let changed = changed.expect("it was there just now");
        if let Some(name) = &change.name {
            changed.name.clone_from(name);
        }
        changed.precedence = change.precedence.unwrap_or(changed.precedence);
        Ok(kept.state(&kept.devices[&device], now))
    }
}

impl Kept {
    /// How a device stands at `now`; `None` when it is not signed in and has no API key.
    fn state(&self, kept: &KeptDevice, now: UnixMs) -> Option<DeviceState> {
        let id = kept.device.id;
        let is_session = |session: &Session| session.device == id && now < session.expires_at;
        let session = self.sessions.iter().find(|(_, session)| is_session(session));
        let key = self.keys.iter().find(|(_, key)| key.device == id);
        let signed_in_at = session.map(|(_, session)| session.signed_in_at);
        let made_at = key.map(|(_, key)| key.made_at);
        Some(DeviceState {
            device: kept.device.clone(),
            session: session.map(|(id, _)| *id),
            api_key: key.map(|(id, _)| *id),
            signed_in_at: signed_in_at.or(made_at)?,
            last_seen_at: kept.seen_at,
            last_address: kept.seen_from,
        })
    }
}
