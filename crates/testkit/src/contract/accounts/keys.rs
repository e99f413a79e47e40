//! API keys.

use domain::accounts::{Caller, Scopes, SecurityEvent};
use domain::usage::Patience;
use ports::accounts::{
    API_KEYS_MAX, ApiKeyState, ApiKeyUse, ApiKeys, DeviceChange, Devices, KeyHolder, NewApiKey, ProfileChange,
    SecurityLog, Sessions, Users,
};

use super::{
    ADDRESS, NOW, api_key, device, entry, events, has_key, is_key_kept, key_hash, precedences, registered, session,
    signed_in,
};

/// It speaks for its person on a device of its own, which wins over all others.
pub async fn a_key_is_found_by_its_hash<A: Users + Sessions + ApiKeys + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let laptop = signed_in(accounts, &ada, "a", 10).await;
    let key = NewApiKey {
        scopes: Scopes::parse(["pings:write"]).expect("a scope"),
        ..api_key(&ada, 20)
    };
    has_key(accounts, &key).await;
    has_key(accounts, &api_key(&ada, 21)).await;
    assert_eq!(accounts.by_hash(key_hash(22)).await.expect("read"), None);
    let holder = accounts.by_hash(key_hash(20)).await.expect("read").expect("a key");
    let expected = KeyHolder {
        caller: Caller {
            user: ada.id,
            device: device(20),
            session: session(20),
            precedence: holder.caller.precedence,
        },
        scopes: key.scopes,
        patience: Patience::default(),
    };
    assert_eq!(holder, expected);
    let impatient = ProfileChange {
        heartbeat_timeout: Some(Patience::from_secs(90).expect("in range")),
        ..ProfileChange::default()
    };
    accounts.update(ada.id, &impatient).await.expect("update");
    let holder = accounts.by_hash(key_hash(20)).await.expect("read").expect("a key");
    assert_eq!(Some(holder.patience), impatient.heartbeat_timeout);
    let other = accounts.by_hash(key_hash(21)).await.expect("read").expect("a key");
    assert_eq!(other.scopes, Scopes::all());
    assert!(holder.caller.precedence > laptop.precedence);
    assert!(other.caller.precedence > holder.caller.precedence);
    let log = events(accounts, &ada).await;
    assert_eq!(log[..2], [SecurityEvent::ApiKeyCreated; 2]);
}

/// With the present name of their device, and nobody else's.
pub async fn keys_are_listed_newest_first<A: Users + ApiKeys + Devices>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    has_key(accounts, &api_key(&bob, 19)).await;
    for (id, ms) in [(22, 0), (21, 1), (20, 2)] {
        let key = NewApiKey {
            now: NOW.plus_ms(ms),
            scopes: Scopes::parse(["reports:read"]).expect("a scope"),
            ..api_key(&ada, id)
        };
        has_key(accounts, &key).await;
    }
    let renamed = DeviceChange {
        name: Some("renamed".to_owned()),
        precedence: None,
    };
    accounts
        .change(ada.id, device(21), &renamed, NOW)
        .await
        .expect("change");
    let state = |id: u8, ms, device_name: &str| ApiKeyState {
        id: session(id.into()),
        name: format!("key {id}"),
        scopes: Scopes::parse(["reports:read"]).expect("a scope"),
        device: device(id.into()),
        device_name: device_name.to_owned(),
        created_at: NOW.plus_ms(ms),
        last_used_at: None,
    };
    let expected = [
        state(20, 2, "editor 20"),
        state(21, 1, "renamed"),
        state(22, 0, "editor 22"),
    ];
    let keys = ApiKeys::list(accounts, ada.id).await.expect("list");
    assert_eq!(keys, expected);
}

/// Its device is none that is signed in from then on. Revoking it again finds none, and keeps nothing.
pub async fn a_revoked_key_speaks_for_nobody<A: Users + ApiKeys + Devices + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    has_key(accounts, &api_key(&ada, 21)).await;
    for expected in [true, false] {
        let entry = entry(&ada, SecurityEvent::ApiKeyRevoked);
        let revoked = accounts.revoke(ada.id, session(20), NOW, &entry).await;
        assert_eq!(revoked.expect("revoke"), expected);
    }
    assert_eq!(accounts.by_hash(key_hash(20)).await.expect("read"), None);
    assert!(accounts.by_hash(key_hash(21)).await.expect("read").is_some());
    let keys = ApiKeys::list(accounts, ada.id).await.expect("list");
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [session(21)]);
    assert_eq!(precedences(accounts, &ada).await.len(), 1);
    let log = events(accounts, &ada).await;
    assert_eq!(log[..2], [SecurityEvent::ApiKeyRevoked, SecurityEvent::ApiKeyCreated]);
}

/// Nor is a session, which is no key.
pub async fn a_key_of_somebody_else_is_not_revoked<A: Users + Sessions + ApiKeys + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    has_key(accounts, &api_key(&ada, 20)).await;
    signed_in(accounts, &bob, "a", 10).await;
    for id in [20, 10, 99] {
        let entry = entry(&bob, SecurityEvent::ApiKeyRevoked);
        let revoked = accounts.revoke(bob.id, session(id), NOW, &entry).await;
        assert!(!revoked.expect("revoke"), "{id}");
    }
    assert!(accounts.by_hash(key_hash(20)).await.expect("read").is_some());
    assert_eq!(events(accounts, &bob).await[0], SecurityEvent::SignedIn);
}

/// Also when two want the last place at once. A key that was revoked makes room, and everybody has room of their own.
pub async fn a_person_has_so_many_keys_and_no_more<A: Users + ApiKeys + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for id in (1..).take(API_KEYS_MAX - 1) {
        has_key(accounts, &api_key(&ada, id)).await;
    }
    let (one, other) = (api_key(&ada, 200), api_key(&ada, 201));
    let (one, other) = tokio::join!(is_key_kept(accounts, &one), is_key_kept(accounts, &other));
    let kept = [one, other];
    assert!(kept == [true, false] || kept == [false, true], "{kept:?}");
    assert!(!is_key_kept(accounts, &api_key(&ada, 202)).await);
    assert_eq!(accounts.by_hash(key_hash(202)).await.expect("read"), None);
    assert_eq!(accounts.list(ada.id).await.expect("list").len(), API_KEYS_MAX);
    let made = events(accounts, &ada).await;
    let made = made.iter().filter(|event| **event == SecurityEvent::ApiKeyCreated);
    assert_eq!(made.count(), API_KEYS_MAX, "nothing is kept of the others");
    has_key(accounts, &api_key(&bob, 203)).await;
    let entry = entry(&ada, SecurityEvent::ApiKeyRevoked);
    let revoked = accounts.revoke(ada.id, session(1), NOW, &entry).await;
    assert!(revoked.expect("revoke"));
    has_key(accounts, &api_key(&ada, 204)).await;
}

/// Nodes note what they saw whenever they come to it. Keys that are gone, or somebody else's, are passed over.
pub async fn a_use_is_noted_unless_a_later_one_was<A: Users + ApiKeys>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for key in [api_key(&ada, 20), api_key(&ada, 21), api_key(&bob, 22)] {
        has_key(accounts, &key).await;
    }
    let of_ada = |key: u128, ms| ApiKeyUse {
        user: ada.id,
        key: session(key),
        at: NOW.plus_ms(ms),
        address: Some(ADDRESS),
    };
    let uses = [of_ada(99, 5), of_ada(20, 5), of_ada(22, 5)];
    accounts.used(&uses).await.expect("note");
    accounts.used(&[of_ada(20, 4)]).await.expect("note");
    accounts.used(&[]).await.expect("note nothing");
    let mut noted = Vec::new();
    for user in [&ada, &bob] {
        let keys = accounts.list(user.id).await.expect("list");
        noted.extend(keys.into_iter().map(|key| (key.id, key.last_used_at)));
    }
    noted.sort_unstable();
    let expected = [
        (session(20), Some(NOW.plus_ms(5))),
        (session(21), None),
        (session(22), None),
    ];
    assert_eq!(noted, expected);
}
