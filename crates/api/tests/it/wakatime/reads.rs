//! What clients of WakaTime read back, and which pages may ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::accounts::UserId;
use ports::PortError;
use ports::usage::{Pending, PendingPings};
use serde_json::{Value, json};

use super::{BULK, NINE, PREFIXES, beat, key, key_with, read, sending, sent};
use crate::client::Answer;
use crate::house::House;

const STATUS_BAR: &str = "/api/users/current/statusbar/today";
const SUMMARIES: &str = "/api/users/current/summaries";

/// A day's work: 40 minutes for one project, 20 for another of which no language is known.
fn day_of_work(house: &House, key: &str) {
    let mut beats: Vec<Value> = (0..8).map(|count| beat(300 * count, "daybook")).collect();
    beats.extend((8..=12).map(|count| {
        json!({"entity": "a", "type": "file", "time": NINE + 300 * count, "project": "other", "category": "writing tests"})
    }));
    sent(house, key, &beats);
}

#[test]
fn the_status_bar_shows_today_under_every_prefix() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    day_of_work(&house, &key);
    let today = read(&house, &key, STATUS_BAR);
    assert_eq!(today["cached_at"], "2026-03-01T12:00:00Z");
    assert_eq!(today["has_team_features"], false);
    let data = &today["data"];
    assert_eq!(
        data["grand_total"],
        json!({
            "decimal": "1.00", "digital": "1:00", "hours": 1, "minutes": 0, "seconds": 0, "text": "1 hr", "total_seconds": 3_600.0,
        })
    );
    assert_eq!(
        data["projects"][1],
        json!({
            "name": "other", "percent": 33.33, "decimal": "0.33", "digital": "0:20", "hours": 0, "minutes": 20, "seconds": 0,
            "text": "20 mins", "total_seconds": 1_200.0,
        })
    );
    let names = |list: &str| {
        let entries = data[list].as_array().expect("a list").iter();
        entries
            .map(|entry| entry["name"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("projects"), ["daybook", "other"]);
    assert_eq!(names("languages"), ["Rust", "Other"]);
    assert_eq!(names("categories"), ["Coding", "Writing Tests"]);
    assert_eq!(names("editors"), ["Vim"]);
    assert_eq!(names("operating_systems"), ["Linux"]);
    assert_eq!(names("machines"), ["Unknown Hostname"]);
    assert_eq!(data["machines"][0]["machine_name_id"], "Unknown Hostname");
    assert_eq!(data["dependencies"], json!([]));
    assert_eq!(
        data["range"],
        json!({
            "date": "2026-03-01", "start": "2026-03-01T00:00:00Z", "end": "2026-03-01T23:59:59Z", "text": "Today", "timezone": "UTC",
        })
    );
    for prefix in PREFIXES {
        for path in ["statusbar/today", "status_bar/today"] {
            for user in ["current", &ada.id] {
                assert_eq!(read(&house, &key, &format!("{prefix}/users/{user}/{path}")), today);
            }
        }
    }
}

#[test]
fn somebody_without_a_heartbeat_has_a_day_with_nothing_in_it() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let data = read(&house, &key, STATUS_BAR)["data"].clone();
    assert_eq!(data["grand_total"]["text"], "0 secs");
    assert_eq!(data["categories"], json!([]));
    assert_eq!(
        read(&house, &key, "/api/users/current/all_time_since_today")["data"]["total_seconds"],
        0.0
    );
    assert_eq!(
        read(&house, &key, "/api/users/current/stats/all_time")["data"]["best_day"],
        Value::Null
    );
    assert_eq!(read(&house, &key, "/api/users/current/projects")["data"], json!([]));
}

#[test]
fn summaries_hold_the_last_day_too_and_add_up() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    day_of_work(&house, &key);
    let yesterday: Vec<Value> = (0..3).map(|count| beat(60 * count - 86_400, "daybook")).collect();
    sent(&house, &key, &yesterday);
    let summaries = |query: &str| read(&house, &key, &format!("{SUMMARIES}?{query}"));
    let answer = summaries("start=2026-02-27&end=2026-03-01");
    let seconds: Vec<_> = answer["data"]
        .as_array()
        .expect("days")
        .iter()
        .map(|day| &day["grand_total"]["total_seconds"])
        .collect();
    assert_eq!(json!(seconds), json!([0.0, 120.0, 3_600.0]));
    assert_eq!(answer["data"][1]["range"]["text"], "Yesterday");
    assert_eq!(answer["data"][0]["range"]["text"], "Fri Feb 27 2026");
    assert_eq!(
        (&answer["start"], &answer["end"]),
        (&json!("2026-02-27T00:00:00Z"), &json!("2026-03-02T00:00:00Z"))
    );
    assert_eq!(
        answer["cumulative_total"],
        json!({"seconds": 3_720.0, "text": "1 hr 2 mins", "decimal": "1.03", "digital": "1:02"})
    );
    assert_eq!(
        answer["daily_average"],
        json!({
            "holidays": 1, "days_including_holidays": 3, "days_minus_holidays": 2, "seconds": 1_260.0, "text": "21 mins",
            "seconds_including_other_language": 1_860.0, "text_including_other_language": "31 mins",
        })
    );
    assert_eq!(summaries("range=Last+7+Days")["data"].as_array().map(Vec::len), Some(7));
    assert_eq!(
        summaries("start=yesterday&end=yesterday")["cumulative_total"]["seconds"],
        120.0
    );
    assert_eq!(
        summaries("start=today&end=today&project=other")["cumulative_total"]["seconds"],
        1_200.0
    );
    let far = summaries("start=2026-03-01&end=2026-03-01&timezone=Asia/Tokyo");
    assert_eq!(far["data"][0]["range"]["start"], "2026-02-28T15:00:00Z");
    for (query, code) in [
        ("start=x", "invalid_day"),
        ("range=ever", "invalid_day"),
        ("timezone=Atlantis", "unknown_zone"),
        ("start=2026-03-01&end=2026-02-01", "before_start"),
        ("start=2020-01-01&end=2026-03-01", "too_long"),
    ] {
        let answer = house.call("GET", &format!("{SUMMARIES}?{query}")).token(&key).send();
        assert_eq!(answer.expect(422).faults()[0].1, code, "{query}");
    }
}

#[test]
fn sums_of_all_time_begin_with_the_first_heartbeat() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    day_of_work(&house, &key);
    let long_ago: Vec<Value> = (0..2).map(|count| beat(60 * count - 80 * 86_400, "old")).collect();
    sent(&house, &key, &long_ago);
    let all = read(&house, &key, "/api/users/current/all_time_since_today")["data"].clone();
    assert_eq!(
        (&all["total_seconds"], &all["text"]),
        (&json!(3_660.0), &json!("1 hr 1 min"))
    );
    assert_eq!(
        (&all["range"]["start_date"], &all["range"]["end_date"]),
        (&json!("2025-12-11"), &json!("2026-03-01"))
    );
    let of_project = read(&house, &key, "/api/users/current/all_time_since_today?project=old");
    assert_eq!(of_project["data"]["total_seconds"], 60.0);

    let projects = read(&house, &key, "/api/users/current/projects");
    let names: Vec<_> = projects["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|project| &project["name"])
        .collect();
    assert_eq!(json!(names), json!(["other", "daybook", "old"]));
    assert_eq!(projects["data"][2]["created_at"], "2025-12-11T09:00:00Z");
    assert_eq!(projects["data"][2]["last_heartbeat_at"], "2025-12-11T09:01:00Z");
    let found = read(&house, &key, "/api/users/current/projects?q=OL");
    assert_eq!(found["total"], 1);

    for (range, seconds, days) in [
        ("last_7_days", 2_400.0, 7),
        ("last_30_days", 2_400.0, 30),
        ("all_time", 2_460.0, 81),
        ("last_year", 2_460.0, 365),
    ] {
        let stats = read(&house, &key, &format!("/api/users/current/stats/{range}"))["data"].clone();
        assert_eq!(stats["total_seconds"], seconds, "{range}");
        assert_eq!(stats["days_including_holidays"], days, "{range}");
        assert_eq!(
            stats["best_day"],
            json!({"date": "2026-03-01", "text": "1 hr", "total_seconds": 3_600.0})
        );
        assert_eq!(stats["status"], "ok");
    }
    house
        .call("GET", "/api/users/current/stats/ever")
        .token(&key)
        .send()
        .expect(404);
}

#[test]
fn who_the_key_speaks_for_is_told_as_far_as_it_may_know() {
    let house = House::new();
    let ada = house.person("ada");
    let full = read(&house, &key(&house, &ada), "/api/v1/users/current")["data"].clone();
    assert_eq!(
        (&full["id"], &full["email"], &full["timeout"]),
        (&json!(ada.id), &json!("ada@example.org"), &json!(10))
    );
    let writes = key_with(&house, &ada, &json!(["pings:write"]));
    let alone = house
        .call("GET", "/api/users/current")
        .token(&writes)
        .send()
        .expect(200);
    assert_eq!(alone.json()["data"]["writes_only"], true);
    assert!(!String::from_utf8_lossy(&alone.body).contains("ada@"));
    for path in [
        STATUS_BAR,
        SUMMARIES,
        "/api/users/current/projects",
        "/api/users/current/goals",
    ] {
        let answer = house.call("GET", path).token(&writes).send().expect(403);
        assert_eq!(answer.problem(), "not_for_keys", "{path}");
    }
}

#[test]
fn what_there_is_nothing_of_is_empty_and_what_goes_wrong_elsewhere_is_dropped() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    assert_eq!(read(&house, &key, "/api/users/current/goals")["data"], json!([]));
    let post = |path: &str| house.call("POST", path).token(&key).raw_json(b"{\"anything\":").send();
    assert_eq!(
        post("/api/users/current/file_experts").expect(200).json()["data"],
        json!([])
    );
    post("/api/plugins/errors").expect(201);
    house
        .call("POST", "/api/plugins/errors")
        .raw_json(b"{}")
        .send()
        .expect(401);
    for absent in [
        "users/current/durations?date=2026-03-01",
        "users/current/goals/x",
        "leaders",
    ] {
        house
            .call("GET", &format!("/api/v1/{absent}"))
            .token(&key)
            .send()
            .expect(404);
    }
    let answer = house.call("GET", BULK).token(&key).send().expect(405);
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = house.call("DELETE", STATUS_BAR).token(&key).send().expect(405);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
}

#[test]
fn nobody_reads_what_is_anothers() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    let (key_of_ada, key_of_bob) = (key(&house, &ada), key(&house, &bob));
    day_of_work(&house, &key_of_ada);
    let paths = [
        STATUS_BAR,
        SUMMARIES,
        "/api/users/current/projects",
        "/api/users/current/stats/all_time",
        "/api/users/current",
    ];
    for path in paths {
        let shown = house.call("GET", path).token(&key_of_bob).send().expect(200);
        let shown = String::from_utf8_lossy(&shown.body).into_owned();
        assert!(
            !shown.contains("daybook") && !shown.contains("ada@") && !shown.contains(&ada.id),
            "{path}: {shown}"
        );
        let path = path.replace("current", &ada.id);
        assert_eq!(
            house.call("GET", &path).token(&key_of_bob).send().expect(403).problem(),
            "not_yours"
        );
        house.call("GET", &path).send().expect(401);
        house.call("GET", &path).token(&bob.token).send().expect(401);
    }
}

/// Says when it was asked what waits.
struct Watched {
    queue: Arc<dyn PendingPings>,
    asked: AtomicBool,
}

#[async_trait]
impl PendingPings for Watched {
    async fn of(&self, user: UserId) -> Result<Pending, PortError> {
        let pending = self.queue.of(user).await;
        self.asked.store(true, Ordering::SeqCst);
        pending
    }

    async fn still(&self, pending: Pending) -> Result<Pending, PortError> {
        self.queue.still(pending).await
    }
}

#[test]
fn a_read_waits_for_what_its_caller_sent_before() {
    let mut watched = None;
    let house = House::with(|services, _| {
        let queue = services.pending.clone();
        let asked = AtomicBool::new(false);
        let watch = watched.insert(Arc::new(Watched { queue, asked }));
        services.pending = watch.clone();
    });
    let watched = watched.expect("made with the house");
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let beats = json!([beat(0, "daybook"), beat(60, "daybook")]);
    sending(&house, &key, &beats).send().expect(202);
    let call = house.call("GET", STATUS_BAR).token(&key);
    let answer: Answer = std::thread::scope(|scope| {
        let reader = scope.spawn(move || call.send());
        let deadline = Instant::now() + Duration::from_secs(30);
        while !watched.asked.load(Ordering::SeqCst) {
            assert!(Instant::now() < deadline, "nobody asks what waits");
            std::thread::yield_now();
        }
        house.merge();
        reader.join().expect("no panic")
    });
    assert_eq!(answer.expect(200).json()["data"]["grand_total"]["total_seconds"], 60.0);
}

#[test]
fn a_read_waits_no_longer_than_it_is_worth_nor_for_a_queue_that_is_away() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    sent(&house, &key, &[beat(0, "daybook"), beat(60, "daybook")]);
    sending(&house, &key, &json!([beat(120, "daybook")])).send().expect(202);
    let seconds = || read(&house, &key, STATUS_BAR)["data"]["grand_total"]["total_seconds"].clone();
    assert_eq!(seconds(), 60.0, "nobody merges");
    house.queue.fail(true);
    assert_eq!(seconds(), 60.0, "nobody can tell");
    house.queue.fail(false);
    house.merge();
    assert_eq!(seconds(), 120.0);
}

#[test]
fn pages_of_every_origin_may_call_these_routes_with_a_key_and_no_others() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let preflight = |path: &str| {
        let call = house.call("OPTIONS", path).header("Origin", "https://vscode.example");
        let call = call.header("Access-Control-Request-Method", "POST");
        call.header("Access-Control-Request-Headers", "authorization,x-machine-name")
            .send()
    };
    let header = |answer: &Answer, name: &str| answer.header(name).map(str::to_owned);
    for prefix in PREFIXES {
        for path in [
            "/users/current/heartbeats.bulk",
            "/users/current/summaries",
            "/users/current",
            "/plugins/errors",
        ] {
            let allowed = preflight(&format!("{prefix}{path}")).expect(204);
            assert_eq!(header(&allowed, "access-control-allow-origin").as_deref(), Some("*"));
            assert!(header(&allowed, "access-control-allow-headers").is_some_and(|all| all.contains("X-Machine-Name")));
            assert_eq!(
                header(&allowed, "access-control-allow-methods").as_deref(),
                Some("GET, HEAD, POST")
            );
        }
    }
    let origin = "https://vscode.example";
    let target = format!("{BULK}?api_key={key}");
    let taken = house
        .call("POST", &target)
        .header("Origin", origin)
        .bytes(b"[]")
        .send()
        .expect(202);
    let refused = house
        .call("POST", BULK)
        .header("Origin", origin)
        .bytes(b"[]")
        .send()
        .expect(401);
    for answer in [taken, refused] {
        assert_eq!(header(&answer, "access-control-allow-origin").as_deref(), Some("*"));
        assert!(header(&answer, "access-control-expose-headers").is_some());
    }
    for closed in ["/api/v1/users/me", "/api/v1/usage/track", "/api/v1/auth/refresh"] {
        let answer = preflight(closed).expect(405);
        assert_eq!(header(&answer, "access-control-allow-origin"), None, "{closed}");
    }
    let answer = house
        .call("GET", "/api/v1/report/apps")
        .token(&key)
        .header("Origin", origin)
        .send();
    assert_eq!(header(&answer.expect(200), "access-control-allow-origin"), None);
}
