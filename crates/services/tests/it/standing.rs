//! Which tokens are refused before they expire, and how a node comes to know.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, SessionId};
use domain::time::UnixMs;
use ports::accounts::{AccessTokens, Announcements, EndedSession, EndedSessions, Hearing, StandingChange};
use ports::{Clock, Probe};
use services::Kind;
use services::accounts::{
    AccountsError, Authenticate, Authenticated, FollowStandings, KeyRing, RelayEnded, RelayFrom, Shown, Standing,
    Standings,
};
use testkit::clock::TestClock;
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::crypto::MemoryAccessTokens;
use testkit::memory::factors::MemoryApiKeys;
use testkit::memory::standing::{MemoryAnnouncements, MemoryEndedSessions};
use uuid::Uuid;

use crate::world::{NOW, caller};

/// What all nodes share.
struct House {
    clock: Arc<TestClock>,
    steady: Arc<TestClock>,
    announcements: Arc<MemoryAnnouncements>,
    ended: Arc<MemoryEndedSessions>,
}

struct Node {
    standings: Arc<Standings>,
    follow: FollowStandings,
    relay: RelayEnded,
}

impl House {
    fn new() -> Self {
        Self {
            clock: Arc::new(TestClock::at(NOW)),
            steady: Arc::new(TestClock::at(UnixMs(0))),
            announcements: Arc::default(),
            ended: Arc::default(),
        }
    }

    /// A node that starts.
    fn node(&self) -> Node {
        let standings = Arc::new(Standings::new(self.steady.clone()));
        let from = RelayFrom {
            ended: self.ended.clone(),
            announcements: self.announcements.clone(),
            clock: self.clock.clone(),
        };
        Node {
            follow: FollowStandings::new(self.announcements.clone(), standings.clone()),
            relay: RelayEnded::new(from, standings.clone()),
            standings,
        }
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.steady.advance(by);
    }

    async fn announced(&self) -> Vec<StandingChange> {
        self.announcements.after(None).await.expect("heard").changes
    }

    async fn kept(&self) -> usize {
        let start = EndedSession {
            ended_at: UnixMs(0),
            session: SessionId(Uuid::nil()),
        };
        self.ended.after(start, u16::MAX).await.expect("read").len()
    }
}

impl Node {
    async fn hear(&mut self) {
        while !self.follow.follow().await.expect("heard") {}
    }

    fn of(&self, session: u128) -> Standing {
        self.standings.of(&of(session))
    }
}

fn id(session: u128) -> SessionId {
    SessionId(Uuid::from_u128(session))
}

fn of(session: u128) -> Caller {
    Caller {
        session: id(session),
        ..caller(1)
    }
}

/// Somebody who is signed in.
fn person(caller: Caller) -> Shown {
    Shown::Known(Authenticated {
        caller,
        scopes: None,
        patience: domain::usage::Patience::default(),
    })
}

const GOOD: Standing = Standing::Good { precedence: 1 };

#[tokio::test]
async fn a_token_is_good_until_its_session_ends_and_tells_the_precedence_of_the_day() {
    let house = House::new();
    let mut node = house.node();
    let tokens = Arc::new(MemoryAccessTokens::default());
    let authenticate = Authenticate {
        access_tokens: tokens.clone(),
        keys: Arc::new(KeyRing::new(
            Arc::new(MemoryAccounts::default()),
            Arc::new(MemoryApiKeys::default()),
            house.clock.clone(),
        )),
        standings: node.standings.clone(),
        clock: house.clock.clone(),
    };
    let (token, _) = tokens.issue(&of(1), NOW).expect("issued");
    let unknown = authenticate.authenticate(&token).expect_err("nothing was heard");
    assert_eq!(unknown.kind(), Kind::Unavailable);
    assert!(matches!(
        authenticate.authenticate("forged").expect_err("none of ours"),
        AccountsError::TokenRefused
    ));

    node.hear().await;
    assert_eq!(authenticate.authenticate(&token).expect("good"), person(of(1)));
    let reordered = StandingChange::Precedence {
        session: id(1),
        precedence: 5,
    };
    house.announcements.announce(&[reordered]).await.expect("told");
    node.hear().await;
    let expected = Caller { precedence: 5, ..of(1) };
    assert_eq!(authenticate.authenticate(&token).expect("good"), person(expected));

    let end = StandingChange::Ended(id(1));
    house.announcements.announce(&[end]).await.expect("told");
    node.hear().await;
    let refused = authenticate.authenticate(&token).expect_err("it has ended");
    let forged = authenticate.authenticate("forged").expect_err("none of ours");
    assert_eq!(
        (refused.kind(), refused.to_string()),
        (forged.kind(), forged.to_string())
    );
}

#[tokio::test]
async fn nothing_is_known_while_nothing_can_be_heard_and_all_is_once_it_can() {
    let house = House::new();
    let mut node = house.node();
    assert!(
        node.standings
            .check()
            .await
            .expect_err("nothing was heard")
            .is_unavailable()
    );
    node.hear().await;
    node.standings.check().await.expect("known");
    house
        .announcements
        .announce(&[StandingChange::Ended(id(1))])
        .await
        .expect("told");
    house.announcements.fail(true);
    node.follow.follow().await.expect_err("away");
    house.advance(Duration::from_millis(1_001));
    assert_eq!(node.of(1), Standing::Unknown);
    let away = node.standings.check().await.expect_err("nothing was heard lately");
    assert!(away.chain().contains("1001 ms"), "{}", away.chain());
    house.announcements.fail(false);
    node.hear().await;
    assert_eq!((node.of(1), node.of(2)), (Standing::Ended, GOOD));
}

#[tokio::test]
async fn a_node_that_starts_late_knows_what_was_announced_and_what_was_lost() {
    let house = House::new();
    house
        .announcements
        .announce(&[StandingChange::Ended(id(1))])
        .await
        .expect("told");
    house.ended.keep(id(1), NOW);
    house.ended.keep(id(2), NOW);
    house.announcements.lose();
    house
        .announcements
        .announce(&[StandingChange::Ended(id(3))])
        .await
        .expect("told");
    let mut node = house.node();
    node.hear().await;
    node.relay.relay().await.expect("both are there");
    assert_eq!(
        [1, 2, 3, 4].map(|session| node.of(session)),
        [Standing::Ended, Standing::Ended, Standing::Ended, GOOD]
    );
}

#[tokio::test]
async fn what_nobody_announced_is_announced_until_it_is_heard() {
    let house = House::new();
    let (mut node, mut other) = (house.node(), house.node());
    node.hear().await;
    other.hear().await;
    house.ended.keep(id(1), NOW);
    house.announcements.fail(true);
    node.relay.relay().await.expect_err("it cannot be announced");
    assert_eq!(node.of(1), Standing::Ended, "and is known here all the same");
    house.announcements.fail(false);
    node.relay.relay().await.expect("now it can");
    other.hear().await;
    assert_eq!(other.of(1), Standing::Ended);
    // Not heard yet by the one that told it, but by the other.
    other.relay.relay().await.expect("nothing to tell");
    assert_eq!(house.announced().await.len(), 1);
    node.hear().await;
    node.relay.relay().await.expect("nothing to tell");
    assert_eq!(house.announced().await, [StandingChange::Ended(id(1))]);
}

#[tokio::test]
async fn more_than_a_page_has_ended_at_once() {
    let house = House::new();
    let mut node = house.node();
    for session in 0..2_500 {
        house.ended.keep(id(session), NOW);
    }
    node.relay.relay().await.expect("both are there");
    node.hear().await;
    assert_eq!(node.standings.ended(), 2_500);
    let mut other = house.node();
    other.hear().await;
    assert_eq!(other.standings.ended(), 2_500, "all were announced");
}

#[tokio::test]
async fn while_the_database_is_away_the_rest_goes_on_and_what_came_late_is_read_after() {
    let house = House::new();
    let mut node = house.node();
    node.hear().await;
    node.relay.relay().await.expect("both are there");
    house.ended.fail(true);
    for _ in 0..60 {
        house.advance(Duration::from_secs(5));
        node.relay.relay().await.expect_err("away");
        node.hear().await;
        assert_eq!(node.of(1), GOOD);
    }
    // Ended before the last time that everything was read, by a clock that is behind and a transaction that took long.
    house.ended.keep(id(1), NOW.plus_ms(-119_000));
    house.ended.keep(id(2), NOW.plus_ms(60_000));
    house.ended.fail(false);
    node.relay.relay().await.expect("back");
    assert_eq!((node.of(1), node.of(2)), (Standing::Ended, Standing::Ended));
}

#[tokio::test]
async fn what_ended_long_ago_is_neither_read_nor_kept() {
    let house = House::new();
    let mut node = house.node();
    let minutes = |minutes: i64| house.clock.now().plus_ms(-minutes * 60_000);
    for (session, ended_at) in [(1, minutes(61)), (2, minutes(60)), (3, minutes(16)), (4, minutes(15))] {
        house.ended.keep(id(session), ended_at);
    }
    node.hear().await;
    node.relay.relay().await.expect("both are there");
    assert_eq!(
        [1, 2, 3, 4].map(|session| node.of(session)),
        [GOOD, GOOD, GOOD, Standing::Ended]
    );
    assert_eq!(house.kept().await, 3);
    // Not looked for every second.
    house.advance(Duration::from_secs(59));
    node.relay.relay().await.expect("both are there");
    assert_eq!(house.kept().await, 3);
    house.advance(Duration::from_secs(1));
    node.relay.relay().await.expect("both are there");
    assert_eq!(house.kept().await, 2);
}
