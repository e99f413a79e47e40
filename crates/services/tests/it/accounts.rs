//! People, their sign-ins and their profiles.

use std::sync::Arc;

use domain::accounts::{DeviceKey, Email, FullName, Password};
use ports::accounts::ProfileChange;
use services::Kind;
use services::accounts::{
    AccountsError, Profile, Refresh, Register, Registration, SignIn, SignInAttempt, SignedIn, Tokens,
};
use testkit::clock::{TestClock, TestIds};
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::crypto::{MemoryAccessTokens, MemoryPasswords, MemoryRefreshTokens};

use crate::world::NOW;

struct People {
    register: Register,
    sign_in: SignIn,
    refresh: Refresh,
    profile: Profile,
    clock: Arc<TestClock>,
}

fn people() -> People {
    let accounts = Arc::new(MemoryAccounts::default());
    let (clock, ids) = (Arc::new(TestClock::at(NOW)), Arc::new(TestIds::default()));
    let passwords = Arc::new(MemoryPasswords);
    let tokens = Tokens::new(
        Arc::new(MemoryAccessTokens::default()),
        Arc::new(MemoryRefreshTokens::default()),
    );
    People {
        register: Register {
            users: accounts.clone(),
            passwords: passwords.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        },
        sign_in: SignIn {
            users: accounts.clone(),
            passwords,
            sessions: accounts.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            ids,
        },
        refresh: Refresh {
            sessions: accounts.clone(),
            tokens,
            clock: clock.clone(),
        },
        profile: Profile { users: accounts },
        clock,
    }
}

fn registration(email: &str) -> Registration {
    Registration {
        email: Email::parse(email).expect("valid"),
        password: Password::parse("correct horse").expect("valid"),
        full_name: FullName::parse("Ada").expect("valid"),
        timezone: domain::reports::Zone::Europe__Berlin,
    }
}

async fn people_with_ada() -> People {
    let people = people();
    people
        .register
        .register(registration("ada@example.org"))
        .await
        .expect("registered");
    people
}

async fn sign_in(people: &People, email: &str, password: &str, device: &str) -> Result<SignedIn, AccountsError> {
    let attempt = SignInAttempt {
        email: Email::parse(email).ok(),
        password: password.to_owned(),
        key: DeviceKey::parse(device).expect("valid"),
        device_name: None,
        platform: None,
    };
    people.sign_in.sign_in(attempt).await
}

#[tokio::test]
async fn an_address_is_taken_once_whatever_its_case() {
    let people = people_with_ada().await;
    let again = people
        .register
        .register(registration("ADA@example.org"))
        .await
        .expect_err("taken");
    assert_eq!(again.kind(), Kind::Conflict);
}

#[tokio::test]
async fn a_wrong_address_and_a_wrong_password_are_told_alike() {
    let people = people_with_ada().await;
    for (email, password) in [
        ("ada@example.org", "wrong horse"),
        ("bob@example.org", "correct horse"),
        ("no address", "correct horse"),
    ] {
        let refused = sign_in(&people, email, password, "laptop").await.expect_err("refused");
        assert!(
            matches!(refused, AccountsError::SignInRefused),
            "{email} {password}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_device_keeps_its_id_and_the_last_to_sign_in_takes_precedence() {
    let people = people_with_ada().await;
    let laptop = sign_in(&people, "ada@example.org", "correct horse", "laptop")
        .await
        .expect("signed in")
        .device;
    let phone = sign_in(&people, "ada@example.org", "correct horse", "phone")
        .await
        .expect("signed in")
        .device;
    assert!(phone.precedence > laptop.precedence);
    let again = sign_in(&people, "ada@example.org", "correct horse", "laptop")
        .await
        .expect("signed in")
        .device;
    assert_eq!(again.id, laptop.id);
    assert!(again.precedence > phone.precedence);
}

#[tokio::test]
async fn a_refresh_token_may_be_shown_again_until_its_successor_is_used() {
    let people = people_with_ada().await;
    let first = sign_in(&people, "ada@example.org", "correct horse", "laptop")
        .await
        .expect("signed in")
        .refresh_token;
    people
        .refresh
        .refresh(&first)
        .await
        .expect("the answer to this one gets lost");
    let second = people
        .refresh
        .refresh(&first)
        .await
        .expect("so it is shown again")
        .refresh_token;
    let third = people
        .refresh
        .refresh(&second)
        .await
        .expect("its successor is used")
        .refresh_token;
    let replayed = people.refresh.refresh(&first).await.expect_err("somebody has a copy");
    assert!(matches!(replayed, AccountsError::SessionEnded));
    assert!(
        people.refresh.refresh(&third).await.is_err(),
        "the session has ended for everybody"
    );
}

#[tokio::test]
async fn a_refresh_token_expires_and_nonsense_is_none() {
    let people = people_with_ada().await;
    let token = sign_in(&people, "ada@example.org", "correct horse", "laptop")
        .await
        .expect("signed in")
        .refresh_token;
    assert!(people.refresh.refresh("nonsense").await.is_err());
    people.clock.advance(std::time::Duration::from_hours(30 * 24));
    let expired = people.refresh.refresh(&token).await.expect_err("a month has passed");
    assert_eq!(expired.kind(), Kind::Unauthenticated);
}

#[tokio::test]
async fn a_profile_changes_in_what_is_named_and_nothing_else() {
    let people = people();
    let user = people
        .register
        .register(registration("ada@example.org"))
        .await
        .expect("registered");
    let caller = domain::accounts::Caller {
        user: user.id,
        ..crate::world::caller(1)
    };
    let change = ProfileChange {
        full_name: Some(FullName::parse("Ada L.").expect("valid")),
        ..ProfileChange::default()
    };
    let changed = people.profile.change(&caller, &change).await.expect("changed");
    assert_eq!(
        (changed.full_name.as_str(), changed.timezone),
        ("Ada L.", user.timezone)
    );
    assert_eq!(people.profile.show(&caller).await.expect("shown"), changed);
    let gone = people
        .profile
        .show(&crate::world::caller(9))
        .await
        .expect_err("no such person");
    assert_eq!(gone.kind(), Kind::Unauthenticated);
}
