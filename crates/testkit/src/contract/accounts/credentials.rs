//! Changing passwords.

use domain::accounts::{SecurityEvent, User};
use ports::accounts::{ApiKeys, Credentials, NewReset, PasswordChange, PasswordHash, SecurityLog, Sessions, Users};

use super::resets::{reset, reset_hash};
use super::{
    NOW, alive, api_key, entry, events, has_key, hash, key_hash, person, registered, session, signed_in, sorted,
};

pub(super) fn change(user: &User, password: &str) -> PasswordChange {
    PasswordChange {
        user: user.id,
        password: hash(password),
        keep: None,
        now: NOW,
        entry: entry(user, SecurityEvent::PasswordChanged),
    }
}

pub(super) async fn password_of<A: Users>(accounts: &A, user: &User) -> PasswordHash {
    let account = accounts.account(user.id).await.expect("read");
    account.expect("somebody").password
}

/// Unless the password was changed meanwhile.
pub async fn a_new_hash_of_the_same_password_takes_the_place_of_the_old_one<A: Users + Credentials>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    accounts.rehash(ada.id, &hash("x"), &hash("y")).await.expect("rehash");
    assert_eq!(password_of(accounts, &ada).await, hash("y"));
    accounts.rehash(ada.id, &hash("x"), &hash("z")).await.expect("rehash");
    assert_eq!(password_of(accounts, &ada).await, hash("y"));
    assert_eq!(password_of(accounts, &bob).await, hash("x"));
}

/// The one that the change came from. API keys stay as well, and so do the sessions of everybody else.
pub async fn a_changed_password_keeps_one_session<A: Users + Credentials + Sessions + ApiKeys + SecurityLog>(
    accounts: &A,
) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for (user, id) in [(&ada, 10), (&ada, 11), (&ada, 12), (&bob, 13)] {
        signed_in(accounts, user, &format!("device {id}").replace(' ', "-"), id).await;
    }
    has_key(accounts, &api_key(&ada, 20)).await;
    let change = PasswordChange {
        keep: Some(session(11)),
        ..change(&ada, "new")
    };
    let ended = accounts.change_password(&change).await.expect("change");
    assert_eq!(ended.map(sorted), Some(vec![session(10), session(12)]));
    assert_eq!(password_of(accounts, &ada).await, hash("new"));
    assert_eq!(password_of(accounts, &bob).await, hash("x"));
    assert_eq!(alive(accounts, &[10, 11, 12, 13]).await, [11, 13]);
    assert!(accounts.by_hash(key_hash(20)).await.expect("read").is_some());
    assert_eq!(
        events(accounts, &ada).await.first(),
        Some(&SecurityEvent::PasswordChanged)
    );
}

/// As the operator changes it.
pub async fn a_password_changed_without_a_session_ends_all<A: Users + Credentials + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "a", 10).await;
    signed_in(accounts, &ada, "b", 11).await;
    let ended = accounts.change_password(&change(&ada, "new")).await.expect("change");
    assert_eq!(ended.map(sorted), Some(vec![session(10), session(11)]));
    assert_eq!(alive(accounts, &[10, 11]).await, []);
    let again = accounts.change_password(&change(&ada, "newer")).await.expect("change");
    assert_eq!(again, Some(vec![]), "nothing was left to end");
}

/// And nothing is kept of it.
pub async fn the_password_of_nobody_cannot_be_changed<A: Users + Credentials + SecurityLog>(accounts: &A) {
    let nobody = person(1, "ada@example.org");
    let changed = accounts.change_password(&change(&nobody, "new")).await;
    assert_eq!(changed.expect("change"), None);
    assert_eq!(events(accounts, &nobody).await, []);
}

/// Whoever asked for the mail may not be who changed the password.
pub async fn a_changed_password_voids_a_reset<A: Users + Credentials>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let NewReset { now, .. } = reset(&ada, 1);
    assert!(accounts.keep_reset(&reset(&ada, 1)).await.expect("keep"));
    accounts.change_password(&change(&ada, "new")).await.expect("change");
    assert_eq!(accounts.reset_owner(reset_hash(1), now).await.expect("read"), None);
}
