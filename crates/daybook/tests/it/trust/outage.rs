//! While Redis stands still, nobody is let in by what was known before, and nothing that was accepted is lost. While Postgres does, pings are taken as ever.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::house::{House, assert_alive, assert_ended, ping};
use crate::ledger::now_ms;
use crate::program::wait_for;

/// So many pings before, and as many after.
const AT_LEAST: usize = 20;

#[test]
fn pings_are_answered_503_on_every_node_while_redis_stalls_and_all_that_were_accepted_are_merged() {
    let mut house = House::start();
    let nodes = house.nodes();
    nodes[0].client.register("ada@example.org", "UTC");
    let ada = nodes[1].sign_in("ada@example.org", "laptop").caller;
    let mut accepted = BTreeSet::new();
    let mut send = |number: i64, node: usize| {
        let app = format!("App {number}");
        let answer = nodes[node].client.track_once(&ada, &ping(&app, 3_600 - 10 * number));
        if answer.status == 202 {
            accepted.insert(app);
        }
        answer
    };
    let mut number = 0;
    let mut until = |node: usize, status: u16| {
        wait_for(&format!("an answer {status} of node {node}"), || {
            number += 1;
            let answer = send(number, node);
            (answer.status == status).then_some(answer)
        })
    };
    for count in 0..AT_LEAST {
        until(count % 2, 202);
    }

    house.redis.pause();
    for node in [0, 1] {
        let answer = until(node, 503);
        assert!(answer.body.contains("\"status\":503"), "{answer:?}");
    }
    house.redis.resume();
    for count in 0..AT_LEAST {
        until(count % 2, 202);
    }

    assert!(accepted.len() >= 2 * AT_LEAST);
    let worker = house.worker();
    house.drained();
    let at = |ms| domain::time::UnixMs(now_ms()).plus_ms(ms).to_string();
    let timeline = nodes[0].client.timeline(&ada, &at(-7_200_000), &at(60_000));
    let timeline: Value = serde_json::from_str(&timeline).expect("JSON");
    let merged: BTreeSet<String> = timeline["segments"]
        .as_array()
        .expect("segments")
        .iter()
        .map(|segment| segment["app_name"].as_str().expect("a name").to_owned())
        .collect();
    assert!(accepted.is_subset(&merged), "{accepted:?} in {merged:?}");
    assert!(worker.terminate().success());
}

#[test]
fn while_postgres_stalls_or_is_away_every_node_takes_pings_and_knows_whose_session_has_ended() {
    let mut house = House::start();
    let nodes = house.nodes();
    let worker = house.worker();
    let [a, b] = &nodes;
    a.client.register("ada@example.org", "UTC");
    let laptop = a.sign_in("ada@example.org", "laptop");
    let phone = a.sign_in("ada@example.org", "phone");
    assert_alive(&nodes, &laptop);
    assert_eq!(a.post("/api/v1/auth/logout", &phone.caller, &json!({})).status, 204);
    assert_ended(&nodes, &phone);

    let still_known = || {
        for node in nodes.iter().cycle().take(2 * AT_LEAST) {
            node.comes_to_answer(&laptop.caller, 202);
            assert_eq!(node.track(&phone.caller), 401);
        }
    };
    house.database.pause();
    still_known();
    house.database.kill();
    still_known();
    let refused = b.post("/api/v1/auth/logout", &laptop.caller, &json!({}));
    assert_eq!(refused.status, 503, "nobody is told that it is done: {refused:?}");
    house.database.restart();
    still_known();
    house.drained();
    assert!(worker.terminate().success());
}

#[test]
fn after_redis_was_killed_ended_sessions_stay_ended_and_new_ends_are_heard() {
    let mut house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    a.client.register("ada@example.org", "UTC");
    let [laptop, phone, tablet] = ["laptop", "phone", "tablet"].map(|device| a.sign_in("ada@example.org", device));
    assert_eq!(b.post("/api/v1/auth/logout", &laptop.caller, &json!({})).status, 204);
    assert_ended(&nodes, &laptop);
    assert_alive(&nodes, &phone);

    house.redis.kill();
    for node in &nodes {
        node.comes_to_answer(&phone.caller, 503);
        assert_eq!(node.track(&laptop.caller), 401, "that is known for good");
    }
    house.redis.restart();
    let late = house.node();
    assert_alive(&nodes, &phone);
    assert_eq!(late.track(&laptop.caller), 401);
    assert_eq!(a.post("/api/v1/auth/logout", &phone.caller, &json!({})).status, 204);
    assert_ended(&nodes, &phone);
    assert_ended(&[late], &phone);
    assert_alive(&nodes, &tablet);
}
