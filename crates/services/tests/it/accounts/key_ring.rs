//! Who an API key speaks for, on a node that remembers the keys it has seen.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{ApiKeyText, Caller, Scope, Scopes, SessionId};
use ports::accounts::{Announcements, ApiKeyState, ApiKeys as ApiKeyStore, DeviceChange, Devices, StandingChange};
use services::accounts::{
    AccountsError, ApiKeys, Authenticate, Authenticated, FollowStandings, KeyRing, Shown, Standings, WantedKey,
};
use testkit::memory::factors::MemoryApiKeys;

use super::people::{ADDRESS, People, assert_unavailable, people_with_ada_signed_in};

/// How long a node goes by what it knows of a key.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// And how long while the store is away.
const USABLE_FOR: Duration = Duration::from_mins(10);
const ONE_MS: Duration = Duration::from_millis(1);

/// A node that knows how sessions stand, and a key of Ada's.
struct Node {
    people: People,
    ada: Caller,
    authenticate: Authenticate,
    follow: FollowStandings,
    maker: Arc<MemoryApiKeys>,
    key: ApiKeyText,
    state: ApiKeyState,
}

async fn node() -> Node {
    let (people, ada) = people_with_ada_signed_in().await;
    let maker = Arc::new(MemoryApiKeys::default());
    let standings = Arc::new(Standings::new(people.clock.clone()));
    let authenticate = Authenticate {
        access_tokens: people.access.clone(),
        keys: Arc::new(KeyRing::new(
            people.accounts.clone(),
            maker.clone(),
            people.clock.clone(),
        )),
        standings: standings.clone(),
        clock: people.clock.clone(),
    };
    let follow = FollowStandings::new(people.announcements.clone(), standings);
    let use_case = ApiKeys {
        keys: people.accounts.clone(),
        maker: maker.clone(),
        endings: people.endings(),
        journal: people.journal(),
    };
    let wanted = WantedKey {
        name: "editor".to_owned(),
        device_name: None,
        scopes: Scopes::parse(["pings:write"]).expect("a scope"),
    };
    let made = use_case.make(&ada, wanted, ADDRESS).await.expect("made");
    let mut node = Node {
        people,
        ada,
        authenticate,
        follow,
        maker,
        key: made.text,
        state: made.state,
    };
    node.hear().await;
    node
}

impl Node {
    async fn hear(&mut self) {
        while !self.follow.follow().await.expect("heard") {}
    }

    /// So much later, with nothing missed meanwhile.
    async fn later(&mut self, by: Duration) {
        self.people.clock.advance(by);
        self.hear().await;
    }

    /// Whether the node answers without asking the store.
    fn knows(&self) -> bool {
        match self.authenticate.authenticate(&self.key.text()).expect("a key") {
            Shown::Known(known) => {
                assert_eq!(known.caller.session, self.state.id);
                true
            }
            Shown::Key(key) => {
                assert_eq!(key, self.key);
                false
            }
        }
    }

    async fn ask(&self) -> Result<Authenticated, AccountsError> {
        self.authenticate.ask(&self.key).await
    }
}

#[tokio::test]
async fn a_key_is_asked_for_once_and_then_known() {
    let node = node().await;
    assert!(!node.knows());
    let asked = node.ask().await.expect("a key");
    let hash = ports::accounts::KeyMaker::hash(node.maker.as_ref(), &node.key);
    let holder = node.people.accounts.by_hash(hash).await.expect("read").expect("a key");
    assert_eq!((asked.caller, asked.scopes), (holder.caller, Some(holder.scopes)));
    assert!(node.knows());
    assert!(asked.may(Some(Scope::PingsWrite)));
    assert!(!asked.may(Some(Scope::ReportsRead)) && !asked.may(None));
}

#[tokio::test]
async fn a_key_is_asked_for_again_after_a_while_and_longer_known_while_the_store_is_away() {
    let mut node = node().await;
    node.ask().await.expect("a key");
    node.later(FRESH_FOR).await;
    assert!(node.knows());
    node.later(ONE_MS).await;
    assert!(!node.knows());
    node.people.accounts.fail(true);
    node.ask().await.expect("it was known a while ago");
    node.later(USABLE_FOR.saturating_sub(FRESH_FOR + ONE_MS)).await;
    node.ask().await.expect("to the millisecond");
    node.later(ONE_MS).await;
    assert_unavailable(node.ask().await);
    node.people.accounts.fail(false);
    node.ask().await.expect("a key");
    assert!(node.knows());
}

#[tokio::test]
async fn a_key_that_is_revoked_is_refused_as_soon_as_that_is_heard() {
    let mut node = node().await;
    node.ask().await.expect("a key");
    let ended = StandingChange::Ended(node.state.id);
    node.people.announcements.announce(&[ended]).await.expect("told");
    node.hear().await;
    let refused = node.authenticate.authenticate(&node.key.text());
    assert!(matches!(refused, Err(AccountsError::TokenRefused)), "{refused:?}");
    let refused = node.ask().await;
    assert!(
        matches!(refused, Err(AccountsError::TokenRefused)),
        "though the store has it: {refused:?}"
    );
}

#[tokio::test]
async fn a_key_that_nobody_has_or_whose_account_is_closed_is_refused() {
    let node = node().await;
    let other = ApiKeyText::from_random([9; 16]);
    let refused = node.authenticate.ask(&other).await;
    assert!(matches!(refused, Err(AccountsError::TokenRefused)), "{refused:?}");
    node.people.disable(super::people::ADA).await;
    let refused = node.ask().await;
    assert!(matches!(refused, Err(AccountsError::TokenRefused)), "{refused:?}");
}

#[tokio::test]
async fn a_key_tells_the_precedence_of_the_day() {
    let mut node = node().await;
    node.ask().await.expect("a key");
    let change = DeviceChange {
        name: None,
        precedence: Some(77),
    };
    let devices = services::accounts::Devices {
        devices: node.people.accounts.clone(),
        imports: node.people.accounts.clone(),
        sessions: node.people.accounts.clone(),
        announcements: node.people.announcements.clone(),
        endings: node.people.endings(),
        journal: node.people.journal(),
    };
    devices
        .change(&node.ada, node.state.device, &change)
        .await
        .expect("changed");
    node.hear().await;
    let known = node.authenticate.authenticate(&node.key.text()).expect("a key");
    let Shown::Known(known) = known else {
        panic!("{known:?}")
    };
    assert_eq!(known.caller.precedence, 77);
}

#[tokio::test]
async fn when_a_key_was_used_is_kept_with_the_next_round() {
    let mut node = node().await;
    let by = node.ask().await.expect("a key");
    let used_at = async || {
        let keys = ApiKeyStore::list(node.people.accounts.as_ref(), node.ada.user).await;
        keys.expect("listed")[0].last_used_at
    };
    let keys = node.authenticate.keys.clone();
    keys.keep_uses().await.expect("nothing to keep");
    assert_eq!(used_at().await, None);
    node.authenticate.used(&by, ADDRESS);
    assert_eq!(used_at().await, None, "not for each request");
    keys.keep_uses().await.expect("kept");
    let now = ports::Clock::now(node.people.clock.as_ref());
    assert_eq!(used_at().await, Some(now));
    let states = Devices::list(node.people.accounts.as_ref(), node.ada.user, now).await;
    let states = states.expect("listed");
    let device = states.iter().find(|state| state.device.id == node.state.device);
    assert_eq!(device.expect("its device").last_address, ADDRESS);
    let person = Authenticated {
        caller: Caller {
            session: SessionId(node.state.id.0),
            ..node.ada
        },
        scopes: None,
        patience: domain::usage::Patience::default(),
    };
    node.later(FRESH_FOR).await;
    node.authenticate.used(&person, ADDRESS);
    keys.keep_uses().await.expect("kept");
    let keys = ApiKeyStore::list(node.people.accounts.as_ref(), node.ada.user).await;
    assert_eq!(
        keys.expect("listed")[0].last_used_at,
        Some(now),
        "a person who is signed in uses no key"
    );
}

#[tokio::test]
async fn uses_that_cannot_be_kept_are_noted_again_with_the_next_use() {
    let node = node().await;
    let by = node.ask().await.expect("a key");
    let keys = node.authenticate.keys.clone();
    node.authenticate.used(&by, ADDRESS);
    node.people.accounts.fail(true);
    assert!(keys.keep_uses().await.expect_err("away").is_unavailable());
    node.people.accounts.fail(false);
    node.authenticate.used(&by, ADDRESS);
    keys.keep_uses().await.expect("kept");
    let kept = ApiKeyStore::list(node.people.accounts.as_ref(), node.ada.user).await;
    assert!(kept.expect("listed")[0].last_used_at.is_some());
}
