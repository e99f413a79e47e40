//! The edges of a ping, as the law of the timeline draws them.

use serde_json::{Value, json};

use crate::house::{House, Person, ping};

/// The faults of one ping; none when it is accepted.
fn faults(house: &House, person: &Person, ping: &Value) -> Vec<(String, String)> {
    let before = house.waiting();
    let answer = house.track(person, ping);
    let accepted = answer.status == 202;
    assert_eq!(
        house.waiting() - before,
        u64::from(accepted),
        "only what is accepted reaches the queue"
    );
    if accepted {
        assert_eq!(
            answer.json(),
            json!({"status": "queued", "accepted": 1, "rejected": []})
        );
        return Vec::new();
    }
    answer.expect(422).faults()
}

fn told(pointer: &str, code: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), code.to_owned())]
}

fn span_faults(start: &str, end: &str) -> Vec<(String, String)> {
    let house = House::new();
    let ada = house.person("ada");
    faults(&house, &ada, &ping("Editor", None, start, end))
}

#[test]
fn a_claim_ends_after_it_starts() {
    assert_eq!(span_faults("2026-03-01T09:00:00Z", "2026-03-01T09:00:00.001Z"), []);
    let empty = span_faults("2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z");
    assert_eq!(empty, told("/end_time", "not_after_start"));
    let turned = span_faults("2026-03-01T09:00:00Z", "2026-03-01T08:59:59Z");
    assert_eq!(turned, told("/end_time", "not_after_start"));
}

#[test]
fn a_claim_is_at_most_24_hours_long() {
    assert_eq!(span_faults("2026-02-28T09:00:00Z", "2026-03-01T09:00:00Z"), []);
    let longer = span_faults("2026-02-28T08:59:59.999Z", "2026-03-01T09:00:00Z");
    assert_eq!(longer, told("/end_time", "too_long"));
}

#[test]
fn a_claim_ends_at_most_2_minutes_after_the_servers_clock() {
    assert_eq!(span_faults("2026-03-01T11:59:00Z", "2026-03-01T12:02:00Z"), []);
    let later = span_faults("2026-03-01T11:59:00Z", "2026-03-01T12:02:00.001Z");
    assert_eq!(later, told("/end_time", "in_future"));
}

#[test]
fn a_claim_starts_at_most_90_days_ago() {
    assert_eq!(span_faults("2025-12-01T12:00:00Z", "2025-12-01T12:00:01Z"), []);
    let older = span_faults("2025-12-01T11:59:59.999Z", "2025-12-01T12:00:01Z");
    assert_eq!(older, told("/start_time", "too_old"));
}

#[test]
fn the_limit_is_named_in_the_detail() {
    let house = House::new();
    let ada = house.person("ada");
    for (start, end, limit) in [
        ("2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z", "24 hours"),
        ("2026-03-01T11:59:00Z", "2026-03-01T13:00:00Z", "2 minutes"),
        ("2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", "90 days"),
    ] {
        let answer = house.track(&ada, &ping("Editor", None, start, end)).expect(422).json();
        let detail = answer["errors"][0]["detail"].as_str().expect("text");
        assert!(detail.contains(limit), "{detail}");
    }
}

#[test]
fn times_are_cut_to_the_millisecond_and_a_claim_that_is_empty_then_is_refused() {
    let cut = span_faults("2026-03-01T09:00:00.0001Z", "2026-03-01T09:00:00.0009999Z");
    assert_eq!(cut, told("/end_time", "not_after_start"));

    let house = House::new();
    let ada = house.person("ada");
    house.tracked(
        &ada,
        &[(
            "Editor",
            None,
            "2026-03-01T09:00:00.0009Z",
            "2026-03-01T09:00:00.0019999Z",
        )],
    );
    let timeline = house.get(&ada, "/api/v1/usage/timeline").json();
    assert_eq!(timeline["segments"][0]["start_time"], "2026-03-01T09:00:00Z");
    assert_eq!(timeline["segments"][0]["end_time"], "2026-03-01T09:00:00.001Z");
    assert_eq!(timeline["segments"][0]["seconds"], 0.001);
}

#[test]
fn any_offset_and_a_leap_second_are_instants_as_good_as_any() {
    let house = House::new();
    let ada = house.person("ada");
    let pings = [("Editor", None, "2026-03-01T14:45:00+05:45", "2026-03-01T02:00:60-07:00")];
    house.tracked(&ada, &pings);
    let timeline = house.get(&ada, "/api/v1/usage/timeline").json();
    assert_eq!(timeline["segments"][0]["start_time"], "2026-03-01T09:00:00Z");
    assert_eq!(timeline["segments"][0]["end_time"], "2026-03-01T09:01:00Z");
}

#[test]
fn what_is_no_instant_and_the_ends_of_the_calendar_are_refused() {
    let end = "2026-03-01T09:00:00Z";
    for text in [
        "",
        "yesterday",
        "2026-03-01",
        "2026-03-01T09:00:00",
        "2026-02-30T09:00:00Z",
        "1772355600",
    ] {
        assert_eq!(span_faults(text, end), told("/start_time", "invalid_time"), "{text}");
    }
    let all = vec![
        ("/end_time".to_owned(), "too_long".to_owned()),
        ("/end_time".to_owned(), "in_future".to_owned()),
        ("/start_time".to_owned(), "too_old".to_owned()),
    ];
    assert_eq!(
        span_faults("0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
        all
    );
}

#[test]
fn an_application_has_1_to_255_visible_characters_after_trimming() {
    let house = House::new();
    let ada = house.person("ada");
    let named = |name: &str| {
        faults(
            &house,
            &ada,
            &ping(name, None, "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z"),
        )
    };
    assert_eq!(named("  Éditeur de texte  "), []);
    assert_eq!(named(&"ä".repeat(255)), []);
    assert_eq!(named(&"ä".repeat(256)), told("/app_name", "too_long"));
    assert_eq!(named(""), told("/app_name", "empty"));
    assert_eq!(named(" \t\n "), told("/app_name", "empty"));
    assert_eq!(named("Edi\u{0}tor"), told("/app_name", "control_character"));
    assert_eq!(named("Edi\u{7f}tor"), told("/app_name", "control_character"));
}

#[test]
fn of_a_url_only_the_host_is_kept() {
    for (url, domain) in [
        (
            "https://user:secret@WWW.Example.ORG:8443/path?query=1#part",
            Some("example.org"),
        ),
        ("https://bücher.example/", Some("xn--bcher-kva.example")),
        ("http://[::1]:8080/", Some("[::1]")),
        ("about:blank", None),
        ("file:///etc/passwd", None),
    ] {
        let house = House::new();
        let ada = house.person("ada");
        house.tracked(
            &ada,
            &[("Browser", Some(url), "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z")],
        );
        let timeline = house.get(&ada, "/api/v1/usage/timeline").json();
        assert_eq!(timeline["segments"][0]["domain"], json!(domain), "{url}");
        assert_eq!(
            timeline["segments"][0].as_object().expect("an object").len(),
            6,
            "nothing else of it"
        );
    }
}

#[test]
fn a_string_that_is_no_url_is_refused() {
    let house = House::new();
    let ada = house.person("ada");
    for text in ["", "example.org", "/path", "https://", "https://exa mple.org/"] {
        let ping = ping("Browser", Some(text), "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z");
        assert_eq!(faults(&house, &ada, &ping), told("/url", "invalid_url"), "{text}");
    }
    let long = format!("https://{}example.org/", "a.".repeat(150));
    let ping = ping("Browser", Some(&long), "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z");
    assert_eq!(faults(&house, &ada, &ping), told("/url", "too_long"));
}

#[test]
fn gaps_are_data_and_bridging_is_done_when_reading() {
    let house = House::new();
    let ada = house.person("ada");
    let pings = [
        ("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T09:01:00Z"),
        ("Editor", None, "2026-03-01T09:01:30Z", "2026-03-01T09:02:00Z"),
        ("Editor", None, "2026-03-01T09:02:30.001Z", "2026-03-01T09:03:00.001Z"),
    ];
    house.tracked(&ada, &pings);
    for (query, seconds) in [
        ("", json!(150)),
        ("?bridge=0", json!(120)),
        ("?bridge=31", json!(180.001)),
    ] {
        let report = house
            .get(&ada, &format!("/api/v1/report/apps{query}"))
            .expect(200)
            .json();
        assert_eq!(report["total_seconds"], seconds, "{query}");
    }
    let timeline = house.get(&ada, "/api/v1/usage/timeline").json();
    assert_eq!(
        timeline["segments"].as_array().expect("a list").len(),
        3,
        "the law is as it was"
    );
}

#[test]
fn time_is_never_counted_twice_however_many_devices_were_active() {
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
    let passive = json!({"app_name": "Film", "start_time": "2026-03-01T09:00:00Z", "end_time": "2026-03-01T11:00:00Z", "passive": true});
    house.track(&phone, &passive).expect(202);
    house.merge();
    let report = house.get(&laptop, "/api/v1/report/apps?bridge=0").json();
    assert_eq!(report["total_seconds"], 7_200);
    assert_eq!(
        report["items"],
        json!([
            {"app_name": "Film", "seconds": 3_600},
            {"app_name": "Editor", "seconds": 3_000},
            {"app_name": "Chat", "seconds": 600},
        ])
    );
}
