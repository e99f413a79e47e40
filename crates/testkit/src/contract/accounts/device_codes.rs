//! Devices that wait for a person to confirm them.

use std::net::{IpAddr, Ipv4Addr};

use domain::accounts::{DeviceKey, SecurityEntry, SecurityEvent, User};
use domain::time::{SECOND_MS, UnixMs};
use ports::accounts::{
    AccountErasure, Claimed, Credentials, DeviceAnswer, DeviceClaim, DeviceCodeHash, DeviceCodes, NewWaitingDevice,
    PasswordChange, SecurityLog, Sessions, UserCodeHash, Users, WAITING_DEVICES_MAX, WAITING_DEVICES_OF_ADDRESS_MAX,
    WaitingDevice,
};

use super::{
    ADDRESS, HOUR_MS, MINUTE_MS, NOW, alive, device, entry, events, hash, refresh, registered, session, signed_in,
    unowned,
};

const LIFETIME_MS: i64 = 10 * MINUTE_MS;

/// A device whose codes have the number `id`, from an address of its own.
fn waiting(id: u32) -> NewWaitingDevice {
    NewWaitingDevice {
        device_hash: device_hash(id),
        user_hash: user_hash(id),
        device: WaitingDevice {
            key: DeviceKey::parse("laptop").expect("a key"),
            name: Some("Ada's laptop".to_owned()),
            platform: None,
            address: Some(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + id))),
            asked_at: NOW,
            expires_at: NOW.plus_ms(LIFETIME_MS),
        },
    }
}

fn device_hash(id: u32) -> DeviceCodeHash {
    DeviceCodeHash(numbered(1, id))
}

fn user_hash(id: u32) -> UserCodeHash {
    UserCodeHash(numbered(2, id))
}

fn numbered(kind: u8, id: u32) -> [u8; 32] {
    let mut bytes = [kind; 32];
    bytes[..4].copy_from_slice(&id.to_be_bytes());
    bytes
}

fn answer(user: &User, id: u32, approve: bool) -> DeviceAnswer {
    let event = if approve {
        SecurityEvent::DeviceCodeApproved
    } else {
        SecurityEvent::DeviceCodeDenied
    };
    DeviceAnswer {
        code: user_hash(id),
        user: user.id,
        approve,
        now: NOW,
        entry: entry(user, event),
    }
}

/// A claim whose device, session and token all have the number `id`.
fn claim(code: u32, id: u8, after_ms: i64) -> DeviceClaim {
    DeviceClaim {
        code: device_hash(code),
        new_device: device(id.into()),
        session: session(id.into()),
        refresh: refresh(id),
        now: NOW.plus_ms(after_ms),
        expires_at: NOW.plus_ms(after_ms + HOUR_MS),
        address: Some(ADDRESS),
        entry: SecurityEntry {
            session: Some(session(id.into())),
            ..unowned(SecurityEvent::SignedIn)
        },
    }
}

async fn waits<A: DeviceCodes>(accounts: &A, id: u32) {
    assert!(accounts.keep(&waiting(id)).await.expect("keep"));
}

async fn claimed<A: DeviceCodes>(accounts: &A, claim: &DeviceClaim) -> Claimed {
    accounts.claim(claim).await.expect("claim")
}

async fn answered<A: DeviceCodes>(accounts: &A, answer: &DeviceAnswer) -> bool {
    accounts.answer(answer).await.expect("answer")
}

async fn seen<A: DeviceCodes>(accounts: &A, id: u32, at: UnixMs) -> Option<WaitingDevice> {
    accounts.look(user_hash(id), at).await.expect("look")
}

/// Neither code stands for the other, nor for another device.
pub async fn a_device_waits_until_it_is_answered<A: Users + DeviceCodes>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    waits(accounts, 1).await;
    for _ in 0..2 {
        assert_eq!(seen(accounts, 1, NOW).await, Some(waiting(1).device));
    }
    assert_eq!(seen(accounts, 2, NOW).await, None);
    let crossed = UserCodeHash(device_hash(1).0);
    assert_eq!(accounts.look(crossed, NOW).await.expect("look"), None);
    assert_eq!(claimed(accounts, &claim(1, 10, 0)).await, Claimed::Pending);
    assert_eq!(claimed(accounts, &claim(2, 10, 0)).await, Claimed::Expired);
    assert!(answered(accounts, &answer(&ada, 1, true)).await);
    assert_eq!(seen(accounts, 1, NOW).await, None);
}

/// As any other sign-in, with what it said of itself.
pub async fn a_confirmed_device_is_signed_in_once<A>(accounts: &A)
where
    A: Users + Sessions + DeviceCodes + SecurityLog,
{
    let ada = registered(accounts, 1).await;
    let before = signed_in(accounts, &ada, "laptop", 9).await;
    waits(accounts, 1).await;
    assert!(answered(accounts, &answer(&ada, 1, true)).await);
    let Claimed::SignedIn { user, device, replaced } = claimed(accounts, &claim(1, 10, 0)).await else {
        panic!("it was confirmed");
    };
    assert_eq!((user, device.id, replaced), (ada.id, before.id, Some(session(9))));
    assert_eq!((device.name.as_str(), device.platform), ("Ada's laptop", None));
    assert_eq!(claimed(accounts, &claim(1, 11, 0)).await, Claimed::Expired);
    assert_eq!(alive(accounts, &[9, 10, 11]).await, [10]);
    let entries = accounts.page(ada.id, None, 2).await.expect("read the log");
    let of_device: Vec<_> = entries.iter().map(|entry| (entry.event, entry.device)).collect();
    let expected = [
        (SecurityEvent::SignedIn, Some(before.id)),
        (SecurityEvent::DeviceCodeApproved, None),
    ];
    assert_eq!(of_device, expected);
}

/// As often as it asks, until the code expires.
pub async fn a_device_that_was_turned_down_is_told_so<A: Users + DeviceCodes + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    waits(accounts, 1).await;
    assert!(answered(accounts, &answer(&ada, 1, false)).await);
    for _ in 0..2 {
        assert_eq!(claimed(accounts, &claim(1, 10, 0)).await, Claimed::Denied);
    }
    let late = claim(1, 10, LIFETIME_MS);
    assert_eq!(claimed(accounts, &late).await, Claimed::Expired);
    let expected = [SecurityEvent::DeviceCodeDenied, SecurityEvent::Registered];
    assert_eq!(events(accounts, &ada).await, expected);
}

/// Also when they are another person's.
pub async fn of_two_answers_the_first_counts<A: Users + DeviceCodes + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for id in [1, 2] {
        waits(accounts, id).await;
    }
    assert!(answered(accounts, &answer(&ada, 1, false)).await);
    assert!(!answered(accounts, &answer(&ada, 1, true)).await);
    assert!(!answered(accounts, &answer(&bob, 1, true)).await);
    assert_eq!(claimed(accounts, &claim(1, 10, 0)).await, Claimed::Denied);
    assert_eq!(events(accounts, &bob).await, [SecurityEvent::Registered]);
    let (of_ada, of_bob) = (answer(&ada, 2, true), answer(&bob, 2, true));
    let (of_ada, of_bob) = tokio::join!(answered(accounts, &of_ada), answered(accounts, &of_bob));
    assert!(of_ada != of_bob, "at once");
}

/// The other finds its code used.
pub async fn of_two_claims_at_once_one_is_signed_in<A: Users + Sessions + DeviceCodes>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    waits(accounts, 1).await;
    assert!(answered(accounts, &answer(&ada, 1, true)).await);
    let (one, other) = (claim(1, 10, 0), claim(1, 11, 0));
    let (one, other) = tokio::join!(claimed(accounts, &one), claimed(accounts, &other));
    let signed_in = |claimed: &Claimed| matches!(claimed, Claimed::SignedIn { .. });
    assert!(signed_in(&one) != signed_in(&other), "{one:?}, {other:?}");
    assert!([&one, &other].contains(&&Claimed::Expired), "{one:?}, {other:?}");
    assert_eq!(alive(accounts, &[10, 11]).await.len(), 1);
}

/// To the millisecond; and what has expired is forgotten.
pub async fn codes_are_good_until_they_expire<A: Users + DeviceCodes>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    for id in [1, 2] {
        waits(accounts, id).await;
    }
    let (last, end) = (NOW.plus_ms(LIFETIME_MS - 1), NOW.plus_ms(LIFETIME_MS));
    assert!(seen(accounts, 1, last).await.is_some());
    assert_eq!(seen(accounts, 1, end).await, None);
    let at = |now| DeviceAnswer {
        now,
        ..answer(&ada, 1, true)
    };
    assert!(!answered(accounts, &at(end)).await);
    assert!(answered(accounts, &at(last)).await);
    assert_eq!(claimed(accounts, &claim(1, 10, LIFETIME_MS)).await, Claimed::Expired);
    assert!(matches!(
        claimed(accounts, &claim(1, 10, LIFETIME_MS - 1)).await,
        Claimed::SignedIn { .. }
    ));
    accounts.forget_expired(last).await.expect("forget");
    assert!(seen(accounts, 2, last).await.is_some());
    accounts.forget_expired(end).await.expect("forget");
    assert_eq!(seen(accounts, 2, last).await, None);
}

/// Five seconds at first and five more after each time, up to a minute.
pub async fn a_device_that_asks_too_often_has_to_wait_longer<A: Users + DeviceCodes>(accounts: &A) {
    waits(accounts, 1).await;
    let mut now = 0;
    assert_eq!(claimed(accounts, &claim(1, 10, now)).await, Claimed::Pending);
    let mut interval = DeviceClaim::INTERVAL_SECS * SECOND_MS;
    for _ in 0..13 {
        now += interval;
        assert_eq!(
            claimed(accounts, &claim(1, 10, now)).await,
            Claimed::Pending,
            "{interval}"
        );
        now += interval - 1;
        assert_eq!(
            claimed(accounts, &claim(1, 10, now)).await,
            Claimed::TooFast,
            "{interval}"
        );
        let slower = interval + DeviceClaim::SLOWER_SECS * SECOND_MS;
        interval = slower.min(DeviceClaim::INTERVAL_SECS_MAX * SECOND_MS);
        if now > LIFETIME_MS / 2 {
            break;
        }
    }
}

/// Neither of the two.
pub async fn a_code_is_not_given_twice<A: DeviceCodes>(accounts: &A) {
    waits(accounts, 1).await;
    for again in [
        NewWaitingDevice {
            device_hash: device_hash(1),
            ..waiting(2)
        },
        NewWaitingDevice {
            user_hash: user_hash(1),
            ..waiting(2)
        },
    ] {
        assert!(!accounts.keep(&again).await.expect("keep"));
    }
    waits(accounts, 2).await;
}

/// Until the first of them expires. An address of IPv6 counts by its first 64 bits.
pub async fn so_many_devices_wait_from_one_address_and_no_more<A: DeviceCodes>(accounts: &A) {
    let from = |id: u32, address: &str, after_ms: i64| {
        let mut device = waiting(id);
        device.device.address = Some(address.parse().expect("an address"));
        device.device.asked_at = NOW.plus_ms(after_ms);
        device.device.expires_at = NOW.plus_ms(after_ms + LIFETIME_MS);
        device
    };
    let max = u32::try_from(WAITING_DEVICES_OF_ADDRESS_MAX).expect("few");
    for id in 0..max {
        let address = format!("2001:db8::{id:x}");
        assert!(accounts.keep(&from(id, &address, 0)).await.expect("keep"), "{id}");
    }
    let keep = async |device: NewWaitingDevice| accounts.keep(&device).await.expect("keep");
    assert!(!keep(from(max, "2001:db8::ffff", LIFETIME_MS - 1)).await);
    assert!(keep(from(max, "2001:db8:0:1::1", 0)).await);
    assert!(keep(from(max + 1, "192.0.2.1", 0)).await);
    assert!(keep(from(max + 2, "2001:db8::ffff", LIFETIME_MS)).await);
}

/// Whoever asks.
pub async fn so_many_devices_wait_and_no_more<A: DeviceCodes>(accounts: &A) {
    let max = u32::try_from(WAITING_DEVICES_MAX).expect("few");
    for id in 0..max {
        waits(accounts, id).await;
    }
    assert!(!accounts.keep(&waiting(max)).await.expect("keep"));
    accounts.forget_expired(NOW.plus_ms(LIFETIME_MS)).await.expect("forget");
    waits(accounts, max).await;
}

/// Whoever changed it may have done so because of that.
pub async fn what_was_confirmed_before_the_password_changed_is_void<A: Users + Credentials + DeviceCodes>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    waits(accounts, 1).await;
    assert!(answered(accounts, &answer(&ada, 1, true)).await);
    let change = PasswordChange {
        user: ada.id,
        password: hash("new"),
        keep: None,
        now: NOW,
        entry: entry(&ada, SecurityEvent::PasswordChanged),
    };
    accounts.change_password(&change).await.expect("change");
    assert_eq!(claimed(accounts, &claim(1, 10, 0)).await, Claimed::Expired);
}

/// Those that nobody has answered stay.
pub async fn with_a_person_go_the_devices_they_answered<A: Users + DeviceCodes + AccountErasure>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for id in [1, 2, 3] {
        waits(accounts, id).await;
    }
    assert!(answered(accounts, &answer(&ada, 1, true)).await);
    assert!(answered(accounts, &answer(&bob, 2, false)).await);
    accounts.erase(ada.id, NOW).await.expect("erase");
    assert_eq!(claimed(accounts, &claim(1, 10, 0)).await, Claimed::Expired);
    assert_eq!(claimed(accounts, &claim(2, 10, 0)).await, Claimed::Denied);
    assert_eq!(claimed(accounts, &claim(3, 10, 0)).await, Claimed::Pending);
    assert!(!answered(accounts, &answer(&ada, 3, true)).await, "who is gone");
    assert!(accounts.keep(&waiting(1)).await.expect("keep"), "its codes are free");
}
