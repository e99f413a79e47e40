//! What the operator's hand on accounts must do.

use domain::accounts::{SecurityEvent, SessionId, User};
use domain::time::UnixMs;
use ports::accounts::{ApiKeys, Operation, SecurityLog, Sessions, SignInOutcome, UserSummary, Users};

use super::accounts::{
    address, alive, api_key, events, has_key, key_hash, outcome_of, person, registered, session, sign_in, signed_in,
    sorted, unowned,
};

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! operation_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            operation,
            $home,
            [
                a_closed_account_has_no_sessions_and_its_keys_rest,
                closing_again_changes_nothing,
                the_account_of_nobody_cannot_be_closed,
                people_are_listed_by_address_page_by_page,
                nobody_signs_in_to_an_account_that_was_closed_meanwhile,
            ]
        );
    };
}

/// 2026-03-31T12:00:00.250Z.
const NOW: UnixMs = UnixMs(1_774_958_400_250);

async fn set<A: Operation>(accounts: &A, user: &User, disabled: bool) -> Option<Vec<SessionId>> {
    let event = if disabled {
        SecurityEvent::Disabled
    } else {
        SecurityEvent::Enabled
    };
    let set = accounts.set_disabled(&user.email, disabled, NOW, &unowned(event)).await;
    set.expect("set").map(sorted)
}

async fn is_disabled<A: Users>(accounts: &A, user: &User) -> bool {
    let account = accounts.account(user.id).await.expect("read");
    account.expect("somebody").disabled
}

/// They are listed on, speak for nobody, and do again when the account is opened. Everybody else is left alone.
pub async fn a_closed_account_has_no_sessions_and_its_keys_rest<A>(accounts: &A)
where
    A: Users + Sessions + ApiKeys + SecurityLog + Operation,
{
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for (user, key, id) in [(&ada, "a", 10), (&ada, "b", 11), (&bob, "a", 12)] {
        signed_in(accounts, user, key, id).await;
    }
    has_key(accounts, &api_key(&ada, 20)).await;
    has_key(accounts, &api_key(&bob, 21)).await;
    let ended = set(accounts, &ada, true).await;
    assert_eq!(ended, Some([10, 11, 20].map(session).to_vec()));
    assert!(is_disabled(accounts, &ada).await && !is_disabled(accounts, &bob).await);
    let by_email = accounts.by_email(&ada.email).await.expect("read");
    assert!(by_email.expect("somebody").disabled);
    assert_eq!(alive(accounts, &[10, 11, 12]).await, [12]);
    assert_eq!(accounts.by_hash(key_hash(20)).await.expect("read"), None);
    assert!(accounts.by_hash(key_hash(21)).await.expect("read").is_some());
    assert_eq!(ApiKeys::list(accounts, ada.id).await.expect("list").len(), 1);
    assert_eq!(events(accounts, &ada).await[0], SecurityEvent::Disabled);
    assert_eq!(set(accounts, &ada, false).await, Some(vec![]));
    assert!(!is_disabled(accounts, &ada).await);
    let holder = accounts.by_hash(key_hash(20)).await.expect("read");
    assert_eq!(holder.expect("a key").caller.session, session(20));
    assert_eq!(alive(accounts, &[10, 11]).await, []);
    assert_eq!(events(accounts, &ada).await[0], SecurityEvent::Enabled);
}

/// And nothing is kept of it; the same for opening one that is open.
pub async fn closing_again_changes_nothing<A: Users + ApiKeys + SecurityLog + Operation>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    has_key(accounts, &api_key(&ada, 20)).await;
    assert_eq!(set(accounts, &ada, false).await, Some(vec![]));
    assert_eq!(events(accounts, &ada).await[0], SecurityEvent::ApiKeyCreated);
    assert_eq!(set(accounts, &ada, true).await, Some(vec![session(20)]));
    assert_eq!(set(accounts, &ada, true).await, Some(vec![]));
    assert!(is_disabled(accounts, &ada).await);
    let log = events(accounts, &ada).await;
    assert_eq!(log[..2], [SecurityEvent::Disabled, SecurityEvent::ApiKeyCreated]);
}

/// That is told from an account without sessions.
pub async fn the_account_of_nobody_cannot_be_closed<A: Users + Operation>(accounts: &A) {
    registered(accounts, 1).await;
    assert_eq!(set(accounts, &person(2, "bob@example.org"), true).await, None);
}

/// Byte by byte, whatever the language of the machine: digits before letters, and letters beyond ASCII last.
pub async fn people_are_listed_by_address_page_by_page<A: Users + Operation>(accounts: &A) {
    let emails = [
        "1@example.org",
        "a-b@example.org",
        "a@example.org",
        "ab@example.org",
        "é@example.org",
    ];
    for (id, email) in [3, 1, 5, 2, 4].into_iter().zip(emails) {
        let user = person(id, email);
        let entry = super::accounts::entry(&user, SecurityEvent::Registered);
        let kept = accounts.insert(&user, &super::accounts::hash("x"), &entry).await;
        assert!(kept.expect("insert"), "{email}");
    }
    let second = person(1, emails[1]);
    set(accounts, &second, true).await;
    let expected = |id: u128, email: &str| UserSummary {
        id: person(id, email).id,
        email: address(email),
        full_name: person(id, email).full_name,
        created_at: NOW,
        disabled: id == 1,
    };
    let page = async |after: Option<&str>| {
        let after = after.map(address);
        let page = accounts.list(after.as_ref(), 2).await;
        page.expect("list")
    };
    assert_eq!(page(None).await, [expected(3, emails[0]), expected(1, emails[1])]);
    assert_eq!(
        page(Some(emails[1])).await,
        [expected(5, emails[2]), expected(2, emails[3])]
    );
    assert_eq!(page(Some(emails[3])).await, [expected(4, emails[4])]);
    assert_eq!(page(Some(emails[4])).await, []);
    assert_eq!(page(Some("aa@example.org")).await[0], expected(2, emails[3]));
}

/// Whatever was right when the password was checked.
pub async fn nobody_signs_in_to_an_account_that_was_closed_meanwhile<A>(accounts: &A)
where
    A: Users + Sessions + Operation,
{
    let ada = registered(accounts, 1).await;
    set(accounts, &ada, true).await;
    let late = accounts.sign_in(&sign_in(&ada, "a", 10)).await.expect("sign in");
    assert_eq!(late, SignInOutcome::Outdated);
    set(accounts, &ada, false).await;
    outcome_of(accounts, &sign_in(&ada, "a", 10)).await;
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        crate::contract::assert_listed(include_str!("operation.rs"), &[include_str!("operation.rs")]);
    }
}
