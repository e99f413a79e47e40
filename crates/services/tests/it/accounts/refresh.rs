//! Exchanging refresh tokens.

use std::time::Duration;

use domain::accounts::SecurityEvent;
use services::Kind;
use services::accounts::AccountsError;

use super::people::{ADA, ADDRESS, PASSWORD, People, assert_unavailable, ended, people_with_ada};

async fn first_token(people: &People) -> String {
    let signed_in = people.try_sign_in(PASSWORD, None).await;
    signed_in.expect("signed in").refresh_token
}

async fn exchanged(people: &People, token: &str) -> String {
    let exchanged = people.refresh().refresh(token, ADDRESS).await;
    exchanged.expect("refreshed").refresh_token
}

#[tokio::test]
async fn a_refresh_is_answered_with_tokens_of_the_same_sign_in() {
    let (people, _) = people_with_ada().await;
    let signed_in = people.try_sign_in(PASSWORD, None).await.expect("signed in");
    let before = people.caller(&signed_in);
    let refreshed = people.refresh().refresh(&signed_in.refresh_token, ADDRESS).await;
    let refreshed = refreshed.expect("refreshed");
    assert_eq!(people.caller(&refreshed), before);
    assert_eq!(refreshed.device, signed_in.device);
    assert_ne!(refreshed.refresh_token, signed_in.refresh_token);
}

#[tokio::test]
async fn a_refresh_token_may_be_shown_again_until_its_successor_is_used() {
    let (people, _) = people_with_ada().await;
    let first = first_token(&people).await;
    exchanged(&people, &first).await;
    let second = exchanged(&people, &first).await;
    let third = exchanged(&people, &second).await;
    let replayed = people.refresh().refresh(&first, ADDRESS).await;
    assert!(matches!(replayed, Err(AccountsError::SessionEnded)), "{replayed:?}");
    let after = people.refresh().refresh(&third, ADDRESS).await;
    assert!(
        matches!(after, Err(AccountsError::SessionEnded)),
        "the session has ended for everybody"
    );
}

#[tokio::test]
async fn every_node_and_the_person_are_told_of_a_token_that_was_copied() {
    let (people, _) = people_with_ada().await;
    let signed_in = people.try_sign_in(PASSWORD, None).await.expect("signed in");
    let session = people.caller(&signed_in).session;
    let second = exchanged(&people, &signed_in.refresh_token).await;
    exchanged(&people, &second).await;
    assert_eq!(people.announced().await, []);
    for _ in 0..2 {
        let replayed = people.refresh().refresh(&signed_in.refresh_token, ADDRESS).await;
        assert!(matches!(replayed, Err(AccountsError::SessionEnded)), "{replayed:?}");
    }
    assert_eq!(people.announced().await, [ended(session)], "once");
    let entry = people.last_entry(ADA).await;
    assert_eq!((entry.event, entry.address), (SecurityEvent::RefreshReused, ADDRESS));
    assert_eq!(people.events(ADA).await.len(), 3);
}

#[tokio::test]
async fn a_refresh_token_expires_and_nonsense_is_none() {
    let (people, _) = people_with_ada().await;
    let token = first_token(&people).await;
    let nonsense = people.refresh().refresh("nonsense", ADDRESS).await;
    assert!(matches!(nonsense, Err(AccountsError::SessionEnded)), "{nonsense:?}");
    let month = Duration::from_hours(30 * 24);
    people.clock.advance(month.saturating_sub(Duration::from_secs(1)));
    let token = exchanged(&people, &token).await;
    people.clock.advance(month);
    let expired = people.refresh().refresh(&token, ADDRESS).await;
    assert_eq!(expired.expect_err("a month has passed").kind(), Kind::Unauthenticated);
}

#[tokio::test]
async fn a_copied_token_is_refused_though_nobody_can_be_told() {
    let (people, _) = people_with_ada().await;
    let first = first_token(&people).await;
    let second = exchanged(&people, &first).await;
    exchanged(&people, &second).await;
    people.announcements.fail(true);
    assert_unavailable(people.refresh().refresh(&first, ADDRESS).await);
    people.announcements.fail(false);
    let after = people.refresh().refresh(&second, ADDRESS).await;
    assert!(matches!(after, Err(AccountsError::SessionEnded)), "{after:?}");
}
