//! What the operator does from the command line, as people meet it on two nodes.

use serde_json::json;

use super::house::{House, PASSWORD, assert_alive, assert_ended};
use crate::client::Caller;
use crate::program::text;

const NEW_PASSWORD: &str = "a horse of another stable";

/// Runs `daybook user`, and answers what it says.
fn user(house: &House, arguments: &[&str], input: &str) -> String {
    let output = house.run(&[&["user"], arguments].concat(), input);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_closed_account_is_refused_everywhere_like_a_wrong_password_until_it_is_opened() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    let email = "ada@example.org";
    user(&house, &["add", email, "--name", "Ada"], &format!("{PASSWORD}\n"));
    let laptop = a.sign_in(email, "laptop");
    let key = a
        .post("/api/v1/api-keys", &laptop.caller, &json!({"name": "Plug-in"}))
        .json();
    let key = Caller {
        token: key["key"].as_str().expect("a key").to_owned(),
        ..laptop.caller.clone()
    };
    assert_alive(&nodes, &laptop);
    for node in &nodes {
        node.comes_to_answer(&key, 202);
    }
    let wrong = b.attempt(email, "a wrong password", "laptop");
    assert_eq!(wrong.status, 401);

    user(&house, &["disable", email], "");
    assert_ended(&nodes, &laptop);
    for node in &nodes {
        node.comes_to_answer(&key, 401);
        assert_eq!(node.attempt(email, PASSWORD, "laptop"), wrong, "the right password");
    }
    assert!(user(&house, &["list"], "").contains("closed"));

    user(&house, &["enable", email], "");
    assert!(!user(&house, &["list"], "").contains("closed"));
    let again = b.sign_in(email, "laptop");
    assert_alive(&nodes, &again);

    user(&house, &["reset-password", email], NEW_PASSWORD);
    assert_ended(&nodes, &again);
    assert_eq!(a.attempt(email, PASSWORD, "laptop"), wrong);
    assert_eq!(a.attempt(email, NEW_PASSWORD, "laptop").status, 200);
}
