//! Whatever is thrown at a route, it answers in its manner: never a 500, and nothing of it reaches the queue.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::client::takers_of_bodies;
use crate::house::{House, Person, good_ping};

const TRACK: (&str, &str) = ("POST", "/api/v1/usage/track");
const QUERIES: [&str; 6] = [
    "/api/v1/usage/timeline",
    "/api/v1/report/apps",
    "/api/v1/report/urls",
    "/api/v1/report/days",
    "/api/v1/users/me",
    "/api/v1/users/me/security-log",
];
const NAMES: [&str; 27] = [
    "app_name",
    "url",
    "start_time",
    "end_time",
    "passive",
    "seq",
    "pings",
    "user_id",
    "device_id",
    "email",
    "password",
    "full_name",
    "timezone",
    "refresh_token",
    "day_start",
    "heartbeat_timeout",
    "code",
    "new_password",
    "token",
    "name",
    "precedence",
    "scopes",
    "device_name",
    "platform",
    "date",
    "tz",
    "",
];

fn cases() -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// JSON of any shape, with the names that mean something here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            "2026-03-01T09:00:00Z",
            "2026-03-01T09:00:60+23:59",
            "0000-12-31T00:00:00Z",
            "https://example.org/",
            "data:,",
            "Europe/Berlin",
            "\u{0}",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![
            prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
            any::<String>()
        ];
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name, inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn send(house: &House, person: &Person, (method, route): (&str, &str), body: &[u8]) {
    let call = house
        .call(method, route)
        .token(&person.token)
        .header("X-Device-Id", "laptop");
    let answer = call.raw_json(body).send();
    // Of a numbered ping that is refused the number may be queued, to be settled. It claims nothing.
    let claims = house.merge();
    if answer.status >= 400 {
        assert_eq!(claims, 0, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn random_bytes() {
    let house = House::new();
    let ada = house.person("ada");
    let bytes = (prop::sample::select(takers_of_bodies()), vec(any::<u8>(), 0..200));
    let result = cases().run(&bytes, |((method, route), bytes)| {
        send(&house, &ada, (&method, &route), &bytes);
        Ok(())
    });
    result.expect("no case fails");
}

#[test]
fn random_json() {
    let house = House::new();
    let ada = house.person("ada");
    let json = (prop::sample::select(takers_of_bodies()), any_json());
    let result = cases().run(&json, |((method, route), json)| {
        send(&house, &ada, (&method, &route), json.to_string().as_bytes());
        Ok(())
    });
    result.expect("no case fails");
}

#[test]
fn pings_that_were_nearly_good() {
    let house = House::new();
    let ada = house.person("ada");
    let change = (prop::sample::select(NAMES.to_vec()), any_json());
    let pings = vec((vec(change, 0..3), any::<bool>()), 0..4);
    // A number that is out of the queue's reach would leave an arrival behind that is no garbage, so none is sent.
    let result = cases().run(&(pings, any::<bool>()), |(pings, single)| {
        let pings: Vec<Value> = pings
            .into_iter()
            .map(|(changes, whole)| {
                let mut ping = if whole { good_ping() } else { json!({}) };
                for (name, value) in changes.into_iter().filter(|(name, _)| *name != "seq") {
                    ping[name] = value;
                }
                ping
            })
            .collect();
        let body = if single {
            pings.first().cloned().unwrap_or_default()
        } else {
            json!({"pings": pings})
        };
        send(&house, &ada, TRACK, body.to_string().as_bytes());
        Ok(())
    });
    result.expect("no case fails");
}

#[test]
fn cut_and_spoilt_bodies() {
    let house = House::new();
    let ada = house.person("ada");
    let whole = json!({"pings": [good_ping(), good_ping()]}).to_string().into_bytes();
    let spoilt = (0..whole.len(), any::<u8>(), any::<bool>());
    let result = cases().run(&spoilt, |(at, byte, cut)| {
        let mut body = whole.clone();
        body[at] = byte;
        body.truncate(if cut { at } else { body.len() });
        send(&house, &ada, TRACK, &body);
        Ok(())
    });
    result.expect("no case fails");
}

#[test]
fn random_queries() {
    let house = House::new();
    let ada = house.person("ada");
    let name = prop::sample::select(vec![
        "date", "from", "to", "tz", "bridge", "device", "limit", "cursor", "user_id", "x", "%", "%64ate",
    ]);
    let value = prop_oneof![
        // Without what no URI may hold: that is refused before it is a request.
        "[!$-;=?-Z_a-z~]{0,20}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00(Z|[+-][0-2][0-9]:00)",
        Just("Europe/Berlin".to_owned()),
    ];
    let query = (prop::sample::select(QUERIES.to_vec()), vec((name, value), 0..4));
    let result = cases().run(&query, |(route, pairs)| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = house.get(&ada, &format!("{route}?{}", pairs.join("&")));
        prop_assert!([200, 400, 403, 422].contains(&answer.status), "{}", answer.status);
        Ok(())
    });
    result.expect("no case fails");
}
