//! Registering, finding and changing people.

use domain::accounts::{DayStart, FullName, SecurityEvent};
use domain::usage::Patience;
use ports::accounts::{Account, EmailChange, ProfileChange, SecurityLog, Users};

use super::{FIRST_PASSWORD, address, entry, events, hash, person, registered};

/// Nobody has any id or address at first, and nobody can be changed.
pub async fn nobody_is_found_where_nobody_is<A: Users>(accounts: &A) {
    let ada = person(1, "ada@example.org");
    assert_eq!(accounts.by_id(ada.id).await.expect("read"), None);
    assert_eq!(accounts.account(ada.id).await.expect("read"), None);
    assert_eq!(accounts.by_email(&ada.email).await.expect("read"), None);
    let change = ProfileChange {
        full_name: Some(ada.full_name.clone()),
        ..ProfileChange::default()
    };
    assert_eq!(accounts.update(ada.id, &change).await.expect("update"), None);
    let entry = entry(&ada, SecurityEvent::EmailChanged);
    let changed = accounts.change_email(ada.id, &ada.email, &entry).await;
    assert_eq!(changed.expect("change"), EmailChange::Gone);
}

/// What is kept comes back whole, with the hash only for whoever asks for the account.
pub async fn a_new_person_is_found_by_id_and_by_email<A: Users + SecurityLog>(accounts: &A) {
    let mut ada = person(1, "ada@bücher.example");
    ada.full_name = FullName::parse("Ada \"'; Ω 日本").expect("a name");
    ada.day_start = DayStart::from_secs(86_399).expect("in range");
    ada.heartbeat_timeout = Patience::from_secs(3_600).expect("in range");
    ada.timezone = "America/Argentina/ComodRivadavia".parse().expect("a zone");
    let registered_ada = entry(&ada, SecurityEvent::Registered);
    let kept = accounts.insert(&ada, &hash("one"), &registered_ada).await;
    assert!(kept.expect("insert"));
    registered(accounts, 2).await;
    assert_eq!(accounts.by_id(ada.id).await.expect("read"), Some(ada.clone()));
    let account = Account {
        user: ada.clone(),
        password: hash("one"),
        password_version: FIRST_PASSWORD,
        disabled: false,
        second_factor: None,
    };
    let found = accounts.by_email(&ada.email).await.expect("read");
    assert_eq!(found, Some(account.clone()));
    assert_eq!(accounts.account(ada.id).await.expect("read"), Some(account));
    let log = accounts.page(ada.id, None, 10).await.expect("read the log");
    assert_eq!(log, [registered_ada]);
}

/// The second person with an address is refused, and the first stays as they are.
pub async fn an_email_address_is_taken_once<A: Users + SecurityLog>(accounts: &A) {
    let (ada, other) = (person(1, "ada@example.org"), person(2, "ADA@example.org"));
    let entry = |user| entry(user, SecurityEvent::Registered);
    assert!(accounts.insert(&ada, &hash("one"), &entry(&ada)).await.expect("insert"));
    let again = accounts.insert(&other, &hash("two"), &entry(&other)).await;
    assert!(!again.expect("insert"));
    assert_eq!(accounts.by_id(other.id).await.expect("read"), None);
    assert_eq!(events(accounts, &other).await, []);
    let kept = accounts.by_email(&other.email).await.expect("read").expect("somebody");
    assert_eq!((kept.user, kept.password), (ada, hash("one")));
}

/// Neither sees the other yet.
pub async fn of_two_who_register_with_one_address_at_once_one_is_kept<A: Users>(accounts: &A) {
    let (ada, other) = (person(1, "ada@example.org"), person(2, "ada@example.org"));
    let entries = [&ada, &other].map(|user| entry(user, SecurityEvent::Registered));
    let (hash, [first, second]) = (hash("x"), &entries);
    let (one, two) = tokio::join!(
        accounts.insert(&ada, &hash, first),
        accounts.insert(&other, &hash, second)
    );
    let kept = [one.expect("insert"), two.expect("insert")];
    assert!(kept == [true, false] || kept == [false, true], "{kept:?}");
}

/// Each part alone, and none.
pub async fn an_update_changes_what_it_names_and_nothing_else<A: Users>(accounts: &A) {
    let (mut expected, other) = (registered(accounts, 1).await, registered(accounts, 2).await);
    let name = ProfileChange {
        full_name: Some(FullName::parse("Countess").expect("a name")),
        ..ProfileChange::default()
    };
    let zone = ProfileChange {
        timezone: Some("Asia/Kathmandu".parse().expect("a zone")),
        ..ProfileChange::default()
    };
    let day_start = ProfileChange {
        day_start: Some(DayStart::from_secs(14_400).expect("in range")),
        ..ProfileChange::default()
    };
    let heartbeat_timeout = ProfileChange {
        heartbeat_timeout: Some(Patience::from_secs(60).expect("in range")),
        ..ProfileChange::default()
    };
    for change in [ProfileChange::default(), name, zone, day_start, heartbeat_timeout] {
        expected.full_name = change.full_name.clone().unwrap_or(expected.full_name);
        expected.timezone = change.timezone.unwrap_or(expected.timezone);
        expected.day_start = change.day_start.unwrap_or(expected.day_start);
        expected.heartbeat_timeout = change.heartbeat_timeout.unwrap_or(expected.heartbeat_timeout);
        let updated = accounts.update(expected.id, &change).await.expect("update");
        assert_eq!(updated, Some(expected.clone()));
    }
    let kept = accounts.by_email(&expected.email).await.expect("read");
    let kept = kept.expect("somebody");
    assert_eq!((kept.user, kept.password), (expected, hash("x")));
    assert_eq!(accounts.by_id(other.id).await.expect("read"), Some(other));
}

/// From then on that is what they are found by, and the old one is anybody's.
pub async fn a_new_address_takes_the_place_of_the_one_before<A: Users + SecurityLog>(accounts: &A) {
    let before = registered(accounts, 1).await;
    let bob = registered(accounts, 2).await;
    let entry = |user| entry(user, SecurityEvent::EmailChanged);
    let mut ada = before.clone();
    ada.email = address("new@example.org");
    let changed = accounts.change_email(ada.id, &ada.email, &entry(&ada)).await;
    assert_eq!(changed.expect("change"), EmailChange::Changed(ada.clone()));
    assert_eq!(accounts.by_email(&before.email).await.expect("read"), None);
    let found = accounts.by_email(&ada.email).await.expect("read");
    assert_eq!(found.expect("somebody").user, ada);
    let changed = accounts.change_email(bob.id, &before.email, &entry(&bob)).await;
    assert!(matches!(changed.expect("change"), EmailChange::Changed(_)));
    let expected = [SecurityEvent::EmailChanged, SecurityEvent::Registered];
    assert_eq!(events(accounts, &ada).await, expected);
}

/// Not to somebody else, and not to whoever has it. Nothing is kept.
pub async fn an_address_that_somebody_has_is_not_given_again<A: Users + SecurityLog>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for taken in [&bob.email, &ada.email] {
        let entry = entry(&ada, SecurityEvent::EmailChanged);
        let changed = accounts.change_email(ada.id, taken, &entry).await;
        assert_eq!(changed.expect("change"), EmailChange::Taken);
    }
    assert_eq!(accounts.by_id(ada.id).await.expect("read"), Some(ada.clone()));
    assert_eq!(events(accounts, &ada).await, [SecurityEvent::Registered]);
}
