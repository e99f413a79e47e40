//! The page on which a person confirms a device, as a browser without scripts sees it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use domain::accounts::{Email, EntryId, SecurityEntry, SecurityEvent};
use ports::Clock;
use ports::accounts::Operation;
use serde_json::json;
use uuid::Uuid;

use crate::client::{Answer, Call};
use crate::device_sign_in::Device;
use crate::house::{House, PASSWORD, Person, email};
use crate::second_factor::Factor;

const PAGE: &str = "/device";
const FORMS: &str = "/api/v1/auth/device";

/// A browser: it keeps cookies, and sends forms from a page of ours.
struct Browser<'a> {
    house: &'a House,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    fn new(house: &'a House) -> Self {
        let cookies = RefCell::default();
        Self { house, cookies }
    }

    /// One whose person has signed in with `?session=cookie`.
    fn of(house: &'a House, person: &Person) -> Self {
        let browser = Self::new(house);
        let cookie = ("daybook_refresh".to_owned(), person.refresh.clone());
        browser.cookies.borrow_mut().extend([cookie]);
        browser
    }

    fn get(&self, target: &str) -> Answer {
        self.keep(self.with_cookies(self.house.call("GET", target)).send())
    }

    fn form(&self, fields: &[(&str, &str)]) -> Answer {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace('@', "%40").replace(' ', "+")))
            .collect();
        let call = self
            .house
            .call("POST", FORMS)
            .header("Sec-Fetch-Site", "same-origin")
            .header("Content-Type", "application/x-www-form-urlencoded");
        self.keep(self.with_cookies(call).bytes(body.join("&").as_bytes()).send())
    }

    /// Where a form leads.
    #[track_caller]
    fn leads_to(&self, fields: &[(&str, &str)]) -> String {
        self.form(fields)
            .expect(303)
            .header("location")
            .expect("a place")
            .to_owned()
    }

    /// The page that a form leads to, loaded twice: a reload changes nothing.
    #[track_caller]
    fn ends_at(&self, fields: &[(&str, &str)], status: u16) -> String {
        let place = self.leads_to(fields);
        let page = html(&self.get(&place).expect(status));
        assert_eq!(html(&self.get(&place).expect(status)), page);
        page
    }

    fn with_cookies(&self, call: Call) -> Call {
        let cookies = self.cookies.borrow();
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() {
            call
        } else {
            call.header("Cookie", &pairs.join("; "))
        }
    }

    fn keep(&self, answer: Answer) -> Answer {
        for cookie in &answer.cookies {
            let (name, rest) = cookie.split_once('=').expect("a pair");
            let value = rest.split(';').next().expect("a value");
            self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

fn html(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    String::from_utf8(answer.body.clone()).expect("UTF-8")
}

fn sign_in<'a>(device: &'a Device, email: &'a str) -> [(&'a str, &'a str); 3] {
    [("user_code", &device.shown), ("email", email), ("password", PASSWORD)]
}

fn approve(device: &Device) -> [(&str, &str); 2] {
    [("user_code", &device.shown), ("decision", "approve")]
}

fn deny(device: &Device) -> [(&str, &str); 2] {
    [("user_code", &device.shown), ("decision", "deny")]
}

fn keys_of_devices(house: &House, person: &Person) -> Vec<String> {
    let devices = house.get(person, "/api/v1/devices").expect(200).json();
    let devices = devices["devices"].as_array().expect("devices").iter();
    devices
        .map(|device| device["key"].as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn a_person_types_the_code_signs_in_and_confirms_the_device() {
    let house = House::new();
    let ada = house.person("ada");
    let device = Device::begin(&house, "tv");
    let browser = Browser::new(&house);
    let typed = device.shown.to_lowercase().replace('-', " ");
    let place = browser.leads_to(&[("user_code", &typed)]);
    assert_eq!(place, format!("/device/sign-in?user_code={}", device.shown));
    let who = html(&browser.get(&place).expect(200));
    assert!(who.contains("type=\"password\"") && browser.cookies.borrow().is_empty());
    let wrong = [
        ("user_code", typed.as_str()),
        ("email", "ada@example.org"),
        ("password", "wrong"),
    ];
    let refused = html(&browser.form(&wrong).expect(403));
    assert!(refused.contains("is wrong") && refused.contains("ada@example.org"));

    let page = browser.ends_at(&sign_in(&device, "ada@example.org"), 200);
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
    assert_eq!(device.word(&house), "authorization_pending", "looking is no answer");
    assert!(browser.ends_at(&approve(&device), 200).contains("may sign in"));
    device.ask(&house).expect(200);
    house.hear();
    // Of the page there is no device, no session and no place in the order: there is what the person had, and what they confirmed.
    let mut devices = keys_of_devices(&house, &ada);
    devices.sort();
    assert_eq!(devices, ["ada-laptop", "tv"]);
    let expected = ["signed_in", "device_code_approved", "signed_in", "sign_in_failed"];
    assert_eq!(house.log(&ada)[..4], expected);
}

#[test]
fn what_was_answered_stays_so_however_often_it_is_loaded_sent_or_gone_back_to() {
    let house = House::new();
    let ada = house.person("ada");
    let (tv, radio) = (Device::begin(&house, "tv"), Device::begin(&house, "radio"));
    let browser = Browser::new(&house);
    browser.leads_to(&sign_in(&tv, "ada@example.org"));
    assert!(browser.ends_at(&approve(&tv), 200).contains("may sign in"));
    let entries = house.log(&ada).len();
    // The forms of each step once more, and another answer: nothing is asked, and nothing changes.
    let code = [("user_code", tv.shown.as_str())];
    let steps: [&[_]; 4] = [&code, &sign_in(&tv, "ada@example.org"), &approve(&tv), &deny(&tv)];
    for fields in steps {
        assert!(browser.ends_at(fields, 200).contains("may sign in"), "{fields:?}");
    }
    let back = browser
        .get(&format!("/device/sign-in?user_code={}", tv.shown))
        .expect(303);
    assert_eq!(
        back.header("location"),
        Some(&*format!("/device/confirm?user_code={}", tv.shown))
    );
    assert_eq!(house.log(&ada).len(), entries);
    tv.ask(&house).expect(200);
    // What the answer left in the browser answers nothing else.
    let place = browser.leads_to(&approve(&radio));
    assert_eq!(place, format!("/device/sign-in?user_code={}", radio.shown));
    assert_eq!(radio.word(&house), "authorization_pending");
    browser.leads_to(&sign_in(&radio, "ada@example.org"));
    assert!(browser.ends_at(&deny(&radio), 200).contains("turned down"));
    assert_eq!(radio.word(&house), "access_denied");
}

#[test]
fn a_code_that_nobody_shows_is_told_the_same_whether_it_was_ever_one() {
    let house = House::new();
    house.person("ada");
    let eve = house.person("eve");
    let (never, settled, expired) = ("BBBB-BBBB", Device::begin(&house, "tv"), Device::begin(&house, "radio"));
    settled.answer(&house, &eve, true).expect(204);
    let told = |code: &str| {
        let browser = Browser::new(&house);
        let fields = [
            ("user_code", code),
            ("email", "ada@example.org"),
            ("password", PASSWORD),
        ];
        browser.ends_at(&fields, 404).replace(code, "")
    };
    let words = told(never);
    assert!(words.contains("No device shows this code, or no longer"));
    assert_eq!(told(&settled.shown), words);
    // One that expires while its device is looked at, before the answer and after.
    let browser = Browser::new(&house);
    let shown = browser.leads_to(&sign_in(&expired, "ada@example.org"));
    assert!(html(&browser.get(&shown).expect(200)).contains("Name of radio"));
    house.clock.advance(Duration::from_mins(8));
    browser.leads_to(&sign_in(&expired, "ada@example.org"));
    house.clock.advance(Duration::from_mins(2));
    let gone = |page: String| page.replace(&expired.shown, "");
    assert_eq!(gone(html(&browser.get(&shown).expect(404))), words);
    assert_eq!(gone(browser.ends_at(&approve(&expired), 404)), words);
    // Whoever was recognised need not sign in again to type another.
    let other = Device::begin(&house, "other");
    let page = browser.ends_at(&[("user_code", &other.shown)], 200);
    assert!(page.contains("Name of other"));
}

#[test]
fn a_browser_that_was_recognised_is_not_for_long_and_no_longer_than_what_by() {
    let house = House::new();
    house.person("ada");
    let device = Device::begin(&house, "tv");
    let sign_in_at = format!("/device/sign-in?user_code={}", device.shown);
    let shown_at = format!("/device/confirm?user_code={}", device.shown);
    let recognised = || {
        let browser = Browser::new(&house);
        assert_eq!(browser.leads_to(&sign_in(&device, "ada@example.org")), shown_at);
        browser
    };
    let is_known = |browser: &Browser<'_>| browser.get(&shown_at).status == 200;
    let asks_again = |browser: &Browser<'_>| {
        assert!(!is_known(browser));
        assert_eq!(browser.leads_to(&approve(&device)), sign_in_at);
        assert_eq!(device.word(&house), "authorization_pending");
        house.clock.advance(Duration::from_secs(5));
    };
    // Five minutes.
    let browser = recognised();
    house.clock.advance(Duration::from_mins(5) - Duration::from_millis(1));
    assert!(is_known(&browser));
    house.clock.advance(Duration::from_millis(1));
    asks_again(&browser);
    // The password.
    let browser = recognised();
    let ada = house.sign_in("ada", "phone");
    let changed = json!({"password": PASSWORD, "new_password": "another horse battery"});
    house
        .send(&ada, "POST", "/api/v1/users/me/password", &changed)
        .expect(204);
    asks_again(&browser);
    // The account.
    let browser = Browser::new(&house);
    let mut fields = sign_in(&device, "ada@example.org");
    fields[2].1 = "another horse battery";
    browser.leads_to(&fields);
    assert!(is_known(&browser));
    let entry = SecurityEntry {
        id: EntryId(Uuid::from_u128(1)),
        user: None,
        at: house.clock.now(),
        event: SecurityEvent::Disabled,
        device: None,
        session: None,
        address: None,
        count: None,
    };
    let address = Email::parse(&email("ada")).expect("an address");
    let closed = house
        .runtime
        .block_on(house.accounts.set_disabled(&address, true, house.clock.now(), &entry));
    closed.expect("closed");
    asks_again(&browser);
}

#[test]
fn a_session_in_a_cookie_confirms_too_and_goes_on() {
    let house = House::new();
    let ada = house.person("ada");
    let device = Device::begin(&house, "tv");
    let browser = Browser::of(&house, &ada);
    let page = browser.ends_at(&[("user_code", &device.shown)], 200);
    assert!(page.contains("Name of tv"));
    assert_ne!(
        browser.cookies.borrow()["daybook_refresh"],
        ada.refresh,
        "it was renewed"
    );
    assert!(browser.ends_at(&deny(&device), 200).contains("turned down"));
    assert_eq!(device.word(&house), "access_denied");
    let missed = browser.ends_at(&[("user_code", "BBBB-BBBB")], 404);
    assert!(missed.contains("No device shows this code"));
    // The entries say where from.
    let log = house.get(&ada, "/api/v1/users/me/security-log").expect(200).json();
    let denied = &log["entries"][1];
    assert_eq!(
        (&denied["event"], &denied["device_id"]),
        (&json!("device_code_denied"), &json!(ada.device))
    );
    // It ends with the session.
    let other = Device::begin(&house, "other");
    browser.leads_to(&[("user_code", &other.shown)]);
    house
        .send(&ada, "POST", "/api/v1/auth/logout-all", &json!({}))
        .expect(204);
    house.hear();
    let place = browser.leads_to(&approve(&other));
    assert_eq!(place, format!("/device/sign-in?user_code={}", other.shown));
    assert_eq!(other.word(&house), "authorization_pending");
    let stale = Browser::new(&house);
    stale
        .cookies
        .borrow_mut()
        .insert("daybook_refresh".to_owned(), "x".to_owned());
    assert_eq!(stale.leads_to(&[("user_code", &other.shown)]), place);
}

#[test]
fn the_page_asks_for_the_second_factor_where_it_is_in_use() {
    let house = House::new();
    let ada = house.person("ada");
    let factor = Factor::enable(&house, &ada);
    let device = Device::begin(&house, "tv");
    let browser = Browser::new(&house);
    let mut fields = sign_in(&device, "ada@example.org").to_vec();
    assert!(html(&browser.form(&fields).expect(403)).contains("asks for a second factor"));
    fields.push(("code", "000000"));
    assert!(html(&browser.form(&fields).expect(403)).contains("wrong, or was used"));
    let code = factor.next_code(&house);
    fields[3].1 = &code;
    assert!(browser.ends_at(&fields, 200).contains("Name of tv"));
}

#[test]
fn addresses_that_people_type_lead_to_the_page_with_their_code() {
    let house = House::new();
    let device = Device::begin(&house, "tv");
    let letters = device.shown.replace('-', "");
    for typed in [
        device.shown.clone(),
        letters.clone(),
        device.shown.to_lowercase(),
        format!("{}+{}", &letters[..4], &letters[4..]),
        format!("%20{}%20", device.shown.replace('-', "%20")),
        // What a keyboard of a phone makes of a dash.
        device.shown.replace('-', "%E2%80%93"),
    ] {
        for path in ["/device/", FORMS] {
            let answer = house
                .call("GET", &format!("{path}?user_code={typed}&x=1"))
                .send()
                .expect(303);
            let location = answer.header("location").expect("a place");
            assert_eq!(location, format!("{PAGE}?user_code={}", device.shown), "{typed}");
        }
        let page = house
            .call("GET", &format!("{PAGE}?user_code={typed}"))
            .send()
            .expect(200);
        assert!(html(&page).contains(&format!("value=\"{}\"", device.shown)), "{typed}");
    }
    for (path, place) in [
        ("/device/", PAGE),
        ("/device/?user_code=", PAGE),
        (FORMS, PAGE),
        ("/api/v1/auth/device?user_code=%22%3E%0D%0Ax:y", PAGE),
        ("/device/sign-in", PAGE),
        ("/device/confirm", PAGE),
        ("/device/confirm?user_code=BBBBBBBB", "/device?user_code=BBBB-BBBB"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = Call::new(house.address(), method, path).send().expect(303);
            assert_eq!(answer.header("location"), Some(place), "{path}");
        }
    }
}

#[test]
fn the_page_takes_nothing_from_elsewhere_and_shows_nobody_what_is_not_typed() {
    let house = House::new();
    house.person("ada");
    let device = Device::begin(&house, "tv");
    let browser = Browser::new(&house);
    browser.leads_to(&sign_in(&device, "ada@example.org"));
    let form = |site: &'static str| {
        let call = house
            .call("POST", FORMS)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", site);
        let body = format!("user_code={}&decision=approve", device.shown);
        browser.with_cookies(call).bytes(body.as_bytes()).send()
    };
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(form(site).expect(403).problem(), "cross_site");
    }
    assert_eq!(device.word(&house), "authorization_pending");
    // Nor does another browser see what this one was shown, or what it answered.
    let place = form("same-origin")
        .expect(303)
        .header("location")
        .expect("a place")
        .to_owned();
    let elsewhere = Browser::new(&house);
    let shown = elsewhere.get(&place).expect(303);
    assert_eq!(
        shown.header("location"),
        Some(&*format!("{PAGE}?user_code={}", device.shown))
    );
    let forged = house.call("GET", &place).header("Cookie", "daybook_visit=approved");
    forged.send().expect(303);
    let call = house.call("POST", FORMS).header("Sec-Fetch-Site", "same-origin");
    call.raw_json(b"{}").send().expect(415);
    let odd = elsewhere
        .form(&[("user_code", "<script>alert(1)</script>")])
        .expect(422);
    assert!(!html(&odd).contains("<script") && html(&odd).contains("eight letters"));
    for (method, path, allow) in [
        ("POST", PAGE, "GET, HEAD"),
        ("POST", "/device/", "GET, HEAD"),
        ("POST", "/device/confirm", "GET, HEAD"),
        ("PUT", FORMS, "GET, HEAD, POST"),
        ("DELETE", "/device.css", "GET, HEAD"),
    ] {
        let refused = Call::new(house.address(), method, path).send().expect(405);
        assert_eq!(refused.header("allow"), Some(allow), "{path}");
    }
    let style = house.call("GET", "/device.css").send().expect(200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
}

#[test]
fn too_many_failures_at_the_page_are_told_with_the_time_to_wait() {
    let house = House::new();
    let ada = house.person("ada");
    let browser = Browser::new(&house);
    let wrong = [
        ("user_code", "BBBB-BBBB"),
        ("email", "ada@example.org"),
        ("password", "wrong"),
    ];
    for _ in 0..6 {
        browser.form(&wrong).expect(403);
    }
    let refused = browser.form(&wrong).expect(429);
    assert!(html(&refused).contains("wait 1 second before"), "{}", html(&refused));
    assert_eq!(refused.header("retry-after"), Some("1"));
    // They are those of a sign-in, and the other way round.
    house.login("ada", "phone", (PASSWORD, None)).expect(429);
    assert_eq!(house.log(&ada)[..6], ["sign_in_failed"; 6]);
    // Codes that no device shows are counted as well, for the account.
    house.clock.advance(Duration::from_secs(1));
    browser.ends_at(&[wrong[0], wrong[1], ("password", PASSWORD)], 404);
    for _ in 0..5 {
        browser.leads_to(&[("user_code", "CCCC-CCCC")]);
    }
    let refused = browser.form(&[("user_code", "CCCC-CCCC")]).expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
}
