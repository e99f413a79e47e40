//! Refresh tokens over bad connections, in the wrong hands, and used by many at once.

use std::collections::BTreeSet;

use super::house::{House, Node, Session, assert_alive, assert_ended, refresh};
use super::proxy::SwallowingProxy;
use crate::client::{Answer, Client};

/// How many answers get lost in a row.
const SWALLOWED: u32 = 100;
/// How many use one token at once.
const AT_ONCE: usize = 10;

fn refreshed(answer: &Answer) -> Session {
    assert_eq!(answer.status, 200, "{answer:?}");
    Session::of(answer)
}

#[test]
fn a_hundred_lost_answers_in_a_row_sign_nobody_out() {
    let house = House::start();
    let nodes = house.nodes();
    nodes[0].client.register("ada@example.org", "UTC");
    let before = nodes[0].sign_in("ada@example.org", "laptop");
    let proxy = SwallowingProxy::before(&nodes[0].address, SWALLOWED);
    let client = Client::new(&proxy.address);
    let refresh = || refresh(&client, &before.refresh);
    for number in 0..SWALLOWED {
        assert_eq!(refresh().status, 0, "answer {number} gets lost");
    }
    assert_eq!(proxy.swallowed_good(), SWALLOWED, "the node had answered each of them");

    let after = refreshed(&refresh());
    assert_alive(&nodes, &after);
    assert_alive(&nodes, &before);
    let next = refreshed(&nodes[1].refresh(&after.refresh));
    assert_alive(&nodes, &next);
    refreshed(&nodes[0].refresh(&next.refresh));
}

#[test]
fn a_replayed_token_ends_its_family_on_every_node() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    a.client.register("ada@example.org", "UTC");
    let first = a.sign_in("ada@example.org", "laptop");
    let other = b.sign_in("ada@example.org", "phone");
    let second = refreshed(&a.refresh(&first.refresh));
    // Its successor was not used yet: a retry.
    let retried = refreshed(&b.refresh(&first.refresh));
    let third = refreshed(&b.refresh(&second.refresh));
    for session in [&first, &second, &retried, &third] {
        assert_alive(&nodes, session);
    }

    assert_eq!(a.refresh(&first.refresh).status, 401, "its successor was used");
    for session in [&third, &retried, &second, &first] {
        assert_ended(&nodes, session);
    }
    assert_alive(&nodes, &other);
    let log = b
        .client
        .get("/api/v1/users/me/security-log", Some(&other.caller))
        .json();
    let reused = log["entries"].as_array().expect("entries").iter();
    let reused: Vec<_> = reused.filter(|entry| entry["event"] == "refresh_reused").collect();
    assert_eq!(reused.len(), 1, "{log}");
    assert_eq!(reused[0]["device_id"], first.caller.device.as_str());
}

#[test]
fn of_ten_refreshes_at_once_all_are_answered_and_one_branch_lives_on() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    a.client.register("ada@example.org", "UTC");
    let branches = at_once(&nodes, &a.sign_in("ada@example.org", "laptop").refresh);
    for branch in &branches {
        assert_alive(&nodes, branch);
    }
    let used = refreshed(&b.refresh(&branches[3].refresh));
    let lives = refreshed(&a.refresh(&used.refresh));
    assert_alive(&nodes, &lives);
    assert_eq!(b.refresh(&branches[7].refresh).status, 401, "that branch is void");
    assert_ended(&nodes, &lives);
    for branch in &branches {
        assert_ended(&nodes, branch);
    }

    // Whoever had shown none of the others would have stayed.
    let branches = at_once(&nodes, &b.sign_in("ada@example.org", "laptop").refresh);
    let mut branch = branches.last().expect("ten").clone();
    for node in nodes.iter().cycle().take(AT_ONCE) {
        branch = refreshed(&node.refresh(&branch.refresh));
    }
    assert_alive(&nodes, &branch);
}

/// The answers to one token that is used many times at once, on both nodes in turn.
fn at_once(nodes: &[Node; 2], token: &str) -> Vec<Session> {
    let branches: Vec<Session> = std::thread::scope(|scope| {
        let clients = nodes.iter().map(|node| &node.client).cycle().take(AT_ONCE);
        let asking: Vec<_> = clients
            .map(|client| scope.spawn(move || refreshed(&refresh(client, token))))
            .collect();
        asking
            .into_iter()
            .map(|answer| answer.join().expect("answered"))
            .collect()
    });
    let distinct: BTreeSet<&str> = branches.iter().map(|branch| branch.refresh.as_str()).collect();
    assert_eq!(distinct.len(), AT_ONCE, "each has a token of its own");
    branches
}
