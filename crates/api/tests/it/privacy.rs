//! Privacy rules: shown, changed by whoever has seen them, and obeyed for every ping that comes from then on.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::house::{House, Person, ping};

const RULES: &str = "/api/v1/users/me/privacy-rules";
const MORNING: [&str; 2] = ["2026-03-01T09:00:00Z", "2026-03-01T09:00:05Z"];

fn some_rules() -> Value {
    json!({"rules": [
        {"app": "keepass*", "action": "exclude"},
        {"app": "draft", "action": "rename", "to": "Editor"},
        {"site": "bank.example", "action": "hide"},
        {"site": "*.clinic.example", "action": "exclude"},
    ]})
}

/// Changes somebody's rules, which the node has heard of when this returns.
fn obey(house: &House, person: &Person, rules: &Value) -> Answer {
    let answer = house.send(person, "PUT", RULES, rules).expect(200);
    house.hear();
    answer
}

fn change(house: &House, person: &Person, if_match: &str, rules: &Value) -> Answer {
    let call = house.call("PUT", RULES).token(&person.token);
    call.header("If-Match", if_match).json(rules).send()
}

/// A ping of five seconds in the morning.
fn of(app: &str, url: Option<&str>) -> Value {
    ping(app, url, MORNING[0], MORNING[1])
}

fn numbered(mut ping: Value, seq: u64) -> Value {
    ping["seq"] = json!(seq);
    ping
}

/// What somebody's day holds.
fn shown(house: &House, person: &Person) -> Vec<(String, Option<String>)> {
    house.merge();
    let timeline = house
        .get(person, "/api/v1/usage/timeline?date=2026-03-01")
        .expect(200)
        .json();
    let segments = timeline["segments"].as_array().expect("a list").iter();
    let word = |value: &Value| value.as_str().map(str::to_owned);
    segments
        .map(|segment| (word(&segment["app_name"]).expect("a name"), word(&segment["domain"])))
        .collect()
}

#[test]
fn rules_are_shown_as_they_were_written_with_a_tag_that_changes_with_them() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    let none = house.get(&ada, RULES).expect(200);
    assert_eq!(
        (none.json(), none.header("etag")),
        (json!({"rules": []}), Some("\"0\""))
    );
    for (version, rules) in [(1, some_rules()), (2, json!({"rules": []})), (3, some_rules())] {
        let tag = format!("\"{version}\"");
        for answer in [house.send(&ada, "PUT", RULES, &rules), house.get(&ada, RULES)] {
            let answer = answer.expect(200);
            assert_eq!(
                (answer.json(), answer.header("etag")),
                (rules.clone(), Some(tag.as_str()))
            );
        }
    }
    assert_eq!(house.get(&bob, RULES).expect(200).json(), json!({"rules": []}));
    let log = house.get(&ada, "/api/v1/users/me/security-log?limit=3").expect(200);
    let counts: Vec<_> = log.json()["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["count"].clone())
        .collect();
    assert_eq!(counts, [json!(4), json!(0), json!(4)]);
    assert!(
        !String::from_utf8_lossy(&log.body).contains("keepass"),
        "how many, and not which"
    );
}

#[test]
fn who_knows_the_rules_is_not_told_them_again() {
    let house = House::new();
    let ada = house.person("ada");
    house.send(&ada, "PUT", RULES, &some_rules()).expect(200);
    let asked = |known: &str| {
        let call = house.call("GET", RULES).token(&ada.token);
        call.header("If-None-Match", known).send()
    };
    for known in ["\"1\"", "*", "\"0\", \"1\""] {
        let answer = asked(known).expect(304);
        assert_eq!(
            (answer.body.len(), answer.header("etag")),
            (0, Some("\"1\"")),
            "{known}"
        );
    }
    for other in ["\"0\"", "\"2\"", "1", ""] {
        assert_eq!(asked(other).expect(200).json(), some_rules(), "{other}");
    }
}

#[test]
fn nothing_that_was_changed_meanwhile_is_overwritten() {
    let house = House::new();
    let ada = house.person("ada");
    change(&house, &ada, "\"0\"", &some_rules()).expect(200);
    for seen in ["\"0\"", "\"2\"", "W/\"1\"", "1", ""] {
        let refused = change(&house, &ada, seen, &json!({"rules": []})).expect(412);
        assert_eq!(refused.problem(), "changed", "{seen}");
    }
    assert_eq!(house.get(&ada, RULES).json(), some_rules());
    for (seen, version) in [("\"0\", \"1\"", "\"2\""), ("*", "\"3\"")] {
        let rules = json!({"rules": [{"app": seen, "action": "exclude"}]});
        let changed = change(&house, &ada, seen, &rules).expect(200);
        assert_eq!(changed.header("etag"), Some(version));
    }
}

#[test]
fn a_key_that_may_send_pings_may_read_the_rules_and_not_change_them() {
    let house = House::new();
    let ada = house.person("ada");
    house.send(&ada, "PUT", RULES, &some_rules()).expect(200);
    for (scope, status) in [("pings:write", 200), ("reports:read", 403)] {
        let body = json!({"name": scope, "scopes": [scope]});
        let made = house.send(&ada, "POST", "/api/v1/api-keys", &body).expect(201).json();
        let key = made["key"].as_str().expect("text");
        house.call("GET", RULES).token(key).send().expect(status);
        let refused = house
            .call("PUT", RULES)
            .token(key)
            .json(&some_rules())
            .send()
            .expect(403);
        assert_eq!(refused.problem(), "not_for_keys");
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    let house = House::new();
    let ada = house.person("ada");
    let put = |body: &Value| house.send(&ada, "PUT", RULES, body);
    put(&json!({})).expect_faults(&[("/rules", "required")]);
    put(&json!({"rules": {}})).expect_faults(&[("/rules", "wrong_type")]);
    put(&json!({"rules": [], "rule": 1})).expect_faults(&[("/rule", "unknown_field")]);
    put(&json!({"rules": [
        1,
        {"app": 1, "action": "exclude"},
        {"app": "x", "action": null},
        {"app": "x", "action": "exclude", "too": "y"},
    ]}))
    .expect_faults(&[
        ("/rules/0", "wrong_type"),
        ("/rules/1/app", "wrong_type"),
        ("/rules/2/action", "required"),
        ("/rules/3/too", "unknown_field"),
    ]);
    put(&json!({"rules": [
        {"app": "", "action": "hide"},
        {"site": "https://bank.example/", "action": "rename", "to": "a b"},
        {"action": "exclude"},
        {"app": "x", "site": "y", "action": "exclude"},
    ]}))
    .expect_faults(&[
        ("/rules/0/app", "empty"),
        ("/rules/0/action", "not_allowed"),
        ("/rules/1/site", "invalid_host"),
        ("/rules/1/to", "invalid_host"),
        ("/rules/2/app", "required"),
        ("/rules/3/site", "not_allowed"),
    ]);
    put(&json!({"rules": [{"app": "x", "action": "rename", "to": "y"}, {"app": "y", "action": "exclude"}]}))
        .expect_faults(&[("/rules/0/to", "changed_again")]);
    let many = |count| json!({"rules": vec![json!({"app": "x", "action": "exclude"}); count]});
    put(&many(501)).expect_faults(&[("/rules", "too_many")]);
    assert_eq!(
        house.get(&ada, RULES).json(),
        json!({"rules": []}),
        "nothing of it was kept"
    );
    assert_eq!(put(&many(500)).expect(200).json(), many(500));
    let others = json!({"rules": [], "user_id": "0195505a-0000-7000-8000-000000000000"});
    assert_eq!(put(&others).expect(403).problem(), "not_yours");
}

#[test]
fn a_ping_that_is_excluded_is_counted_and_kept_nowhere() {
    let house = House::new();
    let ada = house.person("ada");
    obey(&house, &ada, &some_rules());
    for excluded in [
        of("KeePassXC", None),
        of("Browser", Some("https://my.clinic.example/results")),
    ] {
        for body in [excluded.clone(), json!({"pings": [excluded]})] {
            let answer = house.track(&ada, &body).expect(202).json();
            assert_eq!(
                answer,
                json!({"status": "queued", "accepted": 0, "excluded": 1, "rejected": []})
            );
        }
    }
    assert_eq!(house.waiting(), 0);
    assert_eq!(shown(&house, &ada), []);
}

#[test]
fn of_a_list_each_ping_is_judged_by_itself_and_all_numbers_are_settled() {
    let house = House::new();
    let ada = house.person("ada");
    obey(&house, &ada, &some_rules());
    let list = json!({"pings": [
        numbered(of("keepass", None), 1),
        numbered(ping("Draft", None, "2026-03-01T10:00:00Z", "2026-03-01T10:00:05Z"), 2),
        numbered(of("", None), 3),
        numbered(ping("Browser", Some("https://www.bank.example/"), "2026-03-01T11:00:00Z", "2026-03-01T11:00:05Z"), 4),
        numbered(of("KEEPASS", None), 5),
    ]});
    let answer = house.track(&ada, &list).expect(202).json();
    assert_eq!((&answer["accepted"], &answer["excluded"]), (&json!(2), &json!(2)));
    assert_eq!(answer["rejected"][0]["index"], 2);
    assert_eq!(answer["rejected"].as_array().map(Vec::len), Some(1));
    let kept = [("Editor".to_owned(), None), ("Browser".to_owned(), None)];
    assert_eq!(shown(&house, &ada), kept);
    let answer = house.track(&ada, &numbered(of("keepass", None), 6)).expect(202).json();
    assert_eq!(answer["merged_through"], 5);
}

#[test]
fn what_is_wrong_whatever_the_rules_say_is_refused_as_ever() {
    let house = House::new();
    let ada = house.person("ada");
    obey(&house, &ada, &some_rules());
    house
        .track(&ada, &of(" ", None))
        .expect_faults(&[("/app_name", "empty")]);
    let mut backwards = of("KeePass", None);
    backwards["end_time"] = json!("2026-03-01T08:00:00Z");
    let told = house.track(&ada, &backwards).expect(422).faults();
    assert_eq!(told[0].0, "/end_time");
    let mixed = json!({"pings": [of("", None), of("KeePass", None)]});
    let answer = house.track(&ada, &mixed).expect(202).json();
    assert_eq!((&answer["accepted"], &answer["excluded"]), (&json!(0), &json!(1)));
    assert_eq!(answer["rejected"][0]["pointer"], "/pings/0/app_name");
}

#[test]
fn rules_are_a_persons_and_hold_for_all_their_devices_and_for_nobody_else() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    obey(&house, &ada, &some_rules());
    let key = house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let key = key["key"].as_str().expect("text").to_owned();
    let phone = house.sign_in("ada", "phone").token;
    for token in [&phone, &key] {
        let call = house.call("POST", "/api/v1/usage/track").token(token);
        let answer = call.json(&of("KeePass", None)).send().expect(202).json();
        assert_eq!(answer["excluded"], 1);
    }
    let answer = house.track(&bob, &of("KeePass", None)).expect(202).json();
    assert_eq!(answer, json!({"status": "queued", "accepted": 1, "rejected": []}));
    assert_eq!(shown(&house, &bob), [("KeePass".to_owned(), None)]);
}

#[test]
fn other_rules_hold_from_then_on_and_change_nothing_that_was_kept() {
    let house = House::new();
    let ada = house.person("ada");
    house.tracked(&ada, &[("KeePass", None, MORNING[0], MORNING[1])]);
    obey(&house, &ada, &some_rules());
    let answer = house.track(&ada, &of("KeePass", None)).expect(202).json();
    assert_eq!(answer["excluded"], 1);
    assert_eq!(shown(&house, &ada), [("KeePass".to_owned(), None)]);
    obey(&house, &ada, &json!({"rules": []}));
    house.tracked(
        &ada,
        &[("KeePass", None, "2026-03-01T10:00:00Z", "2026-03-01T10:00:05Z")],
    );
}

#[test]
fn where_the_rules_cannot_be_known_nothing_is_taken() {
    let house = House::new();
    let (ada, bob) = (house.person("ada"), house.person("bob"));
    house.track(&ada, &of("Editor", None)).expect(202);
    house.accounts.fail(true);
    // Known from before, as long as it is heard what changes; and not yet known.
    house.track(&ada, &of("Editor", None)).expect(202);
    let refused = house.track(&bob, &of("Editor", None)).expect(503);
    assert!(refused.header("retry-after").is_some());
    house.accounts.fail(false);
    house.send(&ada, "PUT", RULES, &some_rules()).expect(200);
    house.accounts.fail(true);
    house.hear();
    house.track(&ada, &of("KeePass", None)).expect(503);
    house.accounts.fail(false);
    assert_eq!(
        house.track(&ada, &of("KeePass", None)).expect(202).json()["excluded"],
        1
    );
    // It could not be told, so it is no promise; asked again it is one.
    house.announcements.fail(true);
    house.send(&ada, "PUT", RULES, &json!({"rules": []})).expect(503);
    house.announcements.fail(false);
    obey(&house, &ada, &json!({"rules": []}));
    assert_eq!(
        house.track(&ada, &of("KeePass", None)).expect(202).json()["accepted"],
        1
    );
}
