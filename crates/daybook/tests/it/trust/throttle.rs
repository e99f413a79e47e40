//! Failures to sign in slow the next attempt down on every node, for that account from that address.

use serde_json::json;

use super::house::{House, Node, PASSWORD};
use crate::client::Answer;
use crate::program::wait_for;

const GUESSER: &str = "203.0.113.1";
const OWNER: &str = "203.0.113.2";
/// So many failures of each account and address cost nothing.
const FREE: usize = 5;

fn attempt(node: &Node, email: &str, password: &str, address: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    let headers = [("X-Device-Id", "laptop"), ("X-Forwarded-For", address)];
    node.client.post("/api/v1/auth/login", &headers, &body)
}

#[test]
fn failures_on_one_node_slow_that_address_down_on_the_other_and_nobody_else() {
    let house = House::start();
    let [a, b] = &house.nodes();
    for email in ["ada@example.org", "bea@example.org"] {
        a.client.register(email, "UTC");
    }
    let guess = |node: &Node| attempt(node, "ada@example.org", "a wrong password", GUESSER).status;
    for _ in 0..FREE {
        assert_eq!(guess(a), 401);
    }
    // A slow machine may let a delay pass; the next is longer. Node B alone is never asked often enough to slow anybody down by what it counts itself.
    let slowed = (0..FREE).any(|_| {
        guess(a);
        guess(b) == 429
    });
    assert!(slowed, "node B knows of the failures on node A");

    let others = attempt(b, "ada@example.org", PASSWORD, OWNER);
    assert_eq!(others.status, 200, "no stranger locks her out: {others:?}");
    assert_eq!(attempt(b, "bea@example.org", PASSWORD, GUESSER).status, 200);
    wait_for("the delay to pass", || {
        (attempt(b, "ada@example.org", PASSWORD, GUESSER).status == 200).then_some(())
    });
    assert_eq!(guess(a), 401, "who has shown the password is slowed down no more");
}
