//! Devices of imported history.

use std::cmp::Reverse;

use async_trait::async_trait;
use domain::accounts::{DeviceId, ImportDevice, PRECEDENCE_MIN, SecurityEntry, UserId};
use domain::usage::Patience;
use ports::PortError;
use ports::accounts::{IMPORT_DEVICES_MAX, ImportDevices, ImportPlace, NewImport};

use super::{Kept, MemoryAccounts};

/// One of them.
#[derive(Debug)]
pub(super) struct KeptImport {
    pub(super) user: UserId,
    device: ImportDevice,
    patience: Patience,
    removed: bool,
}

#[async_trait]
impl ImportDevices for MemoryAccounts {
    async fn keep(&self, import: &NewImport) -> Result<ImportPlace, PortError> {
        let mut kept = self.kept("keep a device of imported history")?;
        let place = kept.place(import);
        let ImportPlace::Device {
            id,
            precedence,
            patience,
        } = place
        else {
            return Ok(place);
        };
        match kept.imports.iter_mut().find(|kept| kept.device.id == id) {
            Some(known) => {
                known.device.used_at = known.device.used_at.max(import.now);
                known.removed = false;
            }
            None => kept.imports.push(KeptImport {
                user: import.user,
                device: ImportDevice {
                    id,
                    source: import.source.clone(),
                    name: import.source.as_str().to_owned(),
                    precedence,
                    made_at: import.now,
                    used_at: import.now,
                },
                patience,
                removed: false,
            }),
        }
        Ok(place)
    }

    async fn foresee(&self, import: &NewImport) -> Result<ImportPlace, PortError> {
        Ok(self.kept("look for a device of imported history")?.place(import))
    }

    async fn list(&self, user: UserId) -> Result<Vec<ImportDevice>, PortError> {
        let kept = self.kept("list devices of imported history")?;
        let theirs = kept.imports.iter().filter(|kept| kept.user == user && !kept.removed);
        let mut devices: Vec<_> = theirs.map(|kept| kept.device.clone()).collect();
        devices.sort_by_key(|device| Reverse(device.precedence));
        Ok(devices)
    }

    async fn rename(
        &self,
        user: UserId,
        device: DeviceId,
        name: Option<&str>,
    ) -> Result<Option<ImportDevice>, PortError> {
        let mut kept = self.kept("rename a device of imported history")?;
        Ok(kept.listed_import(user, device).map(|kept| {
            if let Some(name) = name {
                name.clone_into(&mut kept.device.name);
            }
            kept.device.clone()
        }))
    }

    async fn remove(&self, user: UserId, device: DeviceId, entry: &SecurityEntry) -> Result<bool, PortError> {
        let mut kept = self.kept("remove a device of imported history")?;
        let Some(listed) = kept.listed_import(user, device) else {
            return Ok(false);
        };
        listed.removed = true;
        kept.write(entry);
        Ok(true)
    }
}

impl Kept {
    fn place(&self, import: &NewImport) -> ImportPlace {
        let person = self.people.get(&import.user).filter(|person| !person.disabled);
        let Some(person) = person else {
            return ImportPlace::Gone;
        };
        let theirs = || self.imports.iter().filter(|kept| kept.user == import.user);
        let known = theirs().find(|kept| kept.device.source == import.source);
        if known.is_none() && theirs().count() >= IMPORT_DEVICES_MAX {
            return ImportPlace::TooMany;
        }
        let least = theirs().map(|kept| kept.device.precedence).min();
        let below = least.unwrap_or(PRECEDENCE_MIN) - 1;
        ImportPlace::Device {
            id: known.map_or(import.new_device, |kept| kept.device.id),
            precedence: known.map_or(below, |kept| kept.device.precedence),
            patience: known.map_or(person.user.heartbeat_timeout, |kept| kept.patience),
        }
    }

    fn listed_import(&mut self, user: UserId, device: DeviceId) -> Option<&mut KeptImport> {
        let mut theirs = self.imports.iter_mut().filter(|kept| kept.user == user);
        theirs.find(|kept| kept.device.id == device && !kept.removed)
    }
}
