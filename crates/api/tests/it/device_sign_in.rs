//! Signing a device in by a code that it shows: what the device and the person are told, and what guessing comes to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Answer;
use crate::house::{House, Person};

const CODE: &str = "/api/v1/auth/device-code";
const TOKEN: &str = "/api/v1/auth/device-token";
const INTERVAL: Duration = Duration::from_secs(5);

/// A device that waits.
pub struct Device {
    code: String,
    pub shown: String,
}

impl Device {
    pub fn begin(house: &House, key: &str) -> Self {
        let body = json!({"device_name": format!("Name of {key}"), "platform": "linux"});
        Self::of(&begin(house, key, &body).expect(200).json())
    }

    fn of(told: &Value) -> Self {
        let text = |name: &str| told[name].as_str().expect("text").to_owned();
        Self {
            code: text("device_code"),
            shown: text("user_code"),
        }
    }

    pub fn ask(&self, house: &House) -> Answer {
        house.post(TOKEN, &json!({"device_code": self.code}))
    }

    /// The word that the device is told.
    pub fn word(&self, house: &House) -> String {
        let told = self.ask(house).expect(400);
        let word = told.json()["code"].as_str().expect("a word").to_owned();
        assert_eq!(told.problem(), word);
        word
    }

    fn path(&self) -> String {
        format!("/api/v1/auth/device-codes/{}", self.shown)
    }

    pub fn answer(&self, house: &House, person: &Person, approve: bool) -> Answer {
        house.send(person, "POST", &self.path(), &json!({"approve": approve}))
    }
}

fn begin(house: &House, key: &str, body: &Value) -> Answer {
    house.call("POST", CODE).header("X-Device-Id", key).json(body).send()
}

#[test]
fn a_device_shows_a_code_and_is_signed_in_once_somebody_has_confirmed_it() {
    let house = House::new();
    let ada = house.person("ada");
    let told = begin(&house, "tv", &json!({"device_name": "TV", "platform": "linux"})).expect(200);
    let told = told.json();
    let device = Device::of(&told);
    assert_eq!((&told["expires_in"], &told["interval"]), (&json!(600), &json!(5)));
    assert_eq!(told["verification_uri"], "http://test/device");
    let complete = format!("http://test/device?user_code={}", device.shown);
    assert_eq!(told["verification_uri_complete"], complete);
    assert_eq!(device.word(&house), "authorization_pending");

    let typed = device.path().to_lowercase().replace('-', "%20");
    for path in [device.path(), typed.replace("device%20codes", "device-codes")] {
        let shown = house.get(&ada, &path).expect(200).json();
        assert_eq!(
            (&shown["device_name"], &shown["platform"], &shown["address"]),
            (&json!("TV"), &json!("linux"), &json!("127.0.0.1"))
        );
        assert_eq!(
            (&shown["user_code"], &shown["expires_at"]),
            (&json!(device.shown), &json!("2026-03-01T12:10:00Z"))
        );
    }
    device.answer(&house, &ada, true).expect(204);
    house.get(&ada, &device.path()).expect(404);

    let signed_in = device.ask(&house).expect(200).json();
    assert_eq!(
        (&signed_in["device"]["key"], &signed_in["device"]["name"]),
        (&json!("tv"), &json!("TV"))
    );
    let token = signed_in["access_token"].as_str().expect("text");
    let me = house.call("GET", "/api/v1/users/me").token(token).send().expect(200);
    assert_eq!(me.json()["id"], ada.id.as_str());
    house
        .post(
            "/api/v1/auth/refresh",
            &json!({"refresh_token": signed_in["refresh_token"]}),
        )
        .expect(200);
    assert_eq!(device.word(&house), "expired_token", "it was used");
    let expected = ["signed_in", "device_code_unknown", "device_code_approved"];
    assert_eq!(house.log(&ada)[..3], expected);
}

#[test]
fn whoever_turns_a_device_down_is_obeyed_and_the_first_answer_counts() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    let device = Device::begin(&house, "tv");
    device.answer(&house, &ada, false).expect(204);
    for person in [&ada, &eve] {
        device.answer(&house, person, true).expect(404);
    }
    for _ in 0..2 {
        assert_eq!(device.word(&house), "access_denied");
    }
    assert_eq!(house.log(&ada)[..2], ["device_code_unknown", "device_code_denied"]);
}

#[test]
fn codes_expire_and_impatience_is_told() {
    let house = House::new();
    house.person("ada");
    let device = Device::begin(&house, "tv");
    assert_eq!(device.word(&house), "authorization_pending");
    house.clock.advance(Duration::from_millis(4_999));
    assert_eq!(device.word(&house), "slow_down");
    house.clock.advance(INTERVAL);
    assert_eq!(device.word(&house), "slow_down", "ten seconds from then on");
    house.clock.advance(INTERVAL * 3);
    assert_eq!(device.word(&house), "authorization_pending");
    house.clock.set(crate::house::NOON.after(Duration::from_mins(10)));
    let ada = house.sign_in("ada", "phone");
    device.answer(&house, &ada, true).expect(404);
    assert_eq!(device.word(&house), "expired_token");
    for none in ["", "x", &"A".repeat(100_000), &device.shown] {
        let told = house.post(TOKEN, &json!({"device_code": none})).expect(400);
        assert_eq!(told.json()["code"], "expired_token");
    }
}

#[test]
fn who_guesses_codes_is_made_to_wait_and_nobody_else_is() {
    let house = House::new();
    let (eve, ada) = (house.person("eve"), house.person("ada"));
    let device = Device::begin(&house, "tv");
    let wrong = "/api/v1/auth/device-codes/ZZZZ-ZZZZ";
    for _ in 0..5 {
        house.get(&eve, wrong).expect(404);
    }
    house.send(&eve, "POST", wrong, &json!({"approve": true})).expect(404);
    assert_eq!(
        house.get(&eve, &device.path()).expect(429).header("retry-after"),
        Some("1")
    );
    device.answer(&house, &eve, true).expect(429);
    // What is no code at all costs no attempt, and tells as little.
    for none in ["AAAA-AAAA", "1", "%F0%9F%98%80", "ZZZZ-ZZZZZ"] {
        house
            .get(&eve, &format!("/api/v1/auth/device-codes/{none}"))
            .expect(404);
    }
    house.get(&ada, &device.path()).expect(200);
    assert_eq!(house.log(&eve)[..6], ["device_code_unknown"; 6]);
    // A device of one's own does not buy a new start.
    house.clock.advance(Duration::from_secs(1));
    let own = Device::begin(&house, "own");
    own.answer(&house, &eve, true).expect(204);
    house.get(&eve, wrong).expect(429);
}

#[test]
fn so_many_devices_wait_at_one_address() {
    let house = House::new();
    for number in 0..20 {
        Device::begin(&house, &format!("tv{number}"));
    }
    let refused = begin(&house, "tv", &json!({})).expect(429);
    assert_eq!(refused.header("retry-after"), Some("60"));
    house.clock.advance(Duration::from_mins(10));
    Device::begin(&house, "tv");
}

#[test]
fn a_device_says_who_it_is_or_is_told_all_that_is_wrong() {
    let house = House::new();
    begin(&house, "tv", &json!({})).expect(200);
    house
        .post(CODE, &json!({"device_name": "", "platform": 7, "email": "x"}))
        .expect_faults(&[
            ("/headers/X-Device-Id", "required"),
            ("/device_name", "empty"),
            ("/platform", "wrong_type"),
            ("/email", "unknown_field"),
        ]);
    house
        .post(TOKEN, &json!({}))
        .expect_faults(&[("/device_code", "required")]);
    let ada = house.person("ada");
    house
        .send(
            &ada,
            "POST",
            "/api/v1/auth/device-codes/BBBB-BBBB",
            &json!({"approve": "yes"}),
        )
        .expect_faults(&[("/approve", "wrong_type")]);
}

#[test]
fn the_address_of_the_page_is_that_where_people_reach_the_server() {
    let house = House::with(|_, settings| settings.edge.public_url = "https://daybook.example.org".parse().ok());
    let told = begin(&house, "tv", &json!({})).expect(200).json();
    assert_eq!(told["verification_uri"], "https://daybook.example.org/device");
}
