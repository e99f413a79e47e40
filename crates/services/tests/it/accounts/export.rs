//! Everything that is kept of an account, for its person.

use domain::accounts::{Caller, SecurityEvent, UserId};
use services::accounts::{AccountsError, ExportAccount};

use super::people::{ADA, ADDRESS, PASSWORD, People, people_with_ada_signed_in, registration};

fn export(people: &People) -> ExportAccount {
    ExportAccount {
        users: people.accounts.clone(),
        devices: people.accounts.clone(),
        imports: people.accounts.clone(),
        keys: people.accounts.clone(),
        privacy: people.accounts.clone(),
        log: people.accounts.clone(),
        journal: people.journal(),
    }
}

#[tokio::test]
async fn an_account_is_exported_whole_with_the_note_that_it_was() {
    let (people, caller) = people_with_ada_signed_in().await;
    let exported = export(&people).export(&caller, ADDRESS).await.expect("exported");
    assert_eq!(exported.user, people.account(ADA).await.user);
    assert!(!exported.second_factor);
    let ids: Vec<_> = exported.devices.iter().map(|state| state.device.id).collect();
    assert_eq!(ids, [caller.device]);
    assert_eq!(exported.keys, []);
    let events: Vec<_> = exported.log.iter().map(|entry| entry.event).collect();
    let expected = [
        SecurityEvent::Exported,
        SecurityEvent::SignedIn,
        SecurityEvent::Registered,
    ];
    assert_eq!(events, expected);
    let entry = &exported.log[0];
    assert_eq!((entry.session, entry.address), (Some(caller.session), ADDRESS));
    people.enable_factor(&caller).await;
    let exported = export(&people).export(&caller, ADDRESS).await.expect("exported");
    assert!(exported.second_factor);
}

#[tokio::test]
async fn a_log_of_several_pages_is_exported_to_its_beginning_and_nobody_elses() {
    let (people, caller) = people_with_ada_signed_in().await;
    let bob = people
        .register()
        .register(registration("bob@example.org"), ADDRESS)
        .await;
    bob.expect("registered");
    // With the export itself, the registration and the first sign-in exactly two pages; then one entry more.
    for _ in 3..2_000 {
        people.try_sign_in(PASSWORD, None).await.expect("signed in");
    }
    for expected in [2_000, 2_001] {
        let exported = export(&people).export(&caller, ADDRESS).await.expect("exported");
        assert_eq!(exported.log.len(), expected);
        assert!(exported.log.is_sorted_by(|newer, older| newer.id > older.id));
        let first = exported.log.last().map(|entry| entry.event);
        assert_eq!(first, Some(SecurityEvent::Registered));
        assert!(exported.log.iter().all(|entry| entry.user == Some(caller.user)));
    }
}

#[tokio::test]
async fn of_somebody_who_is_gone_there_is_nothing() {
    let (people, caller) = people_with_ada_signed_in().await;
    let nobody = Caller {
        user: UserId(uuid::Uuid::from_u128(9)),
        ..caller
    };
    let gone = export(&people).export(&nobody, ADDRESS).await;
    assert!(matches!(gone, Err(AccountsError::AccountGone)), "{gone:?}");
}
