//! Heartbeats in: every route, every form of the key and of the body, and one verdict for each heartbeat.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{BULK, NINE, PREFIXES, SINGLE, VIM, beat, key, key_with, read, sending, sent, statuses};
use crate::client::Answer;
use crate::house::{House, METERS};

/// How many heartbeats a request may hold.
const HEARTBEATS_MAX: usize = 1_000;

fn post(house: &House, key: &str, path: &str, body: &[u8]) -> Answer {
    house.call("POST", path).token(key).bytes(body).send()
}

fn projects(house: &House, key: &str) -> Value {
    read(house, key, "/api/v1/report/projects")["items"].clone()
}

#[test]
fn every_route_takes_a_heartbeat_or_a_list_under_every_prefix() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let mut sent = 0;
    for prefix in PREFIXES {
        for path in [
            "/users/current/heartbeats".to_owned(),
            "/users/current/heartbeats.bulk".to_owned(),
            format!("/users/{}/heartbeats", ada.id),
            "/users/ada@example.org/heartbeats".to_owned(),
            "/users/Ada%40example.org/heartbeats".to_owned(),
            format!("/users/{}/heartbeats.bulk", ada.id),
            "/heartbeats".to_owned(),
            "/heartbeat".to_owned(),
        ] {
            let path = format!("{prefix}{path}");
            let one = beat(sent, "daybook").to_string();
            let answer = post(&house, &key, &path, one.as_bytes());
            if path.ends_with("/heartbeats.bulk") {
                assert_eq!(statuses(&answer.expect(202).json()), [201], "{path}");
            } else {
                assert_eq!(answer.expect(201).json()["data"]["type"], "file", "{path}");
            }
            let list = json!([beat(sent + 1, "daybook"), beat(sent + 2, "daybook")]).to_string();
            let answer = post(&house, &key, &path, list.as_bytes()).expect(202).json();
            assert_eq!(statuses(&answer), [201, 201], "{path}");
            sent += 3;
        }
    }
    house.merge();
    assert_eq!(
        projects(&house, &key),
        json!([{"project": "daybook", "seconds": sent - 1}])
    );
}

#[test]
fn every_form_of_the_key_is_the_key() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let bare = key.strip_prefix("waka_").expect("its prefix");
    for key in [&key, bare] {
        let encoded = BASE64_STANDARD.encode(key);
        let with_colon = BASE64_STANDARD.encode(format!("{key}:"));
        for credentials in [
            format!("Basic {encoded}"),
            format!("Basic {with_colon}"),
            format!("Bearer {encoded}"),
            format!("Bearer {key}"),
        ] {
            let call = house.call("POST", BULK).header("Authorization", &credentials);
            call.json(&json!([beat(0, "daybook")])).send().expect(202);
        }
        let target = format!("{BULK}?api_key={key}");
        house
            .call("POST", &target)
            .json(&json!([beat(0, "daybook")]))
            .send()
            .expect(202);
        let target = format!("/api/v1/users/current?api_key={key}");
        house.call("GET", &target).send().expect(200);
    }
}

#[test]
fn without_a_key_of_that_scope_nothing_is_taken() {
    let house = House::new();
    let ada = house.person("ada");
    let reads = key_with(&house, &ada, &json!(["reports:read"]));
    let body = json!([beat(0, "daybook")]);
    let refused = sending(&house, &reads, &body).send().expect(403);
    assert_eq!(refused.problem(), "not_for_keys");
    let stranger = "waka_0123abcd-4567-489a-bcde-f0123456789a";
    for shown in [stranger, ada.token.as_str(), "", "garbage"] {
        let answer = sending(&house, shown, &body).send().expect(401);
        assert_eq!(answer.problem(), "unauthenticated");
        // Not Basic: a browser would ask its person for a name and a password.
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|challenge| challenge.starts_with("Bearer"))
        );
    }
    house.call("POST", BULK).json(&body).send().expect(401);
    let call = house.call("POST", BULK).token(&reads).token(&reads);
    call.json(&body).send().expect(401);
    let cookie = house
        .call("POST", BULK)
        .header("Cookie", &format!("daybook_refresh={}", ada.refresh));
    cookie.json(&body).send().expect(401);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn an_id_or_address_in_the_path_that_is_anothers_is_refused() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    let key = key(&house, &ada);
    for name in [&bob.id, "bob@example.org", "a@b", "nobody@example.org"] {
        let path = format!("/api/users/{name}/heartbeats.bulk");
        let answer = post(&house, &key, &path, json!([beat(0, "daybook")]).to_string().as_bytes());
        assert_eq!(answer.expect(403).problem(), "not_yours", "{name}");
    }
    assert_eq!(house.waiting(), 0);
    house
        .call("POST", "/api/users/ada/heartbeats")
        .token(&key)
        .send()
        .expect(404);
}

#[test]
fn each_heartbeat_of_a_list_has_its_verdict_in_its_place() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let list = r#"[
        {"id": "first", "entity": "a.rs", "type": "file", "time": 1772355600.5, "project": "daybook"},
        null,
        {"entity": "a.rs", "time": 1},
        {"entity": "a.rs", "type": "file", "time": "1772355660", "project": "<<LAST_PROJECT>>", "new": {"field": []}},
        {"entity": "a.rs", "time": NaN},
        {"time": 1772355600},
        {"entity": "a.rs", "time": 1772355720000, "project": "<<LAST_PROJECT>>"},
        {"entity": "a.rs", "time": 1772355600"#;
    let answer = post(&house, &key, BULK, list.as_bytes()).expect(202).json();
    assert_eq!(statuses(&answer), [201, 400, 400, 201, 400, 400, 201, 400], "{answer}");
    let responses = &answer["responses"];
    assert_eq!(
        responses[0][0],
        json!({"data": {"id": "first", "type": "file", "time": 1_772_355_600.5}})
    );
    assert!(
        responses[3][0]["data"]["id"].as_str().is_some_and(|id| id.len() == 36),
        "{answer}"
    );
    let field = |index: usize| {
        responses[index][0]["errors"]
            .as_object()
            .and_then(|errors| errors.keys().next())
    };
    let fields = [1, 2, 4, 5, 7].map(|index| field(index).map(String::as_str));
    assert_eq!(
        fields,
        ["heartbeat", "time", "heartbeat", "entity", "heartbeat"].map(Some)
    );
    let too_old = &responses[2][0]["errors"]["time"][0];
    assert!(
        too_old.as_str().is_some_and(|detail| detail.contains("90 days")),
        "{too_old}"
    );
    house.merge();
    assert_eq!(
        projects(&house, &key),
        json!([{"project": "daybook", "seconds": 119.5}])
    );
    let empty = post(&house, &key, BULK, b"[]").expect(202).json();
    assert_eq!(empty, json!({"responses": []}));
}

#[test]
fn a_heartbeat_by_itself_is_answered_by_itself() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let kept = post(&house, &key, SINGLE, beat(0, "daybook").to_string().as_bytes())
        .expect(201)
        .json();
    assert!(kept["data"]["id"].is_string(), "{kept}");
    let refused = post(&house, &key, SINGLE, br#"{"entity": "a", "type": "file", "time": 1}"#)
        .expect(400)
        .json();
    assert!(refused["errors"]["time"][0].is_string(), "{refused}");
    for garbage in [&b""[..], b"garbage", b"\xff\xfe", b"17", b"null"] {
        let refused = post(&house, &key, SINGLE, garbage).expect(400).json();
        assert!(refused["errors"]["heartbeat"][0].is_string(), "{refused}");
        let one = post(&house, &key, BULK, garbage).expect(202).json();
        assert_eq!(
            statuses(&one),
            [400],
            "a list that is none is one that is refused, so that nobody sends it for ever"
        );
    }
    assert_eq!(house.waiting(), 1);
    house.merge();
}

#[test]
fn a_body_may_be_called_anything_and_be_written_twice_over() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let list = json!([beat(0, "daybook"), null, beat(60, "daybook")]);
    let twice = json!(list.to_string());
    for body in [list, twice] {
        for media_type in [
            None,
            Some("text/plain;charset=UTF-8"),
            Some("application/json"),
            Some("nonsense"),
        ] {
            let call = house.call("POST", BULK).token(&key).bytes(body.to_string().as_bytes());
            let call = match media_type {
                Some(media_type) => call.header("Content-Type", media_type),
                None => call,
            };
            assert_eq!(statuses(&call.send().expect(202).json()), [201, 400, 201]);
        }
    }
    let packed = house.call("POST", BULK).token(&key).header("Content-Encoding", "gzip");
    packed.bytes(b"[]").send().expect(415);
}

#[test]
fn a_list_has_a_bound_and_so_has_a_body() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let beats = |count: usize| {
        let after = (0..count).map(|after| i64::try_from(after).expect("small"));
        json!(after.map(|after| beat(after, "daybook")).collect::<Vec<_>>())
    };
    let answer = sending(&house, &key, &beats(HEARTBEATS_MAX)).send().expect(202).json();
    assert_eq!(statuses(&answer), [201; HEARTBEATS_MAX]);
    let answer = sending(&house, &key, &beats(HEARTBEATS_MAX + 1)).send().expect(413);
    assert_eq!(answer.problem(), "body_too_large");
    let large = format!("[{}]", " ".repeat(1 << 20));
    post(&house, &key, BULK, large.as_bytes()).expect(413);
    house.merge();
    assert_eq!(
        projects(&house, &key),
        json!([{"project": "daybook", "seconds": HEARTBEATS_MAX - 1}])
    );
}

#[test]
fn a_device_that_sends_too_much_is_told_so_for_each_heartbeat() {
    let house = House::with(|_, settings| {
        settings.edge.rates = Some(api::Rates {
            pings: "1/h burst 2".parse().expect("a rate"),
            ..api::Rates::default()
        });
    });
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let list = json!([beat(0, "daybook"), beat(60, "daybook")]);
    for _ in 0..2 {
        let answer = sending(&house, &key, &list).send().expect(202);
        assert_eq!(statuses(&answer.json()), [201, 201]);
        assert!(
            answer
                .header("ratelimit")
                .is_some_and(|left| left.starts_with("\"device\""))
        );
    }
    let waiting = house.waiting();
    let answer = sending(&house, &key, &list).send().expect(202).json();
    assert_eq!(statuses(&answer), [429, 429]);
    let one = post(&house, &key, SINGLE, beat(0, "daybook").to_string().as_bytes());
    assert_eq!(one.expect(429).problem(), "too_many_requests");
    assert_eq!(house.waiting(), waiting, "nothing was kept of what was refused");
}

#[test]
fn what_cannot_be_kept_is_refused_as_a_whole_so_that_it_is_sent_again() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    house.queue.fail(true);
    sending(&house, &key, &json!([beat(0, "daybook")])).send().expect(503);
    post(&house, &key, SINGLE, beat(0, "daybook").to_string().as_bytes()).expect(503);
    // What is refused anyway needs nobody to keep it.
    let answer = post(&house, &key, BULK, b"[null]").expect(202).json();
    assert_eq!(statuses(&answer), [400]);
    house.queue.fail(false);
    sent(&house, &key, &[beat(0, "daybook"), beat(60, "daybook")]);
}

#[test]
fn sending_again_changes_nothing_and_refusals_are_counted() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let beats: Vec<Value> = (0..5).map(|count| beat(60 * count, "daybook")).collect();
    sent(&house, &key, &beats);
    let before = projects(&house, &key);
    for _ in 0..3 {
        sent(&house, &key, &beats);
        sent(&house, &key, &beats[1..3]);
    }
    assert_eq!(projects(&house, &key), before);
    assert_eq!(before, json!([{"project": "daybook", "seconds": 240}]));
    post(&house, &key, BULK, b"[null, 1, {}]").expect(202);
    assert!(METERS.render().contains("daybook_pings_refused_total"));
}

#[test]
fn a_heartbeat_waits_for_the_next_as_long_as_its_person_says() {
    let house = House::new();
    let ada = house.person("ada");
    let beats = [beat(0, "daybook"), beat(600, "daybook"), beat(1_201, "daybook")];
    let usual = key(&house, &ada);
    sent(&house, &usual, &beats);
    assert_eq!(
        projects(&house, &usual),
        json!([{"project": "daybook", "seconds": 600}])
    );

    let bob = house.person("bob");
    let change = json!({"heartbeat_timeout": 601});
    house.send(&bob, "PATCH", "/api/v1/users/me", &change).expect(200);
    let patient = key(&house, &bob);
    sent(&house, &patient, &beats);
    assert_eq!(
        projects(&house, &patient),
        json!([{"project": "daybook", "seconds": 1_201}])
    );
}

#[test]
fn applications_and_sites_are_in_the_reports_of_all_trackers() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let browser = "Firefox/120.0 firefox-wakatime/3.0.8";
    sent(
        &house,
        &key,
        &[
            json!({"entity": "Slack", "type": "app", "time": NINE, "category": "communicating"}),
            json!({"entity": "https://ada:pw@www.example.org/secret?x", "type": "url", "time": NINE + 100, "user_agent": browser}),
            json!({"entity": "example.org", "type": "domain", "time": NINE + 160, "plugin": browser}),
            json!({"entity": "/srv/ada/secret.rs", "type": "file", "time": NINE + 200}),
            json!({"entity": "Slack", "type": "app", "time": NINE + 210}),
        ],
    );
    let report = |name: &str| read(&house, &key, &format!("/api/v1/report/{name}"))["items"].clone();
    assert_eq!(
        report("apps"),
        json!([
            {"app_name": "Firefox", "seconds": 100},
            {"app_name": "Slack", "seconds": 100},
            {"app_name": "Vim", "seconds": 10},
        ])
    );
    assert_eq!(
        report("urls"),
        json!([{"domain": null, "seconds": 110}, {"domain": "example.org", "seconds": 100}])
    );
    assert_eq!(
        report("editors"),
        json!([{"editor": "Vim", "seconds": 110}, {"editor": "Firefox", "seconds": 100}])
    );
    let everything = house.get(&ada, "/api/v1/usage/timeline").expect(200).body;
    assert!(!String::from_utf8_lossy(&everything).contains("secret"));
}

#[test]
fn any_bytes_are_answered_and_never_as_a_mistake_of_the_server() {
    let house = House::new();
    let ada = house.person("ada");
    let key = key(&house, &ada);
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[\\[\\]{}\":,a-z0-9.\\\\ ]{0,200}".prop_map(String::into_bytes),
        "\\[(\\{\"(entity|time|type|project)\":(\"[a-z/:.]{0,9}\"|[0-9.e]{0,14}|null)\\},?){0,9}\\]?"
            .prop_map(String::into_bytes),
    ];
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let tried = runner.run(&bytes, |body| {
        for path in [BULK, SINGLE] {
            // The client fails where it is answered with a 500.
            let status = house
                .call("POST", path)
                .header("User-Agent", VIM)
                .token(&key)
                .bytes(&body)
                .send()
                .status;
            prop_assert!([201, 202, 400].contains(&status), "{status}");
        }
        Ok(())
    });
    tried.expect("every answer is one of those");
}
