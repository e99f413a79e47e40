//! Devices: where a person is signed in, what they are called, which of them wins, and how they are signed out.

use std::time::Duration;

use domain::usage::Arrival;
use ports::usage::{Batch, Part, PingSource};
use serde_json::{Value, json};

use crate::house::{House, Person, good_ping};

const DEVICES: &str = "/api/v1/devices";
const ME: &str = "/api/v1/users/me";
const NOBODYS: &str = "0195505a-0000-7000-8000-000000000000";

fn devices(house: &House, person: &Person) -> Vec<Value> {
    let devices = house.get(person, DEVICES).expect(200).json();
    devices["devices"].as_array().expect("a list").clone()
}

fn names(devices: &[Value]) -> Vec<&str> {
    devices
        .iter()
        .map(|device| device["name"].as_str().expect("text"))
        .collect()
}

fn at(person: &Person) -> String {
    format!("{DEVICES}/{}", person.device)
}

/// The precedence of each claim that waits.
fn precedences(house: &House) -> Vec<i32> {
    let source = house.queue.source("reader", Duration::from_mins(1));
    let mut precedences = Vec::new();
    while let Some(batch) = house
        .runtime
        .block_on(source.take(0, Part::Live, Batch::ARRIVALS_MAX))
        .expect("the queue is there")
    {
        precedences.extend(batch.arrivals.iter().map(|arrival| match arrival {
            Arrival::Claim { claim, .. } => claim.segment.holder.rank.precedence,
            _ => panic!("it was good"),
        }));
    }
    precedences
}

#[test]
fn a_person_sees_where_they_are_signed_in() {
    let house = House::new();
    let laptop = house.person("ada");
    house.clock.advance(Duration::from_mins(1));
    let body =
        json!({"email": "ada@example.org", "password": "correct horse", "device_name": "Phone", "platform": "android"});
    let login = house
        .call("POST", "/api/v1/auth/login")
        .header("X-Device-Id", "phone-7");
    let phone = login.json(&body).send().expect(200).json();
    let expected = json!({
        "id": phone["device"]["id"],
        "name": "Phone",
        "key": "phone-7",
        "platform": "android",
        "precedence": 2,
        "kind": "tracker",
        "current": false,
        "api_key_id": null,
        "signed_in_at": "2026-03-01T12:01:00Z",
        "last_seen_at": "2026-03-01T12:01:00Z",
        "last_address": "127.0.0.1",
    });
    let devices = devices(&house, &laptop);
    assert_eq!(devices[0], expected);
    assert_eq!(devices.len(), 2);
    assert_eq!(
        (
            &devices[1]["id"],
            &devices[1]["current"],
            &devices[1]["name"],
            &devices[1]["platform"]
        ),
        (&json!(laptop.device), &json!(true), &json!("ada-laptop"), &json!(null))
    );
}

#[test]
fn signing_in_again_replaces_the_session_of_the_same_device_and_of_no_other() {
    let house = House::new();
    let (first, phone) = (house.person("ada"), house.sign_in("ada", "phone"));
    let second = house.sign_in("ada", "ada-laptop");
    house.hear();
    assert_eq!(second.device, first.device);
    house.get(&first, ME).expect(401);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": first.refresh}))
        .expect(401);
    house.get(&second, ME).expect(200);
    house.get(&phone, ME).expect(200);
    assert_eq!(devices(&house, &phone).len(), 2);
}

#[test]
fn a_device_is_renamed_within_bounds() {
    let house = House::new();
    let ada = house.person("ada");
    let rename = |name: &Value| house.send(&ada, "PATCH", &at(&ada), &json!({"name": name}));
    let longest = "ä".repeat(128);
    for name in ["x", &longest] {
        assert_eq!(rename(&json!(name)).expect(200).json()["name"], name);
        assert_eq!(names(&devices(&house, &ada)), [name]);
    }
    for (name, code) in [
        (json!(""), "empty"),
        (json!("  "), "empty"),
        (json!("ä".repeat(129)), "too_long"),
        (json!("a\u{1}b"), "control_character"),
        (json!(7), "wrong_type"),
    ] {
        rename(&name).expect_faults(&[("/name", code)]);
    }
    assert_eq!(
        rename(&json!(null)).expect(200).json()["name"],
        json!(longest),
        "what is not named stays"
    );
    let unknown = house.send(
        &ada,
        "PATCH",
        &at(&ada),
        &json!({"name": "", "precedence": 0, "platform": "linux"}),
    );
    unknown.expect_faults(&[
        ("/name", "empty"),
        ("/precedence", "out_of_range"),
        ("/platform", "unknown_field"),
    ]);
}

#[test]
fn the_order_of_devices_is_theirs_to_choose_and_stays() {
    let house = House::new();
    let (laptop, phone) = (house.person("ada"), house.sign_in("ada", "phone"));
    assert_eq!(names(&devices(&house, &laptop)), ["phone", "ada-laptop"]);
    let reorder = |precedence: &Value| house.send(&phone, "PATCH", &at(&laptop), &json!({"precedence": precedence}));
    for precedence in [json!(0), json!(-1), json!(1_000_001), json!(u64::MAX)] {
        reorder(&precedence).expect_faults(&[("/precedence", "out_of_range")]);
    }
    for precedence in [json!(1.5), json!("3")] {
        reorder(&precedence).expect_faults(&[("/precedence", "wrong_type")]);
    }
    for precedence in [1, 1_000_000] {
        assert_eq!(reorder(&json!(precedence)).expect(200).json()["precedence"], precedence);
    }
    house.sign_in("ada", "phone");
    assert_eq!(names(&devices(&house, &laptop)), ["ada-laptop", "phone"]);
}

#[test]
fn a_new_order_reaches_the_pings_that_follow() {
    let house = House::new();
    let (laptop, phone) = (house.person("ada"), house.sign_in("ada", "phone"));
    let made = house
        .send(&phone, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let key = made["key"].as_str().expect("text");
    let track = || {
        house.track(&laptop, &good_ping()).expect(202);
        house
            .call("POST", "/api/v1/usage/track")
            .token(key)
            .json(&good_ping())
            .send()
            .expect(202);
    };
    track();
    let of_key = format!("{DEVICES}/{}", made["device_id"].as_str().expect("text"));
    for (device, precedence) in [(at(&laptop), 9), (of_key, 7)] {
        house
            .send(&phone, "PATCH", &device, &json!({"precedence": precedence}))
            .expect(200);
    }
    house.hear();
    track();
    assert_eq!(precedences(&house), [1, 3, 9, 7]);
}

#[test]
fn a_device_is_signed_out_from_another() {
    let house = House::new();
    let (laptop, phone) = (house.person("ada"), house.sign_in("ada", "phone"));
    house.delete(&phone, &at(&laptop)).expect(204);
    house.hear();
    house.get(&laptop, ME).expect(401);
    house.track(&laptop, &good_ping()).expect(401);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": laptop.refresh}))
        .expect(401);
    assert_eq!(names(&devices(&house, &phone)), ["phone"]);
    house.delete(&phone, &at(&laptop)).expect(404);
    house
        .send(&phone, "PATCH", &at(&laptop), &json!({"name": "x"}))
        .expect(404);
    assert_eq!(house.log(&phone)[0], "device_revoked");
    let again = house.sign_in("ada", "ada-laptop");
    assert_eq!(again.device, laptop.device, "it is the same device");
}

#[test]
fn signing_a_device_out_revokes_its_key() {
    let house = House::new();
    let ada = house.person("ada");
    let made = house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let key = made["key"].as_str().expect("text");
    let device = format!("{DEVICES}/{}", made["device_id"].as_str().expect("text"));
    assert_eq!(devices(&house, &ada)[0]["api_key_id"], made["id"]);
    house.delete(&ada, &device).expect(204);
    house.hear();
    house.call("GET", "/api/v1/report/apps").token(key).send().expect(401);
    assert_eq!(
        house.get(&ada, "/api/v1/api-keys").json(),
        json!({"api_keys": [], "next_cursor": null})
    );
}

#[test]
fn devices_and_keys_are_listed_in_pages() {
    let house = House::new();
    let ada = house.person("ada");
    for name in ["a", "b", "c"] {
        let made = house.send(&ada, "POST", "/api/v1/api-keys", &json!({"name": name}));
        made.expect(201);
    }
    for (path, list, count) in [(DEVICES, "devices", 4), ("/api/v1/api-keys", "api_keys", 3)] {
        let all = house.get(&ada, path).expect(200).json();
        assert_eq!(all[list].as_array().map(Vec::len), Some(count));
        assert_eq!(all["next_cursor"], json!(null));
        let (mut read, mut query) = (Vec::new(), "limit=2".to_owned());
        for pages in 1.. {
            let page = house.get(&ada, &format!("{path}?{query}")).expect(200).json();
            read.extend(page[list].as_array().expect("a list").clone());
            let Some(cursor) = page["next_cursor"].as_str() else {
                assert_eq!(pages, 2, "{path}");
                break;
            };
            query = format!("limit=2&cursor={cursor}");
        }
        assert_eq!(json!(read), all[list]);
        let wrong = |query: &str| house.get(&ada, &format!("{path}?{query}")).expect(422).faults();
        assert_eq!(wrong("limit=0")[0].0, "/query/limit");
        assert_eq!(wrong("limit=1001")[0].0, "/query/limit");
        assert_eq!(wrong("cursor=x")[0].0, "/query/cursor");
        let gone = format!("cursor={}", "0".repeat(32));
        assert_eq!(wrong(&gone)[0].0, "/query/cursor");
    }
}

#[test]
fn what_is_not_theirs_is_not_there() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    for id in [ada.device.as_str(), NOBODYS, "nonsense", "%20", "0", &"9".repeat(1_000)] {
        let path = format!("{DEVICES}/{id}");
        let missing = house.delete(&eve, &path).expect(404);
        assert_eq!(missing.problem(), "not_found");
        assert_eq!(
            house.send(&eve, "PATCH", &path, &json!({"name": "x"})).expect(404).body,
            missing.body
        );
    }
    for path in [DEVICES.to_owned(), at(&eve)] {
        house.call("PUT", &path).token(&eve.token).send().expect(405);
    }
    house.delete(&eve, "/api/v1/devices/").expect(404);
    house.get(&ada, ME).expect(200);
    assert_eq!(names(&devices(&house, &ada)), ["ada-laptop"]);
}
