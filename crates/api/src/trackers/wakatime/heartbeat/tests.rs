use std::sync::Arc;

use domain::usage::{ContextText, Mention, Rules};
use proptest::prelude::*;
use serde_json::{Value, json};
use services::accounts::RulesInForce;
use services::usage::TrackPings;
use testkit::clock::TestClock;
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::queue::MemoryQueue;

use super::*;

/// 2026-03-01T12:00:00Z.
const NOON: UnixMs = UnixMs(1_772_366_400_000);
const VIM: &str = "wakatime/13.1.0 (Linux-6.18.44-x86_64) Python3.11.7.final.0 vim/9 vim-wakatime/8";

fn claimable() -> Claimable {
    let clock = Arc::new(TestClock::at(NOON));
    let privacy = RulesInForce::new(Arc::new(MemoryAccounts::default()), clock.clone());
    let queue = Arc::new(MemoryQueue::new(1, clock.clone()));
    TrackPings::new(queue, clock, Rules::default(), Arc::new(privacy)).now()
}

fn sender() -> Sender {
    Sender {
        agent: VIM.to_owned(),
        machine: Some("Ada's laptop".to_owned()),
        patience: Patience::default(),
    }
}

fn judged(item: &Value) -> Result<HeartbeatPing, Faults> {
    judge(&item.to_string(), &sender(), &claimable()).map(|accepted| accepted.beat)
}

/// The heartbeat of a file with these fields besides.
fn beat(fields: &Value) -> HeartbeatPing {
    let mut item = json!({"entity": "/srv/ada/secret.rs", "type": "file", "time": 1_772_366_400.25});
    let given = fields.as_object().expect("fields").clone();
    item.as_object_mut().expect("fields").extend(given);
    judged(&item).unwrap_or_else(|faults| panic!("{item}: {faults:?}"))
}

fn label(fields: &Value) -> (String, Option<String>) {
    let Label { app_name, domain } = beat(fields).label;
    (
        app_name.as_str().to_owned(),
        domain.map(|domain| domain.as_str().to_owned()),
    )
}

fn words(text: Option<&ContextText>) -> Option<&str> {
    text.map(ContextText::as_str)
}

fn named(mention: Option<&Mention>) -> Option<&str> {
    match mention {
        Some(Mention::Named(text)) => Some(text.as_str()),
        Some(Mention::Last) => Some("the last one"),
        None => None,
    }
}

#[test]
fn a_file_counts_for_its_editor_and_its_name_is_nowhere() {
    let beat = beat(&json!({"project": "daybook", "branch": "main", "language": "Rust", "is_write": true}));
    assert_eq!(beat.at, NOON.plus_ms(250));
    assert_eq!(beat.label, Label::trusted("Vim", None));
    assert_eq!(
        (beat.attention, beat.patience),
        (Attention::Active, Patience::default())
    );
    let context = &beat.context;
    assert_eq!(context.kind, Kind::File);
    assert_eq!(named(context.project.as_ref()), Some("daybook"));
    assert_eq!(named(context.branch.as_ref()), Some("main"));
    assert_eq!(named(context.language.as_ref()), Some("Rust"));
    assert_eq!(words(context.category.as_ref()), Some("coding"));
    assert_eq!(words(context.editor.as_ref()), Some("Vim"));
    assert_eq!(words(context.machine.as_ref()), Some("Ada's laptop"));
    assert_eq!(words(context.operating_system.as_ref()), Some("Linux"));
    assert_eq!(context.is_write, Some(true));
    assert!(!format!("{beat:?}").contains("secret"));
}

#[test]
fn an_application_counts_for_itself_and_an_address_for_its_host_in_the_browser() {
    let vim = || "Vim".to_owned();
    let host = || (vim(), Some("example.org".to_owned()));
    assert_eq!(
        label(&json!({"type": "app", "entity": " Slack\n"})),
        ("Slack".to_owned(), None)
    );
    for (kind, entity) in [
        ("domain", "example.org"),
        ("domain", "WWW.Example.org:8443"),
        ("domain", "https://www.example.org"),
        ("url", "https://ada:secret@example.org/secret?q=secret#secret"),
        ("url", "example.org/secret"),
        ("URL", "ftp://example.org/secret"),
    ] {
        let fields = json!({"type": kind, "entity": entity});
        assert_eq!(label(&fields), host(), "{entity}");
        assert_eq!(words(beat(&fields).context.category.as_ref()), Some("browsing"));
        assert!(!format!("{:?}", beat(&fields)).contains("secret"), "{entity}");
    }
    for entity in ["about:blank", "file:///srv/ada", "data:text/plain,secret", "chrome://"] {
        let judged = judged(&json!({"type": "url", "entity": entity, "time": 1_772_366_400}));
        let label = judged.map(|beat| beat.label);
        assert!(
            label.as_ref().map_or(true, |label| label.domain.is_none()),
            "{entity}: {label:?}"
        );
    }
}

#[test]
fn the_program_is_the_one_that_is_named_closest_to_the_heartbeat() {
    let firefox = "Firefox/120.0 firefox-wakatime/3.0.8";
    let fields = json!({"type": "domain", "entity": "example.org", "user_agent": firefox});
    assert_eq!(label(&fields).0, "Firefox");
    assert_eq!(
        words(beat(&fields).context.operating_system.as_ref()),
        Some("Linux"),
        "of the request"
    );
    assert_eq!(
        label(&json!({"plugin": "vscode/1.85.0 vscode-wakatime/24"})).0,
        "VS Code"
    );
    let nameless = Sender {
        agent: String::new(),
        machine: None,
        patience: Patience::default(),
    };
    for (kind, name) in [("file", "Editor"), ("domain", "Browser")] {
        let item = json!({"type": kind, "entity": "example.org", "time": 1_772_366_400}).to_string();
        let accepted = judge(&item, &nameless, &claimable()).expect("a heartbeat");
        assert_eq!(accepted.beat.label.app_name.as_str(), name);
        assert_eq!(accepted.beat.context.editor, None);
    }
}

#[test]
fn what_is_left_to_the_heartbeat_before_is_kept_as_that() {
    let fields = json!({"project": "<<LAST_PROJECT>>", "branch": "<<LAST_BRANCH>>", "language": "<<LAST_LANGUAGE>>"});
    let context = beat(&fields).context;
    assert_eq!(
        (context.project, context.branch, context.language),
        (Some(Mention::Last), Some(Mention::Last), Some(Mention::Last))
    );
    let crossed = beat(&json!({"project": "<<LAST_BRANCH>>"})).context;
    assert_eq!(named(crossed.project.as_ref()), Some("<<LAST_BRANCH>>"));
}

#[test]
fn what_is_odd_beside_the_point_is_left_out_or_cut() {
    let odd = beat(&json!({
        "project": null, "alternate_project": "spare", "branch": {}, "language": [], "category": "Writing Tests",
        "is_write": "true", "machine": " a\u{0}b ", "lines": "many", "dependencies": 7, "ai_line_changes": -1,
    }));
    let context = odd.context;
    assert_eq!(named(context.project.as_ref()), Some("spare"));
    assert_eq!((context.branch, context.language), (None, None));
    assert_eq!(words(context.category.as_ref()), Some("writing tests"));
    assert_eq!(words(context.machine.as_ref()), Some("a b"));
    assert_eq!(context.is_write, Some(true));
    let long = beat(&json!({"project": "ä".repeat(300), "branch": 17})).context;
    assert_eq!(named(long.project.as_ref()), Some("ä".repeat(255).as_str()));
    assert_eq!(named(long.branch.as_ref()), Some("17"));
    assert_eq!(
        label(&json!({"type": "app", "entity": "x".repeat(300)})).0,
        "x".repeat(255)
    );
    assert_eq!(beat(&json!({"type": "meeting"})).context.kind, Kind::File);
    assert_eq!(beat(&json!({"type": null})).context.kind, Kind::File);
}

#[test]
fn a_time_may_be_text_or_in_a_smaller_unit() {
    for time in [
        json!("1772366400.25"),
        json!(1_772_366_400_250_i64),
        json!(1_772_366_400_250_000_i64),
        json!("2026-03-01T12:00:00.250Z"),
    ] {
        assert_eq!(beat(&json!({ "time": time })).at, NOON.plus_ms(250), "{time}");
    }
}

#[test]
fn a_name_that_is_no_unicode_hides_no_file() {
    let item = r#"{"entity": "/srv/ada/\udcff.rs", "type": "file", "time": 1772366400}"#;
    assert!(judge(item, &sender(), &claimable()).is_ok());
    let app = item.replace("file", "app");
    let faults = judge(&app, &sender(), &claimable()).expect_err("a name is needed");
    assert_eq!(faults.keys().collect::<Vec<_>>(), [&"entity"]);
}

#[test]
fn every_fault_is_told_by_its_field() {
    for (item, fields) in [
        (json!({}), &["entity", "time"][..]),
        (json!({"entity": "a", "time": null}), &["time"]),
        (json!({"entity": "a", "time": "soon"}), &["time"]),
        (json!({"entity": "a", "time": -1}), &["time"]),
        (json!({"entity": "a", "time": 1}), &["time"]),
        (json!({"entity": "a", "time": 1_772_366_521}), &["time"]),
        (json!({"entity": null, "time": 1_772_366_400}), &["entity"]),
        (
            json!({"entity": " ", "type": "app", "time": 1_772_366_400}),
            &["entity"],
        ),
        (
            json!({"entity": "not a host", "type": "domain", "time": 1}),
            &["entity", "time"],
        ),
        (json!(null), &["heartbeat"]),
        (json!([]), &["heartbeat"]),
        (json!("x"), &["heartbeat"]),
    ] {
        let faults = judged(&item).expect_err("no heartbeat");
        assert_eq!(faults.keys().copied().collect::<Vec<_>>(), fields, "{item}");
        assert!(faults.values().flatten().all(|detail| !detail.is_empty()));
    }
    for item in ["", "{", r#"{"time": NaN}"#, "{}{}"] {
        assert!(
            judge(item, &sender(), &claimable()).is_err_and(|faults| faults.contains_key("heartbeat")),
            "{item}"
        );
    }
    let limits = |time: i64| judged(&json!({"entity": "a", "time": time})).is_ok();
    assert!(limits(1_772_366_520), "two minutes ahead");
    assert!(limits(1_772_366_400 - 90 * 86_400), "ninety days back");
    assert!(!limits(1_772_366_400 - 90 * 86_400 - 1));
}

#[test]
fn an_id_is_repeated_if_it_is_plain() {
    let id = |id: &Value| {
        let item = json!({"entity": "a", "time": 1_772_366_400, "id": id}).to_string();
        judge(&item, &sender(), &claimable()).expect("a heartbeat").id
    };
    assert_eq!(id(&json!("b2c0")), Some("b2c0".to_owned()));
    assert_eq!(id(&json!(7)), Some("7".to_owned()));
    for odd in [
        json!(""),
        json!("a b"),
        json!("ä"),
        json!("x".repeat(65)),
        json!(null),
        json!({}),
    ] {
        assert_eq!(id(&odd), None, "{odd}");
    }
}

fn any_field() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,20}",
        ".{0,20}",
        "(https?://)?[a-z.:/@%\\[\\]]{0,20}",
        "[0-9.e+-]{0,20}",
        Just("<<LAST_PROJECT>>".to_owned()),
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
        prop::sample::select(vec!["file", "app", "domain", "url"]).prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Value::from),
        (1_764_590_400_i64..1_772_366_520).prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn any_fields_are_a_heartbeat_or_told_why_not(
        fields in prop::collection::hash_map(prop::sample::select(FIELDS), any_field(), 0..8),
        agent in ".{0,40}",
        machine in prop::option::of(".{0,300}"),
    ) {
        let item = serde_json::to_string(&fields).expect("JSON");
        let sender = Sender { agent, machine, patience: Patience::default() };
        match judge(&item, &sender, &claimable()) {
            Ok(accepted) => {
                prop_assert!(accepted.beat.at <= NOON.plus_ms(120_000));
                prop_assert!(!accepted.beat.label.app_name.as_str().is_empty());
            }
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }

    #[test]
    fn any_text_is_a_heartbeat_or_told_why_not(item in "\\{?.{0,60}\\}?") {
        let judged = judge(&item, &sender(), &claimable());
        prop_assert!(judged.is_ok() || judged.is_err_and(|faults| !faults.is_empty()));
    }
}
