//! Signing devices in.

use domain::accounts::{Device, DeviceId, DeviceKey};
use ports::accounts::{Sessions, SignIn, Users};
use uuid::Uuid;

use super::{person, registered, sign_in};

/// A device that is not given a name is called by its key.
pub async fn a_key_that_is_new_becomes_a_device<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let plain = accounts.sign_in(&sign_in(&ada, "laptop-1", 10)).await.expect("sign in");
    let expected = Device {
        id: DeviceId(Uuid::from_u128(10)),
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
    let named = accounts.sign_in(&named).await.expect("sign in");
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
    let first = accounts.sign_in(&first).await.expect("sign in");
    assert_eq!(accounts.sign_in(&sign_in(&ada, "k", 11)).await.expect("sign in"), first);
    let renamed = SignIn {
        name: Some("Old laptop".to_owned()),
        ..sign_in(&ada, "k", 12)
    };
    let renamed = accounts.sign_in(&renamed).await.expect("sign in");
    let expected = Device {
        name: "Old laptop".to_owned(),
        ..first
    };
    assert_eq!(renamed, expected);
    assert_ne!(
        accounts.sign_in(&sign_in(&ada, "K", 13)).await.expect("sign in").id,
        expected.id,
        "keys compare to the letter"
    );
}

/// A device that has it already keeps the one it has.
pub async fn the_device_that_signed_in_last_has_the_greatest_precedence<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let mut greatest = i32::MIN;
    let mut last = "";
    for (key, id) in ["a", "b", "b", "c", "a", "a", "b"].into_iter().zip(10..) {
        let device = accounts.sign_in(&sign_in(&ada, key, id)).await.expect("sign in");
        if key == last {
            assert_eq!(device.precedence, greatest, "{key} again");
        } else {
            assert!(device.precedence > greatest, "{key} after {last}");
        }
        (greatest, last) = (device.precedence, key);
    }
}

/// Also where neither sees the other yet.
pub async fn devices_that_sign_in_at_once_get_different_precedences<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let sign_ins = ["a", "b", "c", "d"].map(|key| sign_in(&ada, key, u128::from(key.as_bytes()[0])));
    let [a, b, c, d] = &sign_ins;
    let (a, b, c, d) = tokio::join!(
        accounts.sign_in(a),
        accounts.sign_in(b),
        accounts.sign_in(c),
        accounts.sign_in(d)
    );
    let mut precedences = [a, b, c, d].map(|device| device.expect("sign in").precedence);
    precedences.sort_unstable();
    assert!(precedences.windows(2).all(|pair| pair[0] < pair[1]), "{precedences:?}");
}

/// A key means something to one person only.
pub async fn one_key_of_two_people_is_two_devices<A: Users + Sessions>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    let adas = accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    let bobs = accounts.sign_in(&sign_in(&bob, "k", 11)).await.expect("sign in");
    assert_ne!(adas.id, bobs.id);
    assert_eq!(
        accounts.sign_in(&sign_in(&ada, "k", 12)).await.expect("sign in").id,
        adas.id
    );
}

/// Without the person there is no device: that is refused for good.
pub async fn nobody_cannot_sign_in<A: Users + Sessions>(accounts: &A) {
    let refused = accounts.sign_in(&sign_in(&person(1, "ada@example.org"), "k", 10)).await;
    assert!(!refused.expect_err("there is nobody").is_unavailable());
}
