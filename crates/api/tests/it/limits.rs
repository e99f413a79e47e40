//! How much anybody may ask, and what they are told: no more, and nothing lost by it.

use std::io::Write;

use api::{Rate, Rates};
use serde_json::json;

use crate::client::{Answer, connect, document, read};
use crate::house::{House, METERS, Person, good_ping};

const TRACK: &str = "/api/v1/usage/track";
const ME: &str = "/api/v1/users/me";

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

/// A house where all but one limit are wide.
fn house(change: impl FnOnce(&mut Rates)) -> House {
    let mut rates = Rates::default();
    change(&mut rates);
    House::with(|_, settings| settings.edge.rates = Some(rates))
}

/// The answer, if it is a refusal with these headers, and a time to wait that is at most the hour in which a token comes back.
#[track_caller]
fn refused(answer: Answer, limit: &str, policy: &str) -> Answer {
    let answer = answer.expect(429);
    assert_eq!(answer.json()["type"], "urn:problem-type:daybook:too_many_requests");
    assert_eq!(answer.header("ratelimit"), Some(limit));
    assert_eq!(answer.header("ratelimit-policy"), Some(policy));
    let retry_after = answer.header("retry-after").and_then(|secs| secs.parse().ok());
    // Some of it may have passed since the first was taken.
    assert!(
        retry_after.is_some_and(|secs| (1_800..=3_600).contains(&secs)),
        "{answer:?}"
    );
    answer
}

#[test]
fn a_device_may_send_its_burst_of_pings_and_no_more() {
    let house = house(|rates| rates.pings = rate("1/h burst 3"));
    let laptop = house.person("ada");
    let phone = house.sign_in("ada", "phone");
    for left in [
        "\"device\";r=2;t=3600",
        "\"device\";r=1;t=7200",
        "\"device\";r=0;t=10800",
    ] {
        let answer = house.track(&laptop, &good_ping()).expect(202);
        assert_eq!(answer.header("ratelimit"), Some(left));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"device\";q=3;w=10800"));
        assert_eq!(answer.header("retry-after"), None);
    }
    assert_eq!(house.waiting(), 3);
    for _ in 0..2 {
        let answer = house.track(&laptop, &good_ping());
        refused(answer, "\"device\";r=0;t=10800", "\"device\";q=3;w=10800");
    }
    assert_eq!(house.waiting(), 3, "nothing was kept of what was refused");
    house.track(&phone, &good_ping()).expect(202);
    house.get(&laptop, ME).expect(200);
}

#[test]
fn imported_history_comes_out_of_the_bucket_of_pings() {
    let house = house(|rates| rates.pings = rate("1/h burst 2"));
    let ada = house.person("ada");
    let heartbeat = json!({"time": "2026-02-01T09:00:00Z", "app_name": "vim"});
    let body = json!({"source": "Old", "heartbeats": [heartbeat]});
    house.track(&ada, &good_ping()).expect(202);
    let import = |query: &str| house.send(&ada, "POST", &format!("/api/v1/usage/import{query}"), &body);
    let answer = import("").expect(202);
    assert_eq!(answer.header("ratelimit"), Some("\"device\";r=0;t=7200"));
    for query in ["", "?dry_run=true"] {
        refused(import(query), "\"device\";r=0;t=7200", "\"device\";q=2;w=7200");
    }
    assert_eq!(house.waiting(), 2);
}

#[test]
fn an_account_has_one_bucket_for_all_else_on_all_its_devices() {
    let house = house(|rates| rates.account = rate("1/h burst 4"));
    // Each has looked at itself once when it signed in.
    let laptop = house.person("ada");
    let phone = house.sign_in("ada", "phone");
    let bob = house.person("bob");
    let answer = house.get(&laptop, ME).expect(200);
    assert_eq!(answer.header("ratelimit"), Some("\"account\";r=1;t=10800"));
    house.get(&phone, "/api/v1/report/apps").expect(200);
    let answer = house.get(&laptop, "/api/v1/usage/timeline");
    refused(answer, "\"account\";r=0;t=14400", "\"account\";q=4;w=14400");
    house.get(&phone, ME).expect(429);
    house.get(&bob, ME).expect(200);
    house.track(&laptop, &good_ping()).expect(202);
}

#[test]
fn an_address_has_one_bucket_for_all_that_shows_no_sound_token() {
    let house = house(|rates| rates.address = rate("1/h burst 9"));
    // Two of the nine.
    let ada = house.person("ada");
    let body = json!({"email": "ada@example.org", "password": "wrong password"});
    let login = || {
        house
            .call("POST", "/api/v1/auth/login")
            .header("X-Device-Id", "x")
            .json(&body)
    };
    login().send().expect(401);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": "x"}))
        .expect(401);
    house.call("GET", ME).send().expect(401);
    house
        .call("POST", TRACK)
        .token("forged")
        .json(&good_ping())
        .send()
        .expect(401);
    house.call("GET", "/nothing").token(&ada.token).send().expect(404);
    house.call("GET", "/api/docs/").send().expect(200);
    let answer = house.call("GET", "/api/openapi.json").send().expect(200);
    assert_eq!(answer.header("ratelimit"), Some("\"address\";r=0;t=32400"));

    refused(login().send(), "\"address\";r=0;t=32400", "\"address\";q=9;w=32400");
    let anonymous = [
        ("POST", "/api/v1/users/register"),
        ("POST", "/api/v1/auth/refresh"),
        ("GET", ME),
        ("POST", TRACK),
        ("GET", "/nothing"),
        ("BREW", TRACK),
        ("OPTIONS", TRACK),
        ("GET", "/"),
        ("GET", "/api/docs"),
        ("GET", "/api/docs/index.css"),
        ("GET", "/api/openapi.json"),
    ];
    for (method, path) in anonymous {
        house.call(method, path).json(&json!({})).send().expect(429);
    }
    house.call("GET", "/health/live").send().expect(200);
    house.call("GET", "/health/ready").send().expect(200);
    house.get(&ada, ME).expect(200);
    house.track(&ada, &good_ping()).expect(202);
}

#[test]
fn every_operation_is_counted_but_those_that_watch_the_server() {
    let house = House::new();
    let ada = house.person("ada");
    for (path, item) in document()["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            for token in [ada.token.as_str(), "forged"] {
                let answer = house
                    .call(&method.to_uppercase(), path)
                    .token(token)
                    .json(&json!({}))
                    .send();
                let limited = !path.starts_with("/health/");
                assert_eq!(
                    answer.header("ratelimit").is_some(),
                    limited,
                    "{method} {path}: {answer:?}"
                );
                assert_eq!(answer.header("ratelimit-policy").is_some(), limited, "{method} {path}");
            }
        }
    }
}

#[test]
fn whoever_is_refused_is_refused_before_the_body_is_here() {
    let house = house(|rates| rates.address = rate("1/h burst 1"));
    house.call("GET", "/nothing").send().expect(404);
    let mut stream = connect(house.address());
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("sent");
    read(&mut stream).expect(429);
}

#[test]
fn without_limits_nobody_is_refused_or_told_of_any() {
    let house = House::with(|_, settings| settings.edge.rates = None);
    let ada = house.person("ada");
    for _ in 0..3 {
        let answer = house.track(&ada, &good_ping()).expect(202);
        assert_eq!(
            (answer.header("ratelimit"), answer.header("ratelimit-policy")),
            (None, None)
        );
    }
    house.call("GET", ME).send().expect(401);
}

#[test]
fn behind_a_proxy_that_is_trusted_each_client_has_its_own_bucket() {
    let proxied = |proxies: &str| {
        House::with(|_, settings| {
            settings.edge.trusted_proxies = proxies.parse().expect("proxies");
            settings.edge.rates = Some(Rates {
                address: rate("1/h burst 2"),
                ..Rates::default()
            });
        })
    };
    let call = |house: &House, forwarded: &str| {
        let call = house.call("GET", "/nothing").header("X-Forwarded-For", forwarded);
        call.send().status
    };
    let house = proxied("127.0.0.1");
    let asked = ["203.0.113.1", "1.1.1.1, 203.0.113.1", "1.1.1.2, 203.0.113.1:99"].map(|from| call(&house, from));
    assert_eq!(
        asked,
        [404, 404, 429],
        "what a client puts before its address chooses nothing"
    );
    assert_eq!(call(&house, "203.0.113.2"), 404);
    let networks = ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"].map(|from| call(&house, from));
    assert_eq!(networks, [404, 404, 429], "a network of IPv6 is one client");
    let garbage = ["", "unknown", &"9".repeat(10_000)].map(|from| call(&house, from));
    assert_eq!(garbage, [404, 404, 429], "no address is the proxy's");

    let house = proxied("10.0.0.0/8");
    let asked = ["203.0.113.1", "203.0.113.2", "10.0.0.1"].map(|from| call(&house, from));
    assert_eq!(asked, [404, 404, 429], "a stranger is not believed");
}

#[test]
fn refusals_are_counted_by_limit() {
    let count = || {
        let text = METERS.render();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("daybook_requests_limited_total{limit=\"device\"} "));
        line.map_or(0, |count| count.parse::<u64>().expect("a count"))
    };
    let house = house(|rates| rates.pings = rate("1/h burst 1"));
    let ada = house.person("ada");
    let before = count();
    send(&house, &ada, 4);
    // Other tests of this process count too.
    assert!(count() >= before + 3);
}

fn send(house: &House, person: &Person, pings: usize) {
    for at in 0..pings {
        house
            .track(person, &good_ping())
            .expect(if at == 0 { 202 } else { 429 });
    }
}
