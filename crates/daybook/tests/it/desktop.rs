//! The tracker's real windows in the report of a real server.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::Value;
use testkit::desktop::{Desktop, Moved};

use crate::client::{Caller, Client};
use crate::ledger::now_ms;
use crate::program::{Program, data_dir, wait_for};
use crate::up::up_with;

/// How far a time that the tracker saw may be from when the test did it.
const TOLERANCE_MS: i64 = 1_000;
const LONG_ENOUGH_SECS: f64 = 3.0;

fn agent(desktop: &Desktop, server: &str, data: &Path) -> Program {
    let agent = Path::new(env!("CARGO_BIN_EXE_daybook")).with_file_name("daybook-agent");
    assert!(agent.exists(), "{} is missing: cargo build -p agent", agent.display());
    let mut command = Command::new(agent);
    command.args([
        "run",
        "--server",
        server,
        "--email",
        "ada@example.org",
        "--ping-secs",
        "1",
        "--resend-secs",
        "2",
    ]);
    command
        .args(["--display", desktop.display()])
        .arg("--data-dir")
        .arg(data);
    command
        .env("DAYBOOK_PASSWORD", "correct horse battery")
        .env("DAYBOOK_AGENT_NO_RELAY", "true");
    Program::start(command)
}

struct Person<'a> {
    client: &'a Client,
    caller: Caller,
    desktop: &'a Desktop,
}

impl Person<'_> {
    /// Yesterday to tomorrow: a test may run across midnight.
    fn days() -> String {
        let day = |days: i64| domain::time::UnixMs(now_ms() + days * domain::time::DAY_MS).to_string()[..10].to_owned();
        format!("from={}&to={}", day(-1), day(1))
    }

    /// Seconds of each application, as the report has them.
    fn report(&self) -> Value {
        self.client
            .get(
                &format!("/api/v1/report/apps?bridge=0&{}", Self::days()),
                Some(&self.caller),
            )
            .json()
    }

    fn seconds(&self, app: &str) -> f64 {
        let report = self.report();
        let items = report["items"].as_array().expect("items").iter();
        items
            .filter(|item| item["app_name"] == app)
            .filter_map(|item| item["seconds"].as_f64())
            .sum()
    }

    /// Uses whatever has the focus, until the report has that much more of it.
    fn uses(&self, app: &str) {
        let until = self.seconds(app) + LONG_ENOUGH_SECS;
        wait_for(app, || {
            self.desktop.touch();
            (self.seconds(app) >= until).then_some(())
        });
    }

    fn segments(&self) -> Vec<Value> {
        let timeline = self
            .client
            .get(&format!("/api/v1/usage/timeline?{}", Self::days()), Some(&self.caller))
            .json();
        timeline["segments"].as_array().expect("segments").clone()
    }
}

#[test]
fn two_applications_appear_with_the_seconds_that_they_had_the_focus() {
    let mut desktop = Desktop::start();
    let (editor, browser) = (desktop.open("Editor"), desktop.open("Browser"));
    let (data, agent_data) = (data_dir(), data_dir());
    // Reports are asked for again and again until they say what the test waits for.
    let server = up_with(&data, &[("DAYBOOK_RATE_LIMITS", "off")]);
    let address = server.address();
    let client = Client::new(&address);
    client.register("ada@example.org", "Europe/Berlin");
    let person = Person {
        client: &client,
        caller: client.sign_in("ada@example.org", "reader"),
        desktop: &desktop,
    };

    desktop.focus(&editor);
    let agent = agent(&desktop, &address, agent_data.path());
    person.uses("Editor");
    let to_browser = desktop.focus(&browser);
    person.uses("Browser");
    let to_editor = desktop.focus(&editor);
    person.uses("Editor");
    assert!(agent.terminate().success());

    let segments = wait_for("all three stretches", || {
        Some(person.segments()).filter(|segments| segments.len() == 3)
    });
    let apps: Vec<&Value> = segments.iter().map(|segment| &segment["app_name"]).collect();
    assert_eq!(apps, ["Editor", "Browser", "Editor"]);
    assert_moved(&segments[0]["end_time"], to_browser);
    assert_moved(&segments[1]["end_time"], to_editor);
    assert_eq!(segments[0]["end_time"], segments[1]["start_time"], "no gap, no overlap");
    assert_eq!(segments[1]["end_time"], segments[2]["start_time"], "no gap, no overlap");

    let report = person.report();
    let seconds = |app: &str| {
        segments
            .iter()
            .filter(|segment| segment["app_name"] == app)
            .filter_map(|s| s["seconds"].as_f64())
            .sum::<f64>()
    };
    assert_eq!(
        report["items"].as_array().map(Vec::len),
        Some(2),
        "nothing else was seen: {report}"
    );
    for app in ["Editor", "Browser"] {
        assert!((person.seconds(app) - seconds(app)).abs() < 0.001, "{app}: {report}");
    }
    assert!(server.terminate().success());
}

/// Asserts that what the tracker saw is when the test did it.
fn assert_moved(seen: &Value, moved: Moved) {
    let seen = chrono::DateTime::parse_from_rfc3339(seen.as_str().expect("a time"))
        .expect("RFC 3339")
        .timestamp_millis();
    let (after, before) = (ms(moved.after), ms(moved.before));
    assert!(
        (after - TOLERANCE_MS..=before + TOLERANCE_MS).contains(&seen),
        "{seen} is not within {after} to {before}"
    );
}

fn ms(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far")
}
