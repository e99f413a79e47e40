//! The security log: what happened to an account, page by page, for its person and for nobody else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::house::{House, Person};

const LOG: &str = "/api/v1/users/me/security-log";

fn page(house: &House, person: &Person, query: &str) -> Value {
    house.get(person, &format!("{LOG}?{query}")).expect(200).json()
}

fn entries(page: &Value) -> Vec<Value> {
    page["entries"].as_array().expect("a list").clone()
}

#[test]
fn what_happened_is_told_with_when_and_from_where_the_newest_first() {
    let house = House::new();
    house.register("ada", "UTC");
    house.clock.advance(Duration::from_secs(90));
    let ada = house.sign_in("ada", "laptop");
    let log = house.get(&ada, LOG).expect(200).json();
    let session = ada.token.rsplit('.').next().expect("a session");
    let expected = json!({
        "entries": [
            {
                "id": log["entries"][0]["id"],
                "at": "2026-03-01T12:01:30Z",
                "event": "signed_in",
                "device_id": ada.device,
                "session_id": session,
                "address": "127.0.0.1",
            },
            {
                "id": log["entries"][1]["id"],
                "at": "2026-03-01T12:00:00Z",
                "event": "registered",
                "device_id": null,
                "session_id": null,
                "address": "127.0.0.1",
            },
        ],
        "next_cursor": null,
    });
    assert_eq!(log, expected);
}

#[test]
fn pages_join_to_the_whole_with_nothing_twice() {
    let house = House::new();
    let mut ada = house.person("ada");
    for _ in 0..5 {
        ada = house.sign_in("ada", "ada-laptop");
    }
    let whole = entries(&page(&house, &ada, "limit=500"));
    assert_eq!(whole.len(), 7);
    for limit in [1, 3, 6, 7, 8] {
        let mut read = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = page(&house, &ada, &format!("limit={limit}{cursor}"));
            assert!(entries(&page).len() <= limit, "{page}");
            read.extend(entries(&page));
            let Some(next) = page["next_cursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(read, whole, "{limit}");
    }
}

#[test]
fn a_page_has_100_entries_unless_the_query_says_otherwise() {
    let house = House::new();
    let mut ada = house.person("ada");
    for _ in 0..100 {
        ada = house.sign_in("ada", "ada-laptop");
    }
    let first = house.get(&ada, LOG).expect(200).json();
    assert_eq!(entries(&first).len(), 100);
    let cursor = first["next_cursor"].as_str().expect("there is more");
    let second = page(&house, &ada, &format!("cursor={cursor}"));
    assert_eq!((entries(&second).len(), &second["next_cursor"]), (2, &json!(null)));
}

#[test]
fn a_limit_or_a_cursor_that_is_none_is_refused() {
    let house = House::new();
    let ada = house.person("ada");
    for limit in ["1", "500"] {
        page(&house, &ada, &format!("limit={limit}"));
    }
    let refused = |query: &str, faults: &[(&str, &str)]| {
        house.get(&ada, &format!("{LOG}?{query}")).expect_faults(faults);
    };
    for limit in ["0", "501", "-1", "1.5", "x", "", "1e2", "99999999999999999999999"] {
        refused(&format!("limit={limit}"), &[("/query/limit", "out_of_range")]);
    }
    for cursor in [
        "",
        "x",
        "0195505a-0000-7000-8000-000000000000",
        "0195505A000070008000000000000000",
        "%00",
        &"0".repeat(33),
    ] {
        refused(&format!("cursor={cursor}"), &[("/query/cursor", "invalid_cursor")]);
    }
    refused(
        "limit=0&cursor=x",
        &[("/query/limit", "out_of_range"), ("/query/cursor", "invalid_cursor")],
    );
    refused("limit=1&limit=2", &[("/query/limit", "duplicate")]);
    refused("before=now", &[("/query/before", "unknown_field")]);
}

#[test]
fn nobody_sees_what_happened_to_another() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    for name in ["ada", "nobody"] {
        house.login(name, "x", ("wrong horse", None)).expect(401);
        house
            .post(
                "/api/v1/auth/password-reset",
                &json!({"email": format!("{name}@example.org")}),
            )
            .expect(202);
    }
    house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201);
    let expected = [
        "api_key_created",
        "password_reset_requested",
        "sign_in_failed",
        "signed_in",
        "registered",
    ];
    assert_eq!(house.log(&ada), expected);
    assert_eq!(house.log(&eve), ["signed_in", "registered"]);

    let of_ada = page(&house, &ada, "limit=1");
    let cursor = of_ada["next_cursor"].as_str().expect("there is more");
    let seen = entries(&page(&house, &eve, &format!("cursor={cursor}")));
    let own = entries(&page(&house, &eve, "limit=500"));
    assert!(
        seen.iter().all(|entry| own.contains(entry)),
        "a cursor of another leads to one's own"
    );
}
