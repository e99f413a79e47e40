//! Signing out.

use domain::accounts::SecurityEvent;
use services::accounts::SignOut;

use super::people::{
    ADA, ADDRESS, PASSWORD, People, assert_unavailable, ended, people_with_ada, people_with_ada_signed_in,
};

fn sign_out(people: &People) -> SignOut {
    SignOut {
        sessions: people.accounts.clone(),
        endings: people.endings(),
        journal: people.journal(),
    }
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let (people, _) = people_with_ada().await;
    let laptop = people.try_sign_in(PASSWORD, None).await.expect("signed in");
    let caller = people.caller(&laptop);
    people.signed_in(ADA, "phone").await;
    sign_out(&people)
        .this_device(&caller, ADDRESS)
        .await
        .expect("signed out");
    assert_eq!(people.announced().await, [ended(caller.session)]);
    let refreshed = people.refresh().refresh(&laptop.refresh_token, ADDRESS).await;
    refreshed.expect_err("the session has ended");
    let entry = people.last_entry(ADA).await;
    assert_eq!(
        (entry.event, entry.session),
        (SecurityEvent::SignedOut, Some(caller.session))
    );
    assert_eq!((entry.device, entry.address), (Some(caller.device), ADDRESS));
    sign_out(&people).this_device(&caller, ADDRESS).await.expect("again");
    assert_eq!(people.announced().await.len(), 1);
    assert_eq!(people.last_entry(ADA).await, entry);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_the_person() {
    let (people, laptop) = people_with_ada_signed_in().await;
    let phone = people.signed_in(ADA, "phone").await;
    let bob = "bob@example.org";
    let registered = people
        .register()
        .register(super::people::registration(bob), ADDRESS)
        .await;
    registered.expect("registered");
    people.signed_in(bob, "laptop").await;
    sign_out(&people).everywhere(&phone, ADDRESS).await.expect("signed out");
    let told = people.announced().await;
    assert_eq!(told.len(), 2);
    assert!(told.contains(&ended(laptop.session)) && told.contains(&ended(phone.session)));
    let events = people.events(ADA).await;
    assert_eq!(events[0], SecurityEvent::SignedOutEverywhere);
}

#[tokio::test]
async fn a_session_has_ended_though_nobody_can_be_told() {
    let (people, caller) = people_with_ada_signed_in().await;
    people.announcements.fail(true);
    assert_unavailable(sign_out(&people).this_device(&caller, ADDRESS).await);
    people.announcements.fail(false);
    assert_eq!(people.last_entry(ADA).await.event, SecurityEvent::SignedOut);
    sign_out(&people)
        .this_device(&caller, ADDRESS)
        .await
        .expect("nothing is left to end");
}
