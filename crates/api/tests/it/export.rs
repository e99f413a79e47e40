//! The export: everything that is kept of a person, for them, and nothing that is secret even from them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use domain::usage::{Arrival, Attention, Beat, Context, ContextText, Heartbeat, Kind, Label, Mention, Patience};
use ports::usage::TimelineStore;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::house::{House, PASSWORD, Person};
use crate::second_factor::Factor;

const EXPORT: &str = "/api/v1/users/me/export";

/// The files of somebody's export.
pub fn exported(house: &House, person: &Person) -> BTreeMap<String, String> {
    let answer = house.get(person, EXPORT).expect(200);
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    assert_eq!(
        answer.header("content-disposition"),
        Some(r#"attachment; filename="daybook-export.zip""#)
    );
    let mut archive = ZipArchive::new(Cursor::new(answer.body)).expect("a ZIP");
    let files = (0..archive.len()).map(|index| {
        let mut text = String::new();
        let mut file = archive.by_index(index).expect("a file");
        file.read_to_string(&mut text).expect("text with a right checksum");
        (file.name().expect("text").into_owned(), text)
    });
    files.collect()
}

fn json_of(files: &BTreeMap<String, String>, name: &str) -> Value {
    serde_json::from_str(&files[name]).expect("JSON")
}

#[test]
fn a_timeline_of_many_weeks_is_there_piece_by_piece() {
    let house = House::new();
    let ada = house.person("ada");
    house.tracked(
        &ada,
        &[
            ("Editor", None, "2025-12-05T08:00:00Z", "2025-12-05T09:30:00.250Z"),
            (
                "Film",
                Some("https://example.org/x"),
                "2026-01-14T22:00:00Z",
                "2026-01-15T01:00:00Z",
            ),
            ("Editor", None, "2026-02-20T00:00:00Z", "2026-02-20T00:00:05Z"),
            ("Mail", None, "2026-02-28T23:59:59Z", "2026-03-01T00:00:01Z"),
            ("Editor", None, "2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z"),
        ],
    );
    let pieces = [
        (
            "2025-12-05T08:00:00Z",
            "2025-12-05T09:30:00.250Z",
            "5400.250",
            "Editor",
            None,
        ),
        (
            "2026-01-14T22:00:00Z",
            "2026-01-15T00:00:00Z",
            "7200.000",
            "Film",
            Some("example.org"),
        ),
        (
            "2026-01-15T00:00:00Z",
            "2026-01-15T01:00:00Z",
            "3600.000",
            "Film",
            Some("example.org"),
        ),
        ("2026-02-20T00:00:00Z", "2026-02-20T00:00:05Z", "5.000", "Editor", None),
        ("2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "1.000", "Mail", None),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z", "1.000", "Mail", None),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z", "60.000", "Editor", None),
    ];
    let files = exported(&house, &ada);
    let names: Vec<_> = files.keys().collect();
    assert_eq!(
        names,
        [
            "account.json",
            "activitywatch.csv",
            "activitywatch.json",
            "heartbeats.csv",
            "heartbeats.json",
            "security_log.csv",
            "timeline.csv",
            "timeline.json"
        ]
    );
    let rows = pieces.map(|(start, end, _, app, domain)| {
        json!({"start_time": start, "end_time": end, "app_name": app, "domain": domain, "device_id": ada.device})
    });
    assert_eq!(json_of(&files, "timeline.json"), json!(rows));
    let lines = pieces.map(|(start, end, seconds, app, domain)| {
        let domain = domain.unwrap_or_default();
        format!("{start},{end},{seconds},\"{app}\",\"{domain}\",{}\r\n", ada.device)
    });
    let head = "start_time,end_time,seconds,app_name,domain,device_id\r\n";
    assert_eq!(files["timeline.csv"], format!("{head}{}", lines.concat()));
}

#[test]
fn heartbeats_are_there_one_by_one() {
    let house = House::new();
    let ada = house.person("ada");
    let id = |text: &str| text.parse().expect("an id");
    let heartbeat = |second: i64| {
        let beat = Beat {
            device: DeviceId(id(&ada.device)),
            at: UnixMs(1_772_355_600_000 + second * 1_000),
            attention: Attention::Active,
            precedence: 1,
            label: Label::trusted("vim", None),
            patience: Patience::default(),
        };
        let context = Context {
            project: Some(Mention::Named(ContextText::trusted("daybook"))),
            ..Context::of_kind(Kind::File)
        };
        let heartbeat = Heartbeat {
            user: UserId(id(&ada.id)),
            beat,
            context: Arc::new(context),
        };
        Arrival::Heartbeat { heartbeat }
    };
    let arrivals = [heartbeat(0), heartbeat(-90 * 86_400), heartbeat(60)];
    house
        .runtime
        .block_on(house.timelines.merge(&arrivals))
        .expect("merged");
    let files = exported(&house, &ada);
    let rows = json_of(&files, "heartbeats.json");
    let times: Vec<_> = rows
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["time"].clone())
        .collect();
    assert_eq!(
        json!(times),
        json!(["2025-12-01T09:00:00Z", "2026-03-01T09:00:00Z", "2026-03-01T09:01:00Z"])
    );
    assert_eq!(rows[0]["project"], "daybook");
    let lines: Vec<_> = files["heartbeats.csv"].lines().collect();
    assert!(lines[0].starts_with("time,app_name,") && lines[1].starts_with("2025-12-01T09:00:00Z,\"vim\","));
    assert_eq!(lines.len(), 4);
    assert_eq!(json_of(&files, "timeline.json").as_array().map(Vec::len), Some(1));
}

#[test]
fn an_account_without_a_timeline_is_exported_whole() {
    let house = House::new();
    let ada = house.person("ada");
    let made = house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    let rules = json!({"rules": [
        {"site": "bank.example", "action": "hide"},
        {"app": "x", "action": "rename", "to": "=Y"},
    ]});
    house
        .send(&ada, "PUT", "/api/v1/users/me/privacy-rules", &rules)
        .expect(200);
    let files = exported(&house, &ada);
    assert_eq!(json_of(&files, "timeline.json"), json!([]));
    assert_eq!(files["timeline.csv"].lines().count(), 1);
    assert_eq!(json_of(&files, "heartbeats.json"), json!([]));
    assert_eq!(files["heartbeats.csv"].lines().count(), 1);
    let account = json_of(&files, "account.json");
    let mut profile = house.get(&ada, "/api/v1/users/me").json();
    profile["second_factor"] = json!(false);
    assert_eq!(account["profile"], profile);
    assert_eq!(account["devices"][1]["id"], json!(ada.device));
    assert_eq!(account["api_keys"][0]["id"], made["id"]);
    assert_eq!(account["privacy_rules"], rules["rules"]);
    let log = house.get(&ada, "/api/v1/users/me/security-log").json();
    assert_eq!(account["security_log"], log["entries"]);
    assert_eq!(log["entries"][0]["event"], "exported");
    let csv: Vec<_> = files["security_log.csv"].lines().collect();
    assert_eq!(csv[0], "at,event,device_id,session_id,address,count");
    assert!(csv[1].starts_with("2026-03-01T12:00:00Z,exported,"), "{}", csv[1]);
    assert!(
        csv[2].contains(",privacy_rules_changed,") && csv[2].ends_with(",127.0.0.1,2"),
        "{}",
        csv[2]
    );
    assert_eq!(csv.len(), 1 + 5);
}

#[test]
fn nothing_that_is_secret_is_in_it() {
    let house = House::new();
    let ada = house.person("ada");
    let made = house
        .send(&ada, "POST", "/api/v1/api-keys", &json!({"name": "Editor"}))
        .expect(201)
        .json();
    house
        .post("/api/v1/auth/password-reset", &json!({"email": "ada@example.org"}))
        .expect(202);
    let mail = house.mails("ada").pop().expect("a mail");
    let reset = mail
        .text
        .lines()
        .find(|line| line.starts_with("reset."))
        .expect("a token");
    let factor = Factor::enable(&house, &ada);
    let files = exported(&house, &ada);
    assert_eq!(json_of(&files, "account.json")["profile"]["second_factor"], true);

    let key = made["key"]
        .as_str()
        .and_then(|key| key.strip_prefix("waka_"))
        .expect("a key");
    let shown_once = [
        PASSWORD,
        &ada.token,
        &ada.refresh,
        key,
        &key.replace('-', ""),
        reset,
        &factor.base32(),
    ];
    let never_shown = ["$plain$", "hash", "password_version"];
    let secrets = shown_once.into_iter().chain(never_shown);
    for secret in secrets.chain(factor.recovery_codes.iter().map(String::as_str)) {
        for (name, text) in &files {
            assert!(!text.contains(secret), "{name} holds {secret}");
        }
    }
}

#[test]
fn text_that_a_spreadsheet_would_run_is_plain_text() {
    let house = House::new();
    let ada = house.person("ada");
    let apps = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=HYPERLINK(\"http://example.org\",\"x\")",
        "a,\"b\"",
    ];
    for (minute, app) in apps.iter().enumerate() {
        let at = |second: u8| format!("2026-03-01T09:{minute:02}:{second:02}Z");
        house.tracked(&ada, &[(app, None, &at(0), &at(30))]);
    }
    let files = exported(&house, &ada);
    for field in [
        r#","'=1+1","#,
        r#","'+1","#,
        r#","'-1","#,
        r#","'@SUM(A1)","#,
        r#","'=HYPERLINK(""http://example.org"",""x"")","#,
        r#","a,""b""","#,
    ] {
        assert!(
            files["timeline.csv"].contains(field),
            "{field}: {}",
            files["timeline.csv"]
        );
    }
    let rows = json_of(&files, "timeline.json");
    let names: Vec<_> = rows
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["app_name"].clone())
        .collect();
    assert_eq!(json!(names), json!(apps), "programs get it as it was");
}

#[test]
fn it_is_only_ever_ones_own() {
    let house = House::new();
    let (ada, eve) = (house.person("ada"), house.person("eve"));
    house.tracked(&ada, &[("Diary", None, "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")]);
    for text in exported(&house, &eve).values() {
        assert!(
            ![ada.id.as_str(), ada.device.as_str(), "ada@", "Diary"]
                .iter()
                .any(|of_ada| text.contains(of_ada))
        );
    }
}

#[test]
fn without_the_store_there_is_no_archive_rather_than_half_of_one() {
    let house = House::new();
    let ada = house.person("ada");
    house.accounts.fail(true);
    house.get(&ada, EXPORT).expect(503);
}
