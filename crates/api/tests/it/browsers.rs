//! What browsers are told, which pages may call, and sessions in a cookie.

use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::house::{House, Person, good_ping};

const LOGIN: &str = "/api/v1/auth/login?session=cookie";
const REFRESH: &str = "/api/v1/auth/refresh";
const PUBLIC: &str = "https://daybook.example.org";

fn public_house() -> House {
    House::with(|_, settings| settings.edge.public_url = PUBLIC.parse().ok())
}

fn house_open_for(origins: &[&str]) -> House {
    House::with(|_, settings| {
        let origins = origins.iter().map(|origin| origin.parse().expect("an origin"));
        settings.edge.cors_origins = origins.collect();
    })
}

fn access_control(answer: &Answer) -> Vec<(&str, &str)> {
    let headers = answer.headers.iter();
    let headers = headers.filter(|(name, _)| name.starts_with("access-control-"));
    headers.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn preflight(house: &House, origin: &str) -> Answer {
    let call = house.call("OPTIONS", "/api/v1/usage/track").header("Origin", origin);
    call.header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization,content-type")
        .send()
}

#[test]
fn tls_is_insisted_on_where_people_reach_the_server_through_it() {
    let insisted = |house: &House, path: &str| {
        let answer = house.call("GET", path).send();
        answer.header("strict-transport-security").map(str::to_owned)
    };
    for path in ["/health/live", "/nothing", "/api/v1/users/me", "/api/docs/"] {
        assert_eq!(insisted(&public_house(), path).as_deref(), Some("max-age=31536000"));
        assert_eq!(insisted(&House::new(), path), None);
        let plain = House::with(|_, settings| settings.edge.public_url = "http://daybook.lan".parse().ok());
        assert_eq!(insisted(&plain, path), None);
    }
}

#[test]
fn no_page_of_another_origin_may_call_unless_it_is_named() {
    let house = House::new();
    let ada = house.person("ada");
    let answer = preflight(&house, "https://example.org").expect(405);
    assert_eq!(access_control(&answer), []);
    for origin in ["https://example.org", "null", "http://127.0.0.1"] {
        let call = house.call("GET", "/api/v1/users/me").token(&ada.token);
        let answer = call.header("Origin", origin).send().expect(200);
        assert_eq!(access_control(&answer), []);
        assert_eq!(answer.header("vary"), None);
    }
}

#[test]
fn a_named_origin_may_call_without_cookies() {
    let house = house_open_for(&["https://a.example", "http://b.example:8080"]);
    let ada = house.person("ada");
    for origin in ["https://a.example", "http://b.example:8080"] {
        let answer = preflight(&house, origin).expect(204);
        let allowed = |name| answer.header(name).unwrap_or_default();
        assert_eq!(allowed("access-control-allow-origin"), origin);
        assert!(allowed("access-control-allow-methods").contains("POST"));
        assert!(allowed("access-control-allow-headers").contains("Authorization"));
        assert_eq!(answer.header("vary"), Some("Origin"));
        let call = house.call("POST", "/api/v1/usage/track").token(&ada.token);
        let answer = call.json(&good_ping()).header("Origin", origin).send().expect(202);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        let refused = house.call("GET", "/api/v1/users/me").header("Origin", origin).send();
        assert_eq!(
            refused.expect(401).header("access-control-allow-origin"),
            Some(origin),
            "a page may read why"
        );
    }
}

#[test]
fn what_is_nearly_a_named_origin_is_another() {
    let house = house_open_for(&["https://a.example"]);
    for origin in [
        "http://a.example",
        "https://a.example:8443",
        "https://a.example.evil.example",
        "https://evil-a.example",
        "https://A.example",
        "https://a.example/",
        "null",
        "*",
        "",
    ] {
        let answer = preflight(&house, origin).expect(405);
        assert_eq!(access_control(&answer), [], "{origin}");
        assert_eq!(answer.header("vary"), Some("Origin"));
    }
    let twice = house.call("GET", "/nothing").header("Origin", "https://a.example");
    let answer = twice.header("Origin", "https://a.example").send();
    assert_eq!(access_control(&answer), []);
}

fn sign_in(house: &House) -> Call {
    let call = house.call("POST", LOGIN).header("X-Device-Id", "browser");
    call.json(&json!({"email": "ada@example.org", "password": "correct horse"}))
}

fn from_here(call: Call) -> Call {
    call.header("Sec-Fetch-Site", "same-origin")
}

/// The cookie that an answer sets, as it is sent back, and its attributes.
fn cookie(answer: &Answer) -> (&str, &str) {
    let line = answer.header("set-cookie").expect("a cookie");
    line.split_once("; ").expect("attributes")
}

/// Whether an answer makes the browser forget its cookie.
fn forgets(answer: &Answer) -> bool {
    answer
        .header("set-cookie")
        .is_some_and(|line| line.starts_with("daybook_refresh=; ") && line.contains("Max-Age=0"))
}

fn works(house: &House, signed_in: &Value) {
    let token = signed_in["access_token"].as_str().expect("text").to_owned();
    house.call("GET", "/api/v1/users/me").token(&token).send().expect(200);
}

#[test]
fn a_browser_stays_signed_in_by_a_cookie_that_no_script_can_read() {
    let house = House::new();
    house.register("ada", "UTC");
    let mut answer = from_here(sign_in(&house)).send().expect(200);
    for _ in 0..3 {
        assert_eq!(answer.json().get("refresh_token"), None);
        works(&house, &answer.json());
        let (pair, attributes) = cookie(&answer);
        assert_eq!(
            attributes,
            "Path=/api/v1/auth; Max-Age=2592000; HttpOnly; SameSite=Strict"
        );
        let next = from_here(house.call("POST", REFRESH)).header("Cookie", &format!("theme=dark; {pair}"));
        let next = next.send().expect(200);
        assert_ne!(cookie(&next).0, pair);
        answer = next;
    }
}

#[test]
fn through_tls_the_cookie_is_secure_and_bound_to_its_host() {
    let house = public_house();
    house.register("ada", "UTC");
    let answer = from_here(sign_in(&house)).send().expect(200);
    let (pair, attributes) = cookie(&answer);
    assert!(pair.starts_with("__Host-daybook_refresh="), "{pair}");
    assert_eq!(attributes, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure");
    let refresh = |cookie: &str| from_here(house.call("POST", REFRESH)).header("Cookie", cookie).send();
    refresh(pair).expect(200);
    let plain = pair.trim_start_matches("__Host-");
    refresh(plain).expect(401);
    from_here(house.call("POST", REFRESH)).send().expect(401);
}

#[test]
fn an_empty_body_is_as_good_as_none() {
    let house = House::new();
    house.register("ada", "UTC");
    let answer = from_here(sign_in(&house)).send().expect(200);
    let mut pair = cookie(&answer).0.to_owned();
    for body in ["", "{}", r#"{"refresh_token": null}"#] {
        let call = from_here(house.call("POST", REFRESH)).header("Cookie", &pair);
        let answer = call.raw_json(body.as_bytes()).send().expect(200);
        cookie(&answer).0.clone_into(&mut pair);
    }
    for (body, status) in [("{", 400), ("[]", 422), (r#"{"stranger": 1}"#, 422)] {
        let call = from_here(house.call("POST", REFRESH)).header("Cookie", &pair);
        call.raw_json(body.as_bytes()).send().expect(status);
    }
    let call = from_here(house.call("POST", REFRESH)).header("Cookie", &pair);
    call.bytes(b"{}").send().expect(415);
}

#[test]
fn a_token_in_the_body_beside_the_cookie_is_a_fault_and_uses_neither() {
    let house = House::new();
    let ada = house.person("ada");
    let answer = from_here(sign_in(&house)).send().expect(200);
    let pair = cookie(&answer).0;
    let body = json!({"refresh_token": ada.refresh});
    let call = from_here(house.call("POST", REFRESH)).header("Cookie", pair);
    call.json(&body)
        .send()
        .expect_faults(&[("/refresh_token", "also_in_cookie")]);
    house.post(REFRESH, &body).expect(200);
    from_here(house.call("POST", REFRESH))
        .header("Cookie", pair)
        .send()
        .expect(200);
}

#[test]
fn a_cookie_that_is_not_good_is_401_and_taken_back() {
    let house = House::new();
    let ada: Person = house.person("ada");
    let good = format!("daybook_refresh={}", ada.refresh);
    for bad in [
        "daybook_refresh=".to_owned(),
        "daybook_refresh=nonsense".to_owned(),
        format!("daybook_refresh=\"{}\"", ada.refresh),
        format!("{good}; {good}"),
        format!("daybook_refresh={}", "x".repeat(50_000)),
    ] {
        let answer = from_here(house.call("POST", REFRESH))
            .header("Cookie", &bad)
            .send()
            .expect(401);
        assert!(forgets(&answer), "{answer:?}");
    }
    house.accounts.fail(true);
    let away = from_here(house.call("POST", REFRESH))
        .header("Cookie", &good)
        .send()
        .expect(503);
    assert_eq!(away.header("set-cookie"), None, "it may be good once we can look");
    house.accounts.fail(false);
    from_here(house.call("POST", REFRESH))
        .header("Cookie", &good)
        .send()
        .expect(200);
}

#[test]
fn another_sites_page_gets_no_cookie_and_cannot_use_one() {
    let house = House::new();
    let ada = house.person("ada");
    let good = format!("daybook_refresh={}", ada.refresh);
    let elsewhere: [&[(&str, &str)]; 7] = [
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://test")],
        &[("Origin", "https://example.org")],
        &[("Origin", "null")],
        &[("Origin", "http://test"), ("Origin", "http://test")],
    ];
    for headers in elsewhere {
        for call in [sign_in(&house), house.call("POST", REFRESH).header("Cookie", &good)] {
            let call = headers
                .iter()
                .fold(call, |call, (name, value)| call.header(name, value));
            let answer = call.send().expect(403);
            assert_eq!(answer.json()["type"], "urn:problem-type:daybook:cross_site");
            assert_eq!(answer.header("set-cookie"), None, "{headers:?}");
        }
    }
    // The host of every request here is `test`.
    let call = house.call("POST", REFRESH).header("Cookie", &good);
    let answer = call.header("Origin", "http://test").send().expect(200);
    assert_ne!(cookie(&answer).0, good);
    sign_in(&house).header("Origin", "https://test").send().expect(200);
    // What says nothing of where it comes from is a program, which has the cookie because it was given it.
    let answer = sign_in(&house).send().expect(200);
    let taken = cookie(&answer).0;
    let call = house.call("POST", REFRESH).header("Cookie", taken);
    assert_ne!(cookie(&call.send().expect(200)).0, taken);
}

#[test]
fn where_people_reach_the_server_decides_once_it_is_set() {
    let house = public_house();
    house.register("ada", "UTC");
    sign_in(&house).header("Origin", PUBLIC).send().expect(200);
    sign_in(&house).header("Origin", "http://test").send().expect(403);
}

#[test]
fn a_session_is_in_a_cookie_or_not() {
    let house = House::new();
    for query in ["session=body", "session=", "session=Cookie"] {
        let call = house.call("POST", &format!("/api/v1/auth/login?{query}"));
        let answer = call.header("X-Device-Id", "x").json(&json!({})).send();
        answer.expect_faults(&[("/query/session", "unknown_session")]);
    }
}
