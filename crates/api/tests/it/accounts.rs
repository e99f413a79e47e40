//! Registering, signing in, staying signed in, the profile.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::house::House;

const REGISTER: &str = "/api/v1/users/register";
const LOGIN: &str = "/api/v1/auth/login";
const REFRESH: &str = "/api/v1/auth/refresh";
const ME: &str = "/api/v1/users/me";

fn ada() -> Value {
    json!({"email": "Ada@Example.org", "password": "correct horse", "full_name": " Ada Lovelace "})
}

fn login(house: &House, body: &Value) -> Answer {
    house
        .call("POST", LOGIN)
        .header("X-Device-Id", "laptop")
        .json(body)
        .send()
}

#[test]
fn a_person_registers_once() {
    let house = House::new();
    let registered = house.post(REGISTER, &ada()).expect(201).json();
    let expected = json!({
        "id": registered["id"],
        "email": "ada@example.org",
        "full_name": "Ada Lovelace",
        "timezone": "UTC",
        "created_at": "2026-03-01T12:00:00Z",
    });
    assert_eq!(registered, expected);
    let id: uuid::Uuid = registered["id"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("a UUID");
    assert_eq!(id.get_version_num(), 7);
    house.post(REGISTER, &ada()).expect(409);
}

#[test]
fn every_fault_of_a_registration_is_told_at_once() {
    let house = House::new();
    let bad = json!({"email": "nobody", "password": "short", "full_name": 5, "timezone": "Mars/Base", "admin": true, "user_id": 1});
    house.post(REGISTER, &bad).expect_faults(&[
        ("/email", "invalid_email"),
        ("/password", "too_short"),
        ("/full_name", "wrong_type"),
        ("/timezone", "unknown_zone"),
        ("/admin", "unknown_field"),
        ("/user_id", "unknown_field"),
    ]);
    house.post(REGISTER, &json!({})).expect_faults(&[
        ("/email", "required"),
        ("/password", "required"),
        ("/full_name", "required"),
    ]);
}

#[test]
fn an_address_is_one_that_mail_can_be_sent_to() {
    let house = House::new();
    for email in [
        "ada",
        "ada@",
        "@example.org",
        "a da@example.org",
        "ada@exa_mple.org",
        "ädä@example.org",
        "\"ada\"@example.org",
    ] {
        let mut body = ada();
        body["email"] = json!(email);
        house
            .post(REGISTER, &body)
            .expect_faults(&[("/email", "invalid_email")]);
    }
    let mut body = ada();
    body["email"] = json!(format!("ada@{}.org", "long.".repeat(60)));
    house.post(REGISTER, &body).expect_faults(&[("/email", "too_long")]);
}

#[test]
fn a_device_signs_in() {
    let house = House::new();
    house.post(REGISTER, &ada()).expect(201);
    let body = json!({"email": "ADA@example.org", "password": "correct horse", "device_name": "Ada's laptop", "platform": "linux"});
    let signed_in = login(&house, &body).expect(200).json();
    let expected = json!({
        "access_token": signed_in["access_token"],
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_token": signed_in["refresh_token"],
        "device": {
            "id": signed_in["device"]["id"],
            "name": "Ada's laptop",
            "key": "laptop",
            "platform": "linux",
            "precedence": signed_in["device"]["precedence"],
        },
    });
    assert_eq!(signed_in, expected);
    let again = login(
        &house,
        &json!({"email": "ada@example.org", "password": "correct horse"}),
    )
    .expect(200)
    .json();
    assert_eq!(again["device"], signed_in["device"], "what is not given stays");
    let phone = house.call("POST", LOGIN).header("X-Device-Id", "phone");
    let phone = phone
        .json(&json!({"email": "ada@example.org", "password": "correct horse"}))
        .send()
        .expect(200)
        .json();
    assert_eq!(
        (&phone["device"]["name"], &phone["device"]["platform"]),
        (&json!("phone"), &Value::Null)
    );
    assert!(phone["device"]["precedence"].as_i64() > signed_in["device"]["precedence"].as_i64());
}

#[test]
fn whether_the_address_or_the_password_is_wrong_is_not_told() {
    let house = House::new();
    house.post(REGISTER, &ada()).expect(201);
    let refused = [
        json!({"email": "ada@example.org", "password": "wrong horse"}),
        json!({"email": "ada@example.org", "password": ""}),
        json!({"email": "ada@example.org", "password": "x".repeat(100_000)}),
        json!({"email": "bob@example.org", "password": "correct horse"}),
        json!({"email": "no address", "password": "correct horse"}),
    ];
    let answers: Vec<_> = refused
        .iter()
        .map(|body| login(&house, body).expect(401).body)
        .collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn every_fault_of_a_sign_in_is_told_at_once_with_that_of_the_header() {
    let house = House::new();
    let bad = json!({"email": 1, "device_name": "", "platform": "a\u{1}b", "remember": true});
    house.post(LOGIN, &bad).expect_faults(&[
        ("/headers/X-Device-Id", "required"),
        ("/email", "wrong_type"),
        ("/password", "required"),
        ("/device_name", "empty"),
        ("/platform", "control_character"),
        ("/remember", "unknown_field"),
    ]);
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    for key in ["", "two words", &"x".repeat(129), "caf\u{e9}"] {
        let answer = house.call("POST", LOGIN).header("X-Device-Id", key).json(&body).send();
        answer.expect_faults(&[("/headers/X-Device-Id", "invalid_device_id")]);
    }
    let twice = house
        .call("POST", LOGIN)
        .header("X-Device-Id", "a")
        .header("X-Device-Id", "b")
        .json(&body)
        .send();
    twice.expect_faults(&[("/headers/X-Device-Id", "duplicate")]);
}

#[test]
fn a_refresh_token_is_exchanged_and_one_used_twice_ends_the_session() {
    let house = House::new();
    let first = house.person("ada");
    let refresh = |token: &str| house.post(REFRESH, &json!({"refresh_token": token}));
    let second = refresh(&first.refresh).expect(200).json();
    assert_eq!(second["device"]["id"], json!(first.device));
    let second_token = second["refresh_token"].as_str().expect("text");
    let me = house
        .call("GET", ME)
        .token(second["access_token"].as_str().expect("text"))
        .send();
    assert_eq!(me.expect(200).json()["id"], json!(first.id));
    let third = refresh(second_token).expect(200).json();
    refresh(&first.refresh).expect(401);
    refresh(third["refresh_token"].as_str().expect("text")).expect(401);
    refresh("nonsense").expect(401);
    house
        .post(REFRESH, &json!({"token": 1}))
        .expect_faults(&[("/refresh_token", "required"), ("/token", "unknown_field")]);
}

#[test]
fn an_access_token_lives_five_minutes() {
    let house = House::new();
    let ada = house.person("ada");
    house.clock.advance(Duration::from_secs(299));
    house.get(&ada, ME).expect(200);
    house.clock.advance(Duration::from_secs(1));
    let answer = house.get(&ada, ME).expect(401);
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"Bearer error="invalid_token""#)
    );
}

#[test]
fn a_profile_is_shown_and_changed_where_it_is_named() {
    let house = House::new();
    let ada = house.person("ada");
    let before = house.get(&ada, ME).expect(200).json();
    let expected = json!({
        "id": ada.id,
        "email": "ada@example.org",
        "full_name": "ada",
        "timezone": "UTC",
        "day_start": 0,
        "heartbeat_timeout": 600,
        "created_at": "2026-03-01T12:00:00Z",
    });
    assert_eq!(before, expected);
    let patch = |body: &Value| house.call("PATCH", ME).token(&ada.token).json(body).send();
    let mut after = before.clone();
    (after["timezone"], after["day_start"]) = (json!("Asia/Kathmandu"), json!(14_400));
    let change = json!({"timezone": "Asia/Kathmandu", "day_start": 14_400, "user_id": ada.id, "device_id": ada.device});
    assert_eq!(patch(&change).expect(200).json(), after);
    assert_eq!(patch(&json!({"full_name": null})).expect(200).json(), after);
    for secs in [60, 3_600] {
        after["heartbeat_timeout"] = json!(secs);
        assert_eq!(patch(&json!({"heartbeat_timeout": secs})).expect(200).json(), after);
    }
    after["full_name"] = json!("Ada");
    assert_eq!(patch(&json!({"full_name": "Ada"})).expect(200).json(), after);
    assert_eq!(house.get(&ada, ME).json(), after);
}

#[test]
fn every_fault_of_a_change_is_told_at_once_and_then_nothing_changes() {
    let house = House::new();
    let ada = house.person("ada");
    let before = house.get(&ada, ME).json();
    let patch = |body: &Value| house.call("PATCH", ME).token(&ada.token).json(body).send();
    let bad = json!({"full_name": "", "timezone": "utc+1", "day_start": 86_400, "email": "eve@example.org"});
    patch(&bad).expect_faults(&[
        ("/full_name", "empty"),
        ("/timezone", "unknown_zone"),
        ("/day_start", "out_of_range"),
        ("/email", "unknown_field"),
    ]);
    for (secs, code) in [
        (json!(-1), "out_of_range"),
        (json!(1.5), "wrong_type"),
        (json!("0"), "wrong_type"),
        (json!(u64::MAX), "out_of_range"),
    ] {
        patch(&json!({"day_start": secs, "full_name": "Eve"})).expect_faults(&[("/day_start", code)]);
        patch(&json!({"heartbeat_timeout": secs, "full_name": "Eve"})).expect_faults(&[("/heartbeat_timeout", code)]);
    }
    assert_eq!(house.get(&ada, ME).json(), before);
}
