//! `GET /api/v1/usage/timeline`.

use serde_json::json;

use crate::house::{House, Person};

fn tracked() -> (House, Person) {
    let house = House::new();
    let ada = house.person("ada");
    let pings = [
        (
            "Browser",
            Some("https://www.example.org/page?secret=1"),
            "2026-02-28T23:00:00Z",
            "2026-03-01T01:30:00Z",
        ),
        ("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T09:30:00Z"),
        ("Editor", None, "2026-03-01T09:30:00Z", "2026-03-01T10:00:00.250Z"),
    ];
    house.tracked(&ada, &pings);
    (house, ada)
}

#[test]
fn a_day_is_answered_as_its_segments_cut_to_it() {
    let (house, ada) = tracked();
    let expected = json!({
        "timezone": "UTC",
        "segments": [
            {
                "start_time": "2026-03-01T00:00:00Z",
                "end_time": "2026-03-01T01:30:00Z",
                "app_name": "Browser",
                "domain": "example.org",
                "device_id": ada.device,
                "seconds": 5_400,
            },
            {
                "start_time": "2026-03-01T09:00:00Z",
                "end_time": "2026-03-01T10:00:00.250Z",
                "app_name": "Editor",
                "domain": null,
                "device_id": ada.device,
                "seconds": 3_600.25,
            },
        ],
    });
    for query in ["", "?date=2026-03-01", "?from=2026-03-01&to=2026-03-01", "?tz=UTC"] {
        let answer = house.get(&ada, &format!("/api/v1/usage/timeline{query}"));
        assert_eq!(answer.expect(200).json(), expected, "{query}");
    }
    let whole = r#""seconds":5400}"#;
    let text = String::from_utf8(house.get(&ada, "/api/v1/usage/timeline").body).expect("UTF-8");
    assert!(text.contains(whole), "whole seconds are written whole: {text}");
}

#[test]
fn instants_are_half_open_and_may_have_any_offset_with_the_plus_written_either_way() {
    let (house, ada) = tracked();
    for query in [
        "from=2026-03-01T00:30:00Z&to=2026-03-01T09:00:00Z",
        "from=2026-03-01T01:30:00+01:00&to=2026-03-01T10:00:00%2B01:00",
        "from=2026-03-01T01%3A30%3A00%2b01%3A00&to=2026-02-28T19:00:00-14:00",
    ] {
        let answer = house
            .get(&ada, &format!("/api/v1/usage/timeline?{query}"))
            .expect(200)
            .json();
        let segments = answer["segments"].as_array().expect("a list");
        assert_eq!(segments.len(), 1, "{query}");
        assert_eq!(segments[0]["start_time"], "2026-03-01T00:30:00Z");
        assert_eq!(segments[0]["seconds"], 3_600);
    }
}

#[test]
fn the_zone_decides_which_day_it_is() {
    let (house, ada) = tracked();
    let day = |query: &str| {
        house
            .get(&ada, &format!("/api/v1/usage/timeline?{query}"))
            .expect(200)
            .json()
    };
    let tokyo = day("date=2026-03-01&tz=Asia/Tokyo");
    assert_eq!(tokyo["timezone"], "Asia/Tokyo");
    assert_eq!(
        tokyo["segments"][0]["start_time"], "2026-02-28T23:00:00Z",
        "a day there starts at 15:00 UTC"
    );
    assert_eq!(
        day("date=2026-03-01&tz=Etc/GMT%2B9")["segments"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        day("date=2026-03-01&tz=Etc/GMT+9")["segments"].as_array().map(Vec::len),
        Some(1)
    );

    let patch = house.call("PATCH", "/api/v1/users/me").token(&ada.token);
    patch.json(&json!({"timezone": "Asia/Tokyo"})).send().expect(200);
    assert_eq!(day("date=2026-03-01"), tokyo, "the person's own zone is the default");
}

#[test]
fn a_question_that_makes_no_sense_is_refused_with_every_fault() {
    let (house, ada) = tracked();
    for (query, faults) in [
        ("date=2026-02-30", vec![("/query/date", "invalid_day")]),
        (
            "date=today&tz=Mars",
            vec![("/query/date", "invalid_day"), ("/query/tz", "unknown_zone")],
        ),
        ("date=2026-03-01&from=2026-03-01", vec![("/query/date", "conflict")]),
        ("from=2026-03-01", vec![("/query/to", "required")]),
        ("to=2026-03-01", vec![("/query/from", "required")]),
        ("from=2026-03-02&to=2026-03-01", vec![("/query/to", "before_from")]),
        (
            "from=2026-03-01&to=2026-03-01T10:00:00Z",
            vec![("/query/to", "not_like_from")],
        ),
        (
            "from=2026-03-01T10:00:00Z&to=2026-03-01T10:00:00Z",
            vec![("/query/to", "not_after_from")],
        ),
        (
            "from=2026-03-01T10:00:00%20&to=",
            vec![("/query/from", "invalid_time"), ("/query/to", "invalid_day")],
        ),
        ("from=2026-01-01&to=2026-02-01", vec![("/query/to", "too_long")]),
        (
            "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00.001Z",
            vec![("/query/to", "too_long")],
        ),
        ("date=2026-03-01&date=2026-03-02", vec![("/query/date", "duplicate")]),
        (
            "day=2026-03-01&bridge=5",
            vec![("/query/day", "unknown_field"), ("/query/bridge", "unknown_field")],
        ),
    ] {
        let answer = house.get(&ada, &format!("/api/v1/usage/timeline?{query}"));
        answer.expect_faults(&faults);
    }
    house
        .get(&ada, "/api/v1/usage/timeline?from=2026-01-01&to=2026-01-31")
        .expect(200);
}
