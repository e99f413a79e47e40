//! History from other trackers: what is said of each ping and heartbeat, what comes of it, and what it would change.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::house::{House, Person, ping};

const IMPORT: &str = "/api/v1/usage/import";
const DRY: &str = "/api/v1/usage/import?dry_run=true";
const DEVICES: &str = "/api/v1/devices";

fn import(house: &House, person: &Person, body: &Value) -> Answer {
    house.send(person, "POST", IMPORT, body)
}

fn dry(house: &House, person: &Person, body: &Value) -> Answer {
    house.send(person, "POST", DRY, body)
}

fn heartbeat(time: &str, app: &str) -> Value {
    json!({"time": time, "app_name": app})
}

/// An hour with a site, and ten minutes in an editor, two years ago.
fn past() -> Value {
    json!({
        "source": "Old laptop",
        "pings": [ping("Firefox", Some("https://example.org/x"), "2024-03-01T09:00:00Z", "2024-03-01T10:00:00Z")],
        "heartbeats": [
            {
                "time": "2024-03-01T10:00:00.250Z", "app_name": "vim", "url": null, "kind": "file", "category": "coding", "project": "daybook",
                "branch": "main", "language": "Rust", "editor": "vim", "machine": "laptop", "operating_system": "Linux", "is_write": true,
            },
            heartbeat("2024-03-01T10:10:00.250Z", "vim"),
        ],
    })
}

fn devices(house: &House, person: &Person) -> Vec<Value> {
    let devices = house.get(person, DEVICES).expect(200).json();
    devices["devices"].as_array().expect("a list").clone()
}

fn apps(house: &House, person: &Person, day: &str) -> Value {
    house.merge();
    let report = house.get(person, &format!("/api/v1/report/apps?date={day}"));
    report.expect(200).json()["items"].clone()
}

#[test]
fn history_is_queued_and_stands_in_the_reports_of_its_day_once_however_often_it_is_sent() {
    let house = House::new();
    let ada = house.person("ada");
    for _ in 0..2 {
        let answer = import(&house, &ada, &past()).expect(202);
        assert_eq!(
            answer.body,
            br#"{"status":"queued","accepted":3,"excluded":0,"heartbeat_timeout":600,"rejected":[]}"#
        );
        let expected = json!([{"app_name": "Firefox", "seconds": 3600}, {"app_name": "vim", "seconds": 600}]);
        assert_eq!(apps(&house, &ada, "2024-03-01"), expected);
    }
    let projects = house
        .get(&ada, "/api/v1/report/projects?date=2024-03-01")
        .expect(200)
        .json();
    assert_eq!(projects["items"], json!([{"project": "daybook", "seconds": 600}]));
}

#[test]
fn what_is_left_to_the_heartbeat_before_is_named_by_it_whenever_that_comes() {
    let house = House::new();
    let ada = house.person("ada");
    let beat = |minute: u32, project: &str| {
        json!({"time": format!("2024-03-01T09:{minute:02}:00Z"), "app_name": "vim", "kind": "file", "project": project,
            "branch": " <<LAST_BRANCH>> ", "language": "<<LAST_LANGUAGE>>"})
    };
    let seconds = |field: &str| {
        house.merge();
        let report = house.get(&ada, &format!("/api/v1/report/{field}s?date=2024-03-01"));
        report.expect(200).json()["items"].clone()
    };
    let later = json!({"source": "Old", "heartbeats": [beat(5, "<<LAST_PROJECT>>"), beat(9, "two")]});
    import(&house, &ada, &later).expect(202);
    assert_eq!(seconds("project"), json!([{"project": null, "seconds": 240}]));
    let mut first = beat(1, "one");
    first["language"] = json!("Rust");
    let earlier = json!({"source": "Old", "heartbeats": [first]});
    import(&house, &ada, &earlier).expect(202);
    import(&house, &ada, &later).expect(202);
    assert_eq!(seconds("project"), json!([{"project": "one", "seconds": 480}]));
    assert_eq!(seconds("language"), json!([{"language": "Rust", "seconds": 480}]));
}

#[test]
fn a_dry_run_tells_what_would_change_and_keeps_nothing() {
    let house = House::new();
    let ada = house.person("ada");
    let expected = json!({
        "status": "dry_run",
        "accepted": 3,
        "excluded": 0,
        "heartbeat_timeout": 600,
        "rejected": [],
        "waiting": false,
        "change": {
            "added_seconds": 4200,
            "replaced_seconds": 0,
            "kept_seconds": 0,
            "items": [
                {"app_name": "Firefox", "added_seconds": 3600, "replaced_seconds": 0},
                {"app_name": "vim", "added_seconds": 600, "replaced_seconds": 0},
            ],
        },
    });
    for _ in 0..2 {
        assert_eq!(dry(&house, &ada, &past()).expect(200).json(), expected);
    }
    assert_eq!((house.waiting(), devices(&house, &ada).len()), (0, 1));
    import(&house, &ada, &past()).expect(202);
    let mut early = expected;
    early["waiting"] = json!(true);
    assert_eq!(dry(&house, &ada, &past()).expect(200).json(), early);
    house.merge();
    let again = dry(&house, &ada, &past()).expect(200).json();
    assert_eq!(again["waiting"], json!(false));
    let nothing = json!({"added_seconds": 0, "replaced_seconds": 0, "kept_seconds": 4200, "items": []});
    assert_eq!(again["change"], nothing);
    // Not asked for is the same as asked for not.
    let target = format!("{IMPORT}?dry_run=false");
    house.send(&ada, "POST", &target, &past()).expect(202);
    assert_eq!(house.waiting(), 1);
}

#[test]
fn a_source_keeps_the_timeout_that_was_the_persons_when_it_was_new() {
    let house = House::new();
    let ada = house.person("ada");
    let timeout = |answer: Answer, status: u16| answer.expect(status).json()["heartbeat_timeout"].clone();
    let set = |secs: u32| {
        let profile = json!({"heartbeat_timeout": secs});
        house.send(&ada, "PATCH", "/api/v1/users/me", &profile).expect(200);
    };
    set(900);
    assert_eq!(timeout(dry(&house, &ada, &past()), 200), 900);
    set(601);
    assert_eq!(timeout(import(&house, &ada, &past()), 202), 601);
    set(300);
    assert_eq!(timeout(dry(&house, &ada, &past()), 200), 601);
    assert_eq!(timeout(import(&house, &ada, &past()), 202), 601);
    let vim = json!({"app_name": "vim", "seconds": 600});
    let of_day = apps(&house, &ada, "2024-03-01");
    assert!(of_day.as_array().expect("a list").contains(&vim), "{of_day}");
    let mut elsewhere = past();
    elsewhere["source"] = json!("New");
    assert_eq!(timeout(dry(&house, &ada, &elsewhere), 200), 300);
    // Where nothing is kept nothing is settled.
    let rules = json!({"rules": [{"app": "*", "action": "exclude"}]});
    house
        .send(&ada, "PUT", "/api/v1/users/me/privacy-rules", &rules)
        .expect(200);
    house.hear();
    for (target, status) in [(IMPORT, 202), (DRY, 200)] {
        let answer = house.send(&ada, "POST", target, &elsewhere);
        assert_eq!(timeout(answer, status), Value::Null);
    }
}

#[test]
fn what_a_device_recorded_that_signs_in_is_not_replaced() {
    let house = House::new();
    let ada = house.person("ada");
    house.tracked(&ada, &[("Live", None, "2026-02-01T09:00:00Z", "2026-02-01T09:30:00Z")]);
    let body = json!({"source": "Old", "pings": [ping("Past", None, "2026-02-01T09:00:00Z", "2026-02-01T10:00:00Z")]});
    let change = dry(&house, &ada, &body).expect(200).json()["change"].clone();
    let seconds = ["added_seconds", "replaced_seconds", "kept_seconds"].map(|name| change[name].clone());
    assert_eq!(seconds, [json!(1800), json!(0), json!(1800)]);
    import(&house, &ada, &body).expect(202);
    let expected = json!([{"app_name": "Live", "seconds": 1800}, {"app_name": "Past", "seconds": 1800}]);
    assert_eq!(apps(&house, &ada, "2026-02-01"), expected);
}

#[test]
fn every_fault_is_told_with_its_list_and_never_holds_back_the_others() {
    let house = House::new();
    let ada = house.person("ada");
    let body = json!({
        "source": "Old",
        "pings": [
            ping("Good", None, "2024-03-01T09:00:00Z", "2024-03-01T09:01:00Z"),
            ping("", None, "2024-03-01T09:00:00Z", "2024-03-02T09:00:00.001Z"),
            5,
        ],
        "heartbeats": [
            heartbeat("2026-03-01T12:02:00.001Z", "vim"),
            {"app_name": 7, "url": "nonsense", "kind": "films", "project": "", "is_write": "yes"},
            heartbeat("2024-03-01T09:02:00Z", "vim"),
        ],
    });
    for (query, status) in [("?dry_run=true", 200), ("", 202)] {
        let answer = house.send(&ada, "POST", &format!("{IMPORT}{query}"), &body);
        let answer = answer.expect(status).json();
        assert_eq!((&answer["accepted"], &answer["excluded"]), (&json!(2), &json!(0)));
        let rejected = answer["rejected"].as_array().expect("a list");
        let told: Vec<_> = rejected
            .iter()
            .map(|fault| {
                assert!(fault["detail"].is_string());
                let text = |name: &str| fault[name].as_str().expect("text").to_owned();
                (
                    fault["index"].as_u64().expect("a number"),
                    text("pointer"),
                    text("code"),
                )
            })
            .collect();
        let expected = [
            (1, "/pings/1/app_name", "empty"),
            (1, "/pings/1/end_time", "too_long"),
            (2, "/pings/2", "wrong_type"),
            (0, "/heartbeats/0/time", "in_future"),
            (1, "/heartbeats/1/time", "required"),
            (1, "/heartbeats/1/app_name", "wrong_type"),
            (1, "/heartbeats/1/url", "invalid_url"),
            (1, "/heartbeats/1/kind", "unknown_kind"),
            (1, "/heartbeats/1/project", "empty"),
            (1, "/heartbeats/1/is_write", "wrong_type"),
        ];
        let expected = expected.map(|(index, pointer, code)| (index, pointer.to_owned(), code.to_owned()));
        assert_eq!(told, expected);
    }
}

#[test]
fn with_nothing_acceptable_it_is_refused_with_every_fault_and_no_device_is_made() {
    let house = House::new();
    let ada = house.person("ada");
    let body = json!({
        "source": "Old",
        "pings": [ping("Old", None, "2016-02-29T12:00:00Z", "2016-02-29T12:00:05Z")],
        "heartbeats": [heartbeat("yesterday", "vim")],
    });
    for target in [IMPORT, DRY] {
        let refused = house.send(&ada, "POST", target, &body);
        refused.expect_faults(&[
            ("/pings/0/start_time", "too_old"),
            ("/heartbeats/0/time", "invalid_time"),
        ]);
    }
    assert_eq!((house.waiting(), devices(&house, &ada).len()), (0, 1));
}

#[test]
fn history_may_be_ten_years_old_and_not_a_millisecond_more() {
    let house = House::new();
    let ada = house.person("ada");
    // 3,652 days before the clock.
    for (time, is_young_enough) in [("2016-03-01T12:00:00Z", true), ("2016-03-01T11:59:59.999Z", false)] {
        let body = json!({"source": "Old", "pings": [ping("Old", None, time, "2016-03-01T12:10:00Z")], "heartbeats": [heartbeat(time, "vim")]});
        let answer = import(&house, &ada, &body);
        if is_young_enough {
            assert_eq!(answer.expect(202).json()["accepted"], 2);
        } else {
            let answer = answer.expect_faults(&[("/pings/0/start_time", "too_old"), ("/heartbeats/0/time", "too_old")]);
            let detail = answer.json()["errors"][0]["detail"].clone();
            let expected = "must be at most 3652 days before the server's clock, which says 2026-03-01T12:00:00Z";
            assert_eq!(detail, expected);
        }
    }
    house.merge();
    // The other door keeps its own limit.
    let old = ping("Old", None, "2025-11-01T12:00:00Z", "2025-11-01T12:10:00Z");
    house.track(&ada, &old).expect_faults(&[("/start_time", "too_old")]);
}

#[test]
fn both_lists_together_hold_1_to_1000() {
    let house = House::new();
    let ada = house.person("ada");
    let good = ping("Good", None, "2024-03-01T09:00:00Z", "2024-03-01T09:01:00Z");
    let beat = heartbeat("2024-03-01T09:00:00Z", "vim");
    let body = |pings: usize, beats: usize| json!({"source": "Old", "pings": vec![&good; pings], "heartbeats": vec![&beat; beats]});
    for (pings, beats) in [(1_000, 0), (0, 1_000), (500, 500)] {
        let answer = import(&house, &ada, &body(pings, beats)).expect(202);
        assert_eq!(answer.json()["accepted"], 1_000);
        house.merge();
    }
    for (pings, beats, list) in [
        (0, 0, "/pings"),
        (1_001, 0, "/pings"),
        (0, 1_001, "/heartbeats"),
        (500, 501, "/heartbeats"),
    ] {
        for target in [IMPORT, DRY] {
            let refused = house.send(&ada, "POST", target, &body(pings, beats));
            refused.expect_faults(&[(list, "out_of_range")]);
        }
    }
    import(&house, &ada, &json!({"source": "Old"})).expect_faults(&[("/pings", "out_of_range")]);
    let many = json!({"source": "Old", "pings": vec![0; 100_000]});
    import(&house, &ada, &many).expect_faults(&[("/pings", "out_of_range")]);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn what_stands_beside_the_lists_is_looked_at_as_anywhere() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    let with = |name: &str, value: Value| {
        let mut body = past();
        body[name] = value;
        import(&house, &ada, &body)
    };
    for (source, code) in [
        (Value::Null, "required"),
        (json!(" "), "empty"),
        (json!("ä".repeat(65)), "too_long"),
        (json!("a\u{7}"), "control_character"),
        (json!(5), "wrong_type"),
    ] {
        with("source", source).expect_faults(&[("/source", code)]);
    }
    with("pings", json!({})).expect_faults(&[("/pings", "wrong_type")]);
    with("titles", json!([])).expect_faults(&[("/titles", "unknown_field")]);
    with("dry_run", json!(true)).expect_faults(&[("/dry_run", "unknown_field")]);
    for query in ["?dry_run=1", "?dry_run="] {
        let answer = house.send(&ada, "POST", &format!("{IMPORT}{query}"), &past());
        answer.expect_faults(&[("/query/dry_run", "invalid_boolean")]);
    }
    for (query, pointer, code) in [
        ("from=yesterday", "/query/from", "invalid_time"),
        ("until=2024-03-01", "/query/until", "invalid_time"),
        (
            "from=2024-03-01T00:00:00Z&until=2024-03-01T01:00:00%2B01:00",
            "/query/until",
            "not_after_from",
        ),
    ] {
        let answer = house.send(&ada, "POST", &format!("{DRY}&{query}"), &past());
        answer.expect_faults(&[(pointer, code)]);
    }
    for (name, own, other) in [("user_id", &ada.id, &bob.id), ("device_id", &ada.device, &bob.device)] {
        assert_eq!(with(name, json!(other)).expect(403).problem(), "not_yours");
        let mut body = past();
        body["heartbeats"][1][name] = json!(other);
        assert_eq!(import(&house, &ada, &body).expect(403).problem(), "not_yours");
        with(name, json!(own)).expect(202);
    }
    assert_eq!(
        with("source", json!(format!(" {} ", "ä".repeat(64))))
            .expect(202)
            .json()["accepted"],
        3
    );
    house
        .call("POST", IMPORT)
        .token(&ada.token)
        .raw_json(b"{")
        .send()
        .expect(400);
}

#[test]
fn what_lies_in_more_than_31_days_is_not_foretold_at_once() {
    let house = House::new();
    let ada = house.person("ada");
    let ends = |end: &str| json!({"source": "Old", "heartbeats": [heartbeat("2024-03-01T00:00:00Z", "vim"), heartbeat(end, "vim")]});
    dry(&house, &ada, &ends("2024-04-01T00:00:00Z")).expect(200);
    let long = ends("2024-04-01T00:00:00.001Z");
    dry(&house, &ada, &long).expect_faults(&[("/heartbeats", "too_long")]);
    import(&house, &ada, &long).expect(202);
}

#[test]
fn a_part_of_what_would_change_is_told_by_itself() {
    let house = House::new();
    let ada = house.person("ada");
    // An hour from nine, and ten minutes and a quarter of a second after it.
    for (query, added) in [
        ("", json!(4200)),
        ("&from=2024-03-01T09:30:00Z", json!(2400)),
        ("&until=2024-03-01T09:30:00Z", json!(1800)),
        ("&from=2024-03-01T09:59:00Z&until=2024-03-01T10:01:00.250Z", json!(120)),
        ("&from=2024-03-02T00:00:00Z", json!(0)),
    ] {
        let told = house.send(&ada, "POST", &format!("{DRY}{query}"), &past());
        assert_eq!(told.expect(200).json()["change"]["added_seconds"], added, "{query}");
    }
}

#[test]
fn what_is_excluded_is_counted_in_either_run_and_kept_nowhere() {
    let house = House::new();
    let ada = house.person("ada");
    let rules = json!({"rules": [{"app": "vim", "action": "exclude"}, {"site": "example.org", "action": "hide"}]});
    house
        .send(&ada, "PUT", "/api/v1/users/me/privacy-rules", &rules)
        .expect(200);
    house.hear();
    let foretold = dry(&house, &ada, &past()).expect(200).json();
    assert_eq!((&foretold["accepted"], &foretold["excluded"]), (&json!(1), &json!(2)));
    assert_eq!(foretold["change"]["added_seconds"], 3600);
    let imported = import(&house, &ada, &past()).expect(202).json();
    assert_eq!((&imported["accepted"], &imported["excluded"]), (&json!(1), &json!(2)));
    assert_eq!(
        apps(&house, &ada, "2024-03-01"),
        json!([{"app_name": "Firefox", "seconds": 3600}])
    );
    let sites = house
        .get(&ada, "/api/v1/report/urls?date=2024-03-01")
        .expect(200)
        .json();
    assert_eq!(sites["items"], json!([{"domain": null, "seconds": 3600}]));
}

#[test]
fn each_source_is_a_device_that_is_listed_last_renamed_and_removed_but_never_lifted() {
    let house = House::new();
    let ada = house.person("ada");
    import(&house, &ada, &past()).expect(202);
    house.clock.advance(Duration::from_mins(1));
    import(&house, &ada, &past()).expect(202);
    let listed = devices(&house, &ada);
    let id = listed[1]["id"].as_str().expect("text").to_owned();
    let expected = json!({
        "id": id,
        "name": "Old laptop",
        "key": "Old laptop",
        "platform": null,
        "precedence": 0,
        "kind": "import",
        "current": false,
        "api_key_id": null,
        "signed_in_at": "2026-03-01T12:00:00Z",
        "last_seen_at": "2026-03-01T12:01:00Z",
        "last_address": null,
    });
    assert_eq!(
        (listed.len(), &listed[0]["kind"], &listed[1]),
        (2, &json!("tracker"), &expected)
    );
    let at = format!("{DEVICES}/{id}");
    let renamed = house
        .send(&ada, "PATCH", &at, &json!({"name": "The old one"}))
        .expect(200)
        .json();
    assert_eq!(
        (&renamed["name"], &renamed["key"]),
        (&json!("The old one"), &json!("Old laptop"))
    );
    for body in [json!({"precedence": 5}), json!({"name": "x", "precedence": 1})] {
        house
            .send(&ada, "PATCH", &at, &body)
            .expect_faults(&[("/precedence", "of_import")]);
    }
    assert_eq!(devices(&house, &ada)[1], renamed);
    // Nobody else has it.
    let bob = house.person("bob");
    house.send(&bob, "PATCH", &at, &json!({"precedence": 5})).expect(404);
    house.delete(&bob, &at).expect(404);

    house.delete(&ada, &at).expect(204);
    house.delete(&ada, &at).expect(404);
    house.send(&ada, "PATCH", &at, &json!({"name": "x"})).expect(404);
    assert_eq!(
        (devices(&house, &ada).len(), house.log(&ada)[0].as_str()),
        (1, "device_revoked")
    );
    assert_eq!(
        apps(&house, &ada, "2024-03-01").as_array().map(Vec::len),
        Some(2),
        "what was imported stays"
    );
    import(&house, &ada, &past()).expect(202);
    assert_eq!(devices(&house, &ada)[1]["id"], id, "and the device is the same");
}

#[test]
fn nobody_signs_in_on_a_device_of_imported_history() {
    let house = House::new();
    let ada = house.person("ada");
    import(&house, &ada, &past()).expect(202);
    let before = devices(&house, &ada)[1].clone();
    let (id, key) = (before["id"].as_str().expect("text"), "Old-laptop");
    let mut body = past();
    body["source"] = json!(key);
    import(&house, &ada, &body).expect(202);
    for name in [id, key] {
        let signed_in = house.sign_in("ada", name);
        let listed = devices(&house, &ada);
        let imports: Vec<_> = listed.iter().filter(|device| device["kind"] == "import").collect();
        assert_eq!(imports.len(), 2);
        assert!(imports.iter().all(|device| device["id"] != json!(signed_in.device)));
        assert!(imports.iter().all(|device| device["precedence"].as_i64() <= Some(0)));
    }
    assert!(devices(&house, &ada).contains(&before));
}

#[test]
fn a_key_that_may_not_read_is_not_told_what_is_stored() {
    let house = House::new();
    let ada = house.person("ada");
    let make = |scopes: Value| {
        let made = house.send(
            &ada,
            "POST",
            "/api/v1/api-keys",
            &json!({"name": "Import", "scopes": scopes}),
        );
        made.expect(201).json()["key"].as_str().expect("text").to_owned()
    };
    let (writes, both) = (
        make(json!(["pings:write"])),
        make(json!(["pings:write", "reports:read"])),
    );
    let send = |key: &str, target: &str| house.call("POST", target).token(key).json(&past()).send();
    assert_eq!(send(&writes, DRY).expect(403).problem(), "not_for_keys");
    send(&both, DRY).expect(200);
    send(&writes, IMPORT).expect(202);
    send(&both, IMPORT).expect(202);
    let imports = devices(&house, &ada)
        .into_iter()
        .filter(|device| device["kind"] == "import");
    assert_eq!(imports.count(), 1, "it is the person's, whoever sends it");
}

#[test]
fn a_person_imports_from_64_sources_and_no_more() {
    let house = House::new();
    let ada = house.person("ada");
    let from = |source: String, target: &str| {
        let body = json!({"source": source, "heartbeats": [heartbeat("2024-03-01T09:00:00Z", "vim")]});
        house.send(&ada, "POST", target, &body)
    };
    for number in 0..64 {
        from(number.to_string(), IMPORT).expect(202);
    }
    for target in [IMPORT, DRY] {
        let refused = from("64".to_owned(), target).expect_faults(&[("/source", "too_many")]);
        let detail = refused.json()["errors"][0]["detail"].clone();
        assert_eq!(detail, "must be one of the 64 that there are, which is the most");
        from("63".to_owned(), target);
    }
    assert_eq!(devices(&house, &ada).len(), 65);
}

#[test]
fn while_something_is_away_nothing_is_promised() {
    let house = House::new();
    let ada = house.person("ada");
    import(&house, &ada, &past()).expect(202);
    house.merge();
    house.queue.fail(true);
    let answer = import(&house, &ada, &past()).expect(503);
    assert!(answer.header("retry-after").is_some());
    house.queue.fail(false);
    house.timelines.fail(true);
    dry(&house, &ada, &past()).expect(503);
    house.timelines.fail(false);
    house.accounts.fail(true);
    import(&house, &ada, &past()).expect(503);
    house.accounts.fail(false);
    assert_eq!(house.waiting(), 0);
}
