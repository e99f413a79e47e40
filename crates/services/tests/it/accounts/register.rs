//! Registering.

use domain::accounts::SecurityEvent;
use ports::accounts::Users;
use services::Kind;
use services::accounts::Registration;

use super::people::{ADA, ADDRESS, assert_fault, email, password, people, people_with_ada, registration};

#[tokio::test]
async fn an_address_is_taken_once_whatever_its_case() {
    let (people, _) = people_with_ada().await;
    let again = people
        .register()
        .register(registration("ADA@example.org"), ADDRESS)
        .await;
    assert_eq!(again.expect_err("taken").kind(), Kind::Conflict);
}

#[tokio::test]
async fn registering_is_the_first_entry_of_the_log() {
    let (people, ada) = people_with_ada().await;
    let entry = people.last_entry(ADA).await;
    assert_eq!((entry.event, entry.user), (SecurityEvent::Registered, Some(ada.id)));
    assert_eq!((entry.address, entry.at), (ADDRESS, ada.created_at));
}

#[tokio::test]
async fn a_password_that_guessers_try_first_is_refused_and_nothing_is_kept() {
    let people = people();
    for (address, common) in [
        (ADA, "Password1"),
        (ADA, ADA),
        ("lovelace@example.org", "Lovelace"),
        ("a+engines1@example.org", "engines1"),
    ] {
        let registration = Registration {
            password: password(common),
            ..registration(address)
        };
        let refused = people.register().register(registration, ADDRESS).await;
        assert_fault(refused, "password", "too_common");
        let found = people.accounts.by_email(&email(address)).await.expect("read");
        assert!(found.is_none(), "{common}");
    }
}
