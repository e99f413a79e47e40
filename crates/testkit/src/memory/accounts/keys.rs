//! API keys.

use std::cmp::Reverse;

use async_trait::async_trait;
use domain::accounts::{Caller, Device, DeviceKey, SecurityEntry, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{
    API_KEYS_MAX, ApiKeyHash, ApiKeyState, ApiKeyUse, ApiKeys, DEVICES_MAX, KeyHolder, NewApiKey, NewKeyOutcome,
};

use super::{Kept, KeptDevice, Key, MemoryAccounts};

#[async_trait]
impl ApiKeys for MemoryAccounts {
    async fn insert(&self, key: &NewApiKey) -> Result<NewKeyOutcome, PortError> {
        let mut kept = self.kept("keep an API key")?;
        if !kept.people.contains_key(&key.user) {
            return Ok(NewKeyOutcome::Gone);
        }
        let keys = kept.keys.values().filter(|other| other.user == key.user).count();
        if keys >= API_KEYS_MAX || kept.devices_of(key.user).count() >= DEVICES_MAX {
            return Ok(NewKeyOutcome::TooMany);
        }
        let device = kept.new_device(key);
        kept.devices.insert(key.device, device);
        let new = Key {
            user: key.user,
            device: key.device,
            name: key.name.clone(),
            hash: key.hash,
            scopes: key.scopes,
            made_at: key.now,
            used_at: None,
        };
        kept.keys.insert(key.id, new);
        kept.write(&key.entry);
        Ok(NewKeyOutcome::Kept)
    }

    async fn list(&self, user: UserId) -> Result<Vec<ApiKeyState>, PortError> {
        let kept = self.kept("list API keys")?;
        let theirs = kept.keys.iter().filter(|(_, key)| key.user == user);
        let states = theirs.map(|(id, key)| ApiKeyState {
            id: *id,
            name: key.name.clone(),
            scopes: key.scopes,
            device: key.device,
            device_name: kept.devices[&key.device].device.name.clone(),
            created_at: key.made_at,
            last_used_at: key.used_at,
        });
        let mut states: Vec<_> = states.collect();
        states.sort_by_key(|state| Reverse((state.created_at, state.id)));
        Ok(states)
    }

    async fn revoke(
        &self,
        user: UserId,
        key: SessionId,
        now: UnixMs,
        entry: &SecurityEntry,
    ) -> Result<bool, PortError> {
        let mut kept = self.kept("revoke an API key")?;
        let is_revoked = !kept.revoke_keys(user, now, |id, _| id == key).is_empty();
        if is_revoked {
            kept.write(entry);
        }
        Ok(is_revoked)
    }

    async fn by_hash(&self, hash: ApiKeyHash) -> Result<Option<KeyHolder>, PortError> {
        let kept = self.kept("read who an API key speaks for")?;
        let key = kept.keys.iter().find(|(_, key)| key.hash == hash);
        let key = key.filter(|(_, key)| !kept.people[&key.user].disabled);
        Ok(key.map(|(id, key)| KeyHolder {
            caller: Caller {
                user: key.user,
                device: key.device,
                session: *id,
                precedence: kept.devices[&key.device].device.precedence,
            },
            scopes: key.scopes,
            patience: kept.people[&key.user].user.heartbeat_timeout,
        }))
    }

    async fn used(&self, uses: &[ApiKeyUse]) -> Result<(), PortError> {
        let mut kept = self.kept("note that API keys were used")?;
        let kept = &mut *kept;
        for used in uses {
            let key = kept.keys.get_mut(&used.key).filter(|key| key.user == used.user);
            let Some(key) = key else {
                continue;
            };
            key.used_at = key.used_at.max(Some(used.at));
            if let Some(device) = kept.devices.get_mut(&key.device) {
                device.seen(used.at, used.address);
            }
        }
        Ok(())
    }
}

impl Kept {
    fn new_device(&self, key: &NewApiKey) -> KeptDevice {
        KeptDevice {
            user: key.user,
            device: Device {
                id: key.device,
                key: DeviceKey::parse(&format!("api-key:{}", key.id)).expect("visible characters, fewer than 128"),
                name: key.device_name.clone(),
                platform: None,
                precedence: self.above_others(key.user, key.device),
            },
            seen_at: key.now,
            seen_from: None,
        }
    }
}
