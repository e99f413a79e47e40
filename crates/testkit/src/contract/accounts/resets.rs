//! Setting passwords anew with tokens.

use domain::accounts::{SecurityEvent, User};
use ports::accounts::{Credentials, NewReset, PasswordReset, ResetHash, SecurityLog, Sessions, Users};

use super::credentials::password_of;
use super::{MINUTE_MS, NOW, alive, entry, events, hash, registered, session, signed_in, sorted, unowned};

const LIFETIME_MS: i64 = 15 * MINUTE_MS;

pub(super) fn reset_hash(token: u8) -> ResetHash {
    ResetHash([token; 32])
}

/// A token to keep, good for a quarter of an hour; one that was made within the last minute is in its way.
pub(in crate::contract) fn reset(user: &User, token: u8) -> NewReset {
    NewReset {
        user: user.id,
        token: reset_hash(token),
        now: NOW,
        expires_at: NOW.plus_ms(LIFETIME_MS),
        not_since: NOW.plus_ms(-MINUTE_MS),
        entry: entry(user, SecurityEvent::PasswordResetRequested),
    }
}

/// The same, so much later.
fn later(user: &User, token: u8, ms: i64) -> NewReset {
    NewReset {
        now: NOW.plus_ms(ms),
        expires_at: NOW.plus_ms(ms + LIFETIME_MS),
        not_since: NOW.plus_ms(ms - MINUTE_MS),
        ..reset(user, token)
    }
}

pub(in crate::contract) fn used(token: u8, password: &str) -> PasswordReset {
    PasswordReset {
        token: reset_hash(token),
        password: hash(password),
        now: NOW,
        entry: unowned(SecurityEvent::PasswordReset),
    }
}

async fn owner<A: Credentials>(accounts: &A, token: u8, after_ms: i64) -> Option<User> {
    let at = NOW.plus_ms(after_ms);
    accounts.reset_owner(reset_hash(token), at).await.expect("read")
}

/// Asking whose it is does not use it.
pub async fn a_token_sets_the_password_once<A: Users + Credentials + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    registered(accounts, 2).await;
    assert!(accounts.keep_reset(&reset(&ada, 1)).await.expect("keep"));
    for _ in 0..2 {
        assert_eq!(owner(accounts, 1, 0).await, Some(ada.clone()));
    }
    assert_eq!(owner(accounts, 2, 0).await, None, "another token");
    let set = accounts.reset_password(&used(1, "new")).await.expect("reset");
    assert_eq!(set, Some(vec![]));
    assert_eq!(password_of(accounts, &ada).await, hash("new"));
    assert_eq!(owner(accounts, 1, 0).await, None);
    let again = accounts.reset_password(&used(1, "newer")).await.expect("reset");
    assert_eq!(again, None);
    assert_eq!(password_of(accounts, &ada).await, hash("new"));
    let expected = [
        SecurityEvent::PasswordReset,
        SecurityEvent::PasswordResetRequested,
        SecurityEvent::Registered,
    ];
    assert_eq!(events(accounts, &ada).await, expected, "each of them is Ada's");
}

/// To the millisecond, for asking whose it is and for using it.
pub async fn a_token_is_good_until_it_expires<A: Users + Credentials>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    let at = |ms: i64| PasswordReset {
        now: NOW.plus_ms(ms),
        ..used(1, "new")
    };
    assert_eq!(owner(accounts, 1, LIFETIME_MS).await, None);
    let expired = accounts.reset_password(&at(LIFETIME_MS)).await.expect("reset");
    assert_eq!(expired, None);
    assert_eq!(password_of(accounts, &ada).await, hash("x"));
    assert_eq!(owner(accounts, 1, LIFETIME_MS - 1).await, Some(ada));
    let set = accounts.reset_password(&at(LIFETIME_MS - 1)).await.expect("reset");
    assert_eq!(set, Some(vec![]));
}

/// A person has one at most. That of somebody else is left alone.
pub async fn a_new_token_takes_the_place_of_the_one_before<A: Users + Credentials>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    assert!(accounts.keep_reset(&reset(&bob, 2)).await.expect("keep"));
    let next = later(&ada, 3, MINUTE_MS);
    assert!(
        accounts.keep_reset(&next).await.expect("keep"),
        "the one before was not made after that"
    );
    assert_eq!(owner(accounts, 1, MINUTE_MS).await, None);
    assert_eq!(owner(accounts, 3, MINUTE_MS).await, Some(ada));
    assert_eq!(owner(accounts, 2, MINUTE_MS).await, Some(bob));
}

/// So that nobody's mailbox can be filled. That somebody asked is kept all the same; one that was used is in nobody's way.
pub async fn a_token_made_a_moment_ago_is_left_as_it_is<A: Users + Credentials + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    let soon = later(&ada, 2, MINUTE_MS - 1);
    assert!(!accounts.keep_reset(&soon).await.expect("keep"));
    assert_eq!(owner(accounts, 2, MINUTE_MS).await, None);
    assert_eq!(owner(accounts, 1, MINUTE_MS).await, Some(ada.clone()));
    let expected = [
        SecurityEvent::PasswordResetRequested,
        SecurityEvent::PasswordResetRequested,
        SecurityEvent::Registered,
    ];
    assert_eq!(events(accounts, &ada).await, expected);
    accounts.reset_password(&used(1, "new")).await.expect("reset");
    assert!(accounts.keep_reset(&later(&ada, 3, 1)).await.expect("keep"));
}

/// The other one is told that it is not good.
pub async fn of_two_that_use_a_token_at_once_one_sets_the_password<A: Users + Credentials>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    let (first, second) = (used(1, "one"), used(1, "two"));
    let (one, two) = tokio::join!(accounts.reset_password(&first), accounts.reset_password(&second));
    let set = [one.expect("reset").is_some(), two.expect("reset").is_some()];
    let expected = match set {
        [true, false] => hash("one"),
        [false, true] => hash("two"),
        _ => panic!("{set:?}"),
    };
    assert_eq!(password_of(accounts, &ada).await, expected);
}

/// Whoever knew the old password may be signed in.
pub async fn a_reset_ends_all_sessions_of_its_person_alone<A: Users + Credentials + Sessions>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    signed_in(accounts, &bob, "a", 12).await;
    accounts.keep_reset(&reset(&ada, 1)).await.expect("keep");
    let ended = accounts.reset_password(&used(1, "new")).await.expect("reset");
    assert_eq!(ended.map(sorted), Some(vec![session(10), session(11)]));
    assert_eq!(alive(accounts, &[10, 11, 12]).await, [12]);
    assert_eq!(password_of(accounts, &bob).await, hash("x"));
}
