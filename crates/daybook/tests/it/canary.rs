//! What a person excludes is nowhere: canaries are sent through both doors in every shape, and every place is searched in which a name could have stayed.

mod birds;
mod scene;
mod watchers;
mod wire;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::client::{Answer, Caller, Client};
use crate::program::wait_for;
use birds::{Birds, fresh, heard_in};
use scene::{Door, Node, Scene};

/// The rules that the whole test is about. No canary is in them.
fn rules(more: Option<Value>) -> Value {
    let rules = [
        json!({"app": "secret*", "action": "exclude"}),
        json!({"app": "private *", "action": "rename", "to": "Private"}),
        json!({"site": "secret.example", "action": "exclude"}),
        json!({"site": "hidden.example", "action": "hide"}),
    ];
    json!({"rules": rules.into_iter().chain(more).collect::<Vec<_>>()})
}

/// Somebody's two devices: one numbers its pings.
struct Devices {
    plain: Caller,
    numbering: Caller,
    last_seq: u64,
}

impl Devices {
    fn sign_in(door: &Door) -> Self {
        Self {
            plain: door.client.sign_in("ada@example.org", "plain"),
            numbering: door.client.sign_in("ada@example.org", "numbering"),
            last_seq: 0,
        }
    }

    /// The pings with the next numbers, but for what is kept and doomed: as long as it is dead, its number is not settled.
    fn numbered(&mut self, pings: Vec<Value>) -> Vec<Value> {
        let number = |mut ping: Value| {
            if ping["app_name"]
                .as_str()
                .is_some_and(|app| app.starts_with("Known doomed"))
            {
                return ping;
            }
            self.last_seq += 1;
            ping["seq"] = json!(self.last_seq);
            ping
        };
        pings.into_iter().map(number).collect()
    }
}

/// Sends a flock in each shape: one by one and as a list, numbered and not.
fn send_in_every_shape(client: &Client, devices: &mut Devices, birds: &mut Birds) {
    for is_numbered in [false, true] {
        for is_list in [false, true] {
            let mut pings = birds.flock();
            if is_numbered {
                pings = devices.numbered(pings);
            }
            let caller = if is_numbered {
                &devices.numbering
            } else {
                &devices.plain
            };
            let kept = pings.len() - Birds::EXCLUDED;
            if is_list {
                let answer = client.track(caller, &json!({"pings": pings}));
                assert_eq!(counts(&answer), (kept as u64, Birds::EXCLUDED as u64), "{answer:?}");
                continue;
            }
            for (at, ping) in pings.iter().enumerate() {
                let answer = client.track(caller, ping);
                let expected = if at < kept { (1, 0) } else { (0, 1) };
                assert_eq!(counts(&answer), expected, "{answer:?}");
            }
        }
    }
}

/// How many pings were accepted and how many excluded.
fn counts(answer: &Answer) -> (u64, u64) {
    assert_eq!(answer.status, 202, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["rejected"], json!([]), "{body}");
    let count = |name: &str| body[name].as_u64().unwrap_or_default();
    (count("accepted"), count("excluded"))
}

/// Sends pings of `Flowing` applications through both doors all the time, while the rules come to exclude them. Answers which were kept and which not.
fn change_rules_while_pings_flow(doors: &[Door; 2], caller: &Caller, birds: &mut Birds) -> [BTreeSet<String>; 2] {
    let template = birds.ping("Flowing", None);
    let (kept, excluded) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    let flows = [const { AtomicBool::new(false) }; 2];
    std::thread::scope(|scope| {
        for (door, flow) in doors.iter().zip(&flows) {
            let (client, template, kept, excluded) = (&door.client, &template, &kept, &excluded);
            scope.spawn(move || {
                let mut was_excluded = false;
                wait_for("a flow that has dried up", || {
                    let bird = fresh();
                    let mut ping = template.clone();
                    ping["app_name"] = json!(format!("Flowing {bird}"));
                    let (accepted, _) = counts(&client.track(caller, &ping));
                    flow.store(true, Ordering::Relaxed);
                    assert!(!was_excluded || accepted == 0, "once obeyed, always obeyed");
                    let side = if accepted == 1 { kept } else { excluded };
                    side.lock().expect("not poisoned").insert(bird);
                    // And once more, to see that it stays so.
                    std::mem::replace(&mut was_excluded, accepted == 0).then_some(())
                });
            });
        }
        wait_for("pings to flow", || {
            flows.iter().all(|flow| flow.load(Ordering::Relaxed)).then_some(())
        });
        let more = json!({"app": "FLOWING*", "action": "exclude"});
        let changed = doors[0].put_rules(caller, &rules(Some(more)));
        assert_eq!(changed.status, 200, "{changed:?}");
    });
    [kept, excluded].map(|side| side.into_inner().expect("not poisoned"))
}

/// Each place by its name, with what is there.
fn places(scene: &Scene, doors: &[Door; 2], nodes: &[&Node], caller: &Caller) -> Vec<(String, Vec<u8>)> {
    let mut places = vec![("Redis' files before a rewrite".to_owned(), scene.redis_files())];
    scene.rewrite();
    places.push(("Redis' files after a rewrite".to_owned(), scene.redis_files()));
    places.push(("Postgres' files".to_owned(), scene.postgres_files()));
    places.push(("the dump".to_owned(), scene.dump()));
    for (number, node) in nodes.iter().enumerate() {
        places.push((format!("the metrics of node {number}"), node.metrics()));
        places.push((format!("the log of node {number}"), node.program.errors().into_bytes()));
    }
    for door in doors {
        places.push(("the dead letters".to_owned(), door.letters(caller)));
        places.push(("the export".to_owned(), door.export(caller)));
    }
    places.extend(scene.wires().into_iter().map(|(name, tape)| (name.to_owned(), tape)));
    places
}

#[test]
fn what_is_excluded_is_nowhere_and_what_is_kept_is_found_wherever_it_must_be() {
    let scene = Scene::set();
    for table in ["usage_open", "app_usage"] {
        scene.sql(&format!("ALTER TABLE {table} ADD CHECK (app_name NOT LIKE '%doomed%')"));
    }
    let doors = [scene.door(), scene.door()];
    let worker = scene.worker();
    doors[0].client.register("ada@example.org", "UTC");
    let mut devices = Devices::sign_in(&doors[0]);
    let set = doors[0].put_rules(&devices.plain, &rules(None));
    assert_eq!(set.status, 200, "{set:?}");
    let mut birds = Birds::default();
    for door in &doors {
        let probe = birds.ping("Secret", None);
        wait_for("rules that are obeyed", || {
            (counts(&door.client.track(&devices.plain, &probe)) == (0, 1)).then_some(())
        });
        send_in_every_shape(&door.client, &mut devices, &mut birds);
    }
    let [flowed, dried_up] = change_rules_while_pings_flow(&doors, &devices.plain, &mut birds);
    assert!(
        !flowed.is_empty() && dried_up.len() >= 4,
        "{} {}",
        flowed.len(),
        dried_up.len()
    );
    birds.silent.extend(dried_up);
    scene.drained();
    assert_settled(&doors[0], &mut devices, &mut birds);

    let nodes = [&doors[0].node, &doors[1].node, &worker];
    let mut everywhere = BTreeSet::new();
    for (name, content) in places(&scene, &doors, &nodes, &devices.plain) {
        let heard = heard_in(&content);
        let strays: Vec<_> = heard.intersection(&birds.silent).collect();
        assert!(strays.is_empty(), "{name} holds {strays:?}");
        // The same search finds what must be there.
        let must_be: &[&BTreeSet<String>] = match name.as_str() {
            "Redis' files before a rewrite" | "the way to Redis" => &[&birds.kept, &birds.doomed, &flowed],
            "the way to Postgres" => &[&birds.kept, &birds.doomed],
            "Redis' files after a rewrite" | "the dead letters" => &[&birds.doomed],
            "Postgres' files" | "the dump" | "the export" => &[&birds.kept],
            _ => &[],
        };
        for birds in must_be {
            let missing: Vec<_> = birds.difference(&heard).collect();
            assert!(missing.is_empty(), "{name} lacks {missing:?}");
        }
        if name.starts_with("the log") {
            let said = String::from_utf8_lossy(&content);
            assert!(said.contains("DEBUG"), "{name} says little: {said}");
        }
        everywhere.extend(heard);
    }
    let known: BTreeSet<_> = [&birds.kept, &birds.doomed, &flowed]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let unknown: Vec<_> = everywhere.difference(&known).collect();
    assert!(unknown.is_empty(), "nobody sent {unknown:?} to be kept");
    for door in &doors {
        let metrics = String::from_utf8_lossy(&door.node.metrics()).into_owned();
        let counted = metrics
            .lines()
            .find_map(|line| line.strip_prefix("daybook_pings_excluded_total "));
        let counted: u64 = counted.and_then(|count| count.parse().ok()).expect("a counter");
        assert!(counted >= 4 * Birds::EXCLUDED as u64, "{counted}");
    }
    assert!(worker.program.terminate().success());
}

/// The numbers of what was excluded are settled like all others.
fn assert_settled(door: &Door, devices: &mut Devices, birds: &mut Birds) {
    let all = devices.last_seq;
    // The same ping under one number after the other: however long it takes, none is ahead of the clock.
    let known = birds.ping("Known", None);
    wait_for("numbers that are settled", || {
        let ping = devices.numbered(vec![known.clone()]).remove(0);
        let answer = door.client.track(&devices.numbering, &ping).json();
        (answer["merged_through"].as_u64() >= Some(all)).then_some(())
    });
}
