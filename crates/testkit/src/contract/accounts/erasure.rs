//! Forgetting people.

use domain::accounts::{SecurityEvent, User};
use ports::accounts::{
    AccountErasure, ApiKeys, Credentials, Devices, NewKeyOutcome, SecondFactorStore, SecurityLog, Sessions,
    SignInOutcome, Users, Which,
};

use super::factors::{begun, enabled};
use super::resets::{reset, reset_hash};
use super::{
    NOW, alive, api_key, device, end, entry, events, has_key, key_hash, person, precedences, registered, session,
    sign_in, signed_in, sorted,
};

/// Those that are signed out too, and those of API keys that were revoked; nobody else's.
pub async fn every_device_a_person_had_is_told<A: Users + Sessions + ApiKeys + AccountErasure>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    assert_eq!(accounts.devices(ada.id).await.expect("list"), []);
    for (user, key, id) in [(&ada, "a", 10), (&ada, "b", 11), (&bob, "a", 12)] {
        signed_in(accounts, user, key, id).await;
    }
    for id in [20, 21] {
        has_key(accounts, &api_key(&ada, id)).await;
    }
    for id in [10, 20] {
        let which = Which::OfDevice(device(id));
        accounts.end(&end(&ada, which)).await.expect("end");
    }
    let mut devices = accounts.devices(ada.id).await.expect("list");
    devices.sort_unstable();
    assert_eq!(devices, [10, 11, 20, 21].map(device));
}

/// An account with something of everything: sessions 10 and 11, key 20, a factor in use and a reset under way.
async fn lived_in<A>(accounts: &A) -> User
where
    A: Users + Sessions + ApiKeys + Credentials + SecondFactorStore,
{
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    enabled(accounts, &ada, 1).await;
    assert!(accounts.keep_reset(&reset(&ada, 1)).await.expect("keep"));
    ada
}

/// The sessions and keys that have ended are answered, once. The address is anybody's, and whoever takes it finds nothing.
pub async fn of_an_erased_person_nothing_is_left<A>(accounts: &A)
where
    A: Users + Sessions + Devices + ApiKeys + Credentials + SecondFactorStore + SecurityLog + AccountErasure,
{
    let ada = lived_in(accounts).await;
    let ended = accounts.erase(ada.id, NOW).await.expect("erase");
    assert_eq!(sorted(ended), [10, 11, 20].map(session));
    assert_eq!(accounts.account(ada.id).await.expect("read"), None);
    assert_eq!(accounts.by_id(ada.id).await.expect("read"), None);
    assert_eq!(accounts.by_email(&ada.email).await.expect("read"), None);
    let is_empty = async || {
        assert_eq!(alive(accounts, &[10, 11]).await, []);
        assert_eq!(accounts.by_hash(key_hash(20)).await.expect("read"), None);
        assert_eq!(ApiKeys::list(accounts, ada.id).await.expect("list"), []);
        assert_eq!(accounts.devices(ada.id).await.expect("list"), []);
        assert_eq!(precedences(accounts, &ada).await, []);
        assert_eq!(accounts.reset_owner(reset_hash(1), NOW).await.expect("read"), None);
        assert_eq!(accounts.waiting(ada.id).await.expect("read"), None);
        assert!(!accounts.use_step(ada.id, 200).await.expect("use"));
    };
    is_empty().await;
    assert_eq!(events(accounts, &ada).await, []);
    assert_eq!(accounts.erase(ada.id, NOW).await.expect("erase"), [], "again");
    registered(accounts, 1).await;
    is_empty().await;
    assert_eq!(events(accounts, &ada).await, [SecurityEvent::Registered]);
    let account = accounts.account(ada.id).await.expect("read").expect("somebody");
    assert_eq!(account.second_factor, None);
    let of_code = entry(&ada, SecurityEvent::RecoveryCodeUsed);
    let code = ports::accounts::RecoveryHash([1; 32]);
    assert!(!accounts.use_code(ada.id, code, &of_code).await.expect("use"));
}

/// By what was found out of them before.
pub async fn who_was_erased_meanwhile_is_neither_signed_in_nor_given_a_key<A>(accounts: &A)
where
    A: Users + Sessions + ApiKeys + SecurityLog + AccountErasure,
{
    let ada = registered(accounts, 1).await;
    accounts.erase(ada.id, NOW).await.expect("erase");
    let late = accounts.sign_in(&sign_in(&ada, "a", 10)).await.expect("sign in");
    assert_eq!(late, SignInOutcome::Outdated);
    let key = ApiKeys::insert(accounts, &api_key(&ada, 20))
        .await
        .expect("insert a key");
    assert_eq!(key, NewKeyOutcome::Gone);
    registered(accounts, 1).await;
    assert_eq!(accounts.devices(ada.id).await.expect("list"), []);
    assert_eq!(events(accounts, &ada).await, [SecurityEvent::Registered]);
}

/// Also when it is somebody who never was that is erased.
pub async fn erasing_leaves_everybody_else_as_they_are<A>(accounts: &A)
where
    A: Users + Sessions + Devices + ApiKeys + Credentials + SecondFactorStore + SecurityLog + AccountErasure,
{
    let ada = lived_in(accounts).await;
    let before = accounts.account(ada.id).await.expect("read");
    let bob = registered(accounts, 2).await;
    signed_in(accounts, &bob, "a", 12).await;
    assert!(begun(accounts, &bob, 3).await);
    assert_eq!(accounts.erase(bob.id, NOW).await.expect("erase"), [session(12)]);
    let nobody = person(9, "nobody@example.org");
    assert_eq!(accounts.erase(nobody.id, NOW).await.expect("erase"), []);
    assert_eq!(accounts.account(ada.id).await.expect("read"), before);
    assert_eq!(precedences(accounts, &ada).await.len(), 3);
    assert_eq!(alive(accounts, &[10, 11]).await, [10, 11]);
    assert!(accounts.by_hash(key_hash(20)).await.expect("read").is_some());
    let owner = accounts.reset_owner(reset_hash(1), NOW).await.expect("read");
    assert_eq!(owner, Some(ada.clone()));
    assert_eq!(events(accounts, &ada).await.len(), 6);
}
