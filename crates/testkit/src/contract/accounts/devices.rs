//! Where people are signed in, and in which order.

use std::net::{IpAddr, Ipv6Addr};

use domain::accounts::Device;
use ports::accounts::{
    ApiKeyUse, ApiKeys, DeviceChange, DeviceState, Devices, NewApiKey, Rotate, Rotation, Sessions, SignIn, Users, Which,
};

use super::{
    ADDRESS, HOUR_MS, MINUTE_MS, NOW, api_key, device, end, has_key, is_rotated, key_hash, outcome_of, precedences,
    registered, rotate, rotated, session, sign_in, signed_in,
};

const ELSEWHERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

async fn listed<A: Devices>(accounts: &A, user: &domain::accounts::User) -> Vec<DeviceState> {
    accounts.list(user.id, NOW).await.expect("list")
}

/// The greatest first: those signed in and those of API keys, and nobody else's.
pub async fn devices_are_listed_by_precedence_with_how_they_stand<A: Users + Sessions + Devices + ApiKeys>(
    accounts: &A,
) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    assert_eq!(listed(accounts, &ada).await, []);
    signed_in(accounts, &bob, "a", 9).await;
    let first = SignIn {
        address: Some(ELSEWHERE),
        ..sign_in(&ada, "a", 10)
    };
    let (first, _) = outcome_of(accounts, &first).await;
    let key = NewApiKey {
        now: NOW.plus_ms(1),
        ..api_key(&ada, 20)
    };
    has_key(accounts, &key).await;
    let last = SignIn {
        name: Some("Last".to_owned()),
        platform: Some("Linux".to_owned()),
        now: NOW.plus_ms(2),
        address: None,
        ..sign_in(&ada, "c", 11)
    };
    let (last, _) = outcome_of(accounts, &last).await;
    let states = listed(accounts, &ada).await;
    let signed_in = |device: Device, id, ms, last_address| DeviceState {
        device,
        session: Some(session(id)),
        api_key: None,
        signed_in_at: NOW.plus_ms(ms),
        last_seen_at: NOW.plus_ms(ms),
        last_address,
    };
    let [one, of_key, three] = states.as_slice() else {
        panic!("{states:?}")
    };
    assert_eq!(*one, signed_in(last, 11, 2, None));
    assert_eq!(*three, signed_in(first, 10, 0, Some(ELSEWHERE)));
    let expected = DeviceState {
        device: Device {
            id: device(20),
            name: "editor 20".to_owned(),
            platform: None,
            ..of_key.device.clone()
        },
        session: None,
        api_key: Some(session(20)),
        signed_in_at: NOW.plus_ms(1),
        last_seen_at: NOW.plus_ms(1),
        last_address: None,
    };
    assert_eq!(*of_key, expected);
    let precedences = states.iter().map(|state| state.device.precedence);
    assert!(precedences.is_sorted_by(|one, next| one > next));
}

/// Until it signs in again; then it is what it was.
pub async fn a_device_that_is_signed_out_is_not_listed_nor_changed<A: Users + Sessions + Devices + ApiKeys>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    let before = signed_in(accounts, &ada, "b", 11).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    for id in [11, 20] {
        let which = Which::OfDevice(device(id));
        accounts.end(&end(&ada, which)).await.expect("end");
    }
    let ids: Vec<_> = precedences(accounts, &ada)
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(ids, [device(10)]);
    let change = DeviceChange {
        name: Some("x".to_owned()),
        precedence: Some(1),
    };
    for id in [11, 20, 99] {
        let changed = accounts.change(ada.id, device(id), &change, NOW).await;
        assert_eq!(changed.expect("change"), None, "{id}");
    }
    let again = signed_in(accounts, &ada, "b", 12).await;
    assert_eq!((again.id, again.name.as_str()), (before.id, "b"));
    let last = signed_in(accounts, &ada, "a", 13).await;
    assert!(last.precedence > again.precedence, "nothing was ordered");
}

/// To the millisecond. An API key does not expire.
pub async fn a_device_whose_session_has_expired_is_not_listed_nor_changed<A: Users + Sessions + Devices + ApiKeys>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    for (ms, expected) in [(HOUR_MS - 1, [20, 10].as_slice()), (HOUR_MS, &[20])] {
        let states = Devices::list(accounts, ada.id, NOW.plus_ms(ms)).await.expect("list");
        let ids: Vec<_> = states.iter().map(|state| state.device.id).collect();
        let expected: Vec<_> = expected.iter().map(|id| device(*id)).collect();
        assert_eq!(ids, expected, "{ms}");
    }
    let change = DeviceChange {
        name: Some("late".to_owned()),
        precedence: Some(1),
    };
    for (id, expected) in [(10, false), (20, true)] {
        let changed = accounts.change(ada.id, device(id), &change, NOW.plus_ms(HOUR_MS)).await;
        assert_eq!(changed.expect("change").is_some(), expected, "{id}");
    }
}

/// Each part alone, both, and none. What is answered is what is listed.
pub async fn a_change_of_a_device_changes_what_it_names<A: Users + Sessions + Devices>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    let before = listed(accounts, &ada).await;
    let [mut expected, other] = <[_; 2]>::try_from(before).expect("two devices");
    for (name, precedence) in [
        (None, None),
        (Some("Laptop"), None),
        (None, Some(500)),
        (Some("Old"), Some(1_000_000)),
    ] {
        let change = DeviceChange {
            name: name.map(str::to_owned),
            precedence,
        };
        expected.device.name = change.name.clone().unwrap_or(expected.device.name);
        expected.device.precedence = precedence.unwrap_or(expected.device.precedence);
        let changed = accounts.change(ada.id, device(11), &change, NOW).await;
        assert_eq!(changed.expect("change"), Some(expected.clone()));
    }
    assert_eq!(listed(accounts, &ada).await, [expected, other]);
}

/// To the next who shows a refresh token or an API key.
pub async fn a_new_precedence_is_told_from_then_on<A: Users + Sessions + Devices + ApiKeys>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    for (id, precedence) in [(10, 77), (20, 66)] {
        let change = DeviceChange {
            name: None,
            precedence: Some(precedence),
        };
        let changed = accounts.change(ada.id, device(id), &change, NOW).await;
        assert!(changed.expect("change").is_some());
    }
    let rotation = rotated(accounts, &rotate(10, 10, 30)).await;
    let Rotation::Rotated { caller, device } = rotation else {
        panic!("{rotation:?}")
    };
    assert_eq!((caller.precedence, device.precedence), (77, 77));
    let holder = accounts.by_hash(key_hash(20)).await.expect("read");
    assert_eq!(holder.expect("a key").caller.precedence, 66);
}

/// By its refresh token or its API key, and from there.
pub async fn a_device_was_seen_when_it_was_heard_of_last<A: Users + Sessions + Devices + ApiKeys>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    let hour_later = Rotate {
        now: NOW.plus_ms(HOUR_MS - 1),
        address: Some(ELSEWHERE),
        ..rotate(10, 10, 30)
    };
    assert!(is_rotated(accounts, hour_later).await);
    let used = ApiKeyUse {
        user: ada.id,
        key: session(20),
        at: NOW.plus_ms(MINUTE_MS),
        address: Some(ADDRESS),
    };
    accounts.used(&[used]).await.expect("note");
    let seen: Vec<_> = listed(accounts, &ada)
        .await
        .into_iter()
        .map(|state| {
            (
                state.device.id,
                state.signed_in_at,
                state.last_seen_at,
                state.last_address,
            )
        })
        .collect();
    let expected = [
        (device(20), NOW, NOW.plus_ms(MINUTE_MS), Some(ADDRESS)),
        (device(10), NOW, NOW.plus_ms(HOUR_MS - 1), Some(ELSEWHERE)),
    ];
    assert_eq!(seen, expected);
}
