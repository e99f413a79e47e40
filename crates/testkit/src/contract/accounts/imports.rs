//! Devices of imported history.

use domain::accounts::{DeviceId, ImportDevice, ImportSource, SecurityEvent, User};
use domain::usage::Patience;
use ports::accounts::{
    AccountErasure, Devices, IMPORT_DEVICES_MAX, ImportDevices, ImportPlace, NewImport, ProfileChange, SecurityLog,
    Sessions, Users,
};

use super::{NOW, device, entry, events, person, precedences, registered, signed_in};

fn import(user: &User, source: &str, id: u128) -> NewImport {
    NewImport {
        user: user.id,
        source: ImportSource::parse(source).expect("a source"),
        new_device: device(id),
        now: NOW,
    }
}

async fn kept<A: ImportDevices>(accounts: &A, import: &NewImport) -> (DeviceId, i32) {
    device_of(accounts.keep(import).await.expect("keep"))
}

fn device_of(place: ImportPlace) -> (DeviceId, i32) {
    match place {
        ImportPlace::Device { id, precedence, .. } => (id, precedence),
        refused => panic!("{refused:?}"),
    }
}

async fn listed<A: ImportDevices>(accounts: &A, user: &User) -> Vec<ImportDevice> {
    ImportDevices::list(accounts, user.id).await.expect("list")
}

/// Whatever id it would get if it were new. When it was used last only moves on.
pub async fn a_source_is_one_device_for_ever<A: Users + ImportDevices>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let first = kept(accounts, &import(&ada, "ActivityWatch l\u{e4}ptop", 30)).await;
    assert_eq!(first, (device(30), 0));
    for (id, ms) in [(31, 5_000), (32, 1_000)] {
        let again = NewImport {
            now: NOW.plus_ms(ms),
            ..import(&ada, "ActivityWatch l\u{e4}ptop", id)
        };
        assert_eq!(kept(accounts, &again).await, first);
    }
    let expected = ImportDevice {
        id: device(30),
        source: ImportSource::parse("ActivityWatch l\u{e4}ptop").expect("a source"),
        name: "ActivityWatch l\u{e4}ptop".to_owned(),
        precedence: 0,
        made_at: NOW,
        used_at: NOW.plus_ms(5_000),
    };
    assert_eq!(listed(accounts, &ada).await, [expected]);
}

/// Whichever comes first: neither kind knows of the other.
pub async fn each_source_comes_after_those_before_and_after_all_devices_that_sign_in<
    A: Users + Sessions + Devices + ImportDevices,
>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    assert_eq!(kept(accounts, &import(&ada, "a", 30)).await.1, 0);
    signed_in(accounts, &ada, "x", 10).await;
    assert_eq!(kept(accounts, &import(&ada, "A", 31)).await.1, -1, "to the letter");
    signed_in(accounts, &ada, "y", 11).await;
    assert_eq!(kept(accounts, &import(&ada, "b", 32)).await.1, -2);
    assert_eq!(precedences(accounts, &ada).await, [(device(11), 2), (device(10), 1)]);
    let ids: Vec<_> = listed(accounts, &ada).await.iter().map(|device| device.id).collect();
    assert_eq!(ids, [30, 31, 32].map(device));
}

/// A source has the patience of the day when it was first imported from, for ever.
pub async fn what_is_foreseen_is_what_is_kept_and_keeps_nothing<A: Users + ImportDevices>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    for (secs, of_each) in [
        (600, [("a", 30, 600), ("b", 31, 600)]),
        (900, [("a", 32, 600), ("c", 33, 900)]),
        (60, [("c", 34, 900), ("b", 35, 600)]),
    ] {
        let change = ProfileChange {
            heartbeat_timeout: Some(patience(secs)),
            ..ProfileChange::default()
        };
        accounts.update(ada.id, &change).await.expect("update");
        for (source, id, settled_secs) in of_each {
            let import = import(&ada, source, id);
            let before = listed(accounts, &ada).await;
            let foreseen = accounts.foresee(&import).await.expect("foresee");
            assert_eq!(listed(accounts, &ada).await, before);
            assert_eq!(accounts.keep(&import).await.expect("keep"), foreseen);
            let ImportPlace::Device { patience: told, .. } = foreseen else {
                panic!("{foreseen:?}")
            };
            assert_eq!(told, patience(settled_secs), "{source}");
        }
    }
}

fn patience(secs: i64) -> Patience {
    Patience::from_secs(secs).expect("in range")
}

/// Those that were removed count too. One that is known is found at the bound.
pub async fn a_person_has_so_many_sources_and_no_more<A: Users + ImportDevices>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    for number in 0..IMPORT_DEVICES_MAX {
        kept(accounts, &import(&ada, &number.to_string(), 100 + number as u128)).await;
    }
    let entry = entry(&ada, SecurityEvent::DeviceRevoked);
    assert!(accounts.remove(ada.id, device(100), &entry).await.expect("remove"));
    let more = import(&ada, "one more", 30);
    for place in [accounts.foresee(&more).await, accounts.keep(&more).await] {
        assert_eq!(place.expect("an answer"), ImportPlace::TooMany);
    }
    for (source, id) in [("0", 100), ("63", 163)] {
        let known = import(&ada, source, 30);
        let foreseen = accounts.foresee(&known).await.expect("foresee");
        assert_eq!(device_of(foreseen).0, device(id));
        assert_eq!(kept(accounts, &known).await.0, device(id));
    }
    assert_eq!(listed(accounts, &ada).await.len(), IMPORT_DEVICES_MAX);
}

/// And of as many sources at once, each has a rank of its own.
pub async fn of_many_that_import_from_one_source_at_once_all_have_the_same_device<A: Users + ImportDevices>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    let imports = [("one", 30), ("other", 31), ("one", 32), ("other", 33)].map(|(source, id)| import(&ada, source, id));
    let [a, b, c, d] = &imports;
    let places = tokio::join!(
        kept(accounts, a),
        kept(accounts, b),
        kept(accounts, c),
        kept(accounts, d)
    );
    assert_eq!((places.0, places.1), (places.2, places.3));
    let mut ranks = [places.0.1, places.1.1];
    ranks.sort_unstable();
    assert_eq!(ranks, [-1, 0]);
}

/// It keeps its rank.
pub async fn a_device_of_imported_history_is_renamed_and_removed_until_it_is_used_again<
    A: Users + ImportDevices + SecurityLog,
>(
    accounts: &A,
) {
    let ada = registered(accounts, 1).await;
    kept(accounts, &import(&ada, "a", 30)).await;
    kept(accounts, &import(&ada, "b", 31)).await;
    for (name, expected) in [(Some("Old laptop"), "Old laptop"), (None, "Old laptop")] {
        let renamed = accounts.rename(ada.id, device(30), name).await.expect("rename");
        assert_eq!(renamed.map(|device| device.name), Some(expected.to_owned()));
    }
    let removed = entry(&ada, SecurityEvent::DeviceRevoked);
    assert!(accounts.remove(ada.id, device(30), &removed).await.expect("remove"));
    assert!(
        !accounts.remove(ada.id, device(30), &removed).await.expect("remove"),
        "once"
    );
    let renamed = accounts.rename(ada.id, device(30), Some("x")).await.expect("rename");
    assert_eq!(renamed, None);
    let ids = |devices: Vec<ImportDevice>| devices.into_iter().map(|device| device.id).collect::<Vec<_>>();
    assert_eq!(ids(listed(accounts, &ada).await), [device(31)]);
    let expected = [SecurityEvent::DeviceRevoked, SecurityEvent::Registered];
    assert_eq!(events(accounts, &ada).await, expected);
    assert_eq!(kept(accounts, &import(&ada, "a", 32)).await, (device(30), 0));
    let again = listed(accounts, &ada).await;
    assert_eq!(again[0].name, "Old laptop");
    assert_eq!(ids(again), [30, 31].map(device));
}

/// One source of two people is two devices.
pub async fn nobody_sees_or_changes_the_sources_of_another<A: Users + ImportDevices + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    assert_eq!(kept(accounts, &import(&ada, "a", 30)).await, (device(30), 0));
    assert_eq!(kept(accounts, &import(&bob, "a", 31)).await, (device(31), 0));
    let before = listed(accounts, &ada).await;
    let renamed = accounts.rename(bob.id, device(30), Some("x")).await.expect("rename");
    assert_eq!(renamed, None);
    let removed = entry(&bob, SecurityEvent::DeviceRevoked);
    assert!(!accounts.remove(bob.id, device(30), &removed).await.expect("remove"));
    assert_eq!(events(accounts, &bob).await, [SecurityEvent::Registered]);
    assert_eq!(listed(accounts, &ada).await, before);
}

/// Nor does somebody who never was.
pub async fn who_is_gone_or_closed_imports_nothing<A: Users + ImportDevices + AccountErasure>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let nobody = person(9, "nobody@example.org");
    accounts.erase(ada.id, NOW).await.expect("erase");
    for user in [&ada, &nobody] {
        let import = import(user, "a", 30);
        for place in [accounts.foresee(&import).await, accounts.keep(&import).await] {
            assert_eq!(place.expect("an answer"), ImportPlace::Gone);
        }
    }
}

/// And nobody else's.
pub async fn with_a_person_go_their_sources<A: Users + ImportDevices + AccountErasure>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    kept(accounts, &import(&ada, "a", 30)).await;
    kept(accounts, &import(&bob, "a", 31)).await;
    accounts.erase(ada.id, NOW).await.expect("erase");
    assert_eq!(listed(accounts, &ada).await, []);
    assert_eq!(listed(accounts, &bob).await.len(), 1);
    registered(accounts, 1).await;
    assert_eq!(listed(accounts, &ada).await, []);
    assert_eq!(kept(accounts, &import(&ada, "a", 32)).await, (device(32), 0));
}
