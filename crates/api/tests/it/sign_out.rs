//! Signing out: this device, or all of them, there and then.

use serde_json::json;

use crate::client::Answer;
use crate::house::{House, Person, good_ping};

const ME: &str = "/api/v1/users/me";
const LOGOUT: &str = "/api/v1/auth/logout";
const LOGOUT_ALL: &str = "/api/v1/auth/logout-all";
const CLEARED: &str = "daybook_refresh=; Path=/api/v1/auth; Max-Age=0; HttpOnly; SameSite=Strict";

fn sign_out(house: &House, person: &Person, path: &str) -> Answer {
    let answer = house.call("POST", path).token(&person.token).send().expect(204);
    house.hear();
    answer
}

/// Whether the device can do nothing more.
fn is_out(house: &House, person: &Person) {
    house.get(person, ME).expect(401);
    house.track(person, &good_ping()).expect(401);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": person.refresh}))
        .expect(401);
    house.call("POST", LOGOUT).token(&person.token).send().expect(401);
}

#[test]
fn a_device_signs_itself_out_and_no_other() {
    let house = House::new();
    let (laptop, phone, eve) = (house.person("ada"), house.sign_in("ada", "phone"), house.person("eve"));
    let answer = sign_out(&house, &laptop, LOGOUT);
    assert_eq!(answer.body, b"");
    assert_eq!(answer.header("set-cookie"), Some(CLEARED));
    is_out(&house, &laptop);
    house.get(&phone, ME).expect(200);
    house.get(&eve, ME).expect(200);
    assert_eq!(house.log(&phone)[0], "signed_out");
}

#[test]
fn all_devices_are_signed_out_at_once_and_keys_stay() {
    let house = House::new();
    let (laptop, phone, eve) = (house.person("ada"), house.sign_in("ada", "phone"), house.person("eve"));
    let made = house
        .send(&phone, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let answer = sign_out(&house, &laptop, LOGOUT_ALL);
    assert_eq!(answer.header("set-cookie"), Some(CLEARED));
    is_out(&house, &laptop);
    is_out(&house, &phone);
    house.get(&eve, ME).expect(200);
    let key = made["key"].as_str().expect("text");
    house.call("GET", "/api/v1/report/apps").token(key).send().expect(200);
    let again = house.sign_in("ada", "ada-laptop");
    assert_eq!(house.log(&again)[1], "signed_out_everywhere");
}

#[test]
fn a_refresh_token_that_was_used_ends_the_session_and_its_access_tokens() {
    let house = House::new();
    let (ada, phone) = (house.person("ada"), house.sign_in("ada", "phone"));
    let refresh = |token: &str| house.post("/api/v1/auth/refresh", &json!({"refresh_token": token}));
    let second = refresh(&ada.refresh).expect(200).json();
    let again = refresh(&ada.refresh).expect(200).json();
    assert_ne!(
        second["refresh_token"], again["refresh_token"],
        "the answer may have been lost"
    );
    let third = refresh(second["refresh_token"].as_str().expect("text"))
        .expect(200)
        .json();
    refresh(&ada.refresh).expect(401);
    house.hear();
    for answer in [&second, &again, &third] {
        let token = answer["access_token"].as_str().expect("text");
        house.call("GET", ME).token(token).send().expect(401);
        refresh(answer["refresh_token"].as_str().expect("text")).expect(401);
    }
    assert_eq!(house.log(&phone)[0], "refresh_reused");
}

#[test]
fn what_ended_in_the_store_and_could_not_be_told_is_unavailable_and_ended() {
    let house = House::new();
    let ada = house.person("ada");
    house.announcements.fail(true);
    house.call("POST", LOGOUT).token(&ada.token).send().expect(503);
    house.announcements.fail(false);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": ada.refresh}))
        .expect(401);
}

#[test]
fn through_tls_the_cookie_that_is_taken_back_is_the_one_that_was_set() {
    let house = House::with(|_, settings| settings.edge.public_url = "https://daybook.example.org".parse().ok());
    let ada = house.person("ada");
    let answer = sign_out(&house, &ada, LOGOUT);
    let cleared = "__Host-daybook_refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure";
    assert_eq!(answer.header("set-cookie"), Some(cleared));
}
