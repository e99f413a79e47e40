//! The relay of ActivityWatch's watchers: its interface, its door, and the pings it makes.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent::privacy::Privacy;
use agent::relay::desk::Times;
use agent::relay::discretion::Wishes;
use agent::relay::joiner::Joiner;
use agent::relay::{Plan, Relay};
use agent::watch::Ping;
use domain::time::{DAY_MS, SECOND_MS, UnixMs};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stub::BOUND;

mod discretion;
mod door;
mod interface;
mod joining;
mod power;
mod program;

/// 2026-03-01T09:00:00Z, a day before the relay's now.
pub const BASE: i64 = crate::rig::BASE;

/// A relay at work, in this process.
pub struct Listening {
    pub dir: TempDir,
    pub kept: Arc<Mutex<Vec<Ping>>>,
    pub watches: Arc<AtomicBool>,
    pub relay: Option<Relay>,
    client: ureq::Agent,
}

impl Listening {
    pub fn start() -> Self {
        let mut listening = Self {
            dir: tempfile::tempdir().expect("a directory"),
            kept: Arc::default(),
            watches: Arc::default(),
            relay: None,
            client: client(),
        };
        listening.begin();
        listening
    }

    pub fn begin(&mut self) {
        let kept = Arc::clone(&self.kept);
        let keep = move |pings: &[Ping]| {
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(pings);
            Ok(())
        };
        let joiner = Joiner::new(Box::new(keep), Arc::clone(&self.watches));
        self.relay = Some(Relay::start(plan(self.dir.path()), joiner).expect("started"));
    }

    /// Ends it, when everything is joined.
    pub fn end(&mut self) {
        assert!(self.relay.take().expect("started").stop(BOUND), "ended in time");
    }

    pub fn restart(&mut self) {
        self.end();
        self.begin();
    }

    pub fn url(&self, path: &str) -> String {
        format!(
            "http://127.0.0.1:{}/api/0/{path}",
            self.relay.as_ref().expect("started").port()
        )
    }

    /// The pings since the last call, in the order in which they were kept.
    pub fn take_kept(&self) -> Vec<Ping> {
        std::mem::take(&mut self.kept.lock().expect("not poisoned"))
    }

    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        self.send(method, path, &[("Content-Type", "application/json")], body)
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, Value) {
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self
            .client
            .run(request.body(body).expect("a request"))
            .expect("an answer");
        let text = response.body_mut().read_to_string().expect("text");
        let status = response.status().as_u16();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub fn get(&self, path: &str) -> Value {
        let (status, value) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub fn create(&self, id: &str, kind: &str, hostname: &str) {
        let (status, _) = self.call(
            "POST",
            &format!("buckets/{id}"),
            &json!({"client": "test", "type": kind, "hostname": hostname}),
        );
        assert!(status == 200 || status == 304, "{status}");
    }

    pub fn beat(&self, id: &str, pulsetime: u32, event: &Value) -> Value {
        let (status, merged) = self.call("POST", &format!("buckets/{id}/heartbeat?pulsetime={pulsetime}"), event);
        assert_eq!(status, 200, "{merged}");
        merged
    }
}

fn client() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true);
    config.timeout_global(Some(BOUND)).build().new_agent()
}

fn plan(dir: &Path) -> Plan<'_> {
    Plan {
        dir,
        port: 0,
        hostname: "here".to_owned(),
        device: "device-1".to_owned(),
        times: Times {
            // What is not joined by the end is joined then, so tests need not wait.
            join_every: Duration::from_hours(1),
            retry_pause: Duration::ZERO,
            now: || UnixMs(BASE + DAY_MS),
        },
        discretion: Arc::new(Wishes::over(Arc::new(Privacy::open(dir).expect("opened")))),
    }
}

/// An event as clients send it, in seconds from [`BASE`].
pub fn event(start: f64, duration: f64, data: &Value) -> Value {
    json!({"id": null, "timestamp": time(start), "duration": duration, "data": data})
}

#[expect(clippy::cast_possible_truncation, reason = "a test's times are small")]
pub fn time(seconds: f64) -> String {
    UnixMs(BASE + (seconds * 1e3) as i64).to_string()
}

/// `(application site, from, to)` in seconds from [`BASE`].
pub fn in_short(pings: &[Ping]) -> Vec<(String, i64, i64)> {
    let short = |ping: &Ping| {
        let site = ping
            .domain
            .as_ref()
            .map_or(String::new(), |domain| format!(" {}", domain.as_str()));
        let seconds = |at: UnixMs| (at.0 - BASE) / SECOND_MS;
        (
            ping.app.as_str().to_owned() + &site,
            seconds(ping.span.start()),
            seconds(ping.span.end()),
        )
    };
    pings.iter().map(short).collect()
}

pub fn expected(pings: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    pings
        .iter()
        .map(|(name, start, end)| ((*name).to_owned(), *start, *end))
        .collect()
}
