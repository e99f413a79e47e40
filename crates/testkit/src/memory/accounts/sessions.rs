//! Sign-ins.

use std::collections::VecDeque;

use async_trait::async_trait;
use domain::accounts::{Caller, Device, DeviceId, SecurityEntry, SessionId, UserId};
use ports::PortError;
use ports::accounts::{DEVICES_MAX, End, Rotate, Rotation, Sessions, SignIn, SignInOutcome, Which};

use super::{Kept, KeptDevice, MemoryAccounts, Session};

#[async_trait]
impl Sessions for MemoryAccounts {
    async fn sign_in(&self, sign_in: &SignIn) -> Result<SignInOutcome, PortError> {
        Ok(self.kept("sign a device in")?.sign_in(sign_in))
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, PortError> {
        let mut kept = self.kept("rotate a refresh token")?;
        let kept = &mut *kept;
        let session = kept.sessions.get_mut(&rotate.session);
        let Some(session) = session.filter(|session| rotate.now < session.expires_at) else {
            return Ok(Rotation::Unknown);
        };
        let (user, device) = (session.user, session.device);
        if !session.take(rotate) {
            kept.end_sessions(user, rotate.now, |id, _| id == rotate.session);
            kept.write(&SecurityEntry {
                user: Some(user),
                device: Some(device),
                session: Some(rotate.session),
                ..rotate.entry.clone()
            });
            return Ok(Rotation::Replayed);
        }
        let device = kept.devices.get_mut(&device).expect("a session has a device");
        device.seen(rotate.now, rotate.address);
        let device = device.device.clone();
        let caller = Caller {
            user,
            device: device.id,
            session: rotate.session,
            precedence: device.precedence,
        };
        Ok(Rotation::Rotated { caller, device })
    }

    async fn end(&self, end: &End) -> Result<Vec<SessionId>, PortError> {
        let mut kept = self.kept("end sessions")?;
        let End { user, now, .. } = *end;
        let ended = match end.which {
            Which::One(one) => kept.end_sessions(user, now, |id, _| id == one),
            Which::OfDevice(device) => {
                let mut ended = kept.end_sessions(user, now, |_, session| session.device == device);
                ended.extend(kept.revoke_keys(user, now, |_, key| key.device == device));
                ended
            }
            Which::All => kept.end_sessions(user, now, |_, _| true),
        };
        if !ended.is_empty() {
            kept.write(&end.entry);
        }
        Ok(ended)
    }
}

impl Session {
    /// Replaces the token by its successor; `false` when it is neither the one that was used last nor one of those made for that.
    fn take(&mut self, rotate: &Rotate) -> bool {
        if self.successors.contains(&rotate.shown) {
            self.used = Some(rotate.shown);
            self.successors.clear();
        } else if self.used != Some(rotate.shown) {
            return false;
        }
        if self.successors.len() == Rotate::SUCCESSORS_MAX {
            self.successors.pop_front();
        }
        self.successors.push_back(rotate.successor);
        self.expires_at = rotate.expires_at;
        true
    }
}

impl Kept {
    /// Signs a device in, whoever checked that it may.
    pub(super) fn sign_in(&mut self, sign_in: &SignIn) -> SignInOutcome {
        let Some(person) = self.people.get(&sign_in.user) else {
            return SignInOutcome::Outdated;
        };
        if person.disabled || person.password_version != sign_in.password_version {
            return SignInOutcome::Outdated;
        }
        let ordered = person.devices_ordered;
        let Some(device) = self.device_of(sign_in, ordered) else {
            return SignInOutcome::TooManyDevices;
        };
        let replaced = self.end_sessions(sign_in.user, sign_in.now, |_, session| session.device == device.id);
        let session = Session {
            user: sign_in.user,
            device: device.id,
            used: None,
            successors: VecDeque::from([sign_in.refresh]),
            signed_in_at: sign_in.now,
            expires_at: sign_in.expires_at,
        };
        self.sessions.insert(sign_in.session, session);
        self.write(&SecurityEntry {
            device: Some(device.id),
            ..sign_in.entry.clone()
        });
        let replaced = replaced.first().copied();
        SignInOutcome::SignedIn { device, replaced }
    }

    /// The device that signs in as it is from then on; `None` when it would be one too many.
    fn device_of(&mut self, sign_in: &SignIn, ordered: bool) -> Option<Device> {
        let known = self
            .devices_of(sign_in.user)
            .find(|kept| kept.device.key == sign_in.key);
        let known = known.map(|kept| kept.device.clone());
        if known.is_none() && self.devices_of(sign_in.user).count() >= DEVICES_MAX {
            return None;
        }
        let is_placed = ordered && known.is_some();
        let mut device = known.unwrap_or_else(|| Device {
            id: sign_in.new_device,
            key: sign_in.key.clone(),
            name: sign_in.key.as_str().to_owned(),
            platform: None,
            precedence: 0,
        });
        if !is_placed {
            device.precedence = device.precedence.max(self.above_others(sign_in.user, device.id));
        }
        if let Some(name) = &sign_in.name {
            device.name.clone_from(name);
        }
        device.platform = sign_in.platform.clone().or(device.platform);
        let kept = KeptDevice {
            user: sign_in.user,
            device: device.clone(),
            seen_at: sign_in.now,
            seen_from: sign_in.address,
        };
        self.devices.insert(device.id, kept);
        Some(device)
    }

    /// A precedence above that of all devices of a person but one.
    pub(super) fn above_others(&self, user: UserId, but: DeviceId) -> i32 {
        let others = self.devices_of(user).filter(|other| other.device.id != but);
        others.map(|other| other.device.precedence).max().unwrap_or(0) + 1
    }
}
