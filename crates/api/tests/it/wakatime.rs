//! The surface that clients of WakaTime know: what they send and in which forms, what they are told of each heartbeat, and what they read back.

mod reads;
mod sending;

use serde_json::{Value, json};

use crate::client::Call;
use crate::house::{House, Person};

/// Where clients look for the API.
const PREFIXES: [&str; 3] = ["/api", "/api/v1", "/api/compat/wakatime/v1"];
const BULK: &str = "/api/users/current/heartbeats.bulk";
const SINGLE: &str = "/api/users/current/heartbeats";
const VIM: &str = "wakatime/13.1.0 (Linux-6.18.44-x86_64) Python3.11.7.final.0 vim/9 vim-wakatime/8";
/// 2026-03-01T09:00:00Z, three hours before the clock of the house.
const NINE: i64 = 1_772_355_600;

/// A key of somebody's with these scopes.
fn key_with(house: &House, person: &Person, scopes: &Value) -> String {
    let made = house.send(
        person,
        "POST",
        "/api/v1/api-keys",
        &json!({"name": "Editor", "scopes": scopes}),
    );
    made.expect(201).json()["key"].as_str().expect("text").to_owned()
}

/// A key that may do all that keys may.
fn key(house: &House, person: &Person) -> String {
    key_with(house, person, &json!(["pings:write", "reports:read"]))
}

/// The heartbeat of a file so many seconds after nine.
fn beat(after: i64, project: &str) -> Value {
    json!({"entity": "/srv/ada/secret.rs", "type": "file", "time": NINE + after, "project": project, "language": "Rust"})
}

/// A list of heartbeats on its way, as the editor sends it.
fn sending(house: &House, key: &str, beats: &Value) -> Call {
    house
        .call("POST", BULK)
        .token(key)
        .header("User-Agent", VIM)
        .json(beats)
}

/// Sends heartbeats that are all taken, and merges them.
fn sent(house: &House, key: &str, beats: &[Value]) {
    let answer = sending(house, key, &json!(beats)).send().expect(202).json();
    let statuses = statuses(&answer);
    assert_eq!(statuses, vec![201; beats.len()], "{answer}");
    house.merge();
}

/// The status of each heartbeat of a list.
fn statuses(answer: &Value) -> Vec<u64> {
    let responses = answer["responses"].as_array().expect("a list").iter();
    let statuses = responses.map(|pair| {
        assert!(
            pair[0].is_object() && pair.as_array().is_some_and(|pair| pair.len() == 2),
            "{pair}"
        );
        pair[1].as_u64().expect("a status")
    });
    statuses.collect()
}

fn read(house: &House, key: &str, path: &str) -> Value {
    house.call("GET", path).token(key).send().expect(200).json()
}
