//! What is asked while somebody is erased is answered soundly, and brings nothing of them back.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::house::{House, PASSWORD, Session, ping, refresh};
use crate::client::{Answer, Client};
use crate::program::{PATIENCE, wait_for};

/// How many people are erased, one after the other: what happens at the same time is different each time.
const PEOPLE: usize = 4;
/// How many requests of one person are under way at once.
const LANES: usize = 6;

#[test]
fn requests_that_meet_an_erasure_are_refused_or_done_and_leave_nothing_behind() {
    let house = House::start();
    let nodes = house.nodes();
    let worker = house.worker();
    let clients = nodes.each_ref().map(|node| &node.client);
    let mut answers = BTreeSet::new();
    for number in 0..PEOPLE {
        let email = format!("person-{number}@example.org");
        clients[0].register(&email, "UTC");
        let session = nodes[0].sign_in(&email, "laptop");
        answers.extend(ask_while_erased(clients, &Lane { email, session }));
    }
    let said = nodes.each_ref().map(|node| node.program.errors()).concat();
    let bugs: Vec<&str> = said.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(bugs.is_empty(), "{bugs:#?}");
    let unsound: Vec<_> = answers
        .iter()
        .filter(|(_, status)| ![200, 201, 202, 204, 401, 403, 404, 409, 422, 429, 503].contains(status))
        .collect();
    assert!(unsound.is_empty(), "{unsound:?} of {answers:?}");

    house.drained();
    for table in [
        "users",
        "devices",
        "sessions",
        "api_keys",
        "second_factors",
        "password_resets",
        "usage_open",
        "app_usage",
    ] {
        let left = house.sql(&format!("SELECT count(*)::text FROM {table}"));
        assert_eq!(left, ["0"], "{table}");
    }
    let logged = house.sql("SELECT count(*)::text FROM audit_log WHERE user_id IS NOT NULL");
    assert_eq!(logged, ["0"]);
    let mut redis = house.redis();
    for (ask, key) in [("HLEN", "daybook:merged"), ("XLEN", "daybook:pings:dead")] {
        let left: u64 = redis::cmd(ask).arg(key).query(&mut redis).expect("asked");
        assert_eq!(left, 0, "{key}");
    }
    assert!(worker.terminate().success());
}

/// One of those who ask, and what they know.
struct Lane {
    email: String,
    session: Session,
}

/// Which requests were answered how, on both nodes, while the person was erased.
fn ask_while_erased(clients: [&Client; 2], lane: &Lane) -> BTreeSet<(&'static str, u16)> {
    let answers = Mutex::new(BTreeSet::new());
    let (rounds, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for number in 0..LANES {
            let (answers, rounds, is_over) = (&answers, &rounds, &is_over);
            scope.spawn(move || {
                let began = std::time::Instant::now();
                while !is_over.load(Ordering::Relaxed) && began.elapsed() < PATIENCE {
                    let round = rounds.fetch_add(1, Ordering::Relaxed);
                    let answer = lane.ask(clients[round % 2], number, round);
                    answers.lock().expect("not poisoned").insert(answer);
                }
            });
        }
        let asked = |more: usize| {
            let enough = rounds.load(Ordering::Relaxed) + more;
            wait_for("more requests", || {
                (rounds.load(Ordering::Relaxed) >= enough).then_some(())
            });
        };
        asked(3 * LANES);
        let proof = json!({"password": PASSWORD});
        let erased = clients[1].delete("/api/v1/users/me", &lane.session.caller, Some(&proof));
        answers.lock().expect("not poisoned").insert(("erase", erased.status));
        asked(3 * LANES);
        is_over.store(true, Ordering::Relaxed);
    });
    answers.into_inner().expect("not poisoned")
}

impl Lane {
    /// Each lane asks for something else.
    fn ask(&self, client: &Client, number: usize, round: usize) -> (&'static str, u16) {
        let caller = &self.session.caller;
        let bearer = format!("Bearer {}", caller.token);
        let post = |path: &str, body: &Value| client.post(path, &[("Authorization", &bearer)], body);
        let (what, answer): (_, Answer) = match number {
            0 => ("sign in", self.sign_in(client, PASSWORD, round)),
            1 => ("fail to sign in", self.sign_in(client, "a wrong password", round)),
            2 => ("make a key", post("/api/v1/api-keys", &json!({"name": "Plug-in"}))),
            3 => ("refresh", refresh(client, &self.session.refresh)),
            4 => {
                let mut numbered = ping("Editor", 60);
                numbered["seq"] = round.into();
                ("track", post("/api/v1/usage/track", &numbered))
            }
            _ => match round % 6 {
                0 => (
                    "reset",
                    client.post("/api/v1/auth/password-reset", &[], &json!({"email": self.email})),
                ),
                1 => (
                    "begin a factor",
                    post("/api/v1/users/me/totp", &json!({"password": PASSWORD})),
                ),
                2 => (
                    "rename",
                    client.patch("/api/v1/users/me", caller, &json!({"full_name": "Ada B."})),
                ),
                3 => (
                    "read the log",
                    client.get("/api/v1/users/me/security-log", Some(caller)),
                ),
                4 => {
                    let path = format!("/api/v1/devices/{}", caller.device);
                    ("order", client.patch(&path, caller, &json!({"precedence": 7})))
                }
                _ => {
                    let new = json!({"password": PASSWORD, "new_password": PASSWORD});
                    ("change the password", post("/api/v1/users/me/password", &new))
                }
            },
        };
        (what, answer.status)
    }

    /// From an address that failed nowhere before.
    fn sign_in(&self, client: &Client, password: &str, round: usize) -> Answer {
        let address = format!("203.0.{}.{}", round / 256 % 256, round % 256);
        let device = format!("device-{}", round % 8);
        let headers = [("X-Device-Id", device.as_str()), ("X-Forwarded-For", address.as_str())];
        let body = json!({"email": self.email, "password": password});
        client.post("/api/v1/auth/login", &headers, &body)
    }
}
