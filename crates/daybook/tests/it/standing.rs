//! An ended session's token on two API nodes, and tokens while a Redis that stalls keeps them from knowing.

use std::fmt::Display;
use std::time::{Duration, Instant};

use adapters::redis::Redis;
use domain::accounts::SessionId;
use domain::time::UnixMs;
use ports::accounts::{Announcements, StandingChange};
use serde_json::{Value, json};
use testkit::servers::{Fsync, TestPostgres, TestRedis};
use tokio_postgres::NoTls;

use crate::client::{Caller, Client};
use crate::ledger::now_ms;
use crate::program::{Program, daybook, run, wait_for};

/// The shards that nodes divide pings into unless told otherwise; announcements have none.
const SHARDS: u16 = 4;

struct House {
    database: TestPostgres,
    redis: TestRedis,
    runtime: tokio::runtime::Runtime,
}

/// An API node and a client of it. The client is dropped first.
struct Node {
    client: Client,
    program: Program,
}

impl House {
    fn start() -> Self {
        let house = Self {
            database: TestPostgres::start_durable(),
            redis: TestRedis::start_with(Fsync::Always, 0),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
        };
        let url = house.database.database_url();
        assert!(run(&["migrate"], &[("DATABASE_URL", &url)]).status.success());
        house
    }

    fn node(&self) -> Node {
        let settings = [
            ("DATABASE_URL", self.database.api_database_url()),
            ("REDIS_URL", self.redis.url().to_owned()),
            ("DAYBOOK_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        let program = Program::start(daybook(&["api"], &settings));
        Node {
            client: Client::new(&program.address()),
            program,
        }
    }

    /// What a statement answers, as text, when it answers anything.
    fn sql(&self, statement: &str) -> Option<String> {
        let url = self.database.database_url();
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connect");
            tokio::spawn(connection);
            let rows = client.query(statement, &[]).await.expect(statement);
            rows.first().map(|row| row.get(0))
        })
    }

    /// The session of a device.
    fn session(&self, caller: &Caller) -> SessionId {
        let device = &caller.device;
        let id = self.sql(&format!("SELECT id::text FROM sessions WHERE device_id = '{device}'"));
        SessionId(id.and_then(|id| id.parse().ok()).expect("a session"))
    }

    fn announce(&self, change: StandingChange) {
        let redis = Redis::new(self.redis.url(), SHARDS).expect("a URL");
        let told = self.runtime.block_on(redis.announcements().announce(&[change]));
        told.expect("told");
    }

    fn keep_ended(&self, session: impl Display) {
        self.sql(&format!("INSERT INTO ended_sessions VALUES ('{session}', now())"));
    }
}

impl Node {
    fn track(&self, caller: &Caller) -> u16 {
        track(&self.client, caller)
    }

    fn comes_to_answer(&self, caller: &Caller, status: u16) {
        wait_for(&format!("an answer {status}"), || {
            (self.track(caller) == status).then_some(())
        });
    }
}

/// Tracks a good ping, and answers the status.
fn track(client: &Client, caller: &Caller) -> u16 {
    let at = |ms| UnixMs(now_ms()).plus_ms(ms).to_string();
    let ping = json!({"app_name": "Editor", "start_time": at(-5_000), "end_time": at(0)});
    client.track_once(caller, &ping).status
}

#[test]
fn an_end_that_is_announced_stops_the_token_on_every_node_and_no_other() {
    let house = House::start();
    let nodes = [house.node(), house.node()];
    nodes[0].client.register("ada@example.org", "UTC");
    let laptop = nodes[0].client.sign_in("ada@example.org", "laptop");
    let phone = nodes[1].client.sign_in("ada@example.org", "phone");
    for node in &nodes {
        node.comes_to_answer(&laptop, 202);
        node.comes_to_answer(&phone, 202);
    }
    house.announce(StandingChange::Ended(house.session(&laptop)));
    let late = house.node();
    for node in nodes.iter().chain([&late]) {
        node.comes_to_answer(&laptop, 401);
        assert_eq!(node.client.get("/api/v1/users/me", Some(&laptop)).status, 401);
        node.comes_to_answer(&phone, 202);
    }
    // Kept by somebody who crashed before it could be announced.
    house.keep_ended(house.session(&phone));
    for node in nodes.iter().chain([&late]) {
        node.comes_to_answer(&phone, 401);
    }
}

#[test]
fn while_redis_stalls_tokens_are_answered_503_and_202_once_it_goes_on() {
    let mut house = House::start();
    let node = house.node();
    node.client.register("ada@example.org", "UTC");
    let caller = node.client.sign_in("ada@example.org", "laptop");
    let ended = node.client.sign_in("ada@example.org", "phone");
    node.comes_to_answer(&caller, 202);
    house.announce(StandingChange::Ended(house.session(&ended)));
    node.comes_to_answer(&ended, 401);

    house.redis.pause();
    // It asks Redis for nothing but this.
    let me = |caller: &Caller| node.client.get("/api/v1/users/me", Some(caller)).status;
    wait_for("an answer 503", || (me(&caller) == 503).then_some(()));
    assert_eq!(me(&ended), 401, "that is known for good");
    let ready = node.client.get("/health/ready", None);
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("ended_sessions"), "{ready:?}");
    house.redis.resume();
    node.comes_to_answer(&caller, 202);
    wait_for("an answer 200", || (me(&caller) == 200).then_some(()));
    assert_eq!(me(&ended), 401);
    wait_for("a node that is ready", || {
        (node.client.get("/health/ready", None).status == 200).then_some(())
    });
}

#[test]
fn a_node_that_was_stopped_lets_nobody_in_by_what_it_knew_before() {
    const REQUESTS: usize = 8;
    let house = House::start();
    let node = house.node();
    node.client.register("ada@example.org", "UTC");
    let caller = node.client.sign_in("ada@example.org", "laptop");
    node.comes_to_answer(&caller, 202);
    node.program.signal("STOP");
    house.announce(StandingChange::Ended(house.session(&caller)));
    let (announced, client) = (Instant::now(), &node.client);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        // They lie at its door when it goes on.
        let knocking: Vec<_> = (0..REQUESTS).map(|_| scope.spawn(|| track(client, &caller))).collect();
        wait_for("the moment from which the end counts", || {
            (announced.elapsed() > Duration::from_secs(1)).then_some(())
        });
        node.program.signal("CONT");
        knocking
            .into_iter()
            .map(|answer| answer.join().expect("no panic"))
            .collect()
    });
    assert!(answers.iter().all(|status| [401, 503].contains(status)), "{answers:?}");
    node.comes_to_answer(&caller, 401);
}

#[test]
fn a_session_that_ends_because_its_token_was_copied_ends_on_every_node() {
    let house = House::start();
    let nodes = [house.node(), house.node()];
    nodes[0].client.register("ada@example.org", "UTC");
    let body = json!({"email": "ada@example.org", "password": "correct horse battery"});
    let login = nodes[0]
        .client
        .post("/api/v1/auth/login", &[("X-Device-Id", "laptop")], &body);
    let caller = Caller {
        token: login.json()["access_token"].as_str().expect("a token").to_owned(),
        device: String::new(),
        precedence: 1,
    };
    let refresh = |token: &Value| {
        let answer = nodes[0]
            .client
            .post("/api/v1/auth/refresh", &[], &json!({"refresh_token": token}));
        (answer.status, answer.json()["refresh_token"].clone())
    };
    let first = login.json()["refresh_token"].clone();
    let (_, second) = refresh(&first);
    assert_eq!(refresh(&second).0, 200);
    nodes[1].comes_to_answer(&caller, 202);
    assert_eq!(refresh(&first).0, 401, "its successor was used");
    for node in &nodes {
        node.comes_to_answer(&caller, 401);
    }
}
