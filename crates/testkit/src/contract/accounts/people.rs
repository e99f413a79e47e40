//! Registering, finding and changing people.

use domain::accounts::{DayStart, FullName};
use ports::accounts::{ProfileChange, Sessions, Users};

use super::{hash, person};

/// Nobody has any id or address at first, and nobody's profile can be changed.
pub async fn nobody_is_found_where_nobody_is<A: Users + Sessions>(accounts: &A) {
    let ada = person(1, "ada@example.org");
    assert_eq!(accounts.by_id(ada.id).await.expect("read"), None);
    assert_eq!(accounts.by_email(&ada.email).await.expect("read"), None);
    let change = ProfileChange {
        full_name: Some(ada.full_name),
        ..ProfileChange::default()
    };
    assert_eq!(accounts.update(ada.id, &change).await.expect("update"), None);
}

/// What is kept comes back whole, with the hash only for whoever knows the address.
pub async fn a_new_person_is_found_by_id_and_by_email<A: Users + Sessions>(accounts: &A) {
    let mut ada = person(1, "ada@bücher.example");
    ada.full_name = FullName::parse("Ada \"'; Ω 日本").expect("a name");
    ada.day_start = DayStart::from_secs(86_399).expect("in range");
    ada.timezone = "America/Argentina/ComodRivadavia".parse().expect("a zone");
    assert!(accounts.insert(&ada, &hash("one")).await.expect("insert"));
    assert!(
        accounts
            .insert(&person(2, "b@example.org"), &hash("two"))
            .await
            .expect("insert")
    );
    assert_eq!(accounts.by_id(ada.id).await.expect("read"), Some(ada.clone()));
    assert_eq!(
        accounts.by_email(&ada.email).await.expect("read"),
        Some((ada, hash("one")))
    );
}

/// The second person with an address is refused, and the first stays as they are.
pub async fn an_email_address_is_taken_once<A: Users + Sessions>(accounts: &A) {
    let (ada, other) = (person(1, "ada@example.org"), person(2, "ADA@example.org"));
    assert!(accounts.insert(&ada, &hash("one")).await.expect("insert"));
    assert!(!accounts.insert(&other, &hash("two")).await.expect("insert"));
    assert_eq!(accounts.by_id(other.id).await.expect("read"), None);
    assert_eq!(
        accounts.by_email(&other.email).await.expect("read"),
        Some((ada, hash("one")))
    );
}

/// Each part alone, all together, and none.
pub async fn an_update_changes_what_it_names_and_nothing_else<A: Users + Sessions>(accounts: &A) {
    let mut expected = person(1, "ada@example.org");
    let other = person(2, "b@example.org");
    accounts.insert(&expected, &hash("one")).await.expect("insert");
    accounts.insert(&other, &hash("two")).await.expect("insert");
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
    for change in [ProfileChange::default(), name, zone, day_start] {
        expected.full_name = change.full_name.clone().unwrap_or(expected.full_name);
        expected.timezone = change.timezone.unwrap_or(expected.timezone);
        expected.day_start = change.day_start.unwrap_or(expected.day_start);
        let updated = accounts.update(expected.id, &change).await.expect("update");
        assert_eq!(updated, Some(expected.clone()));
    }
    assert_eq!(
        accounts.by_email(&expected.email).await.expect("read"),
        Some((expected, hash("one")))
    );
    assert_eq!(accounts.by_id(other.id).await.expect("read"), Some(other));
}
