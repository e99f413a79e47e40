//! Shuffled, repeated, differently batched, through the real queue and two workers that come and go: the same timelines, byte for byte.

use std::sync::mpsc::channel;

use serde_json::{Value, json};
use testkit::servers::{Fsync, TestPostgres, TestRedis};

use crate::client::{Caller, Client};
use crate::ledger::{People, Random, Sent, pings};
use crate::program::{Program, daybook, run, text};

const SEED: u64 = 20_260_301;
const SENDERS: usize = 8;

struct Installation {
    database: TestPostgres,
    redis: TestRedis,
}

impl Installation {
    fn start() -> Self {
        let installation = Self {
            database: TestPostgres::start_durable(),
            redis: TestRedis::start_with(Fsync::Always, 0),
        };
        let migrated = installation.run(&["migrate"]);
        assert!(migrated.status.success(), "{}", text(&migrated.stderr));
        installation
    }

    /// What the part is told, which connects as a role of its own.
    fn settings(&self, part: &str) -> [(&'static str, String); 4] {
        let database_url = match part {
            "api" => self.database.api_database_url(),
            "worker" => self.database.worker_database_url(),
            _ => self.database.database_url(),
        };
        [
            ("DATABASE_URL", database_url),
            ("REDIS_URL", self.redis.url().to_owned()),
            ("DAYBOOK_LISTEN", "127.0.0.1:0".to_owned()),
            // It asks for timelines until they are right, which is more often than anybody does.
            ("DAYBOOK_RATE_LIMITS", "off".to_owned()),
        ]
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let settings = self.settings(arguments[0]);
        run(
            arguments,
            &settings.each_ref().map(|(name, value)| (*name, value.as_str())),
        )
    }

    fn program(&self, part: &str) -> Program {
        let settings = self.settings(part);
        Program::start(daybook(
            &[part],
            &settings.each_ref().map(|(name, value)| (*name, value.as_str())),
        ))
    }

    fn worker(&self) -> Program {
        let worker = self.program("worker");
        worker.line_with("worker is ready");
        worker
    }
}

#[test]
fn any_order_batching_and_repetition_over_http_gives_the_timelines_of_the_ordered_run() {
    let installation = Installation::start();
    let api = installation.program("api");
    let client = Client::new(&api.address());
    People::register(&client);
    let people = People::sign_in(&client);
    let pings = pings(SEED);
    assert_eq!(pings.len(), 10_000);
    let expected = people.expected(&pings);

    let worker = installation.worker();
    for request in in_order(&people, &pings) {
        send(&client, &request);
    }
    let ordered = people.timelines(&client, &expected);
    assert!(worker.terminate().success());

    forget_all_time(&installation.database);
    let (first, second) = (installation.worker(), installation.worker());
    let (done, sent) = channel();
    let requests = shuffled(&people, &pings);
    let halfway = requests.len() / 2;
    std::thread::scope(|scope| {
        let (client, done) = (&client, &done);
        for lane in 0..SENDERS {
            let requests = &requests;
            scope.spawn(move || {
                for request in requests.iter().skip(lane).step_by(SENDERS) {
                    send(client, request);
                    done.send(()).expect("the test listens");
                }
            });
        }
        for () in sent.iter().take(halfway) {}
        first.kill();
    });
    let third = installation.worker();
    let shuffled = people.timelines(&client, &expected);
    assert_eq!(shuffled, ordered);

    for program in [second, third, api] {
        assert!(program.terminate().success());
    }
    let dead = installation.run(&["dead-letters", "list"]);
    assert_eq!(
        (dead.status.success(), text(&dead.stdout).contains("no dead letters")),
        (true, true),
        "{}",
        text(&dead.stdout)
    );
}

/// A request of one caller.
struct Request {
    caller: Caller,
    body: Value,
    pings: usize,
}

fn send(client: &Client, request: &Request) {
    let answer = client.track(&request.caller, &request.body);
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json()["accepted"], request.pings, "{answer:?}");
}

fn in_order(people: &People, pings: &[Sent]) -> Vec<Request> {
    let request = |ping: &Sent| Request {
        caller: people.caller(ping).clone(),
        body: ping.body(),
        pings: 1,
    };
    pings.iter().map(request).collect()
}

/// Every ping at least once, a third of them twice, in another order, in lists of 1 to 40 of one device.
fn shuffled(people: &People, pings: &[Sent]) -> Vec<Request> {
    let mut random = Random::new(SEED + 1);
    let mut all: Vec<&Sent> = pings.iter().collect();
    all.extend(pings.iter().filter(|_| random.below(3) == 0));
    random.shuffle(&mut all);
    all.sort_by_key(|ping| (ping.user, ping.device));
    let mut requests = Vec::new();
    for device in all.chunk_by(|a, b| (a.user, a.device) == (b.user, b.device)) {
        let mut rest = device;
        while !rest.is_empty() {
            let take = usize::try_from(1 + random.below(40)).expect("small").min(rest.len());
            let (list, others) = rest.split_at(take);
            let body = json!({"pings": list.iter().map(|ping| ping.body()).collect::<Vec<_>>()});
            requests.push(Request {
                caller: people.caller(list[0]).clone(),
                body,
                pings: list.len(),
            });
            rest = others;
        }
    }
    random.shuffle(&mut requests);
    requests
}

/// Empties the timelines, as if nothing had ever been sent.
fn forget_all_time(database: &TestPostgres) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let connected = tokio_postgres::connect(&database.database_url(), tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("the database is there");
        tokio::spawn(connection);
        client
            .batch_execute("TRUNCATE app_usage, usage_open, usage_progress")
            .await
            .expect("emptied");
    });
}
