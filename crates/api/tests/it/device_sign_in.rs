//! Signing a device in by a code that it shows: what the device and the person are told, and what guessing comes to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::house::{House, PASSWORD, Person};
use crate::second_factor::Factor;

const CODE: &str = "/api/v1/auth/device-code";
const TOKEN: &str = "/api/v1/auth/device-token";
const PAGE: &str = "/api/v1/auth/device";
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

    fn ask(&self, house: &House) -> Answer {
        house.post(TOKEN, &json!({"device_code": self.code}))
    }

    /// The word that the device is told.
    fn word(&self, house: &House) -> String {
        let told = self.ask(house).expect(400);
        let word = told.json()["code"].as_str().expect("a word").to_owned();
        assert_eq!(told.problem(), word);
        word
    }

    fn path(&self) -> String {
        format!("/api/v1/auth/device-codes/{}", self.shown)
    }

    fn answer(&self, house: &House, person: &Person, approve: bool) -> Answer {
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

/// A form of the page, as a browser of no scripts sends it.
fn send(house: &House, cookie: Option<&str>, fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('@', "%40")))
        .collect();
    let call = house
        .call("POST", PAGE)
        .header("Sec-Fetch-Site", "same-origin")
        .header("Content-Type", "application/x-www-form-urlencoded");
    let call = cookie.iter().fold(call, |call, cookie| call.header("Cookie", cookie));
    call.bytes(body.join("&").as_bytes()).send()
}

fn html(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    String::from_utf8(answer.body.clone()).expect("UTF-8")
}

/// The cookie that an answer sets, as it is sent back.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}

#[test]
fn at_the_page_a_person_types_the_code_signs_in_and_confirms_the_device() {
    let house = House::new();
    let ada = house.person("ada");
    let device = Device::begin(&house, "tv");
    let first = house
        .call("GET", &format!("/device?user_code={}", device.shown))
        .send()
        .expect(200);
    assert!(html(&first).contains(&format!("value=\"{}\"", device.shown)));
    let typed = device.shown.to_lowercase();
    let who = send(&house, None, &[("user_code", &typed)]).expect(200);
    assert!(html(&who).contains("type=\"password\"") && who.header("set-cookie").is_none());
    let wrong = [
        ("user_code", typed.as_str()),
        ("email", "ada@example.org"),
        ("password", "wrong"),
    ];
    let refused = send(&house, None, &wrong).expect(403);
    assert!(html(&refused).contains("is wrong") && html(&refused).contains("ada@example.org"));

    let right = [
        ("user_code", typed.as_str()),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
    ];
    let shown = send(&house, None, &right).expect(200);
    let page = html(&shown);
    for said in [
        "Name of tv",
        "linux",
        "127.0.0.1",
        &device.shown,
        "ada@example.org",
        "approve",
        "deny",
    ] {
        assert!(page.contains(said), "{said} in {page}");
    }
    assert_eq!(
        device.word(&house),
        "authorization_pending",
        "looking is not confirming"
    );
    let done = send(
        &house,
        Some(&cookie(&shown)),
        &[("user_code", &typed), ("decision", "approve")],
    )
    .expect(200);
    assert!(html(&done).contains("may sign in"));
    assert!(done.header("set-cookie").expect("taken back").contains("Max-Age=0"));
    device.ask(&house).expect(200);
    house.hear();
    let devices = house.get(&ada, "/api/v1/devices").expect(200).json();
    assert_eq!(
        devices["devices"].as_array().map(Vec::len),
        Some(2),
        "the page's own session has ended: {devices}"
    );
}

#[test]
fn a_session_in_a_cookie_confirms_too_and_goes_on() {
    let house = House::new();
    let ada = house.person("ada");
    let device = Device::begin(&house, "tv");
    let mine = format!("daybook_refresh={}", ada.refresh);
    let shown = send(&house, Some(&mine), &[("user_code", &device.shown)]).expect(200);
    assert!(html(&shown).contains("Name of tv"));
    let next = cookie(&shown);
    let done = send(
        &house,
        Some(&next),
        &[("user_code", &device.shown), ("decision", "deny")],
    )
    .expect(200);
    assert!(html(&done).contains("turned down"));
    assert_eq!(device.word(&house), "access_denied");
    send(&house, Some(&cookie(&done)), &[("user_code", "BBBB-BBBB")]).expect(404);
    let stale = send(&house, Some("daybook_refresh=x"), &[("user_code", &device.shown)]).expect(200);
    assert!(html(&stale).contains("type=\"password\""));
}

#[test]
fn the_page_asks_for_the_second_factor_where_it_is_in_use() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    let device = Device::begin(&house, "tv");
    let mut fields = vec![
        ("user_code", device.shown.as_str()),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
    ];
    assert!(html(&send(&house, None, &fields).expect(403)).contains("second factor"));
    fields.push(("code", "000000"));
    assert!(html(&send(&house, None, &fields).expect(403)).contains("wrong, or was used"));
    let code = factor.next_code(&house);
    fields[3].1 = &code;
    assert!(html(&send(&house, None, &fields).expect(200)).contains("Name of tv"));
}

#[test]
fn the_page_takes_nothing_from_elsewhere_and_shows_nobody_what_is_not_typed() {
    let house = House::new();
    house.person("ada");
    let form = |site: &'static str| {
        let call = house
            .call("POST", PAGE)
            .header("Content-Type", "application/x-www-form-urlencoded");
        call.header("Sec-Fetch-Site", site).bytes(b"user_code=BBBB-BBBB").send()
    };
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(form(site).expect(403).problem(), "cross_site");
    }
    form("same-origin").expect(200);
    let call = house.call("POST", PAGE).header("Sec-Fetch-Site", "same-origin");
    call.raw_json(b"{}").send().expect(415);
    let odd = send(&house, None, &[("user_code", "<script>alert(1)</script>")]).expect(404);
    assert!(!html(&odd).contains("<script"));
    for (method, path) in [
        ("POST", "/device"),
        ("GET", PAGE),
        ("PUT", PAGE),
        ("DELETE", "/device.css"),
    ] {
        Call::new(house.address(), method, path).send().expect(405);
    }
    let style = house.call("GET", "/device.css").send().expect(200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
}

#[test]
fn too_many_failures_at_the_page_are_told_with_the_time_to_wait() {
    let house = House::new();
    house.person("ada");
    let wrong = [
        ("user_code", "BBBB-BBBB"),
        ("email", "ada@example.org"),
        ("password", "wrong"),
    ];
    for _ in 0..6 {
        send(&house, None, &wrong).expect(403);
    }
    let refused = send(&house, None, &wrong).expect(429);
    assert!(html(&refused).contains("wait 1 seconds"), "{}", html(&refused));
}
