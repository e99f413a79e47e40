//! Erasure: asked for with the password, and then nothing is left.

use domain::accounts::UserId;
use domain::time::{Span, UnixMs};
use ports::reports::TimelineReader;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::house::{House, NOON, PASSWORD, Person, good_ping};
use crate::second_factor::Factor;

const ME: &str = "/api/v1/users/me";

fn erase(house: &House, person: &Person, body: &Value) -> Answer {
    let answer = house.send(person, "DELETE", ME, body);
    house.hear();
    answer
}

/// How many pieces of somebody's timeline there are in the store.
fn pieces(house: &House, person: &Person) -> usize {
    let user = UserId(person.id.parse().expect("an id"));
    let always = Span::new(UnixMs(0), NOON.plus_ms(1)).expect("not empty");
    let pieces = house.runtime.block_on(house.timelines.pieces(user, always));
    pieces.expect("the store is there").len()
}

#[test]
fn who_is_erased_is_signed_out_everywhere_and_nothing_is_left() {
    let house = House::new();
    let (ada, phone, eve) = (house.person("ada"), house.sign_in("ada", "phone"), house.person("eve"));
    let made = house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let key = made["key"].as_str().expect("text");
    house.call("GET", "/api/v1/report/apps").token(key).send().expect(200);
    let nine = [("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")];
    house.tracked(&ada, &nine);
    house.tracked(&eve, &nine);
    house.track(&phone, &good_ping()).expect(202);
    assert_eq!((pieces(&house, &ada), house.waiting()), (1, 1));

    let erased = erase(&house, &ada, &json!({"password": PASSWORD})).expect(204);
    assert_eq!(erased.body, b"");
    let cleared = "daybook_refresh=; Path=/api/v1/auth; Max-Age=0; HttpOnly; SameSite=Strict";
    assert_eq!(erased.header("set-cookie"), Some(cleared));
    for device in [&ada, &phone] {
        house.get(device, ME).expect(401);
        house.track(device, &good_ping()).expect(401);
        house
            .post("/api/v1/auth/refresh", &json!({"refresh_token": device.refresh}))
            .expect(401);
    }
    house.call("GET", "/api/v1/report/apps").token(key).send().expect(401);
    house
        .call("POST", "/api/v1/usage/track")
        .token(key)
        .json(&good_ping())
        .send()
        .expect(401);
    house.login("ada", "ada-laptop", (PASSWORD, None)).expect(401);
    house.merge();
    assert_eq!(pieces(&house, &ada), 0, "pings that waited are dropped");

    assert_eq!(pieces(&house, &eve), 1);
    house.get(&eve, ME).expect(200);
    let anew = house.person("ada");
    assert_ne!(anew.id, ada.id);
    assert_ne!(anew.device, ada.device);
    assert_eq!(house.log(&anew), ["signed_in", "registered"]);
    assert_eq!(house.get(&anew, "/api/v1/report/apps").json()["total_seconds"], 0);
}

#[test]
fn the_password_and_the_factor_are_asked_for() {
    let house = House::new();
    let ada = house.person("ada");
    erase(&house, &ada, &json!({})).expect_faults(&[("/password", "required")]);
    erase(&house, &ada, &json!({"password": 1, "sure": true}))
        .expect_faults(&[("/password", "wrong_type"), ("/sure", "unknown_field")]);
    house.call("DELETE", ME).token(&ada.token).send().expect(415);
    let wrong = erase(&house, &ada, &json!({"password": "wrong horse"})).expect(403);
    assert_eq!(
        (wrong.problem().as_str(), wrong.header("set-cookie")),
        ("proof_refused", None)
    );
    let factor = Factor::enable(&house, &ada);
    for code in [json!(null), json!("000000")] {
        erase(&house, &ada, &json!({"password": PASSWORD, "code": code})).expect(403);
    }
    house.get(&ada, ME).expect(200);
    let code = factor.next_code(&house);
    erase(&house, &ada, &json!({"password": PASSWORD, "code": code})).expect(204);
    house.get(&ada, ME).expect(401);
}

#[test]
fn who_could_not_be_erased_whole_can_ask_again() {
    let house = House::new();
    let ada = house.person("ada");
    house.tracked(
        &ada,
        &[("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")],
    );
    let proof = json!({"password": PASSWORD});
    house.timelines.fail(true);
    erase(&house, &ada, &proof).expect(503);
    house.timelines.fail(false);
    house.queue.fail(true);
    erase(&house, &ada, &proof).expect(503);
    house.queue.fail(false);
    house.get(&ada, ME).expect(200);
    erase(&house, &ada, &proof).expect(204);
    house.get(&ada, ME).expect(401);
    assert_eq!(pieces(&house, &ada), 0);
}
