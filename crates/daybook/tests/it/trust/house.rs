//! Two API nodes, and who is signed in at them.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::servers::{Fsync, TestPostgres, TestRedis};
use tokio_postgres::NoTls;

use crate::client::{Answer, Caller, Client};
use crate::ledger::now_ms;
use crate::program::{Program, daybook, text, wait_for};

/// Into how many streams pings are divided unless a node is told otherwise.
const SHARDS: u16 = 4;
pub const PASSWORD: &str = "correct horse battery";

/// A migrated database, a Redis, and a folder for mail.
pub struct House {
    pub database: TestPostgres,
    pub redis: TestRedis,
    pub mail: TempDir,
    runtime: tokio::runtime::Runtime,
}

/// An API node and a client of it. The client is dropped first.
pub struct Node {
    pub client: Client,
    pub program: Program,
    pub address: String,
}

/// A device that is signed in.
#[derive(Clone)]
pub struct Session {
    pub caller: Caller,
    pub refresh: String,
}

impl House {
    pub fn start() -> Self {
        let house = Self {
            database: TestPostgres::start_durable(),
            redis: TestRedis::start_with(Fsync::Always, 0),
            mail: tempfile::tempdir().expect("a directory"),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
        };
        let migrated = house.run(&["migrate"], "");
        assert!(migrated.status.success(), "{}", text(&migrated.stderr));
        house
    }

    /// Two nodes that start at the same time.
    pub fn nodes(&self) -> [Node; 2] {
        [self.program("api"), self.program("api")].map(Node::of)
    }

    pub fn node(&self) -> Node {
        Node::of(self.program("api"))
    }

    pub fn worker(&self) -> Program {
        let worker = self.program("worker");
        worker.line_with("worker is ready");
        worker
    }

    fn program(&self, part: &str) -> Program {
        let settings = self.settings(part);
        Program::start(daybook(
            &[part],
            &settings.each_ref().map(|(name, value)| (*name, value.as_str())),
        ))
    }

    /// Runs a command to its end, as the owner of the database, with `input` to read.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        let settings = self.settings(arguments[0]);
        let mut command = daybook(
            arguments,
            &settings.each_ref().map(|(name, value)| (*name, value.as_str())),
        );
        let piped = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = piped.spawn().expect("run daybook");
        // One that reads nothing may have ended before.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        child.wait_with_output().expect("wait")
    }

    /// What a part is told, which connects as a role of its own.
    fn settings(&self, part: &str) -> [(&'static str, String); 6] {
        let database_url = match part {
            "api" => self.database.api_database_url(),
            "worker" => self.database.worker_database_url(),
            _ => self.database.database_url(),
        };
        [
            ("DATABASE_URL", database_url),
            ("REDIS_URL", self.redis.url().to_owned()),
            ("DAYBOOK_LISTEN", "127.0.0.1:0".to_owned()),
            ("DAYBOOK_MAIL", format!("dir:{}", self.mail.path().display())),
            // So that one machine can call from several addresses.
            ("DAYBOOK_TRUSTED_PROXIES", "127.0.0.1".to_owned()),
            // Tests ask until it is so, which is more often than anybody does.
            ("DAYBOOK_RATE_LIMITS", "off".to_owned()),
        ]
    }

    /// The first column of what a statement answers, as the superuser, whom no policy stops.
    pub fn sql(&self, statement: &str) -> Vec<String> {
        let url = self.database.admin_url();
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connect");
            tokio::spawn(connection);
            let rows = client.query(statement, &[]).await.expect(statement);
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// Why even the superuser may not do that.
    pub fn refused(&self, statement: &str) -> String {
        let url = self.database.admin_url();
        self.runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("connect");
            tokio::spawn(connection);
            let refused = client.batch_execute(statement).await.expect_err(statement);
            refused.as_db_error().map(ToString::to_string).unwrap_or_default()
        })
    }

    pub fn redis(&self) -> redis::Connection {
        let client = redis::Client::open(self.redis.url()).expect("a URL");
        client.get_connection().expect("connected")
    }

    /// Waits until nothing waits in the queue: all that was accepted is merged, dead or dropped.
    pub fn drained(&self) {
        let mut redis = self.redis();
        wait_for("an empty queue", || {
            let mut waiting = |shard, lane| -> u64 {
                let stream = format!("daybook:pings:{shard}{lane}");
                redis::cmd("XLEN").arg(stream).query(&mut redis).expect("a length")
            };
            let mut lanes = (0..SHARDS).flat_map(|shard| [(shard, ""), (shard, ":bulk")]);
            lanes.all(|(shard, lane)| waiting(shard, lane) == 0).then_some(())
        });
    }
}

impl Node {
    fn of(program: Program) -> Self {
        let address = program.address();
        Self {
            client: Client::new(&address),
            program,
            address,
        }
    }

    pub fn sign_in(&self, email: &str, device: &str) -> Session {
        let answer = self.attempt(email, PASSWORD, device);
        assert_eq!(answer.status, 200, "{answer:?}");
        Session::of(&answer)
    }

    pub fn attempt(&self, email: &str, password: &str, device: &str) -> Answer {
        attempt(&self.client, email, password, device)
    }

    pub fn refresh(&self, token: &str) -> Answer {
        refresh(&self.client, token)
    }

    /// What the API says to a request of `caller`.
    pub fn post(&self, path: &str, caller: &Caller, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", caller.token);
        self.client.post(path, &[("Authorization", &bearer)], body)
    }

    /// The status of a good ping.
    pub fn track(&self, caller: &Caller) -> u16 {
        self.client.track_once(caller, &ping("Editor", 10)).status
    }

    pub fn comes_to_answer(&self, caller: &Caller, status: u16) {
        wait_for(&format!("an answer {status}"), || {
            (self.track(caller) == status).then_some(())
        });
    }
}

impl Session {
    pub fn of(answer: &Answer) -> Self {
        let body = answer.json();
        let word = |pointer: &str| {
            let word = body.pointer(pointer).and_then(Value::as_str);
            word.unwrap_or_else(|| panic!("{pointer} in {body}")).to_owned()
        };
        let precedence = body.pointer("/device/precedence").and_then(Value::as_i64);
        Self {
            refresh: word("/refresh_token"),
            caller: Caller {
                token: word("/access_token"),
                device: word("/device/id"),
                precedence: i32::try_from(precedence.expect("a precedence")).expect("small"),
            },
        }
    }
}

/// Tries to sign in.
pub fn attempt(client: &Client, email: &str, password: &str, device: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    client.post("/api/v1/auth/login", &[("X-Device-Id", device)], &body)
}

/// What the API says to a refresh token.
pub fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/auth/refresh", &[], &json!({"refresh_token": token}))
}

/// Five seconds of `app`, which began so many seconds ago.
pub fn ping(app: &str, secs_ago: i64) -> Value {
    let start = domain::time::UnixMs(now_ms()).plus_ms(-1_000 * secs_ago);
    json!({"app_name": app, "start_time": start.to_string(), "end_time": start.plus_ms(5_000).to_string()})
}

/// The words of somebody's security log, the latest first.
pub fn events(node: &Node, caller: &Caller) -> Vec<String> {
    let log = node.client.get("/api/v1/users/me/security-log", Some(caller));
    assert_eq!(log.status, 200, "{log:?}");
    let log = log.json();
    let entries = log["entries"].as_array().expect("entries").iter();
    entries
        .map(|entry| entry["event"].as_str().expect("a word").to_owned())
        .collect()
}

/// Both tokens of a session come to be refused on every node.
pub fn assert_ended(nodes: &[Node], session: &Session) {
    for node in nodes {
        node.comes_to_answer(&session.caller, 401);
        assert_eq!(node.client.get("/api/v1/users/me", Some(&session.caller)).status, 401);
        assert_eq!(node.refresh(&session.refresh).status, 401);
    }
}

/// A session's access token is good on every node.
pub fn assert_alive(nodes: &[Node], session: &Session) {
    for node in nodes {
        node.comes_to_answer(&session.caller, 202);
    }
}
