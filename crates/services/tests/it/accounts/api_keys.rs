//! API keys.

use std::sync::Arc;

use domain::accounts::{Caller, Scope, Scopes, SecurityEvent, SessionId};
use ports::accounts::{API_KEYS_MAX, AccountErasure, ApiKeys as ApiKeyStore, KeyMaker};
use services::accounts::{AccountsError, ApiKeys, MadeKey, WantedKey};
use testkit::memory::factors::MemoryApiKeys;

use super::people::{ADA, ADDRESS, People, assert_unavailable, ended, people_with_ada_signed_in, registration};

struct Keys {
    people: People,
    maker: Arc<MemoryApiKeys>,
    use_case: ApiKeys,
    ada: Caller,
}

async fn keys() -> Keys {
    let (people, ada) = people_with_ada_signed_in().await;
    let maker = Arc::new(MemoryApiKeys::default());
    let use_case = ApiKeys {
        keys: people.accounts.clone(),
        maker: maker.clone(),
        endings: people.endings(),
        journal: people.journal(),
    };
    Keys {
        people,
        maker,
        use_case,
        ada,
    }
}

fn wanted(name: &str) -> WantedKey {
    WantedKey {
        name: name.to_owned(),
        device_name: None,
        scopes: Scopes::parse(["pings:write"]).expect("a scope"),
    }
}

impl Keys {
    async fn made(&self, name: &str) -> MadeKey {
        let made = self.use_case.make(&self.ada, wanted(name), ADDRESS).await;
        made.expect("made")
    }
}

#[tokio::test]
async fn a_key_speaks_for_whom_it_was_made_and_only_for_what_it_may() {
    let keys = keys().await;
    let made = keys.made("editor").await;
    let hash = keys.maker.hash(&made.text);
    let holder = keys.people.accounts.by_hash(hash).await.expect("read");
    let holder = holder.expect("the hash was kept");
    assert_eq!(
        (holder.caller.user, holder.caller.session),
        (keys.ada.user, made.state.id)
    );
    assert_eq!(holder.caller.device, made.state.device);
    assert!(holder.caller.precedence > keys.ada.precedence);
    assert!(holder.scopes.allow(Scope::PingsWrite) && !holder.scopes.allow(Scope::ReportsRead));
    let entry = keys.people.last_entry(ADA).await;
    let expected = (SecurityEvent::ApiKeyCreated, Some(made.state.device));
    assert_eq!((entry.event, entry.device), expected);
    assert_eq!(
        (entry.session, entry.address),
        (Some(keys.ada.session), ADDRESS),
        "the session that made it"
    );
}

#[tokio::test]
async fn what_is_answered_is_what_is_listed() {
    let keys = keys().await;
    assert_eq!(keys.use_case.list(&keys.ada).await.expect("listed"), []);
    let editor = keys.made("editor").await;
    assert_eq!(editor.state.device_name, "editor", "as the key, when not given");
    keys.people.clock.advance(std::time::Duration::from_millis(1));
    let named = WantedKey {
        device_name: Some("Laptop".to_owned()),
        scopes: Scopes::all(),
        ..wanted("shell")
    };
    let shell = keys.use_case.make(&keys.ada, named, ADDRESS).await.expect("made");
    assert_ne!(shell.text, editor.text);
    let listed = keys.use_case.list(&keys.ada).await.expect("listed");
    assert_eq!(listed, [shell.state, editor.state]);
}

#[tokio::test]
async fn a_key_more_than_a_person_may_have_is_refused() {
    let keys = keys().await;
    for number in 0..API_KEYS_MAX {
        keys.made(&format!("key {number}")).await;
    }
    let refused = keys.use_case.make(&keys.ada, wanted("one more"), ADDRESS).await;
    assert!(matches!(refused, Err(AccountsError::TooManyKeys)), "{refused:?}");
}

#[tokio::test]
async fn somebody_who_was_erased_meanwhile_gets_no_key() {
    let keys = keys().await;
    let now = keys.people.journal().clock.now();
    keys.people.accounts.erase(keys.ada.user, now).await.expect("erased");
    let refused = keys.use_case.make(&keys.ada, wanted("editor"), ADDRESS).await;
    assert!(matches!(refused, Err(AccountsError::AccountGone)), "{refused:?}");
}

#[tokio::test]
async fn every_node_is_told_of_a_key_that_was_revoked() {
    let keys = keys().await;
    let (made, other) = (keys.made("editor").await, keys.made("shell").await);
    let revoke = async || keys.use_case.revoke(&keys.ada, made.state.id, ADDRESS).await;
    revoke().await.expect("revoked");
    assert_eq!(keys.people.announced().await, [ended(made.state.id)]);
    assert_eq!(keys.people.last_entry(ADA).await.event, SecurityEvent::ApiKeyRevoked);
    let hash = keys.maker.hash(&made.text);
    assert_eq!(keys.people.accounts.by_hash(hash).await.expect("read"), None);
    let again = revoke().await;
    assert!(matches!(again, Err(AccountsError::NoSuchKey)), "{again:?}");
    assert_eq!(keys.people.announced().await.len(), 1);
    let listed = keys.use_case.list(&keys.ada).await.expect("listed");
    assert_eq!(listed, [other.state]);
}

#[tokio::test]
async fn nobody_sees_or_revokes_a_key_of_somebody_else() {
    let keys = keys().await;
    let made = keys.made("editor").await;
    let bob = "bob@example.org";
    let registered = keys.people.register().register(registration(bob), ADDRESS).await;
    registered.expect("registered");
    let bob = keys.people.signed_in(bob, "laptop").await;
    assert_eq!(keys.use_case.list(&bob).await.expect("listed"), []);
    for id in [made.state.id, SessionId(uuid::Uuid::from_u128(9))] {
        let refused = keys.use_case.revoke(&bob, id, ADDRESS).await;
        assert!(matches!(refused, Err(AccountsError::NoSuchKey)), "{refused:?}");
    }
    assert_eq!(keys.use_case.list(&keys.ada).await.expect("listed").len(), 1);
}

#[tokio::test]
async fn a_key_is_revoked_though_nobody_can_be_told() {
    let keys = keys().await;
    let made = keys.made("editor").await;
    keys.people.announcements.fail(true);
    assert_unavailable(keys.use_case.revoke(&keys.ada, made.state.id, ADDRESS).await);
    assert_eq!(keys.use_case.list(&keys.ada).await.expect("listed"), []);
}
