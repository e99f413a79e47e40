//! Who may send and read, how fast, from which pages; and that a key in a path is told to nobody.

use api::{Rate, Rates};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{WINDOWS, Watcher, event};
use crate::house::{House, METERS};

const STRANGER: &str = "waka_0123abcd-4567-489a-bcde-f0123456789a";

#[test]
fn everybody_may_ask_who_answers_and_nobody_else_anything_without_a_key() {
    let house = House::new();
    let ada = house.person("ada");
    for target in ["/api/0/info", "/api/0/info/", "/aw/anything/api/0/info"] {
        let info = house.call("GET", target).send().expect(200).json();
        assert_eq!(info["testing"], false, "{target}");
        assert!(info["hostname"].is_string() && info["version"].is_string() && info["device_id"].is_string());
    }
    let watcher = Watcher::of(&house, &ada);
    watcher.create("w", "currentwindow");
    for (method, path) in [
        ("GET", "buckets"),
        ("POST", "buckets/w/heartbeat?pulsetime=1"),
        ("POST", "buckets/w/events"),
        ("GET", "buckets/w/events"),
        ("GET", "export"),
        ("POST", "import"),
        ("GET", "settings"),
        ("POST", "query"),
    ] {
        for shown in [None, Some(STRANGER), Some(ada.token.as_str()), Some("garbage")] {
            let call = house.call(method, &format!("/api/0/{path}"));
            let call = match shown {
                Some(token) => call.token(token),
                None => call,
            };
            let refused = call.json(&event(0, &json!({"app": "A"}))).send().expect(401);
            assert_eq!(refused.problem(), "unauthenticated", "{method} {path}");
        }
        let target = format!("/aw/{STRANGER}/api/0/{path}");
        let refused = house.call(method, &target).json(&json!({})).send().expect(401);
        assert!(!String::from_utf8_lossy(&refused.body).contains(STRANGER));
        // The key in the path is the one that counts.
        let both = house.call(method, &target).token(&watcher.key).json(&json!({})).send();
        assert_eq!(both.status, 401, "{method} {path}");
    }
    assert_eq!(house.waiting(), 0);
}

#[test]
fn a_key_is_shown_as_it_is_in_base64_or_in_the_path() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create("w", "currentwindow");
    let pair = BASE64_STANDARD.encode(format!("daybook:{}", watcher.key));
    for credentials in [format!("Bearer {}", watcher.key), format!("Basic {pair}")] {
        let call = house.call("GET", "/api/0/buckets/w");
        call.header("Authorization", &credentials).send().expect(200);
    }
    watcher.path_call("GET", "buckets/w").send().expect(200);
    // Not in the query: that is for clients of another protocol.
    let target = format!("/api/0/buckets/w?api_key={}", watcher.key);
    house.call("GET", &target).send().expect(401);
}

#[test]
fn a_key_that_may_only_send_reads_nothing_back_and_one_that_may_only_read_sends_nothing() {
    let house = House::new();
    let ada = house.person("ada");
    let writes = Watcher::with(&house, &ada, &json!(["pings:write"]));
    writes.create("w", "currentwindow");
    writes.beat("w", 1, &event(0, &json!({"app": "A"})));
    writes.get("buckets/w");
    for path in [
        "buckets/w/events",
        "buckets/w/events/1",
        "buckets/w/events/count",
        "export",
        "settings",
    ] {
        assert_eq!(
            writes.call("GET", path).send().expect(403).problem(),
            "not_for_keys",
            "{path}"
        );
    }
    let reads = Watcher::with(&house, &ada, &json!(["reports:read"]));
    let body = event(0, &json!({"app": "A"}));
    for path in [
        "buckets/w",
        "buckets/w/events",
        "buckets/w/heartbeat?pulsetime=1",
        "import",
    ] {
        assert_eq!(
            reads.send("POST", path, &body).expect(403).problem(),
            "not_for_keys",
            "{path}"
        );
    }
    // Each key is a device of its own.
    let own = Watcher::of(&house, &ada);
    own.call("GET", "buckets/w").send().expect(404);
}

#[test]
fn a_key_in_a_path_is_in_no_label_of_a_metric() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create(WINDOWS, "currentwindow");
    let path = format!("buckets/{WINDOWS}/heartbeat?pulsetime=2");
    watcher
        .path_call("POST", &path)
        .json(&event(0, &json!({"app": "A"})))
        .send()
        .expect(200);
    watcher.path_call("GET", "nothing").send().expect(404);
    watcher.path_call("PATCH", "buckets").send().expect(405);
    watcher
        .path_call("GET", &format!("buckets/{WINDOWS}"))
        .send()
        .expect(200);
    let page = METERS.render();
    assert!(page.contains("/aw/{key}/api/0/buckets/{bucket}/heartbeat"), "{page}");
    let bare = watcher.key.strip_prefix("waka_").expect("its prefix");
    assert!(!page.contains(bare), "a key is in the metrics");
}

#[test]
fn a_device_that_sends_faster_than_it_may_is_slowed_down_and_loses_nothing() {
    let house = House::with(|_, settings| {
        settings.edge.rates = Some(Rates {
            pings: "50/s burst 2".parse::<Rate>().expect("a rate"),
            ..Rates::default()
        });
    });
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create("w", "currentwindow");
    for second in 0..10 {
        watcher.beat("w", 2, &event(second, &json!({"app": "A"})));
    }
    assert_eq!(watcher.get("buckets/w/events")[0]["duration"], 9.0);
}

#[test]
fn a_turn_that_is_too_far_away_is_not_waited_for() {
    let house = House::with(|_, settings| {
        settings.edge.rates = Some(Rates {
            pings: "1/h burst 1".parse::<Rate>().expect("a rate"),
            ..Rates::default()
        });
    });
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create("w", "currentwindow");
    let refused = watcher.send(
        "POST",
        "buckets/w/heartbeat?pulsetime=2",
        &event(0, &json!({"app": "A"})),
    );
    assert_eq!(refused.expect(429).problem(), "too_many_requests");
}

#[test]
fn only_pages_of_those_extensions_see_the_answers() {
    const CHROME: &str = "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi";
    const FIREFOX: &str = "moz-extension://9f3c6e1c-0000-4000-8000-000000000000";
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    for (origin, may) in [(CHROME, true), (FIREFOX, true), ("https://evil.example", false)] {
        let preflight = house
            .call("OPTIONS", "/api/0/buckets/w/heartbeat")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization,content-type");
        let preflight = preflight.send().expect(204);
        let allowed = may.then_some(origin);
        assert_eq!(preflight.header("access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(preflight.header("access-control-allow-methods").is_some(), may);
        for path in ["buckets", "buckets/none"] {
            let answer = watcher.call("GET", path).header("Origin", origin).send();
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin} {path}");
        }
    }
    // No other route takes them.
    let elsewhere = house.call("GET", "/api/v1/users/me").token(&ada.token);
    let elsewhere = elsewhere.header("Origin", CHROME).send().expect(200);
    assert_eq!(elsewhere.header("access-control-allow-origin"), None);
}

#[test]
fn what_cannot_be_kept_is_answered_503_and_what_is_kept_and_has_to_wait_200() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.half_a_minute();
    house.merge();
    let later = |second: i64| event(second, &json!({"status": "not-afk"}));
    house.watching.fail(true);
    let away = watcher.send(
        "POST",
        &format!("buckets/{}/heartbeat?pulsetime=185", super::AFK),
        &later(60),
    );
    assert!(away.expect(503).header("retry-after").is_some());
    house.watching.fail(false);
    house.queue.fail(true);
    watcher.beat(WINDOWS, 40, &event(60, &json!({"app": "firefox"})));
    watcher.beat(super::AFK, 185, &later(60));
    assert!(house.watching.marked() > 0);
    house.queue.fail(false);
    // Whatever comes next makes it good.
    watcher.beat(super::AFK, 185, &later(60));
    assert_eq!(house.watching.marked(), 0);
    house.merge();
    let total = |body: &Value| body["total_seconds"].clone();
    let report = house
        .get(&ada, "/api/v1/report/apps?date=2026-03-01")
        .expect(200)
        .json();
    assert_eq!(total(&report), 60);
}
