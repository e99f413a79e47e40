//! A served instance over in-memory adapters, and the people in it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use api::{Server, Services, Settings};
use domain::accounts::Email;
use domain::time::UnixMs;
use domain::usage::Arrival;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use ports::accounts::Mail;
use ports::usage::{Batch, Dead, DeadContent, DeadLetter, DeadLetters, Outcome, Part, PingSource};
use serde_json::{Value, json};
use services::accounts::{FollowStandings, RulesInForce, Standings};
use services::usage::MergePings;
use testkit::clock::{TestClock, TestIds};
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::mail::MemoryMailer;
use testkit::memory::queue::{MemoryPingSource, MemoryQueue};
use testkit::memory::standing::MemoryAnnouncements;
use testkit::memory::throttle::MemoryThrottle;
use testkit::memory::timelines::MemoryTimelines;
use testkit::memory::watching::MemoryWatching;
use tokio::runtime::Runtime;

use crate::client::{Answer, Call};
use crate::wiring::Parts;

/// The password of everybody, until they change it.
pub const PASSWORD: &str = "correct horse";

/// 2026-03-01T12:00:00Z, a Sunday.
pub const NOON: UnixMs = UnixMs(1_772_366_400_000);

/// The meters of this process. Installed before the first server, as the binary does it.
pub static METERS: LazyLock<PrometheusHandle> =
    LazyLock::new(|| PrometheusBuilder::new().install_recorder().expect("the only one"));

/// The instance.
pub struct House {
    pub clock: Arc<TestClock>,
    pub ids: Arc<TestIds>,
    pub accounts: Arc<MemoryAccounts>,
    pub timelines: Arc<MemoryTimelines>,
    pub watching: Arc<MemoryWatching>,
    pub queue: MemoryQueue,
    /// The clock by which knowledge grows old. It stands still, so what is known once stays so.
    pub steady: Arc<TestClock>,
    pub announcements: Arc<MemoryAnnouncements>,
    pub mailer: Arc<MemoryMailer>,
    pub throttle: Arc<MemoryThrottle>,
    follow: RefCell<FollowStandings>,
    source: Arc<MemoryPingSource>,
    address: SocketAddr,
    server: Option<Server>,
    pub runtime: Runtime,
}

/// Somebody who is signed in on a device.
pub struct Person {
    pub token: String,
    pub refresh: String,
    pub id: String,
    pub device: String,
}

impl House {
    pub fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// An instance with other parts or settings.
    pub fn with(change: impl FnOnce(&mut Services, &mut Settings)) -> Self {
        LazyLock::force(&METERS);
        let clock = Arc::new(TestClock::at(NOON));
        let steady = Arc::new(TestClock::at(UnixMs(0)));
        let accounts = Arc::new(MemoryAccounts::default());
        let parts = Parts {
            ids: Arc::new(TestIds::default()),
            timelines: Arc::new(MemoryTimelines::default()),
            watching: Arc::new(MemoryWatching::default()),
            queue: MemoryQueue::new(1, clock.clone()),
            mailer: Arc::new(MemoryMailer::default()),
            announcements: Arc::new(MemoryAnnouncements::default()),
            throttle: Arc::new(MemoryThrottle::new(clock.clone())),
            standings: Arc::new(Standings::new(steady.clone())),
            rules: Arc::new(RulesInForce::new(accounts.clone(), steady.clone())),
            accounts,
            clock,
        };
        let follow =
            FollowStandings::new(parts.announcements.clone(), parts.standings.clone()).with_rules(parts.rules.clone());
        let mut services = parts.services();
        let mut settings = Settings::at("127.0.0.1:0".parse().expect("an address"));
        settings.workers = 1.try_into().expect("not 0");
        change(&mut services, &mut settings);

        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let server = runtime
            .block_on(async { api::serve(services, &settings) })
            .expect("port 0 is free");
        let house = Self {
            source: Arc::new(parts.queue.source("worker", Duration::from_mins(1))),
            clock: parts.clock,
            ids: parts.ids,
            accounts: parts.accounts,
            timelines: parts.timelines,
            watching: parts.watching,
            queue: parts.queue,
            steady,
            announcements: parts.announcements,
            mailer: parts.mailer,
            throttle: parts.throttle,
            follow: RefCell::new(follow),
            address: server.address(),
            server: Some(server),
            runtime,
        };
        house.hear();
        house
    }

    /// Hears what was announced, as a node does all the time.
    pub fn hear(&self) {
        let is_all = self.runtime.block_on(self.follow.borrow_mut().follow());
        assert!(is_all.expect("it can be heard"));
    }

    /// Has a ping of somebody's die, and answers the id of the letter.
    pub fn bury(&self, person: &Person) -> String {
        self.merge();
        let ping = ping("Diary", None, "2026-03-01T07:00:00Z", "2026-03-01T07:00:05Z");
        self.track(person, &json!({"pings": [ping]})).expect(202);
        self.give_up()
    }

    /// What waits first becomes a dead letter; answers its id.
    pub fn give_up(&self) -> String {
        self.runtime.block_on(async {
            let batch = self
                .source
                .take(0, Part::Live, Batch::ARRIVALS_MAX)
                .await
                .expect("there")
                .expect("a batch");
            let letter = DeadLetter {
                content: DeadContent::Arrival(batch.arrivals[0].clone()),
                reason: "a test".to_owned(),
            };
            let outcome = Outcome {
                dead: vec![Dead { entry: 0, letter }],
                ..Outcome::default()
            };
            self.source.settle(&batch.receipt, &outcome).await.expect("settled");
            let letters = self.queue.list(None, 1_000).await.expect("there");
            letters.last().expect("one letter").id.clone()
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn server(&mut self) -> Server {
        self.server.take().expect("not stopped")
    }

    pub fn call(&self, method: &str, target: &str) -> Call {
        Call::new(self.address, method, target)
    }

    pub fn get(&self, person: &Person, target: &str) -> Answer {
        self.call("GET", target).token(&person.token).send()
    }

    pub fn post(&self, target: &str, body: &Value) -> Answer {
        self.call("POST", target).json(body).send()
    }

    pub fn delete(&self, person: &Person, target: &str) -> Answer {
        self.call("DELETE", target).token(&person.token).send()
    }

    /// Sends a body in somebody's name.
    pub fn send(&self, person: &Person, method: &str, target: &str, body: &Value) -> Answer {
        self.call(method, target).token(&person.token).json(body).send()
    }

    /// What happened to somebody's account, the newest first.
    pub fn log(&self, person: &Person) -> Vec<String> {
        let log = self
            .get(person, "/api/v1/users/me/security-log?limit=500")
            .expect(200)
            .json();
        let entries = log["entries"].as_array().expect("a list").iter();
        entries
            .map(|entry| entry["event"].as_str().expect("text").to_owned())
            .collect()
    }

    pub fn track(&self, person: &Person, body: &Value) -> Answer {
        self.call("POST", "/api/v1/usage/track")
            .token(&person.token)
            .json(body)
            .send()
    }

    /// Registers somebody and signs them in.
    pub fn person(&self, name: &str) -> Person {
        self.register(name, "UTC");
        self.sign_in(name, &format!("{name}-laptop"))
    }

    pub fn register(&self, name: &str, zone: &str) {
        let body = json!({"email": email(name), "password": PASSWORD, "full_name": name, "timezone": zone});
        self.post("/api/v1/users/register", &body).expect(201);
    }

    /// Tries to sign somebody in.
    pub fn login(&self, name: &str, device: &str, (password, code): (&str, Option<&str>)) -> Answer {
        let login = self.call("POST", "/api/v1/auth/login").header("X-Device-Id", device);
        let login = login.json(&json!({"email": email(name), "password": password, "code": code}));
        login.send()
    }

    pub fn sign_in(&self, name: &str, device: &str) -> Person {
        let signed_in = self.login(name, device, (PASSWORD, None)).expect(200).json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let token = text(&signed_in["access_token"]);
        let me = self.call("GET", "/api/v1/users/me").token(&token).send().json();
        Person {
            token,
            refresh: text(&signed_in["refresh_token"]),
            id: text(&me["id"]),
            device: text(&signed_in["device"]["id"]),
        }
    }

    /// The mails that somebody got, oldest first.
    pub fn mails(&self, name: &str) -> Vec<Mail> {
        let address = Email::parse(&email(name)).expect("an address");
        self.mailer.sent_to(&address)
    }

    /// How many entries wait in the queue.
    pub fn waiting(&self) -> u64 {
        self.runtime
            .block_on(self.source.backlog())
            .expect("the queue is there")
            .entries
    }

    /// Merges all that waits, as a worker does, and answers how many claims that were.
    pub fn merge(&self) -> usize {
        let merge = MergePings::new(self.timelines.clone(), self.source.clone());
        self.runtime.block_on(async {
            let mut claims = 0;
            while self.source.backlog().await.expect("the queue is there").entries > 0 {
                let batch = match self.take(Part::Live).await {
                    Some(batch) => batch,
                    None => self.take(Part::Bulk).await.expect("what waits can be taken"),
                };
                claims += batch
                    .arrivals
                    .iter()
                    .filter(|arrival| matches!(arrival, Arrival::Claim { .. }))
                    .count();
                merge.merge(&batch).await.expect("merged");
            }
            claims
        })
    }

    async fn take(&self, part: Part) -> Option<Batch> {
        let taken = self.source.take(0, part, Batch::ARRIVALS_MAX).await;
        taken.expect("the queue is there")
    }

    /// Tracks pings of the form `(application, URL, start, end)` and merges them.
    pub fn tracked(&self, person: &Person, pings: &[(&str, Option<&str>, &str, &str)]) {
        let pings: Vec<Value> = pings
            .iter()
            .map(|(app, url, start, end)| ping(app, *url, start, end))
            .collect();
        let answer = self.track(person, &json!({"pings": pings})).expect(202).json();
        assert_eq!(answer["accepted"], pings.len(), "{answer}");
        self.merge();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop()).expect("it never failed");
        }
    }
}

/// A ping as it is sent.
pub fn ping(app: &str, url: Option<&str>, start: &str, end: &str) -> Value {
    json!({"app_name": app, "url": url, "start_time": start, "end_time": end})
}

/// A good ping of five seconds.
pub fn good_ping() -> Value {
    ping("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z")
}

pub fn email(name: &str) -> String {
    format!("{name}@example.org")
}
