//! The manner of every answer: what is wrong is told in one form, and nothing of the inside is.

use std::io::Write;

use async_trait::async_trait;
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::PingQueue;
use serde_json::{Value, json};

use crate::client::{connect, read, takers_of_bodies};
use crate::house::{House, good_ping};
use crate::wiring::door_to;

const TRACK: &str = "/api/v1/usage/track";

#[test]
fn malformed_json_is_400() {
    let house = House::new();
    let ada = house.person("ada");
    let malformed: [&[u8]; 9] = [
        b"",
        b" ",
        b"{",
        b"{\"app_name\": \"Editor\",}",
        b"{'app_name': 'Editor'}",
        b"[1,",
        b"{} {}",
        b"nul",
        b"{\"app_name\": \"\xff\"}",
    ];
    for (method, route) in &takers_of_bodies() {
        for body in malformed {
            let call = house
                .call(method, route)
                .token(&ada.token)
                .header("X-Device-Id", "laptop");
            let problem = call.raw_json(body).send().expect(400).json();
            assert_eq!(problem["type"], "urn:problem-type:daybook:malformed_body");
        }
        let nested = "[".repeat(1 << 19);
        let call = house
            .call(method, route)
            .token(&ada.token)
            .header("X-Device-Id", "laptop");
        call.raw_json(nested.as_bytes()).send().expect(400);
    }
    assert_eq!(house.waiting(), 0);
}

#[test]
fn a_malformed_query_is_400() {
    let house = House::new();
    let ada = house.person("ada");
    for query in ["date=%", "date=%zz", "%ff=1", "tz=%C3"] {
        for route in ["/api/v1/report/apps", "/api/v1/usage/timeline", "/api/v1/users/me"] {
            let problem = house.get(&ada, &format!("{route}?{query}")).expect(400).json();
            assert_eq!(problem["type"], "urn:problem-type:daybook:malformed_query");
        }
    }
}

#[test]
fn a_parameter_that_means_nothing_is_refused_on_every_route_of_the_api() {
    let house = House::new();
    let ada = house.person("ada");
    for (method, route) in &takers_of_bodies() {
        let call = house
            .call(method, &format!("{route}?stranger=x"))
            .token(&ada.token)
            .json(&json!({}));
        call.send().expect_faults(&[("/query/stranger", "unknown_field")]);
    }
}

#[test]
fn what_is_not_here_is_404_and_a_method_that_a_route_does_not_take_is_405() {
    let house = House::new();
    for path in [
        "/nothing",
        "/api",
        "/api/v1/usage",
        "/api/v1/usage/track/",
        "/api/v1/devices/",
        "/api/v1/devices/any/more",
        "/api/v1//usage/track",
        "/metrics",
        "/api/docs/nothing",
        "/api/v1/devices%2Fany",
        "/%",
        "/%zz",
        "/%00",
    ] {
        house.call("GET", path).send().expect(404);
    }
    for (method, path, allow) in [
        ("GET", TRACK, "POST"),
        ("PUT", "/api/v1/users/me", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/api/v1/devices/any", "PATCH, DELETE"),
        ("PATCH", "/api/v1/api-keys/any", "DELETE"),
        ("DELETE", "/api/v1/api-keys", "GET, HEAD, POST"),
        ("POST", "/api/v1/report/apps", "GET, HEAD"),
        ("POST", "/api/openapi.json", "GET, HEAD"),
        ("PUT", "/health/ready", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/api/docs/", "GET, HEAD"),
        ("BREW", "/api/v1/auth/login", "POST"),
        // A letter is the same letter when it is percent-encoded.
        ("POST", "/api/v1/report/%61pps", "GET, HEAD"),
        ("GET", "/api/v1/devices/%ff", "PATCH, DELETE"),
    ] {
        let answer = house.call(method, path).send().expect(405);
        assert_eq!(answer.header("allow"), Some(allow), "{path}");
    }
}

#[test]
fn the_error_in_the_docs_is_the_one_that_the_server_answers() {
    let (_, rest) = include_str!("../../../../docs/api.md")
        .split_once("## Errors")
        .expect("a chapter on errors");
    let (_, rest) = rest.split_once("```json").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let example: Value = serde_json::from_str(example).expect("JSON");
    let house = House::new();
    let ada = house.person("ada");
    let ping = json!({"app_name": "", "start_time": "2026-03-01T09:00:00Z", "end_time": "2026-03-01T09:00:00Z"});
    assert_eq!(house.track(&ada, &ping).expect(422).json(), example);
}

#[test]
fn a_body_that_is_not_json_by_its_own_word_is_415() {
    let house = House::new();
    let ada = house.person("ada");
    let body = good_ping().to_string();
    for (method, route) in &takers_of_bodies() {
        let call = || {
            house
                .call(method, route)
                .token(&ada.token)
                .header("X-Device-Id", "laptop")
                .bytes(body.as_bytes())
        };
        call().send().expect(415);
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=latin1",
            "",
        ] {
            call().header("Content-Type", other).send().expect(415);
        }
        let zipped = call()
            .header("Content-Type", "application/json")
            .header("Content-Encoding", "gzip")
            .send();
        zipped.expect(415);
    }
    let call = house.call("POST", TRACK).token(&ada.token).bytes(body.as_bytes());
    call.header("Content-Type", "Application/JSON; charset=\"UTF-8\"")
        .send()
        .expect(202);
}

#[test]
fn a_body_over_a_mebibyte_is_413_however_it_is_sent() {
    let house = House::new();
    let ada = house.person("ada");
    let padded = |bytes: usize| {
        let body = good_ping().to_string();
        body.clone() + &" ".repeat(bytes - body.len())
    };
    let (fits, over) = (padded(1 << 20), padded((1 << 20) + 1));
    let call = || house.call("POST", TRACK).token(&ada.token);
    call().raw_json(fits.as_bytes()).send().expect(202);
    call().raw_json(over.as_bytes()).send().expect(413);
    house
        .call("POST", "/api/v1/auth/login")
        .raw_json(over.as_bytes())
        .send()
        .expect(413);

    for (body, status) in [(&fits, 202), (&over, 413)] {
        let mut stream = connect(house.address());
        let head = format!(
            "POST {TRACK} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
            ada.token
        );
        stream.write_all(head.as_bytes()).expect("sent");
        for chunk in body.as_bytes().chunks(10_000) {
            let size = format!("{:x}\r\n", chunk.len());
            let parts = [size.as_bytes(), chunk, b"\r\n"];
            // The server may have closed before it took all of a body that is too large.
            if parts.iter().try_for_each(|part| stream.write_all(part)).is_err() {
                break;
            }
        }
        drop(stream.write_all(b"0\r\n\r\n"));
        let answer = read(&mut stream).expect(status);
        assert!(answer.header("x-request-id").is_some());
    }
}

#[test]
fn what_is_away_is_503_with_a_time_to_come_back_that_differs() {
    let house = House::new();
    let ada = house.person("ada");
    house.queue.fail(true);
    house.accounts.fail(true);
    let call = || house.track(&ada, &good_ping()).expect(503);
    let times: std::collections::BTreeSet<_> = (0..5)
        .map(|_| call().header("retry-after").map(str::to_owned))
        .collect();
    assert!(
        times.len() > 1,
        "those who were turned away together do not come back together"
    );
    let text = String::from_utf8(call().body).expect("UTF-8");
    assert!(!text.contains("the queue is away"), "the cause is for the log: {text}");
    let body = json!({"email": "bob@example.org", "password": "correct horse", "full_name": "Bob"});
    house.post("/api/v1/users/register", &body).expect(503);
    house
        .post("/api/v1/auth/refresh", &json!({"refresh_token": ada.refresh}))
        .expect(503);
}

struct BrokenQueue;

#[async_trait]
impl PingQueue for BrokenQueue {
    async fn push_by(&self, _: Lane, _: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        Err(PortError::bug("keep a ping", "relation app_usage does not exist"))
    }
}

#[test]
fn a_mistake_of_ours_is_500_and_shows_nothing_of_the_inside() {
    let house = House::with(|services, _| {
        services.track = door_to(BrokenQueue, services);
    });
    let ada = house.person("ada");
    let call = house.call("POST", TRACK).token(&ada.token).json(&good_ping());
    let answer = call.bug_expected().send().expect(500);
    let expected = json!({
        "type": "urn:problem-type:daybook:bug",
        "title": "The server made a mistake",
        "status": 500,
        "detail": "it has been logged under the request id that this answer carries",
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn a_request_id_is_taken_if_it_is_sound_and_otherwise_made() {
    let house = House::new();
    let with = |id: &str| {
        let answer = house.call("GET", "/health/live").header("X-Request-Id", id).send();
        answer.header("x-request-id").expect("always there").to_owned()
    };
    for sound in ["a", "0197f3c2-a1b0", &"~".repeat(128)] {
        assert_eq!(with(sound), sound);
    }
    let made: std::collections::BTreeSet<_> = ["", "two words", &"x".repeat(129), "caf\u{e9}"].map(with).into();
    assert_eq!(made.len(), 4, "no two are alike");
    assert!(
        made.iter()
            .all(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
    );
    house.call("GET", "/nothing").send().expect(404);
}

#[test]
fn nothing_but_the_page_may_be_kept_by_a_cache() {
    let house = House::new();
    let ada = house.person("ada");
    let answers = [
        house.get(&ada, "/api/v1/users/me").expect(200),
        house.track(&ada, &good_ping()).expect(202),
        house.call("GET", "/api/v1/users/me").send().expect(401),
        house.get(&ada, "/api/v1/report/apps?x=1").expect(422),
    ];
    for answer in answers {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn of_very_many_unknown_fields_only_the_first_are_named() {
    let house = House::new();
    let fields: serde_json::Map<_, _> = (0..10_000).map(|n| (format!("field{n}"), json!(1))).collect();
    let answer = house.post("/api/v1/auth/refresh", &json!(fields)).expect(422);
    assert_eq!(
        answer.faults().len(),
        1 + 32 + 1,
        "the one that is missing, the first, and how many more"
    );
    let long = json!({"x".repeat(100_000): 1});
    let answer = house.post("/api/v1/auth/refresh", &long).expect(422);
    assert!(answer.body.len() < 2_000, "a name is not repeated at length");
}
