//! Where people are signed in, and which device wins.

use domain::accounts::{Caller, DeviceId, SecurityEvent, SessionId};
use ports::accounts::{ApiKeyHash, ApiKeys, DeviceChange, DeviceState, NewApiKey, NewKeyOutcome, StandingChange};
use services::accounts::{AccountsError, Devices};

use super::people::{ADA, ADDRESS, People, assert_unavailable, ended, people_with_ada_signed_in, registration};
use crate::world::NOW;

fn devices(people: &People) -> Devices {
    Devices {
        devices: people.accounts.clone(),
        imports: people.accounts.clone(),
        sessions: people.accounts.clone(),
        announcements: people.announcements.clone(),
        endings: people.endings(),
        journal: people.journal(),
    }
}

async fn listed(people: &People, caller: &Caller) -> Vec<DeviceState> {
    devices(people).list(caller).await.expect("listed")
}

/// An API key of the caller.
async fn with_key(people: &People, caller: &Caller) -> NewApiKey {
    let id = uuid::Uuid::from_u128(77);
    let key = NewApiKey {
        id: SessionId(id),
        user: caller.user,
        device: DeviceId(id),
        name: "editor".to_owned(),
        device_name: "editor".to_owned(),
        hash: ApiKeyHash([7; 32]),
        scopes: domain::accounts::Scopes::all(),
        now: NOW,
        entry: people.last_entry(ADA).await,
    };
    let kept = people.accounts.insert(&key).await;
    assert_eq!(kept.expect("kept"), NewKeyOutcome::Kept);
    key
}

fn to(precedence: i32) -> DeviceChange {
    DeviceChange {
        name: None,
        precedence: Some(precedence),
    }
}

#[tokio::test]
async fn the_device_that_wins_is_listed_first() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let phone = people.signed_in(ADA, "phone").await;
    let ids = async || {
        let states = listed(&people, &laptop).await;
        states.into_iter().map(|state| state.device.id).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, [phone.device, laptop.device]);
    let change = to(phone.precedence + 1);
    let changed = devices(&people).change(&laptop, laptop.device, &change).await;
    assert_eq!(changed.expect("changed").device.precedence, phone.precedence + 1);
    assert_eq!(ids().await, [laptop.device, phone.device]);
    people.signed_in(ADA, "phone").await;
    assert_eq!(ids().await, [laptop.device, phone.device], "the order stays");
}

#[tokio::test]
async fn a_new_precedence_is_told_of_a_session_and_of_an_api_key() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let key = with_key(&people, &laptop).await;
    let devices = devices(&people);
    devices.change(&laptop, laptop.device, &to(50)).await.expect("changed");
    devices.change(&laptop, key.device, &to(40)).await.expect("changed");
    let expected = [(laptop.session, 50), (key.id, 40)]
        .map(|(session, precedence)| StandingChange::Precedence { session, precedence });
    assert_eq!(people.announced().await, expected);
}

#[tokio::test]
async fn a_new_name_is_told_to_nobody() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let change = DeviceChange {
        name: Some("Old laptop".to_owned()),
        precedence: None,
    };
    let changed = devices(&people).change(&laptop, laptop.device, &change).await;
    let changed = changed.expect("changed");
    assert_eq!(changed.device.name, "Old laptop");
    assert_eq!(listed(&people, &laptop).await, [changed]);
    assert_eq!(people.announced().await, []);
}

#[tokio::test]
async fn a_device_is_signed_out_from_another_one() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let phone = people.signed_in(ADA, "phone").await;
    let sign_out = async |device| devices(&people).sign_out(&laptop, device, ADDRESS).await;
    sign_out(phone.device).await.expect("signed out");
    assert_eq!(people.announced().await, [ended(phone.session)]);
    let entry = people.last_entry(ADA).await;
    let expected = (SecurityEvent::DeviceRevoked, Some(phone.device), Some(laptop.session));
    assert_eq!((entry.event, entry.device, entry.session), expected);
    assert_eq!(listed(&people, &laptop).await.len(), 1);
    let again = sign_out(phone.device).await;
    assert!(matches!(again, Err(AccountsError::NoSuchDevice)), "{again:?}");
    let changed = devices(&people).change(&laptop, phone.device, &to(9)).await;
    assert!(matches!(changed, Err(AccountsError::NoSuchDevice)), "{changed:?}");
    assert_eq!(people.announced().await.len(), 1);
}

#[tokio::test]
async fn with_its_device_an_api_key_is_revoked() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let key = with_key(&people, &laptop).await;
    devices(&people)
        .sign_out(&laptop, key.device, ADDRESS)
        .await
        .expect("signed out");
    assert_eq!(people.announced().await, [ended(key.id)]);
    assert_eq!(people.accounts.by_hash(key.hash).await.expect("read"), None);
}

#[tokio::test]
async fn nobody_sees_or_touches_a_device_of_somebody_else() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let bob = "bob@example.org";
    let registered = people.register().register(registration(bob), ADDRESS).await;
    registered.expect("registered");
    let bob = people.signed_in(bob, "laptop").await;
    let devices = devices(&people);
    let changed = devices.change(&bob, laptop.device, &to(9)).await;
    assert!(matches!(changed, Err(AccountsError::NoSuchDevice)), "{changed:?}");
    let signed_out = devices.sign_out(&bob, laptop.device, ADDRESS).await;
    assert!(matches!(signed_out, Err(AccountsError::NoSuchDevice)), "{signed_out:?}");
    let ids: Vec<_> = listed(&people, &bob)
        .await
        .into_iter()
        .map(|state| state.device.id)
        .collect();
    assert_eq!(ids, [bob.device]);
    assert_eq!(people.announced().await, []);
}

#[tokio::test]
async fn a_precedence_that_nobody_can_be_told_of_can_be_given_again() {
    let (people, laptop) = people_with_ada_signed_in().await;
    people.announcements.fail(true);
    let devices = devices(&people);
    assert_unavailable(devices.change(&laptop, laptop.device, &to(50)).await);
    people.announcements.fail(false);
    devices.change(&laptop, laptop.device, &to(50)).await.expect("changed");
    let session = laptop.session;
    let precedence = 50;
    assert_eq!(
        people.announced().await,
        [StandingChange::Precedence { session, precedence }]
    );
}
