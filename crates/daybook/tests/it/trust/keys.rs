//! API keys on two nodes.

use serde_json::{Value, json};

use super::house::{House, Node, ping};
use crate::client::Caller;
use crate::program::wait_for;

/// Makes a key, and answers its text as a caller's token, its id and the whole answer.
fn make(node: &Node, caller: &Caller, body: &Value) -> (Caller, String, Value) {
    let made = node.post("/api/v1/api-keys", caller, body);
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let word = |name: &str| {
        made[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {made}"))
            .to_owned()
    };
    let key = Caller {
        token: word("key"),
        device: word("device_id"),
        precedence: 0,
    };
    (key, word("id"), made)
}

fn listed(node: &Node, caller: &Caller) -> Vec<Value> {
    let keys = node.client.get("/api/v1/api-keys", Some(caller));
    assert_eq!(keys.status, 200, "{keys:?}");
    keys.json()["api_keys"].as_array().expect("a list").clone()
}

/// The shape that WakaTime's clients accept.
fn is_of_wakatime_shape(key: &str) -> bool {
    let key = key.strip_prefix("waka_").unwrap_or(key);
    let dashes = [8, 13, 18, 23];
    key.len() == 36
        && key.bytes().enumerate().all(|(at, byte)| match at {
            at if dashes.contains(&at) => byte == b'-',
            14 => byte == b'4',
            19 => b"89ab".contains(&byte),
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

#[test]
fn a_key_sends_pings_by_every_node_as_a_device_of_its_own_until_it_is_revoked() {
    let house = House::start();
    let (a, b) = (house.node(), house.node());
    let worker = house.worker();
    a.client.register("ada@example.org", "UTC");
    let ada = a.sign_in("ada@example.org", "laptop").caller;
    let wanted = json!({"name": "Plug-in", "device_name": "Editor of the laptop", "scopes": ["pings:write"]});
    let (key, id, made) = make(&a, &ada, &wanted);
    assert!(is_of_wakatime_shape(&key.token), "{made}");
    assert_ne!(key.device, ada.device);

    let accepted = b.client.track(&key, &ping("Plug-in's editor", 60));
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let segment = wait_for("the key's time in the timeline", || {
        segment(&a, &ada, "Plug-in's editor")
    });
    assert_eq!(segment["device_id"], key.device.as_str(), "{segment}");
    assert_eq!(segment["seconds"], 5, "{segment}");

    assert_eq!(
        a.client.delete(&format!("/api/v1/api-keys/{id}"), &ada, None).status,
        204
    );
    for node in [&b, &a] {
        node.comes_to_answer(&key, 401);
    }
    assert_eq!(listed(&b, &ada), Vec::<Value>::new());
    assert_eq!(b.track(&ada), 202, "her session goes on");
    assert!(worker.terminate().success());
}

#[test]
fn a_key_may_do_what_it_was_made_for_and_is_shown_once() {
    let house = House::start();
    let (a, b) = (house.node(), house.node());
    a.client.register("ada@example.org", "UTC");
    let ada = a.sign_in("ada@example.org", "laptop").caller;
    let (key, ..) = make(&a, &ada, &json!({"name": "Plug-in", "scopes": ["pings:write"]}));
    for node in [&a, &b] {
        for path in [
            "/api/v1/usage/timeline?date=2026-03-01",
            "/api/v1/report/apps?date=2026-03-01",
        ] {
            let refused = node.client.get(path, Some(&key));
            assert_eq!(refused.status, 403, "{path}: {refused:?}");
        }
        assert_eq!(
            node.client.get("/api/v1/users/me", Some(&key)).status,
            403,
            "no key is a person"
        );
    }
    let (reader, ..) = make(&b, &ada, &json!({"name": "Dashboard", "scopes": ["reports:read"]}));
    assert_eq!(a.track(&reader), 403);
    assert_eq!(
        a.client
            .get("/api/v1/report/apps?date=2026-03-01", Some(&reader))
            .status,
        200
    );

    let shown = listed(&a, &ada);
    assert_eq!(shown.len(), 2);
    assert!(
        shown.iter().all(|shown| shown.get("key").is_none()),
        "it is shown once: {shown:?}"
    );
    let kept = house
        .sql("SELECT string_agg(api_keys::text, '') FROM api_keys")
        .concat();
    let secret = key.token.trim_start_matches("waka_");
    assert!(
        !kept.contains(secret) && !kept.contains(&secret.replace('-', "")),
        "only a hash is kept"
    );

    let device = format!("/api/v1/devices/{}", reader.device);
    let signed_out = b.client.delete(&device, &ada, None);
    assert_eq!(signed_out.status, 204, "a key's device is a device: {signed_out:?}");
    for node in [&a, &b] {
        node.comes_to_answer(&reader, 401);
        node.comes_to_answer(&key, 202);
    }
    assert_eq!(listed(&a, &ada).len(), 1);
}

#[test]
fn a_node_that_ends_in_order_leaves_behind_when_its_keys_were_used_last() {
    let house = House::start();
    let (a, b) = (house.node(), house.node());
    a.client.register("ada@example.org", "UTC");
    let ada = a.sign_in("ada@example.org", "laptop").caller;
    let (key, ..) = make(&a, &ada, &json!({"name": "Plug-in"}));
    assert_eq!(listed(&a, &ada)[0]["last_used_at"], Value::Null);
    b.comes_to_answer(&key, 202);
    assert!(b.program.terminate().success());
    let used = &listed(&a, &ada)[0]["last_used_at"];
    assert!(used.is_string(), "{used}");
}

/// The newest segment of `app` in the day around now.
fn segment(node: &Node, caller: &Caller, app: &str) -> Option<Value> {
    let at = |ms| domain::time::UnixMs(crate::ledger::now_ms()).plus_ms(ms).to_string();
    let timeline = node.client.timeline(caller, &at(-3_600_000), &at(60_000));
    let timeline: Value = serde_json::from_str(&timeline).expect("JSON");
    let segments = timeline["segments"].as_array().expect("segments").clone();
    segments.into_iter().find(|segment| segment["app_name"] == app)
}
