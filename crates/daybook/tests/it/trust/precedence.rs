//! Who puts their devices into another order decides who wins an instant from then on, on every node.

use serde_json::{Value, json};

use super::house::{House, Node, Session, ping};
use crate::client::Caller;
use crate::ledger::now_ms;
use crate::program::wait_for;

#[test]
fn another_order_of_devices_counts_for_pings_of_tokens_that_are_out() {
    let house = House::start();
    let (a, b) = (house.node(), house.node());
    let worker = house.worker();
    a.client.register("ada@example.org", "UTC");
    let laptop = a.sign_in("ada@example.org", "laptop");
    let phone = b.sign_in("ada@example.org", "phone");
    assert!(laptop.caller.precedence < phone.caller.precedence);
    let mut slots = 0;
    let mut won = || {
        slots += 1;
        winner(&house, &b, &[&laptop, &phone], 10 * slots)
    };
    let (first, is_phone) = (won(), phone.caller.device.as_str());
    assert_eq!(first["device_id"], is_phone);

    let path = format!("/api/v1/devices/{}", laptop.caller.device);
    let order = json!({"precedence": phone.caller.precedence + 1});
    let changed = a.client.patch(&path, &phone.caller, &order);
    assert_eq!(changed.status, 200, "{changed:?}");
    wait_for("the laptop to win", || {
        (won()["device_id"] == laptop.caller.device.as_str()).then_some(())
    });
    assert_eq!(won()["device_id"], laptop.caller.device.as_str(), "and so it stays");
    let then = segments(&a, &laptop);
    assert!(then.contains(&first), "what was decided before stays: {then:?}");

    // Signing in again moves nobody in an order that the person has made.
    let again = a.sign_in("ada@example.org", "phone");
    assert_eq!(again.caller.precedence, phone.caller.precedence);
    assert!(worker.terminate().success());
}

#[test]
fn another_order_counts_for_keys_that_a_node_knows_and_on_a_node_that_starts_later() {
    let house = House::start();
    let (a, b) = (house.node(), house.node());
    let worker = house.worker();
    a.client.register("ada@example.org", "UTC");
    let made = json!({"name": "Plug-in"});
    let laptop = a.sign_in("ada@example.org", "laptop");
    let made = a.post("/api/v1/api-keys", &laptop.caller, &made).json();
    let word = |name: &str| made[name].as_str().expect(name).to_owned();
    let key = Session {
        caller: Caller {
            token: word("key"),
            device: word("device_id"),
            precedence: 0,
        },
        refresh: String::new(),
    };
    let phone = a.sign_in("ada@example.org", "phone");
    let mut slots = 0;
    let mut won = |node: &Node| {
        slots += 1;
        winner(&house, node, &[&phone, &key], 10 * slots)["device_id"].clone()
    };
    assert_eq!(won(&b), phone.caller.device.as_str());

    let path = format!("/api/v1/devices/{}", key.caller.device);
    let order = json!({"precedence": phone.caller.precedence + 1});
    assert_eq!(a.client.patch(&path, &phone.caller, &order).status, 200);
    wait_for("the key to win", || {
        (won(&b) == key.caller.device.as_str()).then_some(())
    });

    let path = format!("/api/v1/devices/{}", phone.caller.device);
    let order = json!({"precedence": phone.caller.precedence + 2});
    assert_eq!(b.client.patch(&path, &phone.caller, &order).status, 200);
    let late = house.node();
    assert_eq!(won(&late), phone.caller.device.as_str(), "by the token from before");
    for node in [&a, &b] {
        wait_for("the phone to win", || {
            (won(node) == phone.caller.device.as_str()).then_some(())
        });
    }
    assert!(worker.terminate().success());
}

/// The segment of an instant that all `sessions` claim, by pings to `node`; it began `secs` after the last hour did.
fn winner(house: &House, node: &Node, sessions: &[&Session], secs: i64) -> Value {
    let app = format!("Slot {secs}");
    let claim = ping(&app, 3_600 - secs);
    for session in sessions {
        assert_eq!(node.client.track(&session.caller, &claim).status, 202);
    }
    house.drained();
    let mut of_slot = segments(node, sessions[0]);
    of_slot.retain(|segment| segment["app_name"] == app.as_str());
    assert_eq!(of_slot.len(), 1, "one of them has all of it: {of_slot:?}");
    of_slot.remove(0)
}

fn segments(node: &Node, session: &Session) -> Vec<Value> {
    let at = |ms| domain::time::UnixMs(now_ms()).plus_ms(ms).to_string();
    let timeline = node.client.timeline(&session.caller, &at(-7_200_000), &at(60_000));
    let timeline: Value = serde_json::from_str(&timeline).expect("JSON");
    timeline["segments"].as_array().expect("segments").clone()
}
