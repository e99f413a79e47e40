//! Power cuts: the program is killed while watchers send, and whatever it wrote without forcing it to the disk is taken back.

use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use agent::relay::sqlite::{Bounds, SqliteStore};
use agent::relay::store::Events;
use serde_json::{Value, json};
use torture::shim::PowerCut;

use crate::rig::{Program, program, wait_until};
use crate::stub::{EMAIL, PASSWORD};

use super::client;
use super::program::port_in;

const ROUNDS: i64 = 4;
/// So many heartbeats of each watcher are answered before the power goes, in the middle of more.
const ANSWERED_MIN: usize = 15;
const WATCHERS: [&str; 3] = ["one", "two", "three"];

#[test]
fn no_power_cut_takes_back_what_was_answered() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let account = embedded::Account::of_servers().expect("an account");
    agent::files::make_private_dir(&data).expect("made");
    let power = PowerCut::install(&home.path().join("shim"), &data, &account).expect("installed");
    let mut taken_back = 0;
    for round in 0..ROUNDS {
        let (agent, port) = start(&data, &power);
        let answered = send_until_dead(port, round, agent);
        taken_back += power.apply().expect("taken back").writes;
        let store = SqliteStore::open(&data, Bounds::default(), "device").expect("opened");
        for (watcher, events) in answered {
            assert!(events.len() >= ANSWERED_MIN, "{}", events.len());
            for event in events {
                let id = event["id"].as_i64().expect("a number");
                let kept = store.event(watcher, id).expect("read").expect("it was answered");
                let kept = serde_json::to_value(&kept).expect("JSON");
                assert_eq!(
                    (&kept["timestamp"], &kept["data"]),
                    (&event["timestamp"], &event["data"])
                );
                assert!(
                    kept["duration"].as_f64() >= event["duration"].as_f64(),
                    "round {round}: {event} was answered, {kept} is kept"
                );
            }
        }
    }
    assert!(taken_back > 0, "a power cut that takes nothing back proves nothing");
}

fn start(data: &Path, power: &PowerCut) -> (Program, u16) {
    let log = data.with_file_name("log");
    let mut command = program(data);
    command
        .env_remove("DAYBOOK_AGENT_NO_RELAY")
        .env("DAYBOOK_PASSWORD", PASSWORD)
        // Nobody is there: what is joined stays in the spool.
        .args(["run", "--server", "http://127.0.0.1:9", "--email", EMAIL])
        .args(["--source", "activitywatch", "--relay-port", "0", "--ping-secs", "1"])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("made"));
    power.preload(&mut command);
    let child = command.spawn().expect("the program starts");
    let id = child.id();
    let port = port_in(&log);
    power.check(id).expect("under the shim");
    (child.into(), port)
}

/// What each watcher was answered before the program died.
fn send_until_dead(port: u16, round: i64, agent: Program) -> Vec<(&'static str, Vec<Value>)> {
    let base = agent::clock::wall().plus_ms(-3_600_000 + round * 600_000);
    let answered: Vec<Mutex<Vec<Value>>> = WATCHERS.iter().map(|_| Mutex::default()).collect();
    let dead = AtomicBool::new(false);
    thread::scope(|scope| {
        for (watcher, answered) in WATCHERS.iter().zip(&answered) {
            let dead = &dead;
            scope.spawn(move || {
                let client = client();
                let address = format!("http://127.0.0.1:{port}/api/0/buckets/{watcher}");
                let send = |path: &str, body: &Value| {
                    let sent = client.post(format!("{address}{path}")).content_type("application/json").send(body.to_string());
                    sent.and_then(|mut answer| answer.body_mut().read_to_string())
                };
                // Without an answer, nothing was promised.
                let _ = send("", &json!({"client": "c", "type": "currentwindow", "hostname": "here"}));
                for beat in 0.. {
                    let at = base.plus_ms(beat * 250);
                    let body = json!({"timestamp": at.to_string(), "duration": 0, "data": {"app": if beat % 10 < 7 { "A" } else { "B" }}});
                    match send("/heartbeat?pulsetime=2", &body) {
                        Ok(text) => answered.lock().expect("not poisoned").push(serde_json::from_str(&text).expect("JSON")),
                        Err(_) if dead.load(Ordering::Relaxed) => return,
                        Err(error) => assert!(dead.load(Ordering::Relaxed), "{error}"),
                    }
                }
            });
        }
        let count = |answered: &Mutex<Vec<Value>>| answered.lock().expect("not poisoned").len();
        wait_until("some are answered", || {
            answered.iter().all(|answered| count(answered) >= ANSWERED_MIN)
        });
        dead.store(true, Ordering::Relaxed);
        agent.kill_dead();
    });
    let taken = answered
        .into_iter()
        .map(|answered| answered.into_inner().expect("not poisoned"));
    WATCHERS.into_iter().zip(taken).collect()
}
