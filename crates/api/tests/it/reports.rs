//! `GET /api/v1/report/apps`, `/urls` and `/days`.

use serde_json::{Value, json};

use crate::house::{House, Person};

const REPORTS: [&str; 3] = ["/api/v1/report/apps", "/api/v1/report/urls", "/api/v1/report/days"];

/// Two days of somebody in Berlin: 1 March has an hour in a browser and 90 minutes in two other applications, the night between belongs to both.
fn tracked() -> (House, Person) {
    let house = House::new();
    house.register("ada", "Europe/Berlin");
    let ada = house.sign_in("ada", "laptop");
    let pings = [
        ("Player", None, "2026-02-28T22:30:00Z", "2026-02-28T23:15:00Z"),
        (
            "Browser",
            Some("https://docs.example.org/a"),
            "2026-03-01T08:00:00Z",
            "2026-03-01T08:20:00Z",
        ),
        (
            "Browser",
            Some("https://www.example.com/b"),
            "2026-03-01T08:20:00Z",
            "2026-03-01T08:40:00Z",
        ),
        (
            "Browser",
            Some("about:blank"),
            "2026-03-01T08:40:00Z",
            "2026-03-01T09:00:00Z",
        ),
        ("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00.500Z"),
        ("Zeditor", None, "2026-03-01T10:30:00Z", "2026-03-01T11:30:00Z"),
    ];
    house.tracked(&ada, &pings);
    (house, ada)
}

fn report(house: &House, ada: &Person, target: &str) -> Value {
    house.get(ada, target).expect(200).json()
}

#[test]
fn time_by_application_is_longest_first_and_ties_go_by_name() {
    let (house, ada) = tracked();
    let answer = house.get(&ada, "/api/v1/report/apps").expect(200);
    let expected = r#"{"from":"2026-03-01","to":"2026-03-01","timezone":"Europe/Berlin","total_seconds":11700.5,"items":[{"app_name":"Editor","seconds":3600.5},{"app_name":"Browser","seconds":3600},{"app_name":"Zeditor","seconds":3600},{"app_name":"Player","seconds":900}]}"#;
    assert_eq!(
        String::from_utf8_lossy(&answer.body),
        expected,
        "today, in the person's zone"
    );
    assert_eq!(
        report(&house, &ada, "/api/v1/report/apps?date=2026-03-01")
            .to_string()
            .len(),
        expected.len()
    );
}

#[test]
fn time_by_site_is_longest_first_and_time_without_one_is_under_null() {
    let (house, ada) = tracked();
    let expected = json!({
        "from": "2026-03-01",
        "to": "2026-03-01",
        "timezone": "Europe/Berlin",
        "total_seconds": 11_700.5,
        "items": [
            {"domain": null, "seconds": 9_300.5},
            {"domain": "docs.example.org", "seconds": 1_200},
            {"domain": "example.com", "seconds": 1_200},
        ],
    });
    assert_eq!(report(&house, &ada, "/api/v1/report/urls?date=2026-03-01"), expected);
}

#[test]
fn days_are_all_there_and_add_up() {
    let (house, ada) = tracked();
    let target = "/api/v1/report/days?from=2026-02-27&to=2026-03-01";
    let expected = json!({
        "from": "2026-02-27",
        "to": "2026-03-01",
        "timezone": "Europe/Berlin",
        "total_seconds": 13_500.5,
        "days": [
            {"date": "2026-02-27", "seconds": 0, "items": []},
            {"date": "2026-02-28", "seconds": 1_800, "items": [{"app_name": "Player", "seconds": 1_800}]},
            {
                "date": "2026-03-01",
                "seconds": 11_700.5,
                "items": [
                    {"app_name": "Editor", "seconds": 3_600.5},
                    {"app_name": "Browser", "seconds": 3_600},
                    {"app_name": "Zeditor", "seconds": 3_600},
                    {"app_name": "Player", "seconds": 900},
                ],
            },
        ],
    });
    assert_eq!(report(&house, &ada, target), expected);
    let apps = report(&house, &ada, "/api/v1/report/apps?from=2026-02-27&to=2026-03-01");
    assert_eq!(apps["total_seconds"], expected["total_seconds"]);
    assert_eq!(apps["items"][3], json!({"app_name": "Player", "seconds": 2_700}));
}

#[test]
fn a_day_is_as_long_as_it_is_where_clocks_change() {
    let house = House::new();
    let ada = house.person("ada");
    let noon = domain::time::UnixMs(1_773_100_800_000);
    house.clock.set(noon);
    let ada = house.sign_in("ada", &format!("{}-2", ada.device));
    // 2026-03-08 in New York has 23 hours: 05:00Z to 04:00Z.
    let pings = [
        ("Editor", None, "2026-03-07T12:00:00Z", "2026-03-08T08:00:00Z"),
        ("Editor", None, "2026-03-08T08:00:00Z", "2026-03-09T08:00:00Z"),
    ];
    house.tracked(&ada, &pings);
    let days = report(
        &house,
        &ada,
        "/api/v1/report/days?from=2026-03-07&to=2026-03-09&tz=America/New_York",
    );
    let seconds: Vec<_> = days["days"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|day| &day["seconds"])
        .collect();
    assert_eq!(seconds, [&json!(17 * 3_600), &json!(23 * 3_600), &json!(4 * 3_600)]);
    assert_eq!(days["total_seconds"], 44 * 3_600);
}

#[test]
fn the_start_of_the_day_and_the_zone_are_the_persons_own() {
    let (house, ada) = tracked();
    let patch = house.call("PATCH", "/api/v1/users/me").token(&ada.token);
    patch
        .json(&json!({"timezone": "UTC", "day_start": 34_200}))
        .send()
        .expect(200);
    // The day of 28 February goes on until 09:30 UTC on 1 March.
    let before = report(&house, &ada, "/api/v1/report/apps?date=2026-02-28");
    assert_eq!(before["total_seconds"], 2_700 + 3_600 + 1_800);
    let today = report(&house, &ada, "/api/v1/report/apps");
    assert_eq!(
        (&today["from"], &today["total_seconds"]),
        (&json!("2026-03-01"), &json!(5_400.5))
    );
    assert_eq!(
        report(&house, &ada, "/api/v1/report/apps?tz=Asia/Tokyo")["timezone"],
        "Asia/Tokyo"
    );
}

#[test]
fn one_device_can_be_counted_alone() {
    let house = House::new();
    let laptop = house.person("ada");
    let phone = house.sign_in("ada", "phone");
    house.tracked(
        &laptop,
        &[("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")],
    );
    house.tracked(
        &phone,
        &[("Chat", None, "2026-03-01T09:20:00Z", "2026-03-01T09:30:00Z")],
    );
    for (device, seconds) in [(&laptop.device, 3_000), (&phone.device, 600)] {
        for route in REPORTS {
            let answer = report(&house, &laptop, &format!("{route}?device={device}"));
            assert_eq!(answer["total_seconds"], seconds, "{route}");
        }
    }
}

#[test]
fn a_report_of_nothing_is_a_report() {
    let house = House::new();
    let ada = house.person("ada");
    let expected =
        json!({"from": "2011-12-30", "to": "2011-12-30", "timezone": "Pacific/Apia", "total_seconds": 0, "items": []});
    // A date that never was.
    assert_eq!(
        report(&house, &ada, "/api/v1/report/apps?date=2011-12-30&tz=Pacific/Apia"),
        expected
    );
    for date in ["0000-01-01", "9999-12-31"] {
        for route in REPORTS {
            assert_eq!(report(&house, &ada, &format!("{route}?date={date}"))["from"], date);
        }
    }
}

#[test]
fn a_question_that_makes_no_sense_is_refused_with_every_fault() {
    let house = House::new();
    let ada = house.person("ada");
    for (query, faults) in [
        ("date=2026-02-29", vec![("/query/date", "invalid_day")]),
        ("date=2026-03-01T00:00:00Z", vec![("/query/date", "invalid_day")]),
        ("tz=Europe/Atlantis", vec![("/query/tz", "unknown_zone")]),
        ("tz=europe/berlin", vec![("/query/tz", "unknown_zone")]),
        ("bridge=-1", vec![("/query/bridge", "wrong_type")]),
        ("bridge=1.5", vec![("/query/bridge", "wrong_type")]),
        ("bridge=", vec![("/query/bridge", "wrong_type")]),
        ("bridge=3601", vec![("/query/bridge", "out_of_range")]),
        ("bridge=99999999999999999999", vec![("/query/bridge", "out_of_range")]),
        ("device=laptop", vec![("/query/device", "wrong_type")]),
        (
            "from=2026-01-01T00:00:00Z&to=2026-01-02",
            vec![("/query/from", "invalid_day")],
        ),
        ("from=2026-01-02&to=2026-01-01", vec![("/query/to", "before_from")]),
        ("from=2025-01-01&to=2026-01-02", vec![("/query/to", "too_long")]),
        ("from=2025-01-01", vec![("/query/to", "required")]),
        (
            "date=x&to=y",
            vec![
                ("/query/date", "invalid_day"),
                ("/query/to", "invalid_day"),
                ("/query/date", "conflict"),
            ],
        ),
        (
            "date=x&tz=x&bridge=x&device=x&x=x&tz=x",
            vec![
                ("/query/tz", "duplicate"),
                ("/query/date", "invalid_day"),
                ("/query/tz", "unknown_zone"),
                ("/query/bridge", "wrong_type"),
                ("/query/device", "wrong_type"),
                ("/query/x", "unknown_field"),
            ],
        ),
    ] {
        for route in REPORTS {
            house.get(&ada, &format!("{route}?{query}")).expect_faults(&faults);
        }
    }
    house
        .get(&ada, "/api/v1/report/days?from=2025-01-01&to=2026-01-01")
        .expect(200);
}

#[test]
fn without_the_database_a_report_is_unavailable() {
    let house = House::new();
    let ada = house.person("ada");
    house.timelines.fail(true);
    for route in REPORTS {
        house.get(&ada, route).expect(503);
    }
    house.get(&ada, "/api/v1/usage/timeline").expect(503);
    house.timelines.fail(false);
    house.accounts.fail(true);
    house.get(&ada, REPORTS[0]).expect(503);
    house.get(&ada, "/api/v1/users/me").expect(503);
}
