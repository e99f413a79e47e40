//! Signing devices in.

use domain::accounts::{Device, DeviceKey, SecurityEntry, SecurityEvent, User};
use ports::accounts::{
    AccountErasure, ApiKeys, Credentials, DEVICES_MAX, DeviceChange, Devices, SecurityLog, Sessions, SignIn,
    SignInOutcome, Users,
};

use super::credentials::change;
use super::resets::{reset, used};
use super::{
    FIRST_PASSWORD, NOW, alive, api_key, device, end, events, has_key, hash, is_key_kept, outcome_of, person,
    precedences, registered, session, sign_in, signed_in,
};

/// A device that is not given a name is called by its key.
pub async fn a_key_that_is_new_becomes_a_device<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let plain = signed_in(accounts, &ada, "laptop-1", 10).await;
    let expected = Device {
        id: device(10),
        key: DeviceKey::parse("laptop-1").expect("a key"),
        name: "laptop-1".to_owned(),
        platform: None,
        precedence: plain.precedence,
    };
    assert_eq!(plain, expected);
    let named = SignIn {
        name: Some("Ada's phone".to_owned()),
        platform: Some("Android".to_owned()),
        ..sign_in(&ada, "phone", 11)
    };
    let (named, _) = outcome_of(accounts, &named).await;
    assert_eq!(
        (named.name.as_str(), named.platform.as_deref()),
        ("Ada's phone", Some("Android"))
    );
}

/// Its id stays, and its name and platform unless new ones are given.
pub async fn signing_in_again_keeps_the_device<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let first = SignIn {
        name: Some("Laptop".to_owned()),
        platform: Some("Linux".to_owned()),
        ..sign_in(&ada, "k", 10)
    };
    let (first, _) = outcome_of(accounts, &first).await;
    assert_eq!(signed_in(accounts, &ada, "k", 11).await, first);
    let renamed = SignIn {
        name: Some("Old laptop".to_owned()),
        ..sign_in(&ada, "k", 12)
    };
    let (renamed, _) = outcome_of(accounts, &renamed).await;
    let expected = Device {
        name: "Old laptop".to_owned(),
        ..first
    };
    assert_eq!(renamed, expected);
    assert_ne!(
        signed_in(accounts, &ada, "K", 13).await.id,
        expected.id,
        "keys compare to the letter"
    );
}

/// Of the same device of the same person, and only while it goes on.
pub async fn signing_in_again_tells_which_session_it_replaced<A: Users + Sessions>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for (user, key, id, expected) in [
        (&ada, "a", 10, None),
        (&ada, "b", 11, None),
        (&bob, "a", 12, None),
        (&ada, "a", 13, Some(session(10))),
        (&ada, "a", 14, Some(session(13))),
    ] {
        let (_, replaced) = outcome_of(accounts, &sign_in(user, key, id)).await;
        assert_eq!(replaced, expected, "{id}");
    }
    let which = ports::accounts::Which::One(session(14));
    accounts.end(&end(&ada, which)).await.expect("end");
    let (_, replaced) = outcome_of(accounts, &sign_in(&ada, "a", 15)).await;
    assert_eq!(replaced, None, "it was signed out");
    assert_eq!(alive(accounts, &[10, 11, 12, 13, 14, 15]).await, [11, 12, 15]);
}

/// And it tells that it replaced the other.
pub async fn of_two_that_sign_in_on_one_device_at_once_one_stays<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let (first, second) = (sign_in(&ada, "k", 10), sign_in(&ada, "k", 11));
    let (one, two) = tokio::join!(outcome_of(accounts, &first), outcome_of(accounts, &second));
    assert_eq!(one.0.id, two.0.id, "it is one device");
    let expected = match (one.1, two.1) {
        (None, Some(replaced)) if replaced == session(10) => 11,
        (Some(replaced), None) if replaced == session(11) => 10,
        other => panic!("{other:?}"),
    };
    assert_eq!(alive(accounts, &[10, 11]).await, [expected]);
}

/// Also where the device has another id than the one it would have had if it were new.
pub async fn a_sign_in_is_in_the_log_with_its_device<A: Users + Sessions + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let mut expected = Vec::new();
    for id in [10, 11] {
        let sign_in = sign_in(&ada, "k", id);
        accounts.sign_in(&sign_in).await.expect("sign in");
        let entry = SecurityEntry {
            device: Some(device(10)),
            ..sign_in.entry
        };
        expected.insert(0, entry);
    }
    let log = accounts.page(ada.id, None, 2).await.expect("read the log");
    assert_eq!(log, expected);
}

/// A device that has it already keeps the one it has.
pub async fn the_device_that_signed_in_last_has_the_greatest_precedence<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let mut greatest = i32::MIN;
    let mut last = "";
    for (key, id) in ["a", "b", "b", "c", "a", "a", "b"].into_iter().zip(10..) {
        let device = signed_in(accounts, &ada, key, id).await;
        if key == last {
            assert_eq!(device.precedence, greatest, "{key} again");
        } else {
            assert!(device.precedence > greatest, "{key} after {last}");
        }
        (greatest, last) = (device.precedence, key);
    }
}

/// Only one that is new goes above all others. Everybody else's devices move as before.
pub async fn after_they_were_ordered_signing_in_again_moves_no_device<A: Users + Sessions + Devices + ApiKeys>(
    accounts: &A,
) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    signed_in(accounts, &bob, "a", 12).await;
    signed_in(accounts, &bob, "b", 13).await;
    let renamed = DeviceChange {
        name: Some("A".to_owned()),
        precedence: None,
    };
    accounts
        .change(ada.id, device(10), &renamed, NOW)
        .await
        .expect("change");
    let moved = signed_in(accounts, &ada, "a", 14).await.precedence;
    assert!(moved > 2, "a new name orders nothing");
    let ordered = DeviceChange {
        name: None,
        precedence: Some(moved + 1_000),
    };
    accounts
        .change(ada.id, device(11), &ordered, NOW)
        .await
        .expect("change");
    let before = [(device(11), moved + 1_000), (device(10), moved)];
    assert_eq!(precedences(accounts, &ada).await, before);
    assert_eq!(signed_in(accounts, &ada, "a", 15).await.precedence, moved);
    assert_eq!(precedences(accounts, &ada).await, before);
    let new = signed_in(accounts, &ada, "c", 16).await;
    assert!(new.precedence > moved + 1_000);
    has_key(accounts, &api_key(&ada, 17)).await;
    let first = precedences(accounts, &ada).await[0];
    assert!(first.0 == device(17) && first.1 > new.precedence, "{first:?}");
    assert_eq!(signed_in(accounts, &bob, "a", 18).await.id, device(12));
    assert_eq!(precedences(accounts, &bob).await[0].0, device(12));
}

/// Also where neither sees the other yet.
pub async fn devices_that_sign_in_at_once_get_different_precedences<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let (a, b, c, d) = tokio::join!(
        signed_in(accounts, &ada, "a", 10),
        signed_in(accounts, &ada, "b", 11),
        signed_in(accounts, &ada, "c", 12),
        signed_in(accounts, &ada, "d", 13)
    );
    let mut precedences = [a, b, c, d].map(|device| device.precedence);
    precedences.sort_unstable();
    assert!(precedences.windows(2).all(|pair| pair[0] < pair[1]), "{precedences:?}");
}

/// A key means something to one person only.
pub async fn one_key_of_two_people_is_two_devices<A: Users + Sessions>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    let adas = signed_in(accounts, &ada, "k", 10).await;
    let bobs = signed_in(accounts, &bob, "k", 11).await;
    assert_ne!(adas.id, bobs.id);
    assert_eq!(signed_in(accounts, &ada, "k", 12).await.id, adas.id);
}

fn numbered(user: &User, number: usize) -> SignIn {
    let id = 1_000 + number as u128;
    SignIn {
        new_device: device(id),
        session: session(id),
        ..sign_in(user, &format!("k{number}"), 10)
    }
}

/// Also when two want the last place at once. Devices that are known sign in all the same, and one that signed out keeps its place.
pub async fn a_person_has_so_many_devices_and_no_more<A: Users + Sessions + ApiKeys + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for number in 1..DEVICES_MAX {
        outcome_of(accounts, &numbered(&ada, number)).await;
    }
    let (one, other) = (numbered(&ada, DEVICES_MAX), numbered(&ada, DEVICES_MAX + 1));
    let (one, other) = tokio::join!(accounts.sign_in(&one), accounts.sign_in(&other));
    let refused = [one, other].map(|outcome| outcome.expect("sign in") == SignInOutcome::TooManyDevices);
    assert!(refused == [true, false] || refused == [false, true], "{refused:?}");
    accounts
        .end(&end(&ada, ports::accounts::Which::OfDevice(device(1_001))))
        .await
        .expect("end");
    let before = events(accounts, &ada).await.len();
    let refused = accounts.sign_in(&sign_in(&ada, "new", 20)).await.expect("sign in");
    assert_eq!(refused, SignInOutcome::TooManyDevices);
    assert!(!is_key_kept(accounts, &api_key(&ada, 21)).await);
    assert_eq!(accounts.list(ada.id).await.expect("list"), []);
    let log = events(accounts, &ada).await;
    assert_eq!(log.len(), before, "nothing is kept");
    assert_eq!(log.first(), Some(&SecurityEvent::SignedOut));
    assert_eq!(signed_in(accounts, &ada, "k1", 22).await.id, device(1_001));
    signed_in(accounts, &bob, "new", 23).await;
}

async fn is_outdated<A: Sessions>(accounts: &A, sign_in: &SignIn) -> bool {
    accounts.sign_in(sign_in).await.expect("sign in") == SignInOutcome::Outdated
}

/// Whether it was changed or set anew. A new hash of the same password replaces none. Nothing is kept.
pub async fn a_sign_in_with_a_password_that_was_replaced_meanwhile_is_not_kept<A>(accounts: &A)
where
    A: Users + Sessions + Credentials + AccountErasure + SecurityLog,
{
    let ada = registered(accounts, 1).await;
    accounts.rehash(ada.id, &hash("x"), &hash("y")).await.expect("rehash");
    signed_in(accounts, &ada, "a", 10).await;
    accounts.change_password(&change(&ada, "new")).await.expect("change");
    let with = |password_version| SignIn {
        password_version,
        ..sign_in(&ada, "b", 11)
    };
    assert!(is_outdated(accounts, &with(FIRST_PASSWORD)).await);
    assert_eq!(accounts.devices(ada.id).await.expect("list"), [device(10)]);
    assert_eq!(events(accounts, &ada).await[0], SecurityEvent::PasswordChanged);
    let version = async || {
        let account = accounts.account(ada.id).await.expect("read");
        account.expect("somebody").password_version
    };
    assert_eq!(version().await, FIRST_PASSWORD + 1);
    outcome_of(accounts, &with(FIRST_PASSWORD + 1)).await;
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    accounts.reset_password(&used(1, "newer")).await.expect("reset");
    assert!(is_outdated(accounts, &with(FIRST_PASSWORD + 1)).await);
    assert_eq!(version().await, FIRST_PASSWORD + 2);
    let again = SignIn {
        session: session(12),
        ..with(FIRST_PASSWORD + 2)
    };
    outcome_of(accounts, &again).await;
}

/// Without the person there is no device.
pub async fn nobody_cannot_sign_in<A: Users + Sessions>(accounts: &A) {
    let nobody = sign_in(&person(1, "ada@example.org"), "k", 10);
    assert!(is_outdated(accounts, &nobody).await);
}
