//! The door: one ping, lists of pings, and what is said of each.

use serde_json::{Value, json};

use crate::house::{House, good_ping, ping};

fn numbered(seq: u64, start: &str, end: &str) -> Value {
    json!({"app_name": "Editor", "start_time": start, "end_time": end, "seq": seq})
}

#[test]
fn one_ping_and_a_list_of_pings_are_queued() {
    let house = House::new();
    let ada = house.person("ada");
    let one = house.track(&ada, &good_ping()).expect(202);
    assert_eq!(one.body, br#"{"status":"queued","accepted":1,"rejected":[]}"#);
    let many = house
        .track(&ada, &json!({"pings": [good_ping(), good_ping()]}))
        .expect(202);
    assert_eq!(many.json(), json!({"status": "queued", "accepted": 2, "rejected": []}));
}

#[test]
fn one_bad_ping_is_reported_and_never_holds_back_the_others() {
    let house = House::new();
    let ada = house.person("ada");
    let bad =
        json!({"app_name": 7, "url": "nonsense", "end_time": "2026-03-01T09:00:05Z", "passive": "yes", "seq": 1.5});
    let future = ping("Editor", None, "2026-03-01T11:00:00Z", "2026-03-01T12:30:00Z");
    let answer = house
        .track(&ada, &json!({"pings": [good_ping(), bad, 5, good_ping(), future]}))
        .expect(202)
        .json();
    assert_eq!(answer["accepted"], 2);
    let rejected = answer["rejected"].as_array().expect("a list");
    let told: Vec<_> = rejected
        .iter()
        .map(|fault| (&fault["index"], &fault["pointer"], &fault["code"]))
        .collect();
    let expected = [
        (1, "/pings/1/app_name", "wrong_type"),
        (1, "/pings/1/start_time", "required"),
        (1, "/pings/1/passive", "wrong_type"),
        (1, "/pings/1/seq", "wrong_type"),
        (1, "/pings/1/url", "invalid_url"),
        (2, "/pings/2", "wrong_type"),
        (4, "/pings/4/end_time", "in_future"),
    ];
    let expected = expected.map(|(index, pointer, code)| (json!(index), json!(pointer), json!(code)));
    assert_eq!(
        told,
        expected
            .iter()
            .map(|(index, pointer, code)| (index, pointer, code))
            .collect::<Vec<_>>()
    );
    assert!(rejected.iter().all(|fault| fault["detail"].is_string()));
    house.merge();
    let report = house.get(&ada, "/api/v1/report/apps").json();
    assert_eq!(report["total_seconds"], 5);
}

#[test]
fn a_bad_ping_by_itself_and_a_list_with_nothing_acceptable_are_refused_with_every_fault() {
    let house = House::new();
    let ada = house.person("ada");
    let bad = json!({"app_name": "", "start_time": 5, "end_time": null});
    let faults = [
        ("/start_time", "wrong_type"),
        ("/end_time", "required"),
        ("/app_name", "empty"),
    ];
    house.track(&ada, &bad).expect_faults(&faults);
    let faults = [
        ("/pings/0/start_time", "wrong_type"),
        ("/pings/0/end_time", "required"),
        ("/pings/0/app_name", "empty"),
        ("/pings/1", "wrong_type"),
    ];
    house.track(&ada, &json!({"pings": [bad, []]})).expect_faults(&faults);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn a_list_holds_1_to_1000_pings() {
    let house = House::new();
    let ada = house.person("ada");
    let list = |pings: usize| json!({"pings": vec![good_ping(); pings]});
    assert_eq!(house.track(&ada, &list(1_000)).expect(202).json()["accepted"], 1_000);
    house.merge();
    for count in [0, 1_001] {
        let answer = house
            .track(&ada, &list(count))
            .expect_faults(&[("/pings", "out_of_range")])
            .json();
        let detail = answer["errors"][0]["detail"].as_str().expect("text");
        assert_eq!(detail, format!("must hold 1 to 1000 pings, not {count}"));
    }
    // Pings that are no pings count too, and come to no more memory than the body.
    let many = json!({"pings": vec![0; 100_000]});
    house.track(&ada, &many).expect_faults(&[("/pings", "out_of_range")]);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn unknown_fields_of_a_ping_are_passed_over_and_beside_pings_they_are_refused_by_name() {
    let house = House::new();
    let ada = house.person("ada");
    let mut newer = good_ping();
    newer["window"] = json!({"title": ["deep", {"er": null}]});
    house.track(&ada, &newer).expect(202);
    house.track(&ada, &json!({"pings": [newer]})).expect(202);
    house.merge();
    let company = json!({"pings": [good_ping()], "window": 1, "app_name": "Editor"});
    house
        .track(&ada, &company)
        .expect_faults(&[("/app_name", "unknown_field"), ("/window", "unknown_field")]);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn null_is_as_good_as_absent_for_what_is_optional() {
    let house = House::new();
    let ada = house.person("ada");
    let mut ping = good_ping();
    for field in ["url", "passive", "seq", "user_id", "device_id", "pings"] {
        ping[field] = Value::Null;
    }
    let answer = house.track(&ada, &ping).expect(202);
    assert_eq!(
        answer.json(),
        json!({"status": "queued", "accepted": 1, "rejected": []})
    );
}

#[test]
fn a_body_that_is_no_object_or_no_list_of_pings_is_refused() {
    let house = House::new();
    let ada = house.person("ada");
    for body in [json!([good_ping()]), json!(5), json!("ping"), Value::Null] {
        house.track(&ada, &body).expect_faults(&[("", "wrong_type")]);
    }
    for pings in [json!({}), json!("pings"), json!(1)] {
        house
            .track(&ada, &json!({"pings": pings}))
            .expect_faults(&[("/pings", "wrong_type")]);
    }
    house.track(&ada, &json!({})).expect_faults(&[
        ("/app_name", "required"),
        ("/start_time", "required"),
        ("/end_time", "required"),
    ]);
}

#[test]
fn a_field_given_twice_is_refused() {
    let house = House::new();
    let ada = house.person("ada");
    let call = |body: &str| {
        house
            .call("POST", "/api/v1/usage/track")
            .token(&ada.token)
            .raw_json(body.as_bytes())
            .send()
    };
    let one = r#"{"app_name": "a", "app_name": "b", "start_time": "2026-03-01T09:00:00Z", "end_time": "2026-03-01T09:00:05Z"}"#;
    call(one).expect_faults(&[("/app_name", "duplicate")]);
    call(&format!(r#"{{"pings": [], "pings": [{one}]}}"#)).expect_faults(&[("/pings", "duplicate")]);
    call(&format!(r#"{{"pings": [{one}]}}"#)).expect_faults(&[("/pings/0/app_name", "duplicate")]);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn escapes_and_blanks_are_read_as_json_has_them() {
    let house = House::new();
    let ada = house.person("ada");
    let ping = r#" { "app_name" : "T\u00e9l\u00e9\n" , "start_time":"2026-03-01T09:00:00\u005a","end_time":"2026-03-01T09:00:05Z" } "#;
    let call = |body: &str| {
        house
            .call("POST", "/api/v1/usage/track")
            .token(&ada.token)
            .raw_json(body.as_bytes())
            .send()
    };
    call(ping).expect(202);
    call(&format!("\n{{ \"pings\"\t: [{ping}]}}")).expect(202);
    // A list is a list wherever `pings` stands.
    call(&format!(r#"{{"user_id": "{}", "pings": [{ping}]}}"#, ada.id)).expect(202);
    house.merge();
    let report = house.get(&ada, "/api/v1/report/apps").json();
    assert_eq!(report["items"], json!([{"app_name": "Télé", "seconds": 5}]));
    let lone = ping.replace("\\u00e9l", "\\ud800l");
    call(&lone).expect_faults(&[("/app_name", "invalid_text")]);
}

#[test]
fn a_device_that_numbers_its_pings_is_told_through_which_number_they_are_merged() {
    let house = House::new();
    let ada = house.person("ada");
    let track = |pings: &[Value]| house.track(&ada, &json!({"pings": pings})).expect(202).json();
    let first = track(&[numbered(1, "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z")]);
    assert_eq!(
        first,
        json!({"status": "queued", "accepted": 1, "rejected": [], "merged_through": null})
    );
    house.merge();
    let second = track(&[numbered(3, "2026-03-01T09:00:10Z", "2026-03-01T09:00:15Z")]);
    assert_eq!(second["merged_through"], 1);
    house.merge();
    let third = track(&[numbered(2, "2026-03-01T09:00:05Z", "2026-03-01T09:00:10Z")]);
    assert_eq!(third["merged_through"], 1, "2 was missing until now");
    house.merge();
    let fourth = house
        .track(&ada, &numbered(4, "2026-03-01T09:00:15Z", "2026-03-01T09:00:20Z"))
        .json();
    assert_eq!(fourth["merged_through"], 3);
    let without = house.track(&ada, &good_ping()).json();
    assert_eq!(without.get("merged_through"), None);
}

#[test]
fn the_number_of_a_refused_ping_is_settled_so_that_it_holds_nothing_back() {
    let house = House::new();
    let ada = house.person("ada");
    let good = |seq| numbered(seq, "2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z");
    let bad = |seq| numbered(seq, "2026-03-01T09:00:05Z", "2026-03-01T09:00:05Z");
    house
        .track(&ada, &json!({"pings": [good(1), bad(2), good(3)]}))
        .expect(202);
    house
        .track(&ada, &bad(4))
        .expect_faults(&[("/end_time", "not_after_start")]);
    house.track(&ada, &json!({"pings": [bad(5), bad(6)]})).expect(422);
    house.merge();
    let next = house.track(&ada, &good(7)).expect(202).json();
    assert_eq!(next["merged_through"], 6);
}

#[test]
fn a_number_is_whole_and_1_or_more() {
    let house = House::new();
    let ada = house.person("ada");
    for (seq, code) in [
        ("0", "out_of_range"),
        ("-1", "out_of_range"),
        ("9223372036854775808", "out_of_range"),
        ("99999999999999999999999999999999999999999999", "out_of_range"),
        ("1.5", "wrong_type"),
        ("1e-3", "wrong_type"),
        ("1e400", "out_of_range"),
        ("\"1\"", "wrong_type"),
        ("true", "wrong_type"),
    ] {
        let body = good_ping().to_string().replacen('{', &format!("{{\"seq\": {seq}, "), 1);
        let call = house.call("POST", "/api/v1/usage/track").token(&ada.token);
        call.raw_json(body.as_bytes()).send().expect_faults(&[("/seq", code)]);
    }
    assert_eq!(house.waiting(), 0);
    let greatest = numbered(
        9_223_372_036_854_775_807,
        "2026-03-01T09:00:00Z",
        "2026-03-01T09:00:05Z",
    );
    house.track(&ada, &greatest).expect(202);
    for seq in ["1.0", "1e3"] {
        let body = good_ping().to_string().replacen('{', &format!("{{\"seq\": {seq}, "), 1);
        let call = house.call("POST", "/api/v1/usage/track").token(&ada.token);
        call.raw_json(body.as_bytes()).send().expect(202);
    }
}

#[test]
fn sending_again_changes_nothing() {
    let house = House::new();
    let ada = house.person("ada");
    let pings = [("Editor", None, "2026-03-01T09:00:00Z", "2026-03-01T09:05:00Z")];
    house.tracked(&ada, &pings);
    let once = house.get(&ada, "/api/v1/usage/timeline").body;
    house.tracked(&ada, &pings);
    assert_eq!(house.get(&ada, "/api/v1/usage/timeline").body, once);
}

#[test]
fn without_the_queue_nothing_is_promised() {
    let house = House::new();
    let ada = house.person("ada");
    house.queue.fail(true);
    house.track(&ada, &good_ping()).expect(503);
    // The number of a refused ping must be kept as well, so this is no 422 yet.
    let refused = numbered(1, "2026-03-01T09:00:05Z", "2026-03-01T09:00:05Z");
    house.track(&ada, &refused).expect(503);
    house.queue.fail(false);
    house.track(&ada, &good_ping()).expect(202);
}
