//! The surface that ActivityWatch's watchers and clients know: every route in both places, and what becomes of what they send.

mod door;
mod full;
mod interface;

use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::house::{House, Person};

/// 2026-03-01T09:00:00Z, three hours before the clock of the house.
const NINE: i64 = 1_772_355_600;
const WINDOWS: &str = "aw-watcher-window_here";
const AFK: &str = "aw-watcher-afk_here";
const WEB: &str = "aw-watcher-web-firefox_here";

/// What a watcher on one machine has: a house to send to, and a key.
struct Watcher<'a> {
    house: &'a House,
    key: String,
}

impl<'a> Watcher<'a> {
    /// With a key that may do all that keys may.
    fn of(house: &'a House, person: &Person) -> Self {
        Self::with(house, person, &json!(["pings:write", "reports:read"]))
    }

    fn with(house: &'a House, person: &Person, scopes: &Value) -> Self {
        let made = house.send(
            person,
            "POST",
            "/api/v1/api-keys",
            &json!({"name": "Watchers", "scopes": scopes}),
        );
        let key = made.expect(201).json()["key"].as_str().expect("text").to_owned();
        Self { house, key }
    }

    /// A request that shows its key in a header.
    fn call(&self, method: &str, path: &str) -> Call {
        self.house.call(method, &format!("/api/0/{path}")).token(&self.key)
    }

    /// And one that shows it in the path.
    fn path_call(&self, method: &str, path: &str) -> Call {
        let target = format!("/aw/{}/api/0/{path}", self.key);
        self.house.call(method, &target)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call(method, path).json(body).send()
    }

    fn get(&self, path: &str) -> Value {
        self.call("GET", path).send().expect(200).json()
    }

    fn create(&self, id: &str, kind: &str) {
        let body = json!({"client": "test", "type": kind, "hostname": "here"});
        self.send("POST", &format!("buckets/{id}"), &body).expect(200);
    }

    fn beat(&self, id: &str, pulsetime: i64, event: &Value) -> Value {
        let path = format!("buckets/{id}/heartbeat?pulsetime={pulsetime}");
        self.send("POST", &path, event).expect(200).json()
    }

    /// Half a minute in a browser, with one site in the middle of it.
    fn half_a_minute(&self) {
        for (id, kind) in [(WINDOWS, "currentwindow"), (AFK, "afkstatus"), (WEB, "web.tab.current")] {
            self.create(id, kind);
        }
        for second in [0, 15, 30] {
            self.beat(
                WINDOWS,
                20,
                &event(second, &json!({"app": "firefox", "title": "canary-title"})),
            );
            self.beat(AFK, 185, &event(second, &json!({"status": "not-afk"})));
        }
        for (second, url) in [
            (10, "https://www.a.example/canary-path?q=1"),
            (20, "https://www.a.example/canary-path?q=1"),
        ] {
            let data =
                json!({"url": url, "title": "canary-title", "audible": false, "incognito": false, "tabCount": 1});
            self.beat(WEB, 80, &event(second, &data));
        }
        let private = json!({"url": "https://canary-private.example/", "title": "canary-title", "incognito": true});
        self.beat(WEB, 80, &event(20, &private));
    }
}

/// An event as clients send it, in seconds after nine.
fn event(second: i64, data: &Value) -> Value {
    json!({"id": null, "timestamp": time(second), "duration": 0, "data": data})
}

fn time(second: i64) -> String {
    domain::time::UnixMs((NINE + second) * 1_000).to_string()
}
