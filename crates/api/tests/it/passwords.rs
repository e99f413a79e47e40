//! Passwords and addresses: changed by who knows the password, and set anew by who gets the mail.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::house::{House, PASSWORD, Person};
use crate::second_factor::Factor;

const ME: &str = "/api/v1/users/me";
const CHANGE: &str = "/api/v1/users/me/password";
const EMAIL: &str = "/api/v1/users/me/email";
const REQUEST: &str = "/api/v1/auth/password-reset";
const CONFIRM: &str = "/api/v1/auth/password-reset/confirm";
const NEW: &str = "another horse";

fn refresh(house: &House, person: &Person) -> u16 {
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": person.refresh}))
        .status
}

fn request(house: &House, email: &str) -> Answer {
    house.post(REQUEST, &json!({"email": email}))
}

fn confirm(house: &House, token: &str, password: &str) -> Answer {
    house.post(CONFIRM, &json!({"token": token, "password": password}))
}

/// The token in the last mail to somebody.
fn mailed(house: &House, name: &str) -> String {
    let mail = house.mails(name).pop().expect("a mail");
    let mut lines = mail.text.lines();
    lines
        .find(|line| line.starts_with("reset."))
        .expect("a token")
        .to_owned()
}

#[test]
fn a_change_signs_all_other_devices_out_and_leaves_this_one_and_keys() {
    let house = House::new();
    let laptop = house.person("ada");
    let phone = house.sign_in("ada", "phone");
    let key = house
        .send(&laptop, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    house
        .send(
            &laptop,
            "POST",
            CHANGE,
            &json!({"password": PASSWORD, "new_password": NEW}),
        )
        .expect(204);
    house.hear();
    house.get(&laptop, ME).expect(200);
    house.get(&phone, ME).expect(401);
    assert_eq!((refresh(&house, &laptop), refresh(&house, &phone)), (200, 401));
    let key = key["key"].as_str().expect("text");
    house.call("GET", "/api/v1/report/apps").token(key).send().expect(200);
    house.login("ada", "x", (PASSWORD, None)).expect(401);
    house.login("ada", "x", (NEW, None)).expect(200);
    assert_eq!(house.mails("ada").len(), 1);
    assert_eq!(house.log(&laptop)[2], "password_changed");
}

#[test]
fn a_change_asks_for_the_password_and_the_factor() {
    let house = House::new();
    let ada = house.person("ada");
    let change = |body: &Value| house.send(&ada, "POST", CHANGE, body);
    let wrong = change(&json!({"password": "wrong horse", "new_password": NEW})).expect(403);
    assert_eq!(wrong.problem(), "proof_refused");
    let factor = Factor::enable(&house, &ada);
    for code in [json!(null), json!("000000"), json!(factor.code(&house))] {
        change(&json!({"password": PASSWORD, "new_password": NEW, "code": code})).expect(403);
    }
    let code = factor.next_code(&house);
    change(&json!({"password": PASSWORD, "new_password": NEW, "code": code})).expect(204);
}

#[test]
fn a_new_password_is_8_to_256_characters_and_not_among_those_that_are_guessed_first() {
    let house = House::new();
    let ada = house.person("ada");
    let change = |new: &str| {
        house.send(
            &ada,
            "POST",
            CHANGE,
            &json!({"password": PASSWORD, "new_password": new}),
        )
    };
    let (long, too_long) = ("ä".repeat(256), "ä".repeat(257));
    for (new, code) in [
        ("1234567", "too_short"),
        (too_long.as_str(), "too_long"),
        ("password1", "too_common"),
    ] {
        change(new).expect_faults(&[("/new_password", code)]);
        let register = json!({"email": "bob@example.org", "password": new, "full_name": "Bob"});
        house
            .post("/api/v1/users/register", &register)
            .expect_faults(&[("/password", code)]);
    }
    change("ada@example.org").expect_faults(&[("/new_password", "too_common")]);
    house
        .send(&ada, "POST", CHANGE, &json!({"new_password": 1}))
        .expect_faults(&[("/password", "required"), ("/new_password", "wrong_type")]);
    house.login("ada", "x", (PASSWORD, None)).expect(200);
    change(&long).expect(204);
    house.login("ada", "x", (&long, None)).expect(200);
    house.login("ada", "x", (&too_long, None)).expect(401);
}

#[test]
fn a_forgotten_password_is_set_anew_by_mail_and_all_devices_are_signed_out() {
    let house = House::new();
    let (ada, phone) = (house.person("ada"), house.sign_in("ada", "phone"));
    assert_eq!(
        request(&house, "ADA@example.org").expect(202).json(),
        json!({"status": "sent_if_known"})
    );
    let token = mailed(&house, "ada");
    confirm(&house, &token, "password1").expect_faults(&[("/password", "too_common")]);
    house.get(&ada, ME).expect(200);
    confirm(&house, &token, NEW).expect(204);
    house.hear();
    for device in [&ada, &phone] {
        house.get(device, ME).expect(401);
        assert_eq!(refresh(&house, device), 401);
    }
    house.login("ada", "x", (PASSWORD, None)).expect(401);
    house.login("ada", "x", (NEW, None)).expect(200);
    confirm(&house, &token, "a third horse").expect_faults(&[("/token", "invalid_token")]);
    assert_eq!(house.mails("ada").len(), 2, "the token, and that it was used");
}

#[test]
fn a_token_that_was_mailed_is_good_for_15_minutes_and_until_the_next() {
    let house = House::new();
    house.register("ada", "UTC");
    request(&house, "ada@example.org").expect(202);
    let first = mailed(&house, "ada");
    house.clock.advance(Duration::from_mins(15));
    confirm(&house, &first, NEW).expect_faults(&[("/token", "invalid_token")]);
    request(&house, "ada@example.org").expect(202);
    let second = mailed(&house, "ada");
    house.clock.advance(Duration::from_mins(1));
    request(&house, "ada@example.org").expect(202);
    confirm(&house, &second, NEW).expect_faults(&[("/token", "invalid_token")]);
    let third = mailed(&house, "ada");
    house.clock.advance(Duration::from_millis(899_999));
    confirm(&house, &third, NEW).expect(204);
}

#[test]
fn who_asks_for_a_mail_is_not_told_whether_anybody_has_the_address() {
    let house = House::new();
    house.register("ada", "UTC");
    let (known, unknown) = (request(&house, "ada@example.org"), request(&house, "bob@example.org"));
    assert_eq!(known.expect(202).body, unknown.expect(202).body);
    assert_eq!(house.mailer.count(), 1);
    request(&house, "ada@example.org").expect(202);
    house.clock.advance(Duration::from_millis(59_999));
    request(&house, "ada@example.org").expect(202);
    assert_eq!(house.mailer.count(), 1, "one a minute at most");
    house.clock.advance(Duration::from_millis(1));
    request(&house, "ada@example.org").expect(202);
    assert_eq!(house.mailer.count(), 2);
    house.mailer.fail(true);
    house.clock.advance(Duration::from_mins(1));
    request(&house, "ada@example.org").expect(202);
    request(&house, "no address").expect_faults(&[("/email", "invalid_email")]);
}

#[test]
fn what_is_no_token_of_a_mail_is_refused_alike() {
    let house = House::new();
    let ada = house.person("ada");
    for token in [
        "",
        "reset.0000000000000001",
        "nonsense",
        &ada.token,
        &ada.refresh,
        &"x".repeat(100_000),
    ] {
        confirm(&house, token, NEW).expect_faults(&[("/token", "invalid_token")]);
    }
    house
        .post(
            CONFIRM,
            &json!({"token": 1, "password": "short", "email": "ada@example.org"}),
        )
        .expect_faults(&[
            ("/token", "wrong_type"),
            ("/password", "too_short"),
            ("/email", "unknown_field"),
        ]);
    house.get(&ada, ME).expect(200);
}

#[test]
fn the_factor_is_still_asked_for_after_a_password_was_set_anew() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    request(&house, "ada@example.org").expect(202);
    confirm(&house, &mailed(&house, "ada"), NEW).expect(204);
    let asked = house.login("ada", "x", (NEW, None)).expect(401);
    assert_eq!(asked.problem(), "second_factor_required");
    house
        .login("ada", "x", (NEW, Some(&factor.next_code(&house))))
        .expect(200);
}

#[test]
fn an_address_is_changed_by_who_knows_the_password_and_the_one_before_is_told() {
    let house = House::new();
    let ada = house.person("ada");
    let change =
        |email: &str, password: &str| house.send(&ada, "POST", EMAIL, &json!({"email": email, "password": password}));
    let wrong = change("lovelace@example.org", "wrong horse").expect(403);
    assert_eq!(wrong.problem(), "proof_refused");
    assert_eq!(house.mailer.count(), 0);
    let profile = change("Lovelace@Example.org", PASSWORD).expect(200).json();
    assert_eq!(profile["email"], "lovelace@example.org");
    assert_eq!(house.get(&ada, ME).json(), profile);
    assert_eq!((house.mails("ada").len(), house.mailer.count()), (1, 1));
    house.login("ada", "x", (PASSWORD, None)).expect(401);
    house.login("lovelace", "x", (PASSWORD, None)).expect(200);
    assert!(house.log(&ada).contains(&"email_changed".to_owned()));
}

#[test]
fn an_address_that_is_taken_or_none_is_not_changed_to() {
    let house = House::new();
    let (ada, _bob) = (house.person("ada"), house.person("bob"));
    let change = |email: &Value| house.send(&ada, "POST", EMAIL, &json!({"email": email, "password": PASSWORD}));
    assert_eq!(change(&json!("BOB@example.org")).expect(409).problem(), "email_taken");
    change(&json!("ada@")).expect_faults(&[("/email", "invalid_email")]);
    change(&json!(format!("ada@{}.org", "long.".repeat(60)))).expect_faults(&[("/email", "too_long")]);
    change(&json!(null)).expect_faults(&[("/email", "required")]);
    assert_eq!(house.get(&ada, ME).json()["email"], "ada@example.org");
    change(&json!("ada@example.org")).expect(200);
    assert_eq!(house.mailer.count(), 0, "nothing has changed");
}
