//! Who did what: the log that a person reads of their own account, from whichever node, and nobody rewrites.

use serde_json::{Value, json};

use super::house::{House, Node, PASSWORD, events};
use crate::client::Caller;

/// An address that the proxy of the tests names.
const FAR: &str = "198.51.100.7";

#[test]
fn what_happens_on_any_node_stands_in_the_log_of_its_person_alone() {
    let house = House::start();
    let [a, b] = &house.nodes();
    let email = "ada@example.org";
    for email in [email, "bea@example.org"] {
        a.client.register(email, "UTC");
    }
    let bea = b.sign_in("bea@example.org", "laptop").caller;
    let ada = a.sign_in(email, "laptop").caller;
    let phone = b.sign_in(email, "phone");
    let guess = json!({"email": email, "password": "a wrong password"});
    let headers = [("X-Device-Id", "phone"), ("X-Forwarded-For", FAR)];
    assert_eq!(b.client.post("/api/v1/auth/login", &headers, &guess).status, 401);
    let key = b.post("/api/v1/api-keys", &ada, &json!({"name": "Plug-in"})).json();
    let key = key["id"].as_str().expect("an id");
    assert_eq!(
        a.client.delete(&format!("/api/v1/api-keys/{key}"), &ada, None).status,
        204
    );
    let device = format!("/api/v1/devices/{}", phone.caller.device);
    assert_eq!(b.client.delete(&device, &ada, None).status, 204);
    let change = json!({"password": PASSWORD, "new_password": "a horse of another stable"});
    assert_eq!(a.post("/api/v1/users/me/password", &ada, &change).status, 204);
    assert!(!b.client.download("/api/v1/users/me/export", &ada).is_empty());

    let expected = [
        "exported",
        "password_changed",
        "device_revoked",
        "api_key_revoked",
        "api_key_created",
        "sign_in_failed",
        "signed_in",
        "signed_in",
        "registered",
    ];
    for node in [a, b] {
        assert_eq!(events(node, &ada), expected);
        assert_eq!(events(node, &bea), ["signed_in", "registered"]);
    }
    assert_eq!(paged(b, &ada), expected, "page by page");
    let failed = a.client.get("/api/v1/users/me/security-log", Some(&ada)).json()["entries"][5].clone();
    assert_eq!(failed["address"], FAR, "{failed}");
    for change in [
        "UPDATE audit_log SET event = 'registered'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
    ] {
        let refused = house.refused(change);
        assert!(refused.contains("can only be added to"), "{change}: {refused}");
    }
}

/// The log, two entries at a time.
fn paged(node: &Node, caller: &Caller) -> Vec<String> {
    let mut events = Vec::new();
    let mut path = "/api/v1/users/me/security-log?limit=2".to_owned();
    loop {
        let page = node.client.get(&path, Some(caller)).json();
        let entries = page["entries"].as_array().expect("entries");
        assert!(entries.len() <= 2, "{page}");
        events.extend(
            entries
                .iter()
                .map(|entry| entry["event"].as_str().expect("a word").to_owned()),
        );
        let Value::String(cursor) = &page["next_cursor"] else {
            return events;
        };
        path = format!("/api/v1/users/me/security-log?limit=2&cursor={cursor}");
    }
}
