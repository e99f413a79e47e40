//! A person's history from files of other trackers, by the tracker's own program, into the timeline of a real server: it fills gaps, and twice is once.

use std::fs;
use std::path::Path;
use std::process::Command;

use domain::time::{DAY_MS, UnixMs};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Caller, Client};
use crate::ledger::now_ms;
use crate::program::{data_dir, text, wait_for};
use crate::up::up_with;

const EMAIL: &str = "ada@example.org";
/// So long ago the first day was: within what a live tracker may claim, and a server takes of history.
const DAYS_AGO: i64 = 40;
/// The day that the export in the tracker's tests is of.
const EXPORTED: &str = "2024-03-01";

/// Somebody with a rule, whose tracker saw two minutes of the day.
struct Person {
    client: Client,
    caller: Caller,
    address: String,
    /// The start of the first day, which stays what it is if a midnight passes.
    first: UnixMs,
    files: TempDir,
    agent: TempDir,
}

impl Person {
    fn at(address: String) -> Self {
        let client = Client::new(&address);
        client.register(EMAIL, "UTC");
        let caller = client.sign_in(EMAIL, "laptop");
        let rules = json!({"rules": [{"app": "code-oss", "action": "exclude"}]});
        let changed = client.put("/api/v1/users/me/privacy-rules", &caller, &rules);
        assert_eq!(changed.status, 200, "{changed:?}");
        let first = UnixMs(now_ms()).day_start().plus_ms(-DAYS_AGO * DAY_MS);
        let at = |minute: i64| first.plus_ms((9 * 60 + minute) * 60_000).to_string();
        let live = json!({"app_name": "Live", "start_time": at(2), "end_time": at(4)});
        assert_eq!(client.track(&caller, &live).status, 202);
        Self {
            client,
            caller,
            address,
            first,
            files: data_dir(),
            agent: data_dir(),
        }
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.files.path().join(name), content).expect("written");
    }

    /// What `daybook-agent import` says.
    fn import(&self, arguments: &[&str]) -> String {
        let agent = Path::new(env!("CARGO_BIN_EXE_daybook")).with_file_name("daybook-agent");
        assert!(agent.exists(), "{} is missing: cargo build -p agent", agent.display());
        let mut command = Command::new(agent);
        command
            .env_clear()
            .env("DAYBOOK_PASSWORD", "correct horse battery")
            .env("DAYBOOK_AGENT_KEYRING", "off")
            .arg("import")
            .args(["--server", &self.address, "--email", EMAIL, "--data-dir"])
            .arg(self.agent.path())
            .args(arguments)
            .args(["activitywatch.json", "heartbeats.json", "user_agents.json"])
            .current_dir(self.files.path());
        let output = command.output().expect("the program starts");
        let (told, error) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{told}{error}");
        told
    }

    /// Both days, as the timeline has them.
    fn timeline(&self) -> String {
        let (from, to) = (self.first.to_string(), self.first.plus_ms(2 * DAY_MS).to_string());
        self.client.timeline(&self.caller, &from, &to)
    }

    fn shown(&self) -> Vec<String> {
        let timeline: Value = serde_json::from_str(&self.timeline()).expect("JSON");
        let segments = timeline["segments"].as_array().expect("segments");
        let line = |segment: &Value| {
            let said = |name: &str| segment[name].as_str().unwrap_or_default().to_owned();
            let clock = |name: &str| said(name).split('T').nth(1).expect("a time").to_owned();
            format!(
                "{} to {} {} {}",
                clock("start_time"),
                clock("end_time"),
                said("app_name"),
                said("domain")
            )
        };
        segments
            .iter()
            .map(|segment| line(segment).trim_end().to_owned())
            .collect()
    }
}

/// Heartbeats of the second day.
fn heartbeats(first: UnixMs) -> Value {
    let nine = first.plus_ms(DAY_MS + 9 * 3_600_000);
    let beat = |minute: i64, entity: &str, kind: &str, agent: &str| {
        let seconds = nine.plus_ms(minute * 60_000).0 / 1_000;
        json!({"time": seconds, "entity": entity, "type": kind, "user_agent_id": agent, "project": "daybook", "language": "Rust"})
    };
    let (editor, browser) = (
        "4f7a9c10-3f4e-4c55-9d0b-2a6f1f2f7b01",
        "9b0c2d34-6a77-4b7e-8a53-0e1d2c3b4a02",
    );
    json!({"user": {}, "range": {}, "days": [{"date": "x", "heartbeats": [
        beat(5, "https://docs.example.org/secret?q=1", "url", browser),
        beat(2, "/srv/secret.rs", "file", editor),
        beat(0, "/srv/secret.rs", "file", editor),
        beat(180, "Slack", "app", browser),
    ]}]})
}

#[test]
fn history_fills_the_gaps_of_a_timeline_and_bringing_it_again_changes_nothing() {
    let data = data_dir();
    // The timeline is asked for again and again until it says what the test waits for.
    let server = up_with(&data, &[("DAYBOOK_RATE_LIMITS", "off")]);
    let person = Person::at(server.address());
    let export = include_str!("../../../agent/tests/exports/activitywatch-python.json");
    person.write(
        "activitywatch.json",
        &export.replace(EXPORTED, &person.first.to_string()[..10]),
    );
    person.write("heartbeats.json", &heartbeats(person.first).to_string());
    person.write(
        "user_agents.json",
        include_str!("../../../agent/tests/exports/wakatime-user-agents.json"),
    );
    wait_for("the two minutes that were seen live", || {
        (person.shown().len() == 1).then_some(())
    });

    let told = person.import(&["--dry-run"]);
    // A quarter of an hour of windows without what the rule excludes, two minutes of which are there, and five of heartbeats.
    for part in [
        "18 min  added",
        "0 s  replaced",
        "2 min  already there",
        "13 min  Firefox",
        "5 min  VS Code",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(person.shown().len(), 1, "a dry run keeps nothing");

    let told = person.import(&[]);
    assert!(told.contains("Imported: 8 entries"), "{told}");
    let expected = [
        "09:00:00Z to 09:02:00Z Firefox example.org",
        "09:02:00Z to 09:04:00Z Live",
        "09:04:00Z to 09:05:00Z Firefox example.org",
        "09:05:00Z to 09:10:02Z Firefox",
        "09:20:00Z to 09:22:00Z Firefox mail.example.org",
        "09:22:00Z to 09:25:00Z Firefox",
        "09:00:00Z to 09:05:00Z VS Code",
    ];
    wait_for("both days", || (person.shown() == expected).then_some(()));
    let (first, devices) = (
        person.timeline(),
        person.client.get("/api/v1/devices", Some(&person.caller)).json(),
    );
    let named = devices.to_string();
    assert!(
        named.contains("activitywatch laptop") && named.contains("wakatime"),
        "{named}"
    );

    person.import(&[]);
    let told = person.import(&["--dry-run"]);
    for part in ["0 s  added", "0 s  replaced", "20 min  already there"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(person.timeline(), first);
    assert!(server.terminate().success());
}
