//! People and their sign-ins, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use domain::accounts::{Caller, Device, DeviceId, Email, SessionId, User, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{PasswordHash, ProfileChange, RefreshHash, Rotate, Rotation, Sessions, SignIn, Users};

use super::away::Away;

/// MemoryAccounts that live as long as the value.
#[derive(Debug, Default)]
pub struct MemoryAccounts {
    kept: Mutex<Kept>,
    away: Away,
}

#[derive(Debug, Default)]
struct Kept {
    users: BTreeMap<UserId, (User, PasswordHash)>,
    devices: BTreeMap<DeviceId, (UserId, Device)>,
    sessions: BTreeMap<SessionId, Session>,
}

#[derive(Debug)]
struct Session {
    device: DeviceId,
    newest: RefreshHash,
    before: Option<RefreshHash>,
    expires_at: UnixMs,
}

impl MemoryAccounts {
    /// From now on every call fails as if the database were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    fn kept(&self, attempted: &str) -> Result<MutexGuard<'_, Kept>, PortError> {
        self.away.check(attempted)?;
        Ok(self.kept.lock().expect("no test panicked while it wrote"))
    }
}

#[async_trait]
impl Users for MemoryAccounts {
    async fn insert(&self, user: &User, password: &PasswordHash) -> Result<bool, PortError> {
        let mut kept = self.kept("keep a new person")?;
        if kept.users.values().any(|(other, _)| other.email == user.email) {
            return Ok(false);
        }
        kept.users.insert(user.id, (user.clone(), password.clone()));
        Ok(true)
    }

    async fn by_email(&self, email: &Email) -> Result<Option<(User, PasswordHash)>, PortError> {
        let kept = self.kept("read the person of an e-mail address")?;
        Ok(kept.users.values().find(|(user, _)| user.email == *email).cloned())
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, PortError> {
        let kept = self.kept("read a person")?;
        Ok(kept.users.get(&id).map(|(user, _)| user.clone()))
    }

    async fn update(&self, id: UserId, change: &ProfileChange) -> Result<Option<User>, PortError> {
        let mut kept = self.kept("change a profile")?;
        let Some((user, _)) = kept.users.get_mut(&id) else {
            return Ok(None);
        };
        if let Some(full_name) = &change.full_name {
            user.full_name = full_name.clone();
        }
        user.timezone = change.timezone.unwrap_or(user.timezone);
        user.day_start = change.day_start.unwrap_or(user.day_start);
        Ok(Some(user.clone()))
    }
}

#[async_trait]
impl Sessions for MemoryAccounts {
    async fn sign_in(&self, sign_in: &SignIn) -> Result<Device, PortError> {
        let mut kept = self.kept("sign a device in")?;
        if !kept.users.contains_key(&sign_in.user) {
            return Err(PortError::bug("sign a device in", "there is no such person"));
        }
        let device = kept.sign_in_device(sign_in);
        kept.sessions.retain(|_, session| session.device != device.id);
        let session = Session {
            device: device.id,
            newest: sign_in.refresh,
            before: None,
            expires_at: sign_in.expires_at,
        };
        kept.sessions.insert(sign_in.session, session);
        Ok(device)
    }

    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, PortError> {
        let mut kept = self.kept("rotate a refresh token")?;
        let kept = &mut *kept;
        let Some(session) = kept.sessions.get_mut(&rotate.session) else {
            return Ok(Rotation::Unknown);
        };
        if session.expires_at <= rotate.now {
            return Ok(Rotation::Unknown);
        }
        if rotate.shown != session.newest && Some(rotate.shown) != session.before {
            kept.sessions.remove(&rotate.session);
            return Ok(Rotation::Replayed);
        }
        session.before = Some(rotate.shown);
        session.newest = rotate.successor;
        session.expires_at = rotate.expires_at;
        let (user, device) = kept.devices[&session.device].clone();
        let caller = Caller {
            user,
            device: device.id,
            session: rotate.session,
            precedence: device.precedence,
        };
        Ok(Rotation::Rotated { caller, device })
    }
}

impl Kept {
    fn sign_in_device(&mut self, sign_in: &SignIn) -> Device {
        let theirs = || self.devices.values().filter(|(user, _)| *user == sign_in.user);
        let known = theirs()
            .find(|(_, device)| device.key == sign_in.key)
            .map(|(_, device)| device.clone());
        let mut device = known.unwrap_or_else(|| Device {
            id: sign_in.new_device,
            key: sign_in.key.clone(),
            name: sign_in.key.as_str().to_owned(),
            platform: None,
            precedence: 0,
        });
        let others = theirs().filter(|(_, other)| other.id != device.id);
        let others_max = others.map(|(_, other)| other.precedence).max().unwrap_or(0);
        if device.precedence <= others_max {
            device.precedence = others_max + 1;
        }
        if let Some(name) = &sign_in.name {
            device.name.clone_from(name);
        }
        device.platform = sign_in.platform.clone().or(device.platform);
        self.devices.insert(device.id, (sign_in.user, device.clone()));
        device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::accounts_contract!(((), MemoryAccounts::default()));

    #[tokio::test]
    async fn while_it_is_away_every_call_is_unavailable() {
        let accounts = MemoryAccounts::default();
        accounts.fail(true);
        let id = UserId(uuid::Uuid::from_u128(1));
        assert!(accounts.by_id(id).await.expect_err("away").is_unavailable());
        assert!(
            accounts
                .update(id, &ProfileChange::default())
                .await
                .expect_err("away")
                .is_unavailable()
        );
        accounts.fail(false);
        assert_eq!(accounts.by_id(id).await.expect("back"), None);
    }
}
