//! Ending sessions.

use domain::accounts::{DeviceId, SecurityEvent, User};
use ports::accounts::{ApiKeys, DeviceChange, Devices, SecurityLog, Sessions, Users, Which};

use super::{NOW, alive, api_key, device, end, events, has_key, key_hash, registered, session, signed_in, sorted};

async fn ended<A: Sessions>(accounts: &A, user: &User, which: Which) -> Vec<domain::accounts::SessionId> {
    sorted(accounts.end(&end(user, which)).await.expect("end"))
}

/// The others go on. Ending it again answers none and keeps nothing.
pub async fn a_session_ends_once<A: Users + Sessions + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    let which = Which::One(session(10));
    assert_eq!(ended(accounts, &ada, which).await, [session(10)]);
    assert_eq!(alive(accounts, &[10, 11]).await, [11]);
    assert_eq!(ended(accounts, &ada, which).await, []);
    let expected = [
        SecurityEvent::SignedOut,
        SecurityEvent::SignedIn,
        SecurityEvent::SignedIn,
        SecurityEvent::Registered,
    ];
    assert_eq!(events(accounts, &ada).await, expected);
    assert_eq!(signed_in(accounts, &ada, "a", 12).await.id, device(10));
}

/// A device that a person signed in on has no key and one of a key has no session: either is ended by its device.
pub async fn a_device_is_signed_out_with_its_api_key<A: Users + Sessions + ApiKeys + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    has_key(accounts, &api_key(&ada, 21)).await;
    let of = |id| Which::OfDevice(device(id));
    assert_eq!(ended(accounts, &ada, of(20)).await, [session(20)]);
    assert_eq!(accounts.by_hash(key_hash(20)).await.expect("read"), None);
    assert!(accounts.by_hash(key_hash(21)).await.expect("read").is_some());
    assert_eq!(accounts.list(ada.id).await.expect("list").len(), 1);
    assert_eq!(ended(accounts, &ada, of(10)).await, [session(10)]);
    assert_eq!(alive(accounts, &[10, 11]).await, [11]);
    for id in [10, 20, 99] {
        assert_eq!(ended(accounts, &ada, of(id)).await, [], "{id}");
    }
    let log = events(accounts, &ada).await;
    let signed_out = log.iter().filter(|event| **event == SecurityEvent::SignedOut);
    assert_eq!(signed_out.count(), 2);
}

/// They are for trackers that nobody signs in on.
pub async fn all_sessions_end_at_once_and_api_keys_stay<A: Users + Sessions + ApiKeys>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for (user, key, id) in [(&ada, "a", 10), (&ada, "b", 11), (&bob, "a", 12)] {
        signed_in(accounts, user, key, id).await;
    }
    has_key(accounts, &api_key(&ada, 20)).await;
    let all = ended(accounts, &ada, Which::All).await;
    assert_eq!(all, [session(10), session(11)]);
    assert_eq!(alive(accounts, &[10, 11, 12]).await, [12]);
    assert!(accounts.by_hash(key_hash(20)).await.expect("read").is_some());
    assert_eq!(ended(accounts, &ada, Which::All).await, []);
}

/// Neither by its session nor by its device; nor do they change the device.
pub async fn nobody_ends_what_is_not_theirs<A: Users + Sessions + Devices + ApiKeys + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    signed_in(accounts, &ada, "a", 10).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    let of = |id: DeviceId| Which::OfDevice(id);
    for which in [Which::One(session(10)), of(device(10)), of(device(20)), Which::All] {
        assert_eq!(ended(accounts, &bob, which).await, [], "{which:?}");
    }
    let change = DeviceChange {
        name: Some("Bob's".to_owned()),
        precedence: Some(9),
    };
    let changed = accounts.change(bob.id, device(10), &change, NOW).await;
    assert_eq!(changed.expect("change"), None);
    assert_eq!(alive(accounts, &[10]).await, [10]);
    assert!(accounts.by_hash(key_hash(20)).await.expect("read").is_some());
    assert_eq!(events(accounts, &bob).await, [SecurityEvent::Registered]);
}
