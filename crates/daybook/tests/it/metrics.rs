//! What Prometheus is told by API and worker nodes, and what trackers are told when too much waits.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use domain::time::UnixMs;
use serde_json::{Value, json};
use testkit::servers::{Fsync, TestPostgres, TestRedis};

use crate::client::{Answer, Caller, Client};
use crate::ledger::now_ms;
use crate::program::{Program, daybook, run, wait_for};

/// What the law is made of.
const BOOKS: [&str; 6] = [
    "received_total",
    "merged_total",
    "refused_total",
    "dropped_total",
    "dead",
    "in_flight",
];

struct House {
    database: TestPostgres,
    redis: TestRedis,
}

/// A node whose metrics can be read.
struct Node {
    program: Program,
    metrics: String,
}

impl House {
    fn start() -> Self {
        let house = Self {
            database: TestPostgres::start_durable(),
            redis: TestRedis::start_with(Fsync::Always, 0),
        };
        let url = house.database.database_url();
        assert!(run(&["migrate"], &[("DATABASE_URL", &url)]).status.success());
        house
    }

    /// A node of this part, with `more` settings.
    fn node(&self, part: &str, more: &[(&str, &str)]) -> Node {
        let database = match part {
            "api" => self.database.api_database_url(),
            _ => self.database.worker_database_url(),
        };
        let mut settings = vec![
            ("DATABASE_URL", database.as_str()),
            ("REDIS_URL", self.redis.url()),
            ("DAYBOOK_LISTEN", "127.0.0.1:0"),
            ("DAYBOOK_METRICS_LISTEN", "127.0.0.1:0"),
        ];
        settings.extend(more);
        let program = Program::start(daybook(&[part], &settings));
        let said = program.line_with("Metrics are at http://");
        let metrics = said
            .trim_start_matches("Metrics are at http://")
            .trim_end_matches("/metrics");
        Node {
            metrics: metrics.to_owned(),
            program,
        }
    }
}

impl Node {
    fn client(&self) -> Client {
        Client::new(&self.program.address())
    }

    /// What it answers to a request for `path`, head and all.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.metrics).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a bound");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        // What it does not read to the end it may answer with a reset.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// The values of all series, by their names with labels.
    fn scrape(&self) -> BTreeMap<String, f64> {
        let answer = self.ask("GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n");
        let (head, page) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("text/plain; version=0.0.4"), "{head}");
        let mut series = BTreeMap::new();
        for line in page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            let twice = series.insert(name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line:?}")));
            assert_eq!(twice, None, "{name} is there twice");
        }
        series
    }

    /// The six numbers of the books, where they are there; they balance.
    fn books(&self) -> Option<[u64; 6]> {
        let series = self.scrape();
        let books = BOOKS.map(|name| series.get(&format!("daybook_books_{name}")).copied());
        if books.iter().all(Option::is_none) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "they are small counts"
        )]
        let books = books.map(|value| value.expect("all of them or none") as u64);
        assert_eq!(books[0], books[1..].iter().sum::<u64>(), "{books:?}");
        Some(books)
    }
}

/// Tracks `count` pings of five seconds.
fn track(client: &Client, caller: &Caller, count: i64) -> Answer {
    let at = |ms: i64| UnixMs(now_ms()).plus_ms(ms).to_string();
    let ping = |number: i64| json!({"app_name": "Editor", "start_time": at(-5_000 * (number + 1)), "end_time": at(-5_000 * number)});
    client.track_once(caller, &json!({"pings": (0..count).map(ping).collect::<Vec<Value>>()}))
}

#[test]
fn nodes_tell_the_same_books_and_nothing_old() {
    let mut house = House::start();
    let (api, worker) = (house.node("api", &[]), house.node("worker", &[]));
    let client = api.client();
    client.register("ada@example.org", "UTC");
    let caller = client.sign_in("ada@example.org", "laptop");
    assert_eq!(api.books(), Some([0; 6]));
    for _ in 0..5 {
        wait_for("pings are taken", || {
            (track(&client, &caller, 100).status == 202).then_some(())
        });
        for node in [&api, &worker] {
            node.books().expect("Redis is there");
        }
    }
    for node in [&api, &worker] {
        let settled = wait_for("all is merged", || node.books().filter(|books| books[1] == 500));
        assert_eq!(settled, [500, 500, 0, 0, 0, 0]);
    }
    let series = worker.scrape();
    assert!(series["daybook_lag_seconds_count"] >= 1.0, "{series:?}");
    assert!(series["daybook_merge_seconds_count"] >= 1.0, "{series:?}");

    let told = [&api, &worker].map(Node::scrape);
    // What is counted when it first happens is there from then on.
    let rare = ["daybook_mails_given_up_total", "daybook_mails_sent_total"];
    let is_told = |name: &String| {
        let mut keys = told.iter().flat_map(BTreeMap::keys);
        rare.contains(&name.as_str()) || keys.any(|key| key.split('{').next() == Some(name))
    };
    let unknown: Vec<String> = crate::deploy::asked()
        .into_iter()
        .filter(|name| !is_told(name))
        .collect();
    assert_eq!(unknown, [""; 0], "alerts and dashboard ask for these");

    house.redis.pause();
    for node in [&api, &worker] {
        assert_eq!(node.books(), None, "rather nothing than something old");
        let series = node.scrape();
        assert!(
            series.keys().all(|name| !name.starts_with("daybook_queue_entries")),
            "{series:?}"
        );
        assert!(!series.is_empty(), "what the node counts itself is there");
    }
    house.redis.resume();
    for node in [&api, &worker] {
        wait_for("it is there again", || node.books());
    }
}

#[test]
fn whoever_asks_slowly_or_nonsense_keeps_nobody_waiting() {
    let house = House::start();
    let worker = house.node("worker", &[]);
    // More than may ask at once: some say nothing, some do not finish, some do not read.
    let mut slow: Vec<TcpStream> = Vec::new();
    for number in 0..40 {
        let mut stream = TcpStream::connect(&worker.metrics).expect("it listens");
        let said: &[u8] = [
            &b""[..],
            b"GET /metr",
            b"GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n",
        ][number % 3];
        stream.write_all(said).expect("sent");
        slow.push(stream);
    }
    assert_eq!(worker.books(), Some([0; 6]));
    drop(slow);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: metrics\r\n\r\n".to_owned(), "404"),
        (
            "POST /metrics HTTP/1.1\r\nHost: metrics\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "405",
        ),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (
            format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024)),
            "431",
        ),
    ] {
        let answer = worker.ask(&request);
        let said = answer.split_whitespace().nth(1);
        // A head that is far too long may be cut off before it is answered.
        assert!(
            said == Some(status) || (said.is_none() && status == "431"),
            "{answer:?}"
        );
    }
    assert_eq!(worker.books(), Some([0; 6]));
}

#[test]
fn when_too_much_waits_trackers_are_told_to_come_again_and_then_may() {
    let house = House::start();
    let api = house.node(
        "api",
        &[("DAYBOOK_BACKLOG_PINGS", "1000"), ("DAYBOOK_RATE_LIMITS", "off")],
    );
    let client = api.client();
    client.register("ada@example.org", "UTC");
    let caller = client.sign_in("ada@example.org", "laptop");
    let mut accepted = 0;
    let refused = loop {
        let answer = track(&client, &caller, 250);
        match answer.status {
            202 => accepted += 250,
            503 if answer.body.contains("until they are merged") => break answer,
            // A machine full of tests may keep it from its Redis for a second.
            503 => {}
            _ => panic!("{answer:?}"),
        }
        assert!(accepted <= 1_000, "it never says that it is full");
    };
    assert_eq!(accepted, 1_000);
    let body = refused.json();
    assert_eq!(body["type"], "urn:problem-type:daybook:unavailable");
    assert!(body["errors"].is_null(), "it is nobody's fault: {body}");
    let series = api.scrape();
    assert!(series["daybook_backlog_full"] > 0.0);
    assert!((999.0..1_001.0).contains(&series["daybook_backlog_arrivals_max"]));
    assert!(series["daybook_pings_turned_away_total{why=\"arrivals\"}"] >= 250.0);
    assert_eq!(client.get("/health/ready", None).status, 200, "the node is well");

    let worker = house.node("worker", &[]);
    wait_for("pings are taken again", || {
        (track(&client, &caller, 1).status == 202).then_some(())
    });
    let books = wait_for("all is merged", || worker.books().filter(|books| books[5] == 0));
    assert!(books[0] > 1_000 && books[1] == books[0], "{books:?}");
}
