//! Putting a second factor into use and out of it.

use std::time::Duration;

use domain::accounts::{SecurityEvent, TotpCode};
use services::accounts::AccountsError;
use testkit::contract::second_factors::Authenticator;

use super::people::{ADA, ADDRESS, PASSWORD, People, assert_fault, people_with_ada_signed_in, proof, proof_of};

/// One of an authenticator's time steps.
const STEP: Duration = Duration::from_secs(30);
const SUBJECT: &str = "The second factor of your Daybook account";

fn now(people: &People) -> domain::time::UnixMs {
    ports::Clock::now(people.clock.as_ref())
}

fn wrong() -> TotpCode {
    TotpCode::parse("999999").expect("six digits")
}

#[tokio::test]
async fn a_factor_is_asked_for_once_a_code_of_it_was_seen() {
    let (people, caller) = people_with_ada_signed_in().await;
    let factor = people.second_factor();
    let new = factor.begin(&caller, proof(), ADDRESS).await.expect("begun");
    assert!(new.uri.starts_with("otpauth://totp/Daybook:"), "{}", new.uri);
    assert!(new.uri.contains(&new.secret.base32()), "{}", new.uri);
    people.try_sign_in(PASSWORD, None).await.expect("it only waits");
    let refused = factor.confirm(&caller, &wrong(), ADDRESS).await;
    assert_fault(refused, "code", "wrong_code");
    people.try_sign_in(PASSWORD, None).await.expect("it waits on");
    assert_eq!(people.mailer.count(), 0);
    let code = people.factors.code(&new.secret, now(&people));
    let codes = factor.confirm(&caller, &code, ADDRESS).await.expect("confirmed");
    assert_eq!(codes.len(), 10);
    assert_eq!(people.subjects(ADA), [SUBJECT]);
    assert!(people.mails(ADA)[0].text.contains(" now asks for"));
    let entry = people.last_entry(ADA).await;
    let expected = (SecurityEvent::SecondFactorEnabled, Some(caller.session));
    assert_eq!((entry.event, entry.session), expected);
    let required = people.try_sign_in(PASSWORD, None).await;
    assert!(
        matches!(required, Err(AccountsError::SecondFactorRequired)),
        "{required:?}"
    );
    for code in codes {
        let signed_in = people.try_sign_in(PASSWORD, Some(&code.text())).await;
        signed_in.expect("each code on paper is good");
    }
}

#[tokio::test]
async fn nothing_begins_without_proof() {
    let (people, caller) = people_with_ada_signed_in().await;
    let factor = people.second_factor();
    let refused = factor.begin(&caller, proof_of("wrong horse", None), ADDRESS).await;
    assert!(matches!(refused, Err(AccountsError::ProofRefused)), "{refused:?}");
    let none = factor.confirm(&caller, &wrong(), ADDRESS).await;
    assert!(matches!(none, Err(AccountsError::NoSecondFactor)), "{none:?}");
}

#[tokio::test]
async fn the_newest_secret_is_the_one_that_waits() {
    let (people, caller) = people_with_ada_signed_in().await;
    let factor = people.second_factor();
    let first = factor.begin(&caller, proof(), ADDRESS).await.expect("begun");
    let second = factor.begin(&caller, proof(), ADDRESS).await.expect("begun again");
    let code = people.factors.code(&first.secret, now(&people));
    assert_fault(factor.confirm(&caller, &code, ADDRESS).await, "code", "wrong_code");
    let code = people.factors.code(&second.secret, now(&people));
    factor.confirm(&caller, &code, ADDRESS).await.expect("confirmed");
    let again = factor.confirm(&caller, &code, ADDRESS).await;
    assert!(matches!(again, Err(AccountsError::NoSecondFactor)), "{again:?}");
}

#[tokio::test]
async fn a_factor_in_use_has_to_go_first() {
    let (people, caller) = people_with_ada_signed_in().await;
    let (secret, recovery) = people.enable_factor(&caller).await;
    let factor = people.second_factor();
    let proof = proof_of(PASSWORD, Some(&recovery));
    let in_use = factor.begin(&caller, proof, ADDRESS).await;
    assert!(matches!(in_use, Err(AccountsError::SecondFactorInUse)), "{in_use:?}");
    people.clock.advance(STEP);
    let code = people.factors.code(&secret, now(&people));
    let signed_in = people.try_sign_in(PASSWORD, Some(&code.expose())).await;
    signed_in.expect("it is the one it was");
}

#[tokio::test]
async fn a_factor_that_was_removed_is_asked_for_no_longer() {
    let (people, caller) = people_with_ada_signed_in().await;
    let factor = people.second_factor();
    let none = factor.remove(&caller, proof(), ADDRESS).await;
    assert!(matches!(none, Err(AccountsError::NoSecondFactor)), "{none:?}");
    let (_, recovery) = people.enable_factor(&caller).await;
    let refused = factor.remove(&caller, proof(), ADDRESS).await;
    assert!(
        matches!(refused, Err(AccountsError::ProofRefused)),
        "the password alone is not enough: {refused:?}"
    );
    let both = proof_of(PASSWORD, Some(&recovery));
    factor.remove(&caller, both, ADDRESS).await.expect("removed");
    assert_eq!(people.last_entry(ADA).await.event, SecurityEvent::SecondFactorDisabled);
    assert_eq!(people.subjects(ADA), [SUBJECT, SUBJECT]);
    assert!(people.mails(ADA)[1].text.contains(" no longer asks for"));
    people.try_sign_in(PASSWORD, None).await.expect("signed in");
    people.enable_factor(&caller).await;
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_ones() {
    let (people, caller) = people_with_ada_signed_in().await;
    let factor = people.second_factor();
    let none = factor.renew_codes(&caller, proof(), ADDRESS).await;
    assert!(matches!(none, Err(AccountsError::NoSecondFactor)), "{none:?}");
    let (secret, old) = people.enable_factor(&caller).await;
    people.clock.advance(STEP);
    let code = people.factors.code(&secret, now(&people)).expose();
    let both = proof_of(PASSWORD, Some(&code));
    let new = factor.renew_codes(&caller, both, ADDRESS).await.expect("renewed");
    assert_eq!(new.len(), 10);
    assert_eq!(people.last_entry(ADA).await.event, SecurityEvent::RecoveryCodesRenewed);
    let refused = people.try_sign_in(PASSWORD, Some(&old)).await;
    assert!(
        matches!(refused, Err(AccountsError::SecondFactorRefused)),
        "{refused:?}"
    );
    let signed_in = people.try_sign_in(PASSWORD, Some(&new[9].text())).await;
    signed_in.expect("signed in");
}

#[tokio::test]
async fn a_mail_that_is_not_taken_is_no_reason_to_refuse() {
    let (people, caller) = people_with_ada_signed_in().await;
    people.mailer.fail(true);
    people.enable_factor(&caller).await;
    let required = people.try_sign_in(PASSWORD, None).await;
    assert!(
        matches!(required, Err(AccountsError::SecondFactorRequired)),
        "{required:?}"
    );
}
