//! `daybook up`, as a new user meets it.

use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::ledger::now_ms;
use crate::program::{Program, data_dir, daybook, run, text, wait_for};

pub fn up(data: &TempDir) -> Program {
    up_with(data, &[])
}

pub fn up_with(data: &TempDir, settings: &[(&str, &str)]) -> Program {
    let dir = data.path().to_str().expect("UTF-8");
    Program::start(daybook(&["up", "--data-dir", dir, "--listen", "127.0.0.1:0"], settings))
}

/// The shell commands of the README's first screen, but for the one that starts the server.
fn readme_commands(address: &str) -> String {
    let readme = include_str!("../../../../README.md");
    let screen = readme
        .split("## From nothing to your first report")
        .nth(1)
        .expect("the heading stands");
    let screen = screen.split("\n## ").next().expect("a section");
    let blocks = screen
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().expect("closed"));
    let typed = blocks.filter(|block| !block.contains("scripts/up") && !block.contains("daybook-agent"));
    typed
        .collect::<Vec<_>>()
        .join("\n")
        .replace("http://127.0.0.1:8080", address)
}

#[test]
fn the_commands_of_the_readme_end_in_a_first_report() {
    let data = data_dir();
    let server = up(&data);
    let address = server.address();
    let commands = readme_commands(&address);
    assert_eq!(commands.matches("curl").count(), 4, "{commands}");
    let shell = Command::new("sh")
        .args(["-eu", "-c", &commands])
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let said = text(&shell.stdout);
    assert!(shell.status.success(), "{said}\n{}", text(&shell.stderr));
    assert!(said.contains("\"status\":\"queued\""), "{said}");

    // The report may come a moment too early, so it is asked for again; the ping may lie across midnight, so yesterday counts as well.
    let client = Client::new(&address);
    let caller = client.sign_in("ada@example.org", "my-laptop");
    let day = 24 * 3_600_000;
    let (from, to) = (date(now_ms() - day), date(now_ms() + day));
    let report = wait_for("the first report", || {
        let report = client
            .get(&format!("/api/v1/report/apps?from={from}&to={to}"), Some(&caller))
            .json();
        (report["total_seconds"] != 0).then_some(report)
    });
    let item = &report["items"][0];
    assert_eq!(
        (&item["app_name"], report["items"].as_array().map(Vec::len)),
        (&Value::from("Editor"), Some(1)),
        "{report}"
    );
    assert!(item["seconds"] == 30 || item["seconds"] == 31, "{report}");
    assert!(server.terminate().success());
}

#[test]
fn what_was_tracked_is_there_after_a_restart() {
    let data = data_dir();
    let server = up(&data);
    let client = Client::new(&server.address());
    client.register("ada@example.org", "Asia/Kathmandu");
    let caller = client.sign_in("ada@example.org", "laptop");
    let end = now_ms() / 1_000 * 1_000;
    let at = |ms: i64| domain::time::UnixMs(ms).to_string();
    let ping = serde_json::json!({"app_name": "Editor", "start_time": at(end - 5_000), "end_time": at(end)});
    assert_eq!(client.track(&caller, &ping).status, 202);
    assert!(server.terminate().success());

    let server = up(&data);
    let client = Client::new(&server.address());
    let segments = wait_for("the ping", || {
        let answer = client.timeline(&caller, &at(end - 60_000), &at(end + 60_000));
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        answer["segments"]
            .as_array()
            .filter(|segments| !segments.is_empty())
            .cloned()
    });
    assert_eq!(
        (segments.len(), &segments[0]["seconds"]),
        (1, &Value::from(5)),
        "{segments:?}"
    );
    assert!(server.terminate().success());
}

#[test]
fn a_second_server_on_the_same_data_says_who_has_it() {
    let data = data_dir();
    let server = up(&data);
    server.address();
    let dir = data.path().to_str().expect("UTF-8");
    let second = run(&["up", "--data-dir", dir, "--listen", "127.0.0.1:0"], &[]);
    let said = text(&second.stderr);
    assert!(!second.status.success());
    assert!(said.contains(&server.pid().to_string()) && said.contains(dir), "{said}");
    assert!(server.terminate().success());
}

#[test]
fn an_address_in_use_is_said_plainly_and_leaves_nothing_running() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = taken.local_addr().expect("bound").to_string();
    let data = data_dir();
    let refused = run(
        &[
            "up",
            "--data-dir",
            data.path().to_str().expect("UTF-8"),
            "--listen",
            &address,
        ],
        &[],
    );
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains(&address), "{}", text(&refused.stderr));
    for server in ["postgres", "redis"] {
        let left = embedded::processes_in(&data.path().join(server), &["postgres", "redis-server"]);
        assert_eq!(left, Vec::<u32>::new(), "{server} has stopped");
    }
}

fn date(ms: i64) -> String {
    domain::time::UnixMs(ms).to_string()[..10].to_owned()
}
