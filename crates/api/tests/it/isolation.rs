//! What one person stored, another cannot read, change or even detect.

use serde_json::{Value, json};

use crate::house::{House, good_ping};

const READS: [&str; 4] = [
    "/api/v1/usage/timeline",
    "/api/v1/report/apps",
    "/api/v1/report/urls",
    "/api/v1/report/days",
];

#[test]
fn nobody_reads_what_another_tracked() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    let fresh: Vec<_> = READS
        .iter()
        .map(|route| house.get(&eve, route).expect(200).body)
        .collect();
    house.tracked(
        &ada,
        &[(
            "Editor",
            Some("https://example.org/"),
            "2026-03-01T09:00:00Z",
            "2026-03-01T10:00:00Z",
        )],
    );
    for (route, fresh) in READS.iter().zip(&fresh) {
        assert_eq!(house.get(&eve, route).body, *fresh, "{route}");
        assert_ne!(house.get(&ada, route).body, *fresh, "{route}");
    }
    let by_device = house
        .get(&eve, &format!("/api/v1/report/apps?device={}", ada.device))
        .expect(200)
        .json();
    assert_eq!(by_device["total_seconds"], 0, "a device of another is as good as none");
}

#[test]
fn nobody_changes_what_another_tracked() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    house.tracked(
        &ada,
        &[("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")],
    );
    let before: Vec<_> = READS.iter().map(|route| house.get(&ada, route).body).collect();
    // The device that signed in last would win, if it were the same person's.
    house.tracked(&eve, &[("Game", None, "2026-03-01T08:00:00Z", "2026-03-01T11:00:00Z")]);
    let patch = house.call("PATCH", "/api/v1/users/me").token(&eve.token);
    patch
        .json(&json!({"timezone": "Asia/Tokyo", "day_start": 3_600}))
        .send()
        .expect(200);
    let after: Vec<_> = READS.iter().map(|route| house.get(&ada, route).body).collect();
    assert_eq!(before, after);
}

#[test]
fn a_request_that_names_another_person_or_device_is_refused_whole() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    let with = |name: &str, id: &Value| {
        let mut ping = good_ping();
        ping[name] = id.clone();
        ping
    };
    for (name, own, other) in [("user_id", &eve.id, &ada.id), ("device_id", &eve.device, &ada.device)] {
        for id in [json!(other), json!("nobody"), json!(5), json!({})] {
            let mut list = json!({"pings": [good_ping()]});
            list[name] = id.clone();
            for body in [with(name, &id), json!({"pings": [good_ping(), with(name, &id)]}), list] {
                house.track(&eve, &body).expect(403);
            }
        }
        let patch = house.call("PATCH", "/api/v1/users/me").token(&eve.token);
        patch.json(&json!({"full_name": "Ada", name: other})).send().expect(403);
        for route in READS.iter().chain(&["/api/v1/users/me"]) {
            house.get(&eve, &format!("{route}?{name}={other}")).expect(403);
            house.get(&eve, &format!("{route}?{name}={own}")).expect(200);
        }
        let track = |id: &str| {
            house
                .call("POST", &format!("/api/v1/usage/track?{name}={id}"))
                .token(&eve.token)
        };
        track(other).json(&good_ping()).send().expect(403);
        assert_eq!(house.waiting(), 0, "nothing of it is kept");

        house.track(&eve, &with(name, &json!(own))).expect(202);
        house
            .track(&eve, &json!({"pings": [with(name, &json!(own.to_uppercase()))]}))
            .expect(202);
        track(own).json(&good_ping()).send().expect(202);
        house.merge();
    }
    assert_eq!(house.get(&ada, "/api/v1/report/apps").json()["total_seconds"], 0);
}

#[test]
fn without_a_sound_token_nothing_is_answered() {
    let house = House::new();
    let ada = house.person("ada");
    let guarded = READS.iter().map(|route| ("GET", *route)).chain([
        ("GET", "/api/v1/users/me"),
        ("PATCH", "/api/v1/users/me"),
        ("POST", "/api/v1/usage/track"),
    ]);
    for (method, route) in guarded {
        let answer = house.call(method, route).send().expect(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        for header in [
            "Bearer",
            "Bearer ",
            "Bearer nonsense",
            &format!("Basic {}", ada.token),
            &format!("Bearer {}x", ada.token),
            &format!("Bearer {} ", ada.refresh),
        ] {
            let answer = house
                .call(method, route)
                .header("Authorization", header)
                .send()
                .expect(401);
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer error="invalid_token""#),
                "{header}"
            );
        }
        let twice = house.call(method, route).token(&ada.token).token(&ada.token).send();
        twice.expect(401);
    }
    house
        .call("GET", "/api/v1/users/me")
        .header("Authorization", &format!("bearer {}", ada.token))
        .send()
        .expect(200);
}
