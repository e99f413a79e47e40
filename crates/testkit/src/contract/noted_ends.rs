//! That whatever ends a session notes it where the nodes look.

use domain::accounts::{SecurityEvent, SessionId, User};
use domain::time::UnixMs;
use ports::accounts::{
    AccountErasure, ApiKeys, Credentials, EndedSession, EndedSessions, Operation, PasswordChange, PasswordHash,
    Rotation, Sessions, Users, Which,
};
use uuid::Uuid;

use super::accounts::{
    api_key, end, entry, has_key, registered, reset, rotate, session, sign_in, signed_in, unowned, used,
};

/// Where accounts are kept, and where the sessions that have ended in them are read.
pub trait NotesEnds: Send + Sync {
    /// What ends sessions.
    type Accounts: Users + Sessions + ApiKeys + Credentials + AccountErasure + Operation;
    /// What tells of them.
    type Ended: EndedSessions;

    /// Without anybody yet.
    fn accounts(&self) -> &Self::Accounts;

    /// Over the same store.
    fn ended(&self) -> &Self::Ended;
}

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh [`NotesEnds`] after what must outlive it.
#[macro_export]
macro_rules! noted_ends_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            noted_ends,
            $home,
            [
                every_session_that_is_signed_out_is_noted,
                every_session_that_a_change_of_the_account_ends_is_noted,
                every_session_that_goes_with_its_account_is_noted,
            ]
        );
    };
}

/// 2026-03-31T12:00:00.250Z.
const NOW: UnixMs = UnixMs(1_774_958_400_250);
const START: EndedSession = EndedSession {
    ended_at: UnixMs(0),
    session: SessionId(Uuid::nil()),
};

async fn noted<H: NotesEnds>(home: &H) -> Vec<EndedSession> {
    home.ended().after(START, 1_000).await.expect("read")
}

fn ended(ms: i64, id: u128) -> EndedSession {
    EndedSession {
        ended_at: NOW.plus_ms(ms),
        session: session(id),
    }
}

/// By itself, by its device, with all others, by signing in again, by a replay; and a key that is revoked. With the instant of each.
pub async fn every_session_that_is_signed_out_is_noted<H: NotesEnds>(home: &H) {
    let accounts = home.accounts();
    let ada = registered(accounts, 1).await;
    for (key, id) in [("a", 10), ("b", 11), ("c", 12), ("d", 13), ("e", 14)] {
        signed_in(accounts, &ada, key, id).await;
    }
    has_key(accounts, &api_key(&ada, 20)).await;
    has_key(accounts, &api_key(&ada, 21)).await;
    assert_eq!(noted(home).await, []);
    let device = |id| Which::OfDevice(domain::accounts::DeviceId(Uuid::from_u128(id)));
    for (which, ms) in [(Which::One(session(10)), 0), (device(11), 1), (device(20), 2)] {
        let mut end = end(&ada, which);
        end.now = NOW.plus_ms(ms);
        accounts.end(&end).await.expect("end");
    }
    let mut again = sign_in(&ada, "c", 15);
    again.now = NOW.plus_ms(3);
    accounts.sign_in(&again).await.expect("sign in");
    let mut replay = rotate(13, 99, 30);
    replay.now = NOW.plus_ms(4);
    let replayed = accounts.rotate(&replay).await.expect("rotate");
    assert_eq!(replayed, Rotation::Replayed);
    let of_key = entry(&ada, SecurityEvent::ApiKeyRevoked);
    let revoked = accounts.revoke(ada.id, session(21), NOW.plus_ms(5), &of_key).await;
    assert!(revoked.expect("revoke"));
    let mut all = end(&ada, Which::All);
    all.now = NOW.plus_ms(6);
    accounts.end(&all).await.expect("end");
    accounts.end(&all).await.expect("end again");
    let expected = [
        ended(0, 10),
        ended(1, 11),
        ended(2, 20),
        ended(3, 12),
        ended(4, 13),
        ended(5, 21),
        ended(6, 14),
        ended(6, 15),
    ];
    assert_eq!(noted(home).await, expected);
}

fn change(user: &User, keep: Option<SessionId>, ms: i64) -> PasswordChange {
    PasswordChange {
        user: user.id,
        password: PasswordHash("new".to_owned()),
        keep,
        now: NOW.plus_ms(ms),
        entry: entry(user, SecurityEvent::PasswordChanged),
    }
}

/// By a new password, by a reset, and by closing the account, which ends its API keys too as far as nodes are concerned.
pub async fn every_session_that_a_change_of_the_account_ends_is_noted<H: NotesEnds>(home: &H) {
    let accounts = home.accounts();
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    let change = change(&ada, Some(session(11)), 0);
    accounts.change_password(&change).await.expect("change");
    assert_eq!(noted(home).await, [ended(0, 10)]);
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    let mut used = used(1, "newer");
    used.now = NOW.plus_ms(1);
    let set = accounts.reset_password(&used).await.expect("reset");
    assert_eq!(set, Some(vec![session(11)]));
    assert_eq!(noted(home).await, [ended(0, 10), ended(1, 11)]);
    let account = accounts.account(ada.id).await.expect("read").expect("somebody");
    let mut again = sign_in(&ada, "a", 12);
    again.password_version = account.password_version;
    accounts.sign_in(&again).await.expect("sign in");
    let entry = unowned(SecurityEvent::Disabled);
    let closed = accounts.set_disabled(&ada.email, true, NOW.plus_ms(2), &entry).await;
    assert!(closed.expect("close").is_some());
    let expected = [ended(0, 10), ended(1, 11), ended(2, 12), ended(2, 20)];
    assert_eq!(noted(home).await, expected);
}

/// It stays noted, though nothing else is left of its person.
pub async fn every_session_that_goes_with_its_account_is_noted<H: NotesEnds>(home: &H) {
    let accounts = home.accounts();
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "a", 11).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    accounts.erase(ada.id, NOW.plus_ms(1)).await.expect("erase");
    let expected = [ended(0, 10), ended(1, 11), ended(1, 20)];
    assert_eq!(noted(home).await, expected);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        crate::contract::assert_listed(include_str!("noted_ends.rs"), &[include_str!("noted_ends.rs")]);
    }
}
