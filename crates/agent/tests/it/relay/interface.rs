//! Every route, as ActivityWatch's own servers answer it.

use serde_json::{Value, json};

use super::{Listening, event, time};

#[test]
fn buckets_are_made_once_listed_changed_and_deleted() {
    let relay = Listening::start();
    assert_eq!(
        relay.get("info"),
        json!({"hostname": "here", "version": concat!("v", env!("CARGO_PKG_VERSION"), " (daybook-agent)"), "testing": false, "device_id": "device-1"})
    );
    let body = json!({"client": "c", "type": "currentwindow", "hostname": "laptop"});
    assert_eq!(relay.call("POST", "buckets/w%C3%A4%20b", &body), (200, json!({})));
    assert_eq!(relay.call("POST", "buckets/w%C3%A4%20b/", &body).0, 304);
    let one = relay.get("buckets/w%C3%A4%20b");
    assert_eq!(
        (&one["id"], &one["type"], &one["hostname"], &one["metadata"]["end"]),
        (&json!("wä b"), &json!("currentwindow"), &json!("laptop"), &Value::Null)
    );
    assert!(one["created"].is_string());
    assert_eq!(relay.get("buckets/"), json!({"wä b": one}));
    assert_eq!(relay.get("buckets"), json!({"wä b": one}));
    assert_eq!(
        relay
            .call("PUT", "buckets/w%C3%A4%20b", &json!({"client": "d", "data": {"k": 1}}))
            .0,
        200
    );
    let changed = relay.get("buckets/w%C3%A4%20b");
    assert_eq!(
        (&changed["client"], &changed["hostname"], &changed["data"]),
        (&json!("d"), &json!("laptop"), &json!({"k": 1}))
    );
    for (method, path) in [
        ("GET", "buckets/none"),
        ("PUT", "buckets/none"),
        ("DELETE", "buckets/none"),
        ("GET", "buckets/none/events"),
        ("GET", "buckets/none/events/count"),
        ("GET", "buckets/none/export"),
        ("GET", "nothing"),
        ("DELETE", "info"),
    ] {
        let body = if method == "PUT" { json!({}) } else { Value::Null };
        let (status, answer) = relay.call(method, path, &body);
        assert!(
            status == 404 && answer["message"].is_string(),
            "{method} {path}: {status} {answer}"
        );
    }
    assert_eq!(
        relay.call("DELETE", "buckets/w%C3%A4%20b?force=1", &json!({})),
        (200, json!({}))
    );
    assert_eq!(relay.get("buckets/"), json!({}));
    let long = format!("buckets/{}", "x".repeat(256));
    assert_eq!(relay.call("POST", &long, &body).0, 400);
    assert_eq!(relay.call("POST", &long[..long.len() - 1], &body).0, 200);
}

#[test]
fn a_watcher_that_does_not_know_where_it_is_is_told() {
    let relay = Listening::start();
    relay.create("aw-watcher-web-firefox", "web.tab.current", "!local");
    let bucket = relay.get("buckets/aw-watcher-web-firefox");
    assert_eq!(
        (&bucket["hostname"], &bucket["data"]),
        (&json!("here"), &json!({"device_id": "device-1"}))
    );
}

#[test]
fn a_heartbeat_is_answered_with_the_whole_event_it_is_part_of() {
    let relay = Listening::start();
    relay.create("w", "currentwindow", "here");
    let data = json!({"app": "A", "title": "t"});
    let first = relay.beat("w", 2, &event(0.0, 0.0, &data));
    assert_eq!((&first["duration"], &first["data"]), (&json!(0.0), &data));
    assert_eq!(first["timestamp"], "2026-03-01T09:00:00.000000+00:00");
    let merged = relay.beat("w", 2, &event(1.5, 0.25, &data));
    assert_eq!(
        merged,
        json!({"id": first["id"], "timestamp": first["timestamp"], "duration": 1.75, "data": data})
    );
    let other = relay.beat("w", 2, &event(1.6, 0.0, &json!({"app": "B"})));
    assert_ne!(other["id"], first["id"]);
    let body = event(2.0, 0.0, &data);
    for path in [
        "buckets/w/heartbeat",
        "buckets/w/heartbeat?pulsetime=",
        "buckets/w/heartbeat?pulsetime=x",
        "buckets/w/heartbeat?pulsetime=-1",
        "buckets/w/heartbeat?pulsetime=86401",
    ] {
        assert_eq!(relay.call("POST", path, &body).0, 400, "{path}");
    }
    assert_eq!(relay.call("POST", "buckets/w/heartbeat?pulsetime=86400", &body).0, 200);
    assert_eq!(relay.call("POST", "buckets/none/heartbeat?pulsetime=2", &body).0, 404);
    assert_eq!(
        relay
            .call("POST", "buckets/w/heartbeat?pulsetime=2", &json!({"data": {}}))
            .0,
        400
    );
    // A key is what ActivityWatch may ask for; here nobody does, and it harms nobody.
    let with_key = [
        ("Authorization", "Bearer something"),
        ("Content-Type", "application/json"),
    ];
    assert_eq!(
        relay
            .send(
                "POST",
                "buckets/w/heartbeat?pulsetime=2.5",
                &with_key,
                body.to_string().into_bytes()
            )
            .0,
        200
    );
}

#[test]
fn events_are_kept_found_replaced_counted_and_deleted() {
    let relay = Listening::start();
    relay.create("e", "app.editor.activity", "here");
    let data = json!({"file": "x"});
    let many = json!([
        event(0.0, 10.0, &data),
        event(20.0, 10.0, &data),
        event(40.0, 10.0, &data)
    ]);
    let (status, kept) = relay.call("POST", "buckets/e/events", &many);
    assert_eq!((status, kept.as_array().map(Vec::len)), (200, Some(3)));
    let (status, one) = relay.call("POST", "buckets/e/events", &event(60.0, 1.0, &data));
    assert!(status == 200 && one["id"].is_i64(), "{one}");
    let starts = |path: &str| -> Vec<String> {
        let events = relay.get(path);
        events
            .as_array()
            .expect("a list")
            .iter()
            .map(|event| event["timestamp"].as_str().expect("text")[14..19].to_owned())
            .collect()
    };
    assert_eq!(starts("buckets/e/events"), ["01:00", "00:40", "00:20", "00:00"]);
    assert_eq!(starts("buckets/e/events?limit=2"), ["01:00", "00:40"]);
    assert_eq!(starts("buckets/e/events?limit=-1").len(), 4);
    // Cut to what was asked for.
    let (start, end) = (time(25.0), time(45.0));
    let path = format!("buckets/e/events?start={start}&end={end}");
    assert_eq!(starts(&path), ["00:40", "00:25"]);
    assert_eq!(relay.get(&path)[0]["duration"], 5.0);
    assert_eq!(relay.get(&format!("buckets/e/events/count?start={start}&end={end}")), 2);
    assert_eq!(relay.get("buckets/e/events/count"), 4);
    for path in ["buckets/e/events?start=yesterday", "buckets/e/events?limit=many"] {
        assert_eq!(relay.call("GET", path, &Value::Null).0, 400, "{path}");
    }
    let id = one["id"].as_i64().expect("a number");
    let mut moved = event(70.0, 2.0, &json!({"file": "y"}));
    moved["id"] = id.into();
    assert_eq!(relay.call("POST", "buckets/e/events", &json!([moved])).0, 200);
    let found = relay.get(&format!("buckets/e/events/{id}"));
    assert_eq!((&found["data"]["file"], &found["duration"]), (&json!("y"), &json!(2.0)));
    assert_eq!(relay.get("buckets/e/events/count"), 4);
    assert_eq!(
        relay.call("DELETE", &format!("buckets/e/events/{id}"), &Value::Null).0,
        200
    );
    assert_eq!(
        relay.call("GET", &format!("buckets/e/events/{id}"), &Value::Null).0,
        404
    );
    assert_eq!(
        relay.call("DELETE", &format!("buckets/e/events/{id}"), &Value::Null).0,
        404
    );
    assert_eq!(relay.call("GET", "buckets/e/events/x", &Value::Null).0, 404);
    assert_eq!(relay.call("PATCH", "buckets/e/events/1", &Value::Null).0, 405);
}

#[test]
fn what_is_exported_can_be_imported_and_twice_changes_nothing() {
    let relay = Listening::start();
    relay.create("w", "currentwindow", "here");
    relay.create("other", "afkstatus", "here");
    for start in [0.0, 10.0, 20.0] {
        relay.beat("w", 2, &event(start, 1.25, &json!({"app": "A", "title": "é"})));
    }
    let (all, one) = (relay.get("export"), relay.get("buckets/w/export"));
    assert_eq!(
        (&all["buckets"]["w"], &all["buckets"]["other"]["events"]),
        (&one["buckets"]["w"], &json!([]))
    );
    let elsewhere = Listening::start();
    elsewhere.create("w", "currentwindow", "here");
    elsewhere.beat("w", 2, &event(10.0, 1.25, &json!({"app": "A", "title": "é"})));
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"buckets.json\"; filename=\"x\"\r\n\r\n{all}\r\n--b--\r\n"
    );
    let is_form = [("Content-Type", "multipart/form-data; boundary=b")];
    for _ in 0..2 {
        assert_eq!(elsewhere.call("POST", "import", &all).0, 200);
        assert_eq!(
            elsewhere.send("POST", "import/", &is_form, form.clone().into_bytes()).0,
            200
        );
        let without_ids = |value: &Value| {
            let events = value.as_array().expect("a list").iter();
            events
                .map(|event| {
                    (
                        event["timestamp"].clone(),
                        event["duration"].clone(),
                        event["data"].clone(),
                    )
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(
            without_ids(&elsewhere.get("buckets/w/events")),
            without_ids(&relay.get("buckets/w/events"))
        );
    }
    assert_eq!(elsewhere.get("buckets/other")["type"], "afkstatus");
    assert_eq!(elsewhere.send("POST", "import", &is_form, b"--b--".to_vec()).0, 400);
    assert_eq!(elsewhere.call("POST", "import", &json!({"bucket": {}})).0, 400);
}

#[test]
fn settings_are_kept_and_what_is_not_set_is_null() {
    let mut relay = Listening::start();
    assert_eq!(relay.get("settings/startOfDay"), Value::Null);
    assert_eq!(relay.call("POST", "settings/startOfDay", &json!("04:00")).0, 201);
    relay.restart();
    assert_eq!(relay.get("settings"), json!({"startOfDay": "04:00"}));
    assert_eq!(relay.get("settings/startOfDay/"), "04:00");
    assert_eq!(relay.call("DELETE", "settings/startOfDay", &Value::Null).0, 200);
    assert_eq!(relay.get("settings"), json!({}));
    let name = |length: usize| format!("settings/{}", "k".repeat(length));
    assert_eq!(relay.call("POST", &name(127), &json!(1)).0, 201);
    assert_eq!(relay.call("POST", &name(128), &json!(1)).0, 400);
    let value = |length: usize| json!("v".repeat(length - 2));
    let most = agent::relay::routes::SETTING_VALUE_BYTES_MAX;
    assert_eq!(relay.call("POST", "settings/long", &value(most)).0, 201);
    assert_eq!(relay.call("POST", "settings/long", &value(most + 1)).0, 413);
    for number in 2..agent::relay::routes::SETTINGS_MAX {
        assert_eq!(relay.call("POST", &format!("settings/{number}"), &json!(number)).0, 201);
    }
    assert_eq!(relay.call("POST", "settings/one-more", &json!(1)).0, 413);
}

#[test]
fn the_query_language_is_refused_in_words() {
    let relay = Listening::start();
    for path in ["query", "query/?name=x"] {
        let (status, answer) = relay.call("POST", path, &json!({"timeperiods": [], "query": []}));
        assert!(
            status == 501
                && answer["message"]
                    .as_str()
                    .is_some_and(|text| text.contains("query language")),
            "{status} {answer}"
        );
    }
}
