//! A device that is signed in by a code, on two nodes: it asks one, the person confirms it at the other, and the code is good once.

use std::thread;

use serde_json::{Value, json};

use super::house::{House, PASSWORD, Session, assert_alive, events};
use crate::client::{Answer, Client};

const EMAIL: &str = "ada@example.org";

fn claim(client: &Client, code: &Value) -> Answer {
    let body = json!({"device_code": code});
    client.post("/api/v1/auth/device-token", &[], &body)
}

/// The word that a device is told that is not signed in.
fn word(answer: &Answer) -> String {
    assert_eq!(answer.status, 400, "{answer:?}");
    answer.json()["code"].as_str().expect("a word").to_owned()
}

#[test]
fn a_device_asks_one_node_and_is_confirmed_at_the_other_once() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    a.client.register(EMAIL, "UTC");
    let ada = a.sign_in(EMAIL, "laptop").caller;
    let begun = a.client.post(
        "/api/v1/auth/device-code",
        &[("X-Device-Id", "tv")],
        &json!({"device_name": "TV"}),
    );
    assert_eq!(begun.status, 200, "{begun:?}");
    let begun = begun.json();
    assert_eq!(word(&claim(&b.client, &begun["device_code"])), "authorization_pending");
    let path = format!(
        "/api/v1/auth/device-codes/{}",
        begun["user_code"].as_str().expect("text")
    );
    let shown = b.client.get(&path, Some(&ada));
    assert_eq!((shown.status, &shown.json()["device_name"]), (200, &json!("TV")));
    assert_eq!(b.post(&path, &ada, &json!({"approve": true})).status, 204);
    assert_eq!(
        a.post(&path, &ada, &json!({"approve": false})).status,
        404,
        "the first answer counts"
    );

    let code = &begun["device_code"];
    let claims: Vec<Answer> = thread::scope(|scope| {
        let claims: Vec<_> = (0..8)
            .map(|number| if number % 2 == 0 { &a.client } else { &b.client })
            .map(|client| scope.spawn(move || claim(client, code)))
            .collect();
        claims
            .into_iter()
            .map(|claim| claim.join().expect("no panic"))
            .collect()
    });
    let (signed_in, refused): (Vec<_>, Vec<_>) = claims.iter().partition(|claim| claim.status == 200);
    assert_eq!((signed_in.len(), refused.len()), (1, 7), "{claims:?}");
    assert!(refused.iter().all(|claim| word(claim) == "expired_token"), "{claims:?}");
    assert_alive(&nodes, &Session::of(signed_in[0]));
    let log = events(a, &ada);
    let expected = ["signed_in", "device_code_unknown", "device_code_approved"];
    assert_eq!(log[..3], expected);
}

#[test]
fn a_person_signs_in_to_the_page_of_one_node_and_goes_on_at_the_other() {
    let house = House::start();
    let nodes = house.nodes();
    let [a, b] = &nodes;
    a.client.register(EMAIL, "UTC");
    let ada = a.sign_in(EMAIL, "laptop").caller;
    let device = [("X-Device-Id", "tv")];
    let begun = a
        .client
        .post("/api/v1/auth/device-code", &device, &json!({"device_name": "TV"}));
    let begun = begun.json();
    let code = begun["user_code"].as_str().expect("text");
    let (forms, confirm) = ("/api/v1/auth/device", format!("/device/confirm?user_code={code}"));
    let mut cookie = String::new();
    let sign_in = format!(
        "user_code={code}&email={}&password={}",
        EMAIL.replace('@', "%40"),
        PASSWORD.replace(' ', "+")
    );
    let (status, place, _) = a.client.page(forms, Some(&sign_in), &mut cookie);
    assert_eq!((status, &place), (303, &confirm));
    let (status, _, page) = b.client.page(&place, None, &mut cookie);
    assert!(status == 200 && page.contains("TV") && page.contains(EMAIL), "{page}");
    let approve = format!("user_code={code}&decision=approve");
    for node in [b, a] {
        let (status, place, _) = node.client.page(forms, Some(&approve), &mut cookie);
        assert_eq!((status, &place), (303, &confirm));
        let (status, _, page) = node.client.page(&place, None, &mut cookie);
        assert!(status == 200 && page.contains("may sign in"), "{page}");
    }
    let tv = Session::of(&claim(&a.client, &begun["device_code"]));
    assert_alive(&nodes, &tv);
    // The page was no device, and its sign-in is in the log without one.
    let devices = a.client.get("/api/v1/devices", Some(&ada)).json();
    let mut keys: Vec<_> = devices["devices"]
        .as_array()
        .expect("devices")
        .iter()
        .map(|device| device["key"].as_str().expect("text"))
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["laptop", "tv"]);
    let log = a.client.get("/api/v1/users/me/security-log", Some(&ada)).json();
    let told: Vec<_> = log["entries"].as_array().expect("entries")[..3]
        .iter()
        .map(|entry| (entry["event"].as_str().expect("text"), entry["device_id"].is_null()))
        .collect();
    let expected = [
        ("signed_in", false),
        ("device_code_approved", true),
        ("signed_in", true),
    ];
    assert_eq!(told, expected);
}
