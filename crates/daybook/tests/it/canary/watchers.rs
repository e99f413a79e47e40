//! What ActivityWatch's watchers send straight to the server: what counts of it is where it must be, and titles, paths, private tabs, what is excluded and a key
//! in a path are nowhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::birds::{Birds, fresh, heard_in};
use super::scene::{Door, Scene};
use super::{counts, places, rules};
use crate::client::Caller;
use crate::ledger::now_ms;
use crate::program::wait_for;

/// The watchers of a machine.
struct Watchers<'a> {
    door: &'a Door,
    key: String,
    /// When it all begins, in milliseconds since 1970.
    base: i64,
}

impl<'a> Watchers<'a> {
    fn of(door: &'a Door, ada: &Caller) -> Self {
        let bearer = format!("Bearer {}", ada.token);
        let made = door.client.post(
            "/api/v1/api-keys",
            &[("Authorization", &bearer)],
            &json!({"name": "Watchers"}),
        );
        assert_eq!(made.status, 201, "{made:?}");
        let key = made.json()["key"].as_str().expect("text").to_owned();
        let watchers = Self {
            door,
            key,
            base: now_ms() - 3_600_000,
        };
        for (id, kind) in [
            ("w", "currentwindow"),
            ("a", "afkstatus"),
            ("aw-watcher-web-firefox", "web.tab.current"),
        ] {
            watchers.post(id, &json!({"client": "c", "type": kind, "hostname": "h"}));
        }
        watchers
    }

    fn post(&self, path: &str, body: &Value) {
        let path = format!("/aw/{}/api/0/buckets/{path}", self.key);
        let answer = self.door.client.post(&path, &[], body);
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn beat(&self, second: i64, bucket: &str, data: &Value) {
        let at = domain::time::UnixMs(self.base + second * 1_000).to_string();
        let event = json!({"timestamp": at, "duration": 0, "data": data});
        self.post(&format!("{bucket}/heartbeat?pulsetime=60"), &event);
    }
}

/// Sends a minute of everything that watchers see, each with canaries of its own.
fn send(watchers: &Watchers<'_>, birds: &mut Birds) {
    let (app, site) = (fresh(), fresh());
    birds.kept.extend([app.clone(), site.clone()]);
    let mut silent = || fresh_into(&mut birds.silent);
    for second in (0..=60).step_by(20) {
        let window = json!({"app": format!("Firefox {app}"), "title": silent()});
        watchers.beat(second, "w", &window);
        watchers.beat(second, "a", &json!({"status": "not-afk", "note": silent()}));
    }
    let mut address = |host: &str| {
        let [user, password, path, query] = [(); 4].map(|()| silent());
        format!("https://{user}:{password}@{host}:8443/{path}?q={query}")
    };
    let shown = address(&format!("{site}.known.example"));
    let tab = "aw-watcher-web-firefox";
    for second in [0, 10] {
        watchers.beat(
            second,
            tab,
            &json!({"url": shown, "title": fresh_into(&mut birds.silent), "incognito": false}),
        );
    }
    for (second, host, incognito) in [
        (20, "private.example", true),
        (30, "hidden.example", false),
        (40, "secret.example", false),
    ] {
        let host = format!("{}.{host}", fresh_into(&mut birds.silent));
        let title = fresh_into(&mut birds.silent);
        let url = format!("https://{host}/{}", fresh_into(&mut birds.silent));
        watchers.beat(
            second,
            tab,
            &json!({"url": url, "title": title, "incognito": incognito}),
        );
    }
    for (second, name) in [(70, "Secret"), (80, "Private")] {
        let app = format!("{name} {}", fresh_into(&mut birds.silent));
        watchers.beat(
            second,
            "w",
            &json!({"app": app, "title": fresh_into(&mut birds.silent)}),
        );
        watchers.beat(second, "a", &json!({"status": "not-afk"}));
    }
    let note = json!({"file": fresh_into(&mut birds.silent)});
    watchers.post("notes", &json!({"type": "app.editor.activity"}));
    watchers.beat(0, "notes", &note);
}

fn fresh_into(birds: &mut BTreeSet<String>) -> String {
    let bird = fresh();
    birds.insert(bird.clone());
    bird
}

#[test]
fn of_what_watchers_send_what_counts_is_kept_and_the_rest_and_their_key_are_nowhere() {
    let scene = Scene::set();
    let doors = [scene.door(), scene.door()];
    let worker = scene.worker();
    doors[0].client.register("ada@example.org", "UTC");
    let ada = doors[0].client.sign_in("ada@example.org", "laptop");
    let set = doors[0].put_rules(&ada, &rules(None));
    assert_eq!(set.status, 200, "{set:?}");
    let mut birds = Birds::default();
    let mut keys = Vec::new();
    for door in &doors {
        wait_for("rules that are obeyed", || {
            let probe = birds.ping("Secret", None);
            (counts(&door.client.track(&ada, &probe)) == (0, 1)).then_some(())
        });
        let watchers = Watchers::of(door, &ada);
        send(&watchers, &mut birds);
        keys.push(watchers.key);
    }
    scene.drained();
    let nodes = [&doors[0].node, &doors[1].node, &worker];
    for (name, content) in places(&scene, &doors, &nodes, &ada) {
        let heard = heard_in(&content);
        let strays: Vec<_> = heard.intersection(&birds.silent).collect();
        assert!(strays.is_empty(), "{name} holds {strays:?}");
        let said = String::from_utf8_lossy(&content);
        for key in &keys {
            let bare = key.strip_prefix("waka_").expect("its prefix");
            assert!(!said.contains(bare), "{name} holds a key");
        }
        if ["the way to Redis", "the way to Postgres", "the dump", "the export"].contains(&name.as_str()) {
            let missing: Vec<_> = birds.kept.difference(&heard).collect();
            assert!(missing.is_empty(), "{name} lacks {missing:?}");
        }
    }
    assert!(worker.program.terminate().success());
}
