//! Recognising people, by signing in and by proving it once more.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, SecurityEvent, UserId};
use ports::accounts::{Attempt, PasswordHash};
use services::accounts::{AccountsError, Recognition, SignIn};
use testkit::contract::second_factors::Authenticator;
use testkit::memory::crypto::MemoryPasswords;

use super::people::{
    ADA, ADDRESS, PASSWORD, People, assert_unavailable, attempt, people_with_ada, people_with_ada_signed_in, proof,
    proof_of,
};
use super::watched::{Calls, Watched};

fn is_refused<T>(result: &Result<T, AccountsError>) -> bool {
    matches!(result, Err(AccountsError::SignInRefused))
}

/// Signing in over ports that write down how they are called.
fn watched(people: &People) -> (SignIn, Calls) {
    let calls = Calls::default();
    let recognition = Recognition {
        users: Arc::new(Watched::new(people.accounts.clone(), &calls)),
        passwords: Arc::new(Watched::new(Arc::new(MemoryPasswords), &calls)),
        throttle: Arc::new(Watched::new(people.throttle.clone(), &calls)),
        log: Arc::new(Watched::new(people.accounts.clone(), &calls)),
        ..people.recognition()
    };
    let sign_in = SignIn {
        recognition,
        ..people.sign_in()
    };
    (sign_in, calls)
}

#[tokio::test]
async fn whatever_is_wrong_is_told_by_the_same_answer_after_the_same_work() {
    let (people, _) = people_with_ada().await;
    people
        .register()
        .register(super::people::registration("closed@example.org"), ADDRESS)
        .await
        .expect("registered");
    people.disable("closed@example.org").await;
    let (sign_in, calls) = watched(&people);
    for (address, password) in [
        (ADA, "wrong horse"),
        ("bob@example.org", PASSWORD),
        ("closed@example.org", PASSWORD),
        ("closed@example.org", "wrong horse"),
    ] {
        let refused = sign_in
            .sign_in(attempt(address, proof_of(password, None), "laptop"))
            .await;
        assert!(is_refused(&refused), "{address} {password}: {refused:?}");
        let expected = ["attempt", "by_email", "verify", "failed", "record"];
        assert_eq!(calls.take(), expected, "{address} {password}");
    }
}

#[tokio::test]
async fn what_is_no_address_looks_like_a_wrong_password() {
    let (people, _) = people_with_ada().await;
    let (sign_in, calls) = watched(&people);
    let refused = sign_in.sign_in(attempt("no address", proof(), "laptop")).await;
    assert!(is_refused(&refused), "{refused:?}");
    let made = calls.take();
    assert!(made.ends_with(&["verify", "failed", "record"]), "{made:?}");
}

#[tokio::test]
async fn a_failure_is_in_the_log_of_whom_it_was_tried_for() {
    let (people, ada) = people_with_ada().await;
    assert!(is_refused(&people.try_sign_in("wrong horse", None).await));
    let nobody = attempt("bob@example.org", proof(), "laptop");
    assert!(is_refused(&people.sign_in().sign_in(nobody).await));
    let entry = people.last_entry(ADA).await;
    assert_eq!((entry.event, entry.user), (SecurityEvent::SignInFailed, Some(ada.id)));
    assert_eq!(entry.address, ADDRESS);
    let expected = [SecurityEvent::SignInFailed, SecurityEvent::Registered];
    assert_eq!(people.events(ADA).await, expected);
}

#[tokio::test]
async fn after_so_many_failures_even_the_right_password_has_to_wait() {
    let (people, _) = people_with_ada().await;
    for _ in 0..=Attempt::FREE_MAX {
        assert!(is_refused(&people.try_sign_in("wrong horse", None).await));
    }
    let (sign_in, calls) = watched(&people);
    let too_soon = sign_in.sign_in(attempt(ADA, proof(), "laptop")).await;
    let Err(AccountsError::TooSoon { wait }) = too_soon else {
        panic!("{too_soon:?}")
    };
    assert_eq!(wait, Attempt::DELAY_MIN);
    assert_eq!(calls.take(), ["attempt"], "nobody looks at it");
    people.clock.advance(Attempt::DELAY_MIN);
    people.signed_in(ADA, "laptop").await;
    for _ in 0..=Attempt::FREE_MAX {
        assert!(
            is_refused(&people.try_sign_in("wrong horse", None).await),
            "they were forgotten"
        );
    }
}

#[tokio::test]
async fn an_address_that_nobody_has_is_slowed_down_alike() {
    let (people, _) = people_with_ada().await;
    for address in ["bob@example.org", "no address"] {
        for _ in 0..=Attempt::FREE_MAX {
            let refused = people.sign_in().sign_in(attempt(address, proof(), "laptop")).await;
            assert!(is_refused(&refused), "{refused:?}");
        }
        let too_soon = people.sign_in().sign_in(attempt(address, proof(), "laptop")).await;
        assert!(matches!(too_soon, Err(AccountsError::TooSoon { .. })), "{too_soon:?}");
    }
    people.signed_in(ADA, "laptop").await;
}

/// Ada, whose authenticator is in use; what it shows at present, and a recovery code.
async fn with_factor() -> (People, Caller, impl Fn(&People) -> String, String) {
    let (people, caller) = people_with_ada_signed_in().await;
    let (secret, recovery) = people.enable_factor(&caller).await;
    let shown = move |people: &People| {
        let code = people.factors.code(&secret, ports::Clock::now(people.clock.as_ref()));
        code.expose()
    };
    (people, caller, shown, recovery)
}

/// One of an authenticator's time steps.
const STEP: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_code_is_asked_for_once_the_password_is_right() {
    let (people, _, _, _) = with_factor().await;
    let before = people.events(ADA).await;
    for _ in 0..10 {
        let required = people.try_sign_in(PASSWORD, None).await;
        assert!(
            matches!(required, Err(AccountsError::SecondFactorRequired)),
            "{required:?}"
        );
    }
    assert_eq!(people.events(ADA).await, before, "nothing has failed");
    let refused = people.try_sign_in("wrong horse", None).await;
    assert!(is_refused(&refused), "who guesses is not told of it: {refused:?}");
}

#[tokio::test]
async fn a_code_is_accepted_once() {
    let (people, caller, shown, _) = with_factor().await;
    let used = people.try_sign_in(PASSWORD, Some(&shown(&people))).await;
    assert!(
        matches!(used, Err(AccountsError::SecondFactorRefused)),
        "it was used to confirm: {used:?}"
    );
    people.clock.advance(STEP);
    let code = shown(&people);
    let signed_in = people.try_sign_in(PASSWORD, Some(&code)).await.expect("signed in");
    assert_eq!(people.caller(&signed_in).device, caller.device);
    let again = people.try_sign_in(PASSWORD, Some(&code)).await;
    assert!(matches!(again, Err(AccountsError::SecondFactorRefused)), "{again:?}");
    people.clock.advance(STEP);
    let next = people.try_sign_in(PASSWORD, Some(&shown(&people))).await;
    next.expect("the next code is another one");
}

#[tokio::test]
async fn a_wrong_code_is_a_failure_that_is_counted_and_logged() {
    let (people, _, _, _) = with_factor().await;
    for wrong in ["999999", "99999", "0000-0000-0000-0000", "", "nonsense", "123456"] {
        let refused = people.try_sign_in(PASSWORD, Some(wrong)).await;
        assert!(
            matches!(refused, Err(AccountsError::SecondFactorRefused)),
            "{wrong}: {refused:?}"
        );
        let entry = people.last_entry(ADA).await;
        assert_eq!(
            (entry.event, entry.address),
            (SecurityEvent::SecondFactorFailed, ADDRESS)
        );
    }
    let too_soon = people.try_sign_in(PASSWORD, Some("999999")).await;
    assert!(matches!(too_soon, Err(AccountsError::TooSoon { .. })), "{too_soon:?}");
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_a_code_once() {
    let (people, _, _, recovery) = with_factor().await;
    let typed = recovery.to_uppercase().replace('-', " ");
    people.try_sign_in(PASSWORD, Some(&typed)).await.expect("signed in");
    let expected = [SecurityEvent::SignedIn, SecurityEvent::RecoveryCodeUsed];
    assert_eq!(people.events(ADA).await[..2], expected);
    let again = people.try_sign_in(PASSWORD, Some(&recovery)).await;
    assert!(matches!(again, Err(AccountsError::SecondFactorRefused)), "{again:?}");
}

#[tokio::test]
async fn a_good_code_opens_no_account_that_is_closed() {
    let (people, _, shown, _) = with_factor().await;
    people.disable(ADA).await;
    people.clock.advance(STEP);
    let code = shown(&people);
    let refused = people.try_sign_in(PASSWORD, Some(&code)).await;
    assert!(is_refused(&refused), "{refused:?}");
}

#[tokio::test]
async fn a_code_without_a_second_factor_is_passed_over() {
    let (people, _) = people_with_ada().await;
    people.try_sign_in(PASSWORD, Some("999999")).await.expect("signed in");
}

async fn hash_of_ada(people: &People) -> PasswordHash {
    people.account(ADA).await.password
}

#[tokio::test]
async fn a_hash_of_before_is_renewed_by_the_right_password_alone() {
    let (people, ada) = people_with_ada().await;
    let present = hash_of_ada(&people).await;
    let outdated = MemoryPasswords::outdated(PASSWORD);
    let credentials = people.recognition().credentials;
    credentials.rehash(ada.id, &present, &outdated).await.expect("rehash");
    assert!(is_refused(&people.try_sign_in("wrong horse", None).await));
    assert_eq!(hash_of_ada(&people).await, outdated);
    people.try_sign_in(PASSWORD, None).await.expect("signed in");
    assert_eq!(hash_of_ada(&people).await, present);
    people
        .try_sign_in(PASSWORD, None)
        .await
        .expect("it is still the password");
}

#[tokio::test]
async fn a_password_that_would_be_too_short_today_signs_in_and_stays_as_it_is() {
    let (people, ada) = people_with_ada().await;
    let (present, outdated) = (hash_of_ada(&people).await, MemoryPasswords::outdated("short"));
    let credentials = people.recognition().credentials;
    credentials.rehash(ada.id, &present, &outdated).await.expect("rehash");
    people.try_sign_in("short", None).await.expect("signed in");
    assert_eq!(hash_of_ada(&people).await, outdated);
}

/// Somebody who is signed in is asked again; what is at stake here is a second factor.
async fn proves(people: &People, caller: &Caller, password: &str, code: Option<&str>) -> Result<(), AccountsError> {
    let proof = proof_of(password, code);
    let codes = people.second_factor().renew_codes(caller, proof, ADDRESS).await;
    codes.map(drop)
}

#[tokio::test]
async fn who_is_signed_in_and_asked_again_is_told_one_thing_whatever_is_wrong() {
    let (people, caller, shown, _) = with_factor().await;
    people.clock.advance(STEP);
    let code = shown(&people);
    for (password, code) in [
        ("wrong horse", None),
        ("wrong horse", Some(code.as_str())),
        (PASSWORD, None),
        (PASSWORD, Some("999999")),
    ] {
        let refused = proves(&people, &caller, password, code).await;
        assert!(
            matches!(refused, Err(AccountsError::ProofRefused)),
            "{code:?}: {refused:?}"
        );
    }
    let events = people.events(ADA).await;
    let expected = [
        SecurityEvent::SecondFactorFailed,
        SecurityEvent::SignInFailed,
        SecurityEvent::SignInFailed,
    ];
    assert_eq!(events[..3], expected, "a code that is missing is no failure");
    proves(&people, &caller, PASSWORD, Some(&code)).await.expect("proved");
    let again = proves(&people, &caller, PASSWORD, Some(&code)).await;
    assert!(
        matches!(again, Err(AccountsError::ProofRefused)),
        "it was used: {again:?}"
    );
}

#[tokio::test]
async fn guessing_while_signed_in_is_slowed_down_as_signing_in_is() {
    let (people, caller) = people_with_ada_signed_in().await;
    for _ in 0..=Attempt::FREE_MAX {
        let refused = proves(&people, &caller, "wrong horse", None).await;
        assert!(matches!(refused, Err(AccountsError::ProofRefused)), "{refused:?}");
    }
    let too_soon = proves(&people, &caller, PASSWORD, None).await;
    assert!(matches!(too_soon, Err(AccountsError::TooSoon { .. })), "{too_soon:?}");
    let too_soon = people.try_sign_in(PASSWORD, None).await;
    assert!(
        matches!(too_soon, Err(AccountsError::TooSoon { .. })),
        "they are counted together: {too_soon:?}"
    );
}

#[tokio::test]
async fn who_was_forgotten_meanwhile_is_told_so() {
    let (people, caller) = people_with_ada_signed_in().await;
    let nobody = Caller {
        user: UserId(uuid::Uuid::from_u128(9)),
        ..caller
    };
    let gone = proves(&people, &nobody, PASSWORD, None).await;
    assert!(matches!(gone, Err(AccountsError::AccountGone)), "{gone:?}");
}

#[tokio::test]
async fn nobody_gets_in_while_what_slows_guessing_down_is_away() {
    let (people, _) = people_with_ada().await;
    people.throttle.fail(true);
    assert_unavailable(people.try_sign_in(PASSWORD, None).await);
    people.throttle.fail(false);
    people.accounts.fail(true);
    assert_unavailable(people.try_sign_in(PASSWORD, None).await);
    people.accounts.fail(false);
    people.try_sign_in(PASSWORD, None).await.expect("signed in");
}
