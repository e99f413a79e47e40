//! What the operator sees: one line of the log and one count for each request, and nothing of anybody's life in either.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::PingQueue;
use serde_json::{Value, json};

use crate::house::{House, METERS, ping};
use crate::wiring::door_to;

static LINES: LazyLock<Lines> = LazyLock::new(|| {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter("http=debug");
    log.with_writer(move || writer.clone()).init();
    lines
});

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panicked while it wrote")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of the request with this id.
fn lines(id: &str) -> Vec<Value> {
    let bytes = LINES.0.lock().expect("no test panicked while it wrote").clone();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["request.id"] == id).collect()
}

struct BrokenQueue;

#[async_trait]
impl PingQueue for BrokenQueue {
    async fn push_by(&self, _: Lane, _: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        Err(PortError::bug("keep a ping", "the queue is of another kind"))
    }
}

#[test]
fn each_request_has_one_line_with_its_route_and_person_and_nothing_of_their_life() {
    LazyLock::force(&LINES);
    let house = House::new();
    let ada = house.person("ada");
    let call =
        |method: &str, target: &str, id: &str| house.call(method, target).token(&ada.token).header("X-Request-Id", id);
    let ping = ping(
        "SecretGame",
        Some("https://secret.example/"),
        "2026-03-01T09:00:00Z",
        "2026-03-01T09:00:05Z",
    );
    call("POST", "/api/v1/usage/track", "log-track")
        .json(&ping)
        .send()
        .expect(202);
    call("GET", "/api/v1/report/apps?tz=Asia/Tokyo", "log-report")
        .send()
        .expect(200);
    call("GET", "/api/v1/report/apps?tz=SecretPlace", "log-refused")
        .send()
        .expect(422);
    call("GET", "/secret/place", "log-nowhere").send().expect(404);
    for (id, level, method, route, status) in [
        ("log-track", "DEBUG", "POST", "/api/v1/usage/track", 202),
        ("log-report", "INFO", "GET", "/api/v1/report/apps", 200),
        ("log-refused", "INFO", "GET", "/api/v1/report/apps", 422),
        ("log-nowhere", "INFO", "GET", "unmatched", 404),
    ] {
        let lines = lines(id);
        let [line] = lines.as_slice() else {
            panic!("{id}: {lines:?}")
        };
        assert_eq!(
            (&line["target"], &line["level"]),
            (&json!("http"), &json!(level)),
            "{line}"
        );
        assert_eq!(
            (&line["method"], &line["route"], &line["status"]),
            (&json!(method), &json!(route), &json!(status))
        );
        assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
        let person = if status == 404 { Value::Null } else { json!(ada.id) };
        assert_eq!(line["user.id"], person, "{line}");
        let text = line.to_string().to_lowercase();
        for private in ["secret", "tokyo", &ada.token.to_lowercase(), "ada@", "bearer"] {
            assert!(!text.contains(private), "{private} in {line}");
        }
    }
}

#[test]
fn the_cause_of_a_failure_is_logged_once_on_the_line_of_its_request() {
    LazyLock::force(&LINES);
    let house = House::with(|services, _| {
        services.track = door_to(BrokenQueue, services);
    });
    let ada = house.person("ada");
    let ping = ping("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z");
    let call = house
        .call("POST", "/api/v1/usage/track")
        .token(&ada.token)
        .header("X-Request-Id", "log-bug");
    call.json(&ping).bug_expected().send().expect(500);
    house.accounts.fail(true);
    house
        .call("GET", "/api/v1/users/me")
        .token(&ada.token)
        .header("X-Request-Id", "log-away")
        .send()
        .expect(503);
    for (id, level, cause) in [
        (
            "log-bug",
            "ERROR",
            "could not keep a ping: the queue is of another kind",
        ),
        ("log-away", "WARN", "could not read a person: it was told to be away"),
    ] {
        let lines = lines(id);
        let [line] = lines.as_slice() else {
            panic!("{id}: {lines:?}")
        };
        assert_eq!((&line["level"], &line["error"]), (&json!(level), &json!(cause)));
    }
}

#[test]
fn requests_are_counted_and_measured_by_route_method_and_status() {
    let house = House::new();
    let ada = house.person("ada");
    let count = |labels: &str| {
        let text = METERS.render();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("daybook_http_requests_total{{{labels}}} ")));
        line.map_or(0, |count| count.parse::<u64>().expect("a count"))
    };
    // Other tests of this process count too, so these are cases that no other makes.
    let refused = r#"route="/api/v1/usage/timeline",method="HEAD",status="422""#;
    let invented = r#"route="/health/live",method="other",status="405""#;
    let before = (count(refused), count(invented));
    for _ in 0..3 {
        house
            .call("HEAD", "/api/v1/usage/timeline?date=x")
            .token(&ada.token)
            .send()
            .expect(422);
    }
    house.call("BREW-1", "/health/live").send().expect(405);
    house.call("BREW-2", "/health/live").send().expect(405);
    assert_eq!((count(refused) - before.0, count(invented) - before.1), (3, 2));
    let text = METERS.render();
    let measured = r#"daybook_http_request_duration_seconds_count{route="/api/v1/usage/timeline",method="HEAD"}"#;
    assert!(text.contains(measured), "{text}");
    assert!(!text.contains("BREW"), "what a client invents is no label");
}
