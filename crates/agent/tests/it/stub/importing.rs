//! The stub's side of an import: a timeline that holds nothing yet.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Fault, Ledger, Request, is_signed_in, unix_ms};

/// Two heartbeats so near to each other claim the time between them.
const PATIENCE_MS: i64 = 600_000;

/// `None` cuts the connection.
pub(super) fn import(ledger: &mut Ledger, request: &Request, is_dry_run: bool) -> Option<Answer> {
    if !is_signed_in(ledger, request) {
        return Some(Answer::plain(401, json!({"title": "Unauthorized"})));
    }
    let fault = ledger.faults.pop_front();
    match &fault {
        Some(Fault::Cut) => return None,
        Some(Fault::Busy { retry_after_secs }) => {
            return Some(Answer {
                headers: format!("Retry-After: {retry_after_secs}\r\n"),
                ..Answer::plain(503, json!({"title": "Busy"}))
            });
        }
        Some(Fault::Answer { status, body }) => return Some(Answer::plain(*status, body.clone())),
        _ => {}
    }
    let items = |name: &str| request.body[name].as_array().cloned().unwrap_or_default();
    let (pings, beats) = (items("pings"), items("heartbeats"));
    if pings.len() + beats.len() > ledger.batch_max {
        return Some(Answer::plain(413, json!({"title": "Too large"})));
    }
    let mut rejected = rejections(ledger, "pings", &pings);
    rejected.extend(rejections(ledger, "heartbeats", &beats));
    let accepted = pings.len() + beats.len() - rejected.len();
    if accepted == 0 {
        return Some(Answer::plain(
            422,
            json!({"title": "Unprocessable", "errors": rejected}),
        ));
    }
    ledger.imports.push((is_dry_run, request.body.clone()));
    if let Some(Fault::Swallow) = fault {
        return None;
    }
    let receipt = json!({"status": "queued", "accepted": accepted, "excluded": 0, "heartbeat_timeout": PATIENCE_MS / 1_000, "rejected": rejected});
    if !is_dry_run {
        return Some(Answer::plain(202, receipt));
    }
    let mut receipt = receipt;
    receipt["status"] = "dry_run".into();
    receipt["waiting"] = (ledger.unmerged_imports > 0).into();
    ledger.unmerged_imports = ledger.unmerged_imports.saturating_sub(1);
    receipt["change"] = change(&pings, &beats);
    Some(Answer::plain(200, receipt))
}

fn rejections(ledger: &Ledger, list: &str, items: &[Value]) -> Vec<Value> {
    let is_rejected = |item: &Value| ledger.rejects.iter().any(|app| item["app_name"] == app.as_str());
    let places = (0..items.len()).filter(|index| is_rejected(&items[*index]));
    places
        .map(|index| json!({"index": index, "pointer": format!("/{list}/{index}/app_name"), "code": "empty", "detail": "no"}))
        .collect()
}

/// What would be added to a timeline that holds nothing.
fn change(pings: &[Value], beats: &[Value]) -> Value {
    let at = |item: &Value, field: &str| unix_ms(item[field].as_str().expect("text"));
    let app = |item: &Value| item["app_name"].as_str().expect("text").to_owned();
    let mut added: BTreeMap<String, i64> = BTreeMap::new();
    for ping in pings {
        *added.entry(app(ping)).or_default() += at(ping, "end_time") - at(ping, "start_time");
    }
    for pair in beats.windows(2) {
        let gap = at(&pair[1], "time") - at(&pair[0], "time");
        if gap <= PATIENCE_MS {
            *added.entry(app(&pair[0])).or_default() += gap;
        }
    }
    let seconds = |ms: i64| json!(f64::from(i32::try_from(ms).expect("small")) / 1_000.0);
    let items: Vec<Value> = added
        .iter()
        .map(|(app, ms)| json!({"app_name": app, "added_seconds": seconds(*ms), "replaced_seconds": 0}))
        .collect();
    json!({"added_seconds": seconds(added.values().sum()), "replaced_seconds": 0, "kept_seconds": 0, "items": items})
}
