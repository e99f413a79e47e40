//! People and their sign-ins, in memory.

mod credentials;
mod device_codes;
mod devices;
mod ended;
mod erasure;
mod factors;
mod imports;
mod keys;
mod log;
mod operation;
mod people;
mod privacy;
mod sessions;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};

use domain::accounts::{Device, DeviceId, EntryId, Scopes, SecurityEntry, SessionId, TotpSecret, User, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{
    ApiKeyHash, EndedSession, KeptRules, NewReset, PasswordHash, RecoveryHash, RefreshHash, SecondFactor as FactorInUse,
};

use super::away::Away;

/// Accounts that live as long as the value.
#[derive(Debug, Default)]
pub struct MemoryAccounts {
    kept: Mutex<Kept>,
    away: Away,
}

#[derive(Debug, Default)]
struct Kept {
    people: BTreeMap<UserId, Person>,
    devices: BTreeMap<DeviceId, KeptDevice>,
    sessions: BTreeMap<SessionId, Session>,
    keys: BTreeMap<SessionId, Key>,
    imports: Vec<imports::KeptImport>,
    rules: BTreeMap<UserId, KeptRules>,
    log: BTreeMap<EntryId, SecurityEntry>,
    waiting: Vec<device_codes::Waiting>,
    ended: BTreeSet<EndedSession>,
}

#[derive(Debug)]
struct Person {
    user: User,
    password: PasswordHash,
    password_version: i32,
    disabled: bool,
    devices_ordered: bool,
    waiting: Option<TotpSecret>,
    factor: Option<FactorInUse>,
    recovery: Vec<RecoveryHash>,
    reset: Option<NewReset>,
}

#[derive(Debug)]
struct KeptDevice {
    user: UserId,
    device: Device,
    seen_at: UnixMs,
    seen_from: Option<IpAddr>,
}

#[derive(Debug)]
struct Session {
    user: UserId,
    device: DeviceId,
    used: Option<RefreshHash>,
    /// The oldest first.
    successors: VecDeque<RefreshHash>,
    signed_in_at: UnixMs,
    expires_at: UnixMs,
}

#[derive(Debug)]
struct Key {
    user: UserId,
    device: DeviceId,
    name: String,
    hash: ApiKeyHash,
    scopes: Scopes,
    made_at: UnixMs,
    used_at: Option<UnixMs>,
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

impl Kept {
    fn person(&mut self, user: UserId, attempted: &str) -> Result<&mut Person, PortError> {
        let nobody = || PortError::bug(attempted, "there is no such person");
        self.people.get_mut(&user).ok_or_else(nobody)
    }

    fn write(&mut self, entry: &SecurityEntry) {
        self.log.insert(entry.id, entry.clone());
    }

    fn write_of(&mut self, user: UserId, entry: &SecurityEntry) {
        let user = Some(user);
        self.write(&SecurityEntry { user, ..entry.clone() });
    }

    /// Ends those sessions of a person that `which` is true for.
    fn end_sessions(
        &mut self,
        user: UserId,
        now: UnixMs,
        which: impl Fn(SessionId, &Session) -> bool,
    ) -> Vec<SessionId> {
        let theirs = |id: &SessionId, session: &mut Session| session.user == user && which(*id, session);
        let ended: Vec<_> = self.sessions.extract_if(.., theirs).map(|(id, _)| id).collect();
        self.note_ended(&ended, now);
        ended
    }

    /// Revokes those keys of a person that `which` is true for.
    fn revoke_keys(&mut self, user: UserId, now: UnixMs, which: impl Fn(SessionId, &Key) -> bool) -> Vec<SessionId> {
        let theirs = |id: &SessionId, key: &mut Key| key.user == user && which(*id, key);
        let ended: Vec<_> = self.keys.extract_if(.., theirs).map(|(id, _)| id).collect();
        self.note_ended(&ended, now);
        ended
    }

    fn note_ended(&mut self, ended: &[SessionId], now: UnixMs) {
        let ended = ended.iter().map(|session| EndedSession {
            ended_at: now,
            session: *session,
        });
        self.ended.extend(ended);
    }

    fn devices_of(&self, user: UserId) -> impl Iterator<Item = &KeptDevice> {
        self.devices.values().filter(move |kept| kept.user == user)
    }
}

impl KeptDevice {
    /// Notes that the device was heard of, unless it was later on already.
    fn seen(&mut self, at: UnixMs, from: Option<IpAddr>) {
        if self.seen_at <= at {
            (self.seen_at, self.seen_from) = (at, from.or(self.seen_from));
        }
    }
}

#[cfg(test)]
mod tests {
    use ports::accounts::{ProfileChange, Users};
    use uuid::Uuid;

    use super::*;

    crate::accounts_contract!(((), MemoryAccounts::default()));

    mod ended_sessions {
        use async_trait::async_trait;

        use crate::contract::ended_sessions::EndedSessionsUnderTest;

        use super::*;

        #[async_trait]
        impl EndedSessionsUnderTest for MemoryAccounts {
            async fn keep(&self, ended: EndedSession) {
                let mut kept = self.kept("keep that a session has ended").expect("it is there");
                kept.note_ended(&[ended.session], ended.ended_at);
            }
        }

        crate::ended_sessions_contract!(((), MemoryAccounts::default()));
    }

    mod noted_ends {
        use crate::contract::noted_ends::NotesEnds;

        use super::*;

        impl NotesEnds for MemoryAccounts {
            type Accounts = Self;
            type Ended = Self;

            fn accounts(&self) -> &Self {
                self
            }

            fn ended(&self) -> &Self {
                self
            }
        }

        crate::noted_ends_contract!(((), MemoryAccounts::default()));
    }

    #[tokio::test]
    async fn while_it_is_away_every_call_is_unavailable() {
        let accounts = MemoryAccounts::default();
        accounts.fail(true);
        let id = UserId(Uuid::from_u128(1));
        let change = ProfileChange::default();
        assert!(accounts.by_id(id).await.expect_err("away").is_unavailable());
        assert!(accounts.update(id, &change).await.expect_err("away").is_unavailable());
        accounts.fail(false);
        assert_eq!(accounts.by_id(id).await.expect("back"), None);
    }
}
