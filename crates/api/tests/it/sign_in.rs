//! Signing in: who is slowed down, who is not, and what a closed account looks like.

use std::time::Duration;

use domain::accounts::{Email, EntryId, SecurityEntry, SecurityEvent};
use ports::accounts::{Announcements, Operation, StandingChange};
use ports::{Clock, Ids};
use serde_json::json;

use crate::client::Answer;
use crate::house::{House, PASSWORD, email};

const ME: &str = "/api/v1/users/me";

/// How many failures in a row are free.
const FREE: usize = 5;

fn guess(house: &House, name: &str) -> Answer {
    house.login(name, "guesser", ("wrong horse", None))
}

/// Closes somebody's account, or opens it again, as the operator does.
fn disable(house: &House, name: &str, disabled: bool) {
    let entry = SecurityEntry {
        id: EntryId(house.ids.new_id()),
        user: None,
        at: house.clock.now(),
        event: if disabled {
            SecurityEvent::Disabled
        } else {
            SecurityEvent::Enabled
        },
        device: None,
        session: None,
        address: None,
        count: None,
    };
    let address = Email::parse(&email(name)).expect("an address");
    house.runtime.block_on(async {
        let ended = house
            .accounts
            .set_disabled(&address, disabled, house.clock.now(), &entry)
            .await;
        let ended = ended.expect("the store is there").expect("somebody");
        let ended: Vec<_> = ended.into_iter().map(StandingChange::Ended).collect();
        house.announcements.announce(&ended).await.expect("told");
    });
    house.hear();
}

#[test]
fn after_several_failures_the_next_attempt_has_to_wait_and_longer_each_time() {
    let house = House::new();
    house.register("ada", "UTC");
    for _ in 0..=FREE {
        guess(&house, "ada").expect(401);
    }
    for secs in [1, 2, 4, 8] {
        for attempt in [guess(&house, "ada"), house.login("ada", "laptop", (PASSWORD, None))] {
            let refused = attempt.expect(429);
            assert_eq!(refused.problem(), "too_many_requests");
            assert_eq!(refused.header("retry-after"), Some(secs.to_string().as_str()));
        }
        house.clock.advance(Duration::from_millis(secs * 1_000 - 1));
        guess(&house, "ada").expect(429);
        house.clock.advance(Duration::from_millis(1));
        guess(&house, "ada").expect(401);
    }
    house.clock.advance(Duration::from_secs(16));
    let ada = house.sign_in("ada", "laptop");
    guess(&house, "ada").expect(401);
    house.get(&ada, ME).expect(200);
}

#[test]
fn an_address_that_nobody_has_is_slowed_down_as_one_that_somebody_has() {
    let house = House::new();
    house.register("ada", "UTC");
    for _ in 0..=FREE {
        let (somebody, nobody) = (guess(&house, "ada"), guess(&house, "nobody"));
        assert_eq!(somebody.expect(401).body, nobody.expect(401).body);
    }
    let (somebody, nobody) = (guess(&house, "ada").expect(429), guess(&house, "nobody").expect(429));
    assert_eq!(somebody.body, nobody.body);
    assert_eq!(somebody.header("retry-after"), nobody.header("retry-after"));
}

#[test]
fn a_stranger_elsewhere_slows_nobody_down() {
    let house = House::with(|_, settings| settings.edge.trusted_proxies = "127.0.0.1".parse().expect("proxies"));
    house.register("ada", "UTC");
    let from = |address: &str, password: &str| {
        let login = house
            .call("POST", "/api/v1/auth/login")
            .header("X-Forwarded-For", address);
        let login = login.header("X-Device-Id", "laptop");
        login
            .json(&json!({"email": "ada@example.org", "password": password}))
            .send()
            .status
    };
    for _ in 0..=FREE {
        assert_eq!(from("203.0.113.9", "wrong horse"), 401);
    }
    assert_eq!(from("203.0.113.9", PASSWORD), 429);
    assert_eq!(from("198.51.100.7", PASSWORD), 200);
    assert_eq!(from("203.0.113.9", PASSWORD), 429, "that one still waits");
}

#[test]
fn who_is_asked_again_is_slowed_down_too() {
    let house = House::new();
    let ada = house.person("ada");
    let change = |password: &str| {
        let body = json!({"password": password, "new_password": "another horse"});
        house.send(&ada, "POST", "/api/v1/users/me/password", &body)
    };
    for _ in 0..=FREE {
        assert_eq!(change("wrong horse").expect(403).problem(), "proof_refused");
    }
    let refused = change(PASSWORD).expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    house.get(&ada, ME).expect(200);
    house.clock.advance(Duration::from_secs(1));
    change(PASSWORD).expect(204);
}

#[test]
fn a_closed_account_looks_like_a_wrong_password_and_its_tokens_and_keys_end() {
    let house = House::new();
    let ada = house.person("ada");
    let made = house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let key = made["key"].as_str().expect("text");
    let report = |token: &str| house.call("GET", "/api/v1/report/apps").token(token).send().status;
    assert_eq!(report(key), 200);
    let wrong = guess(&house, "ada").expect(401);

    disable(&house, "ada", true);
    let right = house.login("ada", "ada-laptop", (PASSWORD, None)).expect(401);
    assert_eq!(right.body, wrong.body);
    assert_eq!(right.header("www-authenticate"), wrong.header("www-authenticate"));
    assert_eq!(report(&ada.token), 401);
    assert_eq!(report(key), 401);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": ada.refresh}))
        .expect(401);
    house
        .post("/api/v1/auth/password-reset", &json!({"email": "ada@example.org"}))
        .expect(202);
    assert_eq!(house.mailer.count(), 0);

    disable(&house, "ada", false);
    let ada = house.sign_in("ada", "ada-laptop");
    house.get(&ada, ME).expect(200);
    assert_eq!(house.log(&ada)[..2], ["signed_in", "enabled"]);
}

#[test]
fn without_the_store_of_failures_nobody_signs_in_unslowed() {
    let house = House::new();
    house.register("ada", "UTC");
    house.throttle.fail(true);
    house.login("ada", "laptop", (PASSWORD, None)).expect(503);
    house.throttle.fail(false);
    house.login("ada", "laptop", (PASSWORD, None)).expect(200);
}
