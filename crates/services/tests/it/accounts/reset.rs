//! Setting a forgotten password anew.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::SecurityEvent;
use services::accounts::{AccountsError, ResetPassword};
use testkit::memory::factors::MemoryResetTokens;

use super::people::{
    ADA, ADDRESS, PASSWORD, People, assert_fault, assert_unavailable, email, ended, password, people_with_ada,
};

const NEW: &str = "battery staple";
const NOBODY: &str = "bob@example.org";
const MINUTE: Duration = Duration::from_mins(1);
const LIFETIME: Duration = Duration::from_mins(15);
const ONE_MS: Duration = Duration::from_millis(1);

fn resets(people: &People) -> ResetPassword {
    ResetPassword {
        users: people.accounts.clone(),
        credentials: people.accounts.clone(),
        tokens: Arc::new(MemoryResetTokens::default()),
        new_passwords: People::new_passwords(),
        mailer: people.mailer.clone(),
        log: people.accounts.clone(),
        endings: people.endings(),
        journal: people.journal(),
    }
}

async fn request(reset: &ResetPassword, address: &str) {
    reset.request(&email(address), ADDRESS).await.expect("taken");
}

/// The token in the newest mail to Ada: a line of its own.
fn token(people: &People) -> String {
    let mails = people.mails(ADA);
    let newest = mails.last().expect("a mail");
    assert_eq!(newest.subject, "Set your Daybook password anew");
    let line = newest.text.lines().find(|line| line.starts_with("reset."));
    line.expect("a token").to_owned()
}

#[tokio::test]
async fn the_token_of_a_mail_sets_the_password_and_signs_every_device_out() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    let laptop = people.signed_in(ADA, "laptop").await;
    let phone = people.signed_in(ADA, "phone").await;
    request(&reset, ADA).await;
    assert!(people.mails(ADA)[0].text.contains(" 15 minutes"));
    people
        .try_sign_in(PASSWORD, None)
        .await
        .expect("asking changes nothing");
    let again = people.announced().await;
    reset
        .reset(&token(&people), password(NEW), ADDRESS)
        .await
        .expect("reset");
    let told = people.announced().await;
    assert_eq!(again, [ended(laptop.session)], "the laptop signed in again");
    assert_eq!(told.len(), 3);
    assert!(told.contains(&ended(phone.session)));
    let subjects = people.subjects(ADA);
    assert_eq!(subjects[1..], ["Your Daybook password was changed"]);
    let entry = people.last_entry(ADA).await;
    assert_eq!((entry.event, entry.address), (SecurityEvent::PasswordReset, ADDRESS));
    let old = people.try_sign_in(PASSWORD, None).await;
    assert!(matches!(old, Err(AccountsError::SignInRefused)), "{old:?}");
    people.try_sign_in(NEW, None).await.expect("signed in");
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_and_nobody_else_gets_mail() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    request(&reset, NOBODY).await;
    assert_eq!(people.mailer.count(), 0);
    people.disable(ADA).await;
    let before = people.events(ADA).await.len();
    request(&reset, ADA).await;
    assert_eq!(people.mailer.count(), 0, "a closed account gets none");
    assert_eq!(people.events(ADA).await.len(), before);
}

#[tokio::test]
async fn within_a_minute_there_is_one_mail() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    request(&reset, ADA).await;
    let first = token(&people);
    people.clock.advance(MINUTE.saturating_sub(ONE_MS));
    request(&reset, ADA).await;
    assert_eq!(people.mailer.count(), 1);
    let asked = [SecurityEvent::PasswordResetRequested; 2];
    assert_eq!(people.events(ADA).await[..2], asked, "both are in the log");
    people.clock.advance(ONE_MS);
    request(&reset, ADA).await;
    assert_eq!(people.mailer.count(), 2);
    let second = token(&people);
    let refused = reset.reset(&first, password(NEW), ADDRESS).await;
    assert_fault(refused, "token", "invalid_token");
    reset.reset(&second, password(NEW), ADDRESS).await.expect("reset");
}

#[tokio::test]
async fn a_token_is_good_once_and_in_time() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    request(&reset, ADA).await;
    let expired = token(&people);
    people.clock.advance(LIFETIME);
    for bad in [expired.as_str(), "reset.00000000000000ff", "nonsense", ""] {
        let refused = reset.reset(bad, password(NEW), ADDRESS).await;
        assert_fault(refused, "token", "invalid_token");
    }
    people.try_sign_in(PASSWORD, None).await.expect("nothing has changed");
    request(&reset, ADA).await;
    let good = token(&people);
    people.clock.advance(LIFETIME.saturating_sub(ONE_MS));
    reset.reset(&good, password(NEW), ADDRESS).await.expect("reset");
    let again = reset.reset(&good, password("another horse"), ADDRESS).await;
    assert_fault(again, "token", "invalid_token");
    people.try_sign_in(NEW, None).await.expect("signed in");
}

#[tokio::test]
async fn a_common_password_is_refused_and_leaves_the_token_good() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    request(&reset, ADA).await;
    let token = token(&people);
    for common in ["password1", ADA] {
        let refused = reset.reset(&token, password(common), ADDRESS).await;
        assert_fault(refused, "password", "too_common");
    }
    reset.reset(&token, password(NEW), ADDRESS).await.expect("reset");
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_told_to_nobody() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    people.mailer.fail(true);
    request(&reset, ADA).await;
    request(&reset, NOBODY).await;
    people.mailer.fail(false);
    assert_eq!(people.mailer.count(), 0);
}

#[tokio::test]
async fn while_the_store_is_away_both_are_told_alike() {
    let (people, _) = people_with_ada().await;
    let reset = resets(&people);
    people.accounts.fail(true);
    for address in [ADA, NOBODY] {
        assert_unavailable(reset.request(&email(address), ADDRESS).await);
    }
}
