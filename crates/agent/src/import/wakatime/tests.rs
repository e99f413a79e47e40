use domain::usage::{Label, Mention};
use serde_json::{Value, json};

use crate::import::points::Point;
use crate::import::tests::{anybody, manner, read_texts};

use super::*;

/// The points of a file, and why others were skipped.
fn points(file: &Value) -> (Vec<Point>, Vec<String>) {
    let (_dir, privacy) = anybody();
    let (found, reports) = read_texts(&[&file.to_string()], manner(), &privacy).expect("read");
    let skipped = reports[0].skipped.by_count();
    let skipped = skipped
        .iter()
        .map(|(reason, counted)| format!("{reason} at {}", counted.first.join(", ")));
    let skipped = skipped.collect();
    (found.points.named(&privacy).points, skipped)
}

fn beat(fields: &Value) -> Value {
    let mut item = json!({"time": 1_709_283_600.5, "entity": "/srv/ada/secret.rs", "type": "file"});
    item.as_object_mut()
        .expect("fields")
        .extend(fields.as_object().expect("fields").clone());
    item
}

fn label(fields: &Value) -> (String, Option<String>) {
    let (points, skipped) = points(&json!({"heartbeats": [beat(fields)]}));
    assert!(skipped.is_empty(), "{skipped:?}");
    let Label { app_name, domain } = points[0].about.label.clone();
    (
        app_name.as_str().to_owned(),
        domain.map(|site| site.as_str().to_owned()),
    )
}

#[test]
fn each_kind_counts_as_it_does_when_it_is_sent_live() {
    let vim = "wakatime/13.1.0 (Linux-6.1-x86_64) Python3.11.7.final.0 vim/9 vim-wakatime/8";
    let app = |name: &str| (name.to_owned(), None);
    assert_eq!(label(&json!({"user_agent_id": vim})), app("Vim"));
    assert_eq!(label(&json!({"user_agent": vim, "user_agent_id": "x/1"})), app("Vim"));
    assert_eq!(label(&json!({"editor": "Zed", "user_agent": vim})), app("Zed"));
    assert_eq!(
        label(&json!({"type": "APP", "entity": " Slack ", "user_agent": vim})),
        app("Slack")
    );
    assert_eq!(label(&json!({"type": "mystery"})), app("Editor"));
    let shows = |site: &str| ("Browser".to_owned(), Some(site.to_owned()));
    assert_eq!(
        label(&json!({"type": "url", "entity": "https://www.example.org/a?b"})),
        shows("example.org")
    );
    assert_eq!(
        label(&json!({"type": "domain", "entity": "example.org"})),
        shows("example.org")
    );
    assert_eq!(label(&json!({"type": "url", "entity": "about:blank"})), app("Browser"));
}

#[test]
fn what_is_said_besides_is_kept_and_nothing_else() {
    let fields = json!({"project": "daybook", "branch": "main", "language": null, "alternate_language": "Rust", "is_write": true,
        "category": "Debugging", "machine": "laptop", "operating_system": "Linux", "lines": 7, "dependencies": ["x"]});
    let (points, _) = points(&json!({"days": [{"heartbeats": [beat(&fields)]}]}));
    let context = &points[0].about.context;
    let named = |mention: &Option<Mention>| match mention {
        Some(Mention::Named(text)) => text.as_str().to_owned(),
        other => format!("{other:?}"),
    };
    assert_eq!(
        [&context.project, &context.branch, &context.language].map(named),
        ["daybook", "main", "Rust"]
    );
    let texts = [
        &context.category,
        &context.machine,
        &context.operating_system,
        &context.editor,
    ];
    assert_eq!(
        texts.map(|text| text.as_ref().map(domain::usage::ContextText::as_str)),
        [Some("debugging"), Some("laptop"), Some("Linux"), None]
    );
    assert_eq!((context.is_write, points[0].at.0), (Some(true), 1_709_283_600_500));
}

#[test]
fn a_heartbeat_that_is_none_stops_no_other_and_says_where_it_is() {
    let items = json!([
        beat(&json!({})),
        beat(&json!({"time": null})),
        beat(&json!({"time": "noon"})),
        beat(&json!({"entity": null})),
        beat(&json!({"type": "url", "entity": "https://exa mple/"})),
        beat(&json!({"type": "app", "entity": " "})),
        [],
        beat(&json!({"time": "1709283601"})),
    ]);
    let (points, skipped) = points(&json!({"days": [{"date": "2024-03-01", "heartbeats": items}]}));
    assert_eq!(points.len(), 2);
    let has = |reason: &str, place: &str| {
        skipped
            .iter()
            .any(|told| told.starts_with(reason) && told.ends_with(place))
    };
    assert!(has("time: must be given", "day 2024-03-01, heartbeat 2"), "{skipped:?}");
    assert!(
        has("time: must be seconds", "day 2024-03-01, heartbeat 3"),
        "{skipped:?}"
    );
    assert!(
        has("entity: must be a host", "day 2024-03-01, heartbeat 5"),
        "{skipped:?}"
    );
    assert!(
        has("a heartbeat must be an object", "day 2024-03-01, heartbeat 7"),
        "{skipped:?}"
    );
    assert!(
        skipped
            .iter()
            .any(|told| told.starts_with("entity: must be given at") && told.contains("heartbeat 4"))
    );
}

#[test]
fn a_name_of_wakatimes_own_stands_where_the_program_says_nothing() {
    let text = |text: &str| Some(text.to_owned());
    let of = |value: Option<&str>, editor: Option<&str>, os: Option<&str>| {
        let told = program(&[value, editor, os].map(|said| said.map(str::to_owned)));
        (told.name, told.system)
    };
    assert_eq!(
        of(
            Some("wakatime/v1 (darwin-21) go1.22 vscode/1"),
            Some("Code"),
            Some("Linux")
        ),
        (text("VS Code"), text("macOS"))
    );
    assert_eq!(of(None, Some("Firefox"), Some("Mac")), (text("Firefox"), text("macOS")));
    assert_eq!(of(None, None, Some("windows 11")), (None, text("Windows")));
    assert_eq!(of(None, None, Some("Plan 9")), (None, text("Plan 9")));
}
