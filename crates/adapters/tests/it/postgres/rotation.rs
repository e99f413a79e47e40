//! The keys of access tokens are replaced, and nobody notices.

use std::sync::Arc;
use std::time::Duration;

use adapters::ambient::SystemIds;
use adapters::key_rotation::KeyRotation;
use adapters::postgres::TokenKeys;
use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use futures_util::future::join_all;
use ports::accounts::AccessTokens;
use ports::{Clock, PortErrorKind};
use testkit::clock::TestClock;
use testkit::servers::TestPostgres;
use uuid::Uuid;

use super::{api_pool, client, database};

const NOW: UnixMs = UnixMs(1_774_958_400_000);
const MINUTE: Duration = Duration::from_mins(1);

struct Node {
    rotation: KeyRotation,
    clock: Arc<TestClock>,
}

impl Node {
    async fn start(server: &TestPostgres, clock: &Arc<TestClock>) -> Self {
        let keys = TokenKeys::new(api_pool(server));
        let rotation = KeyRotation::start(keys, clock.clone(), Arc::new(SystemIds)).await;
        Self {
            rotation: rotation.expect("keys"),
            clock: Arc::clone(clock),
        }
    }

    fn token(&self) -> String {
        let tokens = self.rotation.tokens();
        tokens.issue(&caller(), self.clock.now()).expect("a token").0
    }

    fn accepts(&self, token: &str) -> bool {
        self.rotation.tokens().verify(token, self.clock.now()) == Some(caller())
    }

    async fn turn(&self) {
        self.rotation.turn().await.expect("turned");
    }
}

fn caller() -> Caller {
    Caller {
        user: UserId(Uuid::from_u128(1)),
        device: DeviceId(Uuid::from_u128(2)),
        session: SessionId(Uuid::from_u128(3)),
        precedence: 4,
    }
}

/// What a token says of its key, as it stands in it.
fn header(token: &str) -> String {
    token.split('.').next().expect("a header").to_owned()
}

async fn kept(server: &TestPostgres) -> i64 {
    let count = "SELECT count(*) FROM token_keys";
    client(server)
        .await
        .query_one(count, &[])
        .await
        .expect("counted")
        .get(0)
}

#[tokio::test]
async fn nodes_that_start_at_once_sign_with_one_key() {
    let (server, _) = database().await;
    let clock = Arc::new(TestClock::at(NOW));
    let nodes = join_all((0..6).map(|_| Node::start(&server, &clock))).await;
    assert_eq!(kept(&server).await, 1);
    let token = nodes[0].token();
    for node in &nodes {
        assert!(node.accepts(&token));
        assert_eq!(header(&node.token()), header(&token));
    }
}

#[tokio::test]
async fn of_nodes_that_make_the_next_key_at_once_one_does() {
    let (server, _) = database().await;
    let clock = Arc::new(TestClock::at(NOW));
    let nodes = join_all((0..6).map(|_| Node::start(&server, &clock))).await;
    clock.advance(Duration::from_hours(30 * 24));
    join_all(nodes.iter().map(Node::turn)).await;
    assert_eq!(kept(&server).await, 2);
}

#[tokio::test]
async fn a_key_is_replaced_and_nobody_is_signed_out() {
    let (server, _) = database().await;
    let clock = Arc::new(TestClock::at(NOW));
    let (one, other) = (Node::start(&server, &clock).await, Node::start(&server, &clock).await);
    let old = header(&one.token());
    clock.advance(Duration::from_hours(30 * 24));
    one.turn().await;
    assert_eq!(kept(&server).await, 2);

    // The tokens of the last five minutes, minute by minute, until the old key is deleted. One node is always half a minute behind the other.
    let mut alive: Vec<(UnixMs, String)> = Vec::new();
    let mut changes = 0;
    for _ in 0..30 {
        for (node, behind) in [(&one, &other), (&other, &one)] {
            let token = node.token();
            changes += usize::from(header(&token) != old);
            assert!(behind.accepts(&token), "a key that the other node does not know signs");
            alive.push((clock.now(), token));
            clock.advance(MINUTE / 2);
            node.turn().await;
            let now = clock.now();
            alive.retain(|(made, _)| now < made.after(Duration::from_mins(5)));
            for (made, token) in &alive {
                assert!(
                    one.accepts(token) && other.accepts(token),
                    "a token of {made} is refused at {now}"
                );
            }
        }
    }
    assert!(
        (30..50).contains(&changes),
        "{changes} of 60 tokens are signed with the new key"
    );
    assert_eq!(kept(&server).await, 2);

    clock.advance(Duration::from_hours(24));
    one.turn().await;
    assert_eq!(kept(&server).await, 1);
    let late = Node::start(&server, &clock).await;
    assert!(late.accepts(&one.token()));
    assert_ne!(header(&late.token()), old);
}

#[tokio::test]
async fn while_the_database_is_away_a_node_goes_on_with_the_keys_it_has() {
    let (server, _) = database().await;
    let clock = Arc::new(TestClock::at(NOW));
    let node = Node::start(&server, &clock).await;
    let old = header(&node.token());
    clock.advance(Duration::from_hours(30 * 24));
    node.turn().await;
    client(&server)
        .await
        .batch_execute("ALTER TABLE token_keys RENAME TO away")
        .await
        .expect("renamed");
    clock.advance(Duration::from_mins(5));
    let failed = node.rotation.turn().await.expect_err("away");
    assert_eq!(failed.kind, PortErrorKind::Bug);
    let token = node.token();
    assert_eq!(header(&token), old);
    clock.advance(Duration::from_mins(5) - Duration::from_millis(1));
    node.rotation.turn().await.expect_err("away");
    assert!(node.accepts(&node.token()));
    assert_eq!(header(&node.token()), old);
    clock.advance(Duration::from_millis(1));
    node.rotation.turn().await.expect_err("away");
    assert_ne!(header(&node.token()), old, "what it knew of already begins to sign");
}
