//! The archive that a person takes along.

use std::io::{Cursor, Read};

use domain::time::{DAY_MS, UnixMs};
use serde_json::{Value, json};
use zip::ZipArchive;

use super::house::{House, PASSWORD};
use crate::ledger::now_ms;

#[test]
fn an_export_opens_and_holds_the_timeline_that_the_api_shows() {
    let house = House::start();
    let node = house.node();
    let worker = house.worker();
    node.client.register("ada@example.org", "Europe/Berlin");
    node.client.register("bea@example.org", "UTC");
    let ada = node.sign_in("ada@example.org", "laptop").caller;
    let bea = node.sign_in("bea@example.org", "laptop").caller;
    let noon = UnixMs(now_ms()).day_start().plus_ms(-2 * DAY_MS + DAY_MS / 2);
    let claim = |app: &str, secs: i64| {
        let start = noon.plus_ms(1_000 * secs);
        json!({"app_name": app, "url": "https://example.org/x", "start_time": start.to_string(),
            "end_time": start.plus_ms(7_500).to_string()})
    };
    let pings: Vec<Value> = (0..300)
        .map(|number| claim(&format!("=App {}", number % 7), 10 * number))
        .collect();
    assert_eq!(node.client.track(&ada, &json!({"pings": pings})).status, 202);
    assert_eq!(node.client.track(&bea, &claim("Bea's own", 0)).status, 202);
    house.drained();

    let (from, to) = (noon.plus_ms(-DAY_MS).to_string(), noon.plus_ms(DAY_MS).to_string());
    let shown: Value = serde_json::from_str(&node.client.timeline(&ada, &from, &to)).expect("JSON");
    let mut shown = shown["segments"].as_array().expect("segments").clone();
    assert_eq!(shown.len(), 300);
    for segment in &mut shown {
        segment.as_object_mut().expect("an object").remove("seconds");
    }

    let bytes = node.client.download("/api/v1/users/me/export", &ada);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a ZIP");
    let mut file = |name: &str| {
        let mut content = String::new();
        let mut file = archive.by_name(name).expect(name);
        // Its checksum is looked at on the way.
        file.read_to_string(&mut content).expect(name);
        content
    };
    let timeline: Value = serde_json::from_str(&file("timeline.json")).expect("JSON");
    assert_eq!(timeline, Value::Array(shown));
    let csv = file("timeline.csv");
    assert_eq!(csv.lines().count(), 301);
    assert!(csv.contains("\"'=App 1\""), "no spreadsheet runs it");
    let account: Value = serde_json::from_str(&file("account.json")).expect("JSON");
    assert_eq!(account["profile"]["email"], "ada@example.org");
    assert_eq!(account["devices"][0]["id"], ada.device.as_str());
    let log = file("security_log.csv");
    assert!(log.contains("signed_in"), "{log}");
    let all = [timeline.to_string(), csv, account.to_string(), log].concat();
    for secret in [PASSWORD, "argon2", "bea@example.org", "Bea's own"] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert!(worker.terminate().success());
}
