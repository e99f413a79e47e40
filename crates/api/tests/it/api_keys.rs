//! API keys: made once, shown once, allowed what they are for and nothing else, and revoked.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{House, Person, good_ping};

const KEYS: &str = "/api/v1/api-keys";
const REPORT: &str = "/api/v1/report/apps";
const TRACK: &str = "/api/v1/usage/track";

/// How many keys a person may have.
const KEYS_MAX: usize = 100;

fn make(house: &House, person: &Person, body: &Value) -> Value {
    house.send(person, "POST", KEYS, body).expect(201).json()
}

fn key(made: &Value) -> &str {
    made["key"].as_str().expect("text")
}

fn report(house: &House, key: &str) -> u16 {
    house.call("GET", REPORT).token(key).send().status
}

fn track(house: &House, key: &str) -> u16 {
    house.call("POST", TRACK).token(key).json(&good_ping()).send().status
}

#[test]
fn a_key_is_shown_once_in_the_shape_that_trackers_take() {
    let house = House::new();
    let ada = house.person("ada");
    let made = make(
        &house,
        &ada,
        &json!({"name": "Editor", "device_name": "Laptop", "scopes": ["pings:write"]}),
    );
    let id = key(&made).strip_prefix("waka_").expect("its prefix");
    let uuid = Uuid::try_parse(id).expect("a UUID");
    assert_eq!(
        (uuid.get_version_num(), uuid.get_variant()),
        (4, uuid::Variant::RFC4122)
    );
    assert_eq!(uuid.hyphenated().to_string(), id, "in lower case, with hyphens");
    let mut listed = made.clone();
    listed.as_object_mut().expect("an object").remove("key");
    let expected = json!({
        "id": made["id"],
        "name": "Editor",
        "scopes": ["pings:write"],
        "device_id": made["device_id"],
        "device_name": "Laptop",
        "created_at": "2026-03-01T12:00:00Z",
        "last_used_at": null,
    });
    assert_eq!(listed, expected);
    let list = house.get(&ada, KEYS).expect(200);
    assert_eq!(list.json(), json!({"api_keys": [listed], "next_cursor": null}));
    assert!(!String::from_utf8_lossy(&list.body).contains(id));
}

#[test]
fn a_key_works_with_its_prefix_and_without_and_in_no_other_spelling() {
    let house = House::new();
    let ada = house.person("ada");
    let made = make(&house, &ada, &json!({"name": "Editor"}));
    let bare = key(&made).strip_prefix("waka_").expect("its prefix");
    assert_eq!((report(&house, key(&made)), report(&house, bare)), (200, 200));
    for other in [
        format!("WAKA_{bare}"),
        format!("waka_waka_{bare}"),
        bare.to_uppercase(),
        bare.replace('-', ""),
        bare[..35].to_owned(),
        format!("{bare}0"),
        format!("{{{bare}}}"),
        Uuid::from_u128(0xabcd << 64 | 0x4000 << 80 | 0b10 << 62).to_string(),
    ] {
        assert_eq!(report(&house, &other), 401, "{other}");
    }
    let basic = house
        .call("GET", REPORT)
        .header("Authorization", &format!("Basic {bare}"));
    basic.send().expect(401);
}

#[test]
fn a_key_may_do_what_its_scopes_say() {
    let house = House::new();
    let ada = house.person("ada");
    for (scopes, may_read, may_write) in [
        (json!(["reports:read"]), 200, 403),
        (json!(["pings:write"]), 403, 202),
        (json!(["pings:write", "reports:read"]), 200, 202),
        (json!(["pings:write", "pings:write"]), 403, 202),
        (json!(null), 200, 202),
    ] {
        let made = make(&house, &ada, &json!({"name": "Editor", "scopes": scopes}));
        let got = (report(&house, key(&made)), track(&house, key(&made)));
        assert_eq!(got, (may_read, may_write), "{scopes}");
    }
    let made = make(&house, &ada, &json!({"name": "Editor", "scopes": ["pings:write"]}));
    let refused = house.call("GET", REPORT).token(key(&made)).send().expect(403);
    assert_eq!(refused.problem(), "not_for_keys");
}

#[test]
fn what_a_key_sends_is_its_persons_and_its_devices() {
    let house = House::new();
    let ada = house.person("ada");
    let made = make(&house, &ada, &json!({"name": "Editor"}));
    assert_eq!(track(&house, key(&made)), 202);
    house.merge();
    let timeline = house.get(&ada, "/api/v1/usage/timeline").json();
    assert_eq!(timeline["segments"][0]["device_id"], made["device_id"]);
    let by_key = house.call("GET", "/api/v1/usage/timeline").token(key(&made)).send();
    assert_eq!(by_key.json(), timeline);
}

#[test]
fn when_a_key_was_used_last_is_told_of_it_and_of_its_device() {
    let mut ring = None;
    let house = House::with(|services, _| ring = Some(services.authenticate.keys.clone()));
    let ring = ring.expect("it was there");
    let ada = house.person("ada");
    let made = make(&house, &ada, &json!({"name": "Editor"}));
    let last_used = || house.get(&ada, KEYS).json()["api_keys"][0]["last_used_at"].clone();
    house.clock.advance(Duration::from_secs(90));
    assert_eq!(track(&house, key(&made)), 202);
    house.runtime.block_on(ring.keep_uses()).expect("kept");
    assert_eq!(last_used(), "2026-03-01T12:01:30Z");
    let devices = house.get(&ada, "/api/v1/devices").json();
    assert_eq!(devices["devices"][0]["id"], made["device_id"]);
    assert_eq!(devices["devices"][0]["last_seen_at"], "2026-03-01T12:01:30Z");
    assert_eq!(devices["devices"][0]["last_address"], "127.0.0.1");
}

#[test]
fn every_fault_of_a_key_that_is_wanted_is_told_at_once() {
    let house = House::new();
    let ada = house.person("ada");
    let refused = |body: &Value, faults: &[(&str, &str)]| {
        house.send(&ada, "POST", KEYS, body).expect_faults(faults);
    };
    refused(&json!({}), &[("/name", "required")]);
    let bad = json!({"name": "", "device_name": "x".repeat(129), "scopes": ["all"], "key": "mine"});
    refused(
        &bad,
        &[
            ("/name", "empty"),
            ("/device_name", "too_long"),
            ("/scopes", "unknown_scope"),
            ("/key", "unknown_field"),
        ],
    );
    for (scopes, code) in [
        (json!([]), "no_scope"),
        (json!("pings:write"), "wrong_type"),
        (json!([1]), "wrong_type"),
        (json!(["PINGS:WRITE"]), "unknown_scope"),
    ] {
        refused(&json!({"name": "Editor", "scopes": scopes}), &[("/scopes", code)]);
    }
    make(&house, &ada, &json!({"name": "ä".repeat(128)}));
    refused(&json!({"name": "ä".repeat(129)}), &[("/name", "too_long")]);
}

#[test]
fn a_key_that_is_revoked_is_good_for_nothing_from_then_on() {
    let house = House::new();
    let ada = house.person("ada");
    let (made, other) = (
        make(&house, &ada, &json!({"name": "a"})),
        make(&house, &ada, &json!({"name": "b"})),
    );
    assert_eq!((report(&house, key(&made)), track(&house, key(&made))), (200, 202));
    let path = format!("{KEYS}/{}", made["id"].as_str().expect("text"));
    house.delete(&ada, &path).expect(204);
    house.hear();
    assert_eq!((report(&house, key(&made)), track(&house, key(&made))), (401, 401));
    assert_eq!(report(&house, key(&other)), 200);
    house.delete(&ada, &path).expect(404);
    let left = house.get(&ada, KEYS).json();
    assert_eq!(left["api_keys"][0]["id"], other["id"]);
    assert_eq!(left["api_keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        house.log(&ada)[..3],
        ["api_key_revoked", "api_key_created", "api_key_created"]
    );
}

#[test]
fn what_is_no_key_of_theirs_is_not_there() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    let made = make(&house, &ada, &json!({"name": "Editor"}));
    for id in [
        made["id"].as_str().expect("text"),
        key(&made),
        "nonsense",
        "%20",
        &ada.device,
    ] {
        let missing = house.delete(&eve, &format!("{KEYS}/{id}")).expect(404);
        assert_eq!(missing.problem(), "not_found", "{id}");
    }
    assert_eq!(
        house.get(&eve, KEYS).json(),
        json!({"api_keys": [], "next_cursor": null})
    );
    assert_eq!(report(&house, key(&made)), 200);
}

#[test]
fn a_person_has_100_keys_at_most() {
    let house = House::new();
    let ada = house.person("ada");
    for _ in 0..KEYS_MAX {
        make(&house, &ada, &json!({"name": "Editor"}));
    }
    let refused = house.send(&ada, "POST", KEYS, &json!({"name": "Editor"})).expect(409);
    assert_eq!(refused.problem(), "limit_reached");
    assert_eq!(
        house.get(&ada, KEYS).json()["api_keys"].as_array().map(Vec::len),
        Some(KEYS_MAX)
    );
}

#[test]
fn without_the_store_a_key_that_was_seen_lately_works_and_one_that_was_not_is_unavailable() {
    let house = House::new();
    let ada = house.person("ada");
    let (seen, unseen) = (
        make(&house, &ada, &json!({"name": "a"})),
        make(&house, &ada, &json!({"name": "b"})),
    );
    assert_eq!(track(&house, key(&seen)), 202);
    house.accounts.fail(true);
    assert_eq!((track(&house, key(&seen)), track(&house, key(&unseen))), (202, 503));
    house.clock.advance(Duration::from_secs(601));
    assert_eq!(track(&house, key(&seen)), 503);
    house.accounts.fail(false);
    assert_eq!((track(&house, key(&seen)), track(&house, key(&unseen))), (202, 202));
}
