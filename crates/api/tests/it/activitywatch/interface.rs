//! Every route, as ActivityWatch's own servers answer it.

use serde_json::{Value, json};

use super::{AFK, WEB, WINDOWS, Watcher, event, time};
use crate::house::House;

#[test]
fn buckets_are_made_once_listed_changed_and_deleted() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    let body = json!({"client": "c", "type": "currentwindow", "hostname": "laptop", "id": "other", "data": {"k": 1}});
    assert_eq!(
        watcher.send("POST", "buckets/w%C3%A4%20b", &body).expect(200).json(),
        json!({})
    );
    watcher.send("POST", "buckets/w%C3%A4%20b/", &body).expect(304);
    let one = watcher.get("buckets/w%C3%A4%20b");
    assert_eq!(
        (
            &one["id"],
            &one["type"],
            &one["hostname"],
            &one["client"],
            &one["metadata"]["end"]
        ),
        (
            &json!("w\u{e4} b"),
            &json!("currentwindow"),
            &json!("laptop"),
            &json!("c"),
            &Value::Null
        )
    );
    assert!(one["created"].is_string());
    for path in ["buckets", "buckets/"] {
        assert_eq!(watcher.get(path), json!({"w\u{e4} b": one}), "{path}");
        let by_path = watcher.path_call("GET", path).send().expect(200).json();
        assert_eq!(by_path, json!({"w\u{e4} b": one}), "{path}");
    }
    watcher
        .send("PUT", "buckets/w%C3%A4%20b", &json!({"client": "d"}))
        .expect(200);
    let changed = watcher.get("buckets/w%C3%A4%20b");
    assert_eq!(
        (&changed["client"], &changed["hostname"]),
        (&json!("d"), &json!("laptop"))
    );
    watcher.call("DELETE", "buckets/w%C3%A4%20b").send().expect(422);
    watcher.call("DELETE", "buckets/w%C3%A4%20b?force=1").send().expect(200);
    assert_eq!(watcher.get("buckets"), json!({}));
}

#[test]
fn what_is_not_there_is_missing_and_what_a_route_does_not_take_is_said() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    for (method, path) in [
        ("GET", "buckets/none"),
        ("PUT", "buckets/none"),
        ("DELETE", "buckets/none?force=1"),
        ("GET", "buckets/none/events"),
        ("GET", "buckets/none/events/1"),
        ("GET", "buckets/none/events/x"),
        ("DELETE", "buckets/none/events/1"),
        ("GET", "buckets/none/events/count"),
        ("GET", "buckets/none/export"),
        ("POST", "buckets/none/events"),
        ("GET", "nothing"),
    ] {
        let body = match (method, path) {
            ("PUT", _) => json!({}),
            ("POST", _) => json!([]),
            _ => Value::Null,
        };
        let call = watcher.call(method, path);
        let answer = if body.is_null() {
            call.send()
        } else {
            call.json(&body).send()
        };
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    assert_eq!(
        watcher.call("PATCH", "buckets/none").send().expect(405).header("allow"),
        Some("GET, HEAD, POST, PUT, DELETE")
    );
    assert_eq!(
        watcher
            .path_call("GET", "buckets/none/heartbeat")
            .send()
            .expect(405)
            .header("allow"),
        Some("POST")
    );
}

#[test]
fn what_is_too_long_or_too_many_is_refused_in_words() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    let body = json!({"client": "c", "type": "currentwindow", "hostname": "here"});
    let named = |length: usize| format!("buckets/{}", "x".repeat(length));
    watcher.send("POST", &named(255), &body).expect(200);
    watcher.send("POST", &named(256), &body).expect(422);
    watcher.send("POST", "buckets/a%00b", &body).expect(422);
    watcher.send("GET", "buckets/a%00b", &Value::Null).expect(422);
    watcher.send("GET", "buckets/a%00b/events", &Value::Null).expect(422);
    watcher
        .send("DELETE", "buckets/a%00b?force=1", &Value::Null)
        .expect(422);
    for number in 1..ports::trackers::BUCKETS_MAX {
        watcher.create(&format!("{number}"), "currentwindow");
    }
    assert_eq!(
        watcher.send("POST", "buckets/more", &body).expect(409).problem(),
        "limit_reached"
    );
    let list = |count: i64| {
        let events: Vec<Value> = (0..count).map(|second| event(second, &json!({"app": "A"}))).collect();
        json!(events)
    };
    watcher.send("POST", "buckets/1/events", &list(1_000)).expect(200);
    watcher.send("POST", "buckets/1/events", &list(1_001)).expect(413);
    assert_eq!(watcher.get("buckets/1/events/count"), 1_000);
    let text = |length: usize| json!({"a": vec!["x".repeat(1_021); length]});
    let one = |data: &Value| watcher.send("POST", "buckets/1/events", &event(0, data));
    one(&text(63)).expect(200);
    assert_eq!(one(&text(64)).expect(400).problem(), "malformed_body");
    for path in [
        "buckets/1/heartbeat",
        "buckets/1/heartbeat?pulsetime=",
        "buckets/1/heartbeat?pulsetime=x",
        "buckets/1/heartbeat?pulsetime=-1",
        "buckets/1/heartbeat?pulsetime=86401",
        "buckets/1/heartbeat?pulsetime=NaN",
    ] {
        let answer = watcher.send("POST", path, &event(0, &json!({"app": "A"})));
        assert_eq!(answer.status, 400, "{path}");
    }
    for body in ["", "x", "[1]", r#"{"data": {}}"#, r#"{"timestamp": "yesterday"}"#] {
        for path in ["buckets/1/heartbeat?pulsetime=1", "buckets/1/events", "import"] {
            let answer = watcher.call("POST", path).raw_json(body.as_bytes()).send();
            assert_eq!(answer.status, 400, "{path} {body}");
        }
    }
    for second in [-91 * 86_400, 28 * 3_600] {
        let answer = watcher.send("POST", "buckets/1/heartbeat?pulsetime=1", &event(second, &json!({})));
        assert_eq!(answer.expect(422).problem(), "invalid", "{second}");
    }
}

#[test]
fn a_heartbeat_is_answered_with_the_whole_event_it_is_part_of() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create("w", "currentwindow");
    let data = json!({"app": "A", "title": "t"});
    let first = watcher.beat("w", 2, &event(0, &data));
    assert_eq!(
        (&first["duration"], &first["data"], &first["timestamp"]),
        (&json!(0.0), &data, &json!("2026-03-01T09:00:00.000000+00:00"))
    );
    // Another title is the same application.
    let other = json!({"app": "A", "title": "u"});
    let merged = watcher.beat("w", 2, &event(2, &other));
    assert_eq!(
        merged,
        json!({"id": first["id"], "timestamp": first["timestamp"], "duration": 2.0, "data": other})
    );
    assert_ne!(watcher.beat("w", 2, &event(5, &data))["id"], first["id"]);
    assert_eq!(
        watcher.get("buckets/w")["metadata"]["end"],
        "2026-03-01T09:00:05.000000+00:00"
    );
    // What counts for nothing is echoed.
    watcher.create("notes", "test.notes");
    let echoed = watcher.beat("notes", 2, &event(0, &json!({"note": "n"})));
    assert_eq!((&echoed["id"], &echoed["data"]), (&Value::Null, &json!({"note": "n"})));
    assert_eq!(watcher.get("buckets/notes/events"), json!([]));
    let by_path = watcher
        .path_call("POST", "buckets/w/heartbeat/?pulsetime=2")
        .bytes(event(6, &data).to_string().as_bytes());
    assert_eq!(by_path.send().expect(200).json()["duration"], 1.0);
}

#[test]
fn what_watchers_send_is_in_the_reports_and_nothing_else_of_it_anywhere() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.half_a_minute();
    house.merge();
    let read = |path: &str| {
        let call = house.call("GET", path).token(&watcher.key);
        call.send().expect(200).json()["items"].clone()
    };
    assert_eq!(
        read("/api/v1/report/apps?date=2026-03-01"),
        json!([{"app_name": "firefox", "seconds": 30}])
    );
    assert_eq!(
        read("/api/v1/report/urls?date=2026-03-01"),
        json!([{"domain": null, "seconds": 20}, {"domain": "a.example", "seconds": 10}])
    );
    // Doing it all again changes nothing.
    watcher
        .call("DELETE", &format!("buckets/{WEB}?force=1"))
        .send()
        .expect(200);
    watcher.create(WEB, "web.tab.current");
    house.merge();
    assert_eq!(
        read("/api/v1/report/apps?date=2026-03-01"),
        json!([{"app_name": "firefox", "seconds": 30}])
    );
    let kept = format!("{:?} {:?}", house.watching, house.timelines);
    assert!(kept.contains("firefox") && kept.contains("a.example"));
    assert!(!kept.contains("canary"), "{kept}");
    let archive = house.get(&ada, "/api/v1/users/me/export").expect(200);
    assert!(!String::from_utf8_lossy(&archive.body).contains("canary"));
}

#[test]
fn events_are_kept_found_replaced_counted_and_deleted() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create("e", "currentwindow");
    let data = json!({"app": "A"});
    let long = |second: i64| {
        let mut event = event(second, &data);
        event["duration"] = 10.into();
        event
    };
    let kept = watcher.send("POST", "buckets/e/events", &json!([long(0), long(20), long(40)]));
    let kept = kept.expect(200).json();
    assert_eq!(kept.as_array().map(Vec::len), Some(3));
    let one = watcher
        .send("POST", "buckets/e/events", &event(60, &data))
        .expect(200)
        .json();
    assert!(one["id"].is_i64(), "{one}");
    let starts = |path: &str| -> Vec<String> {
        let events = watcher.get(path);
        let events = events.as_array().expect("a list").iter();
        events
            .map(|event| event["timestamp"].as_str().expect("text")[14..19].to_owned())
            .collect()
    };
    assert_eq!(starts("buckets/e/events"), ["01:00", "00:40", "00:20", "00:00"]);
    assert_eq!(starts("buckets/e/events/?limit=2"), ["01:00", "00:40"]);
    assert_eq!(starts("buckets/e/events?limit=-1").len(), 4);
    // Cut to what was asked for.
    let (start, end) = (time(25), time(45));
    let path = format!("buckets/e/events?start={start}&end={end}");
    assert_eq!(starts(&path), ["00:40", "00:25"]);
    assert_eq!(watcher.get(&path)[0]["duration"], 5.0);
    assert_eq!(
        watcher.get(&format!("buckets/e/events/count?start={start}&end={end}")),
        2
    );
    assert_eq!(watcher.get("buckets/e/events/count"), 4);
    for path in ["buckets/e/events?start=yesterday", "buckets/e/events?limit=many"] {
        watcher.call("GET", path).send().expect(400);
    }
    let id = one["id"].as_i64().expect("a number");
    let mut moved = event(70, &json!({"app": "B"}));
    moved["id"] = id.into();
    moved["duration"] = 2.into();
    // Twice in one list: the later one counts.
    watcher
        .send("POST", "buckets/e/events", &json!([long(80), moved, moved]))
        .expect(200);
    let found = watcher.get(&format!("buckets/e/events/{id}"));
    assert_eq!((&found["data"]["app"], &found["duration"]), (&json!("B"), &json!(2.0)));
    assert_eq!(watcher.get("buckets/e/events/count"), 5);
    let of_it = format!("buckets/e/events/{id}");
    watcher.call("DELETE", &of_it).send().expect(200);
    watcher.call("GET", &of_it).send().expect(404);
    watcher.call("DELETE", &of_it).send().expect(404);
}

#[test]
fn what_is_exported_can_be_imported_and_twice_changes_nothing() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    let (watcher, elsewhere) = (Watcher::of(&house, &ada), Watcher::of(&house, &bob));
    watcher.half_a_minute();
    let all = watcher.call("GET", "export").send().expect(200);
    assert_eq!(
        all.header("content-disposition"),
        Some("attachment; filename=aw-buckets-export.json")
    );
    let all = all.json();
    let one = watcher.get(&format!("buckets/{WEB}/export"));
    assert_eq!(all["buckets"][WEB], one["buckets"][WEB]);
    assert_eq!(all["buckets"][WEB]["events"][0]["data"], json!({"incognito": true}));
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"buckets.json\"; filename=\"x\"\r\n\r\n{all}\r\n--b--\r\n"
    );
    for _ in 0..2 {
        elsewhere.send("POST", "import", &all).expect(200);
        let by_form = elsewhere
            .call("POST", "import/")
            .header("Content-Type", "multipart/form-data; boundary=b");
        by_form.bytes(form.as_bytes()).send().expect(200);
        for (id, count) in [(WINDOWS, 1), (AFK, 1), (WEB, 2)] {
            assert_eq!(elsewhere.get(&format!("buckets/{id}/events/count")), count, "{id}");
        }
    }
    house.merge();
    let items = house
        .get(&bob, "/api/v1/report/urls?date=2026-03-01")
        .expect(200)
        .json()["items"]
        .clone();
    assert_eq!(
        items,
        json!([{"domain": null, "seconds": 20}, {"domain": "a.example", "seconds": 10}])
    );
    let torn = elsewhere
        .call("POST", "import")
        .header("Content-Type", "multipart/form-data; boundary=b");
    torn.bytes(b"--b--").send().expect(400);
    elsewhere.send("POST", "import", &json!({"bucket": {}})).expect(400);
    let many: Vec<Value> = (0..10_001).map(|_| json!({"timestamp": time(0)})).collect();
    let many = json!({"buckets": {"w": {"type": "currentwindow", "events": many}}});
    elsewhere.send("POST", "import", &many).expect(413);
}

#[test]
fn settings_are_none_and_the_query_language_is_refused_in_words() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    assert_eq!(watcher.get("settings"), json!({}));
    assert_eq!(watcher.get("settings/startOfDay/"), Value::Null);
    watcher.call("DELETE", "settings/startOfDay").send().expect(200);
    for (path, body) in [
        ("settings/startOfDay", json!("04:00")),
        ("query", json!({"timeperiods": [], "query": []})),
        ("query/?name=x", json!({})),
    ] {
        let refused = watcher.send("POST", path, &body).expect(501);
        assert_eq!(refused.problem(), "not_implemented", "{path}");
    }
}

#[test]
fn the_export_of_a_person_holds_what_is_kept_and_nothing_is_left_of_who_is_erased() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.half_a_minute();
    let archive = house.get(&ada, "/api/v1/users/me/export").expect(200);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive.body)).expect("a ZIP");
    let mut file = |name: &str| {
        let mut text = String::new();
        let mut file = archive.by_name(name).expect(name);
        std::io::Read::read_to_string(&mut file, &mut text).expect("text");
        text
    };
    let csv = file("activitywatch.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines.first(),
        Some(&"start_time,end_time,app_name,domain,present,bucket,hostname,device_id")
    );
    assert_eq!(lines.len(), 5, "{csv}");
    assert!(csv.contains(r#"2026-03-01T09:00:00Z,2026-03-01T09:00:30Z,"firefox","",,"aw-watcher-window_here","here""#));
    let rows: Value = serde_json::from_str(&file("activitywatch.json")).expect("JSON");
    let domains: Vec<&Value> = rows
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| &row["domain"])
        .collect();
    assert_eq!(domains.iter().filter(|domain| **domain == "a.example").count(), 1);
}
