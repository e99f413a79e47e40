//! A bucket that holds as many events as it may.

use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use domain::trackers::activitywatch::{Stretch, Told};
use domain::usage::AppName;
use ports::trackers::{BUCKETS_MAX, EVENTS_MAX, Edit, WatchEvent, WatchEvents, Watcher as Of};
use serde_json::{Value, json};

use super::{NINE, WINDOWS, Watcher, event};
use crate::house::House;

/// As many windows as a bucket holds but for one, each for a second, of which nobody has said who was there.
fn fill(house: &House, of: Of) {
    let told = Told::App(AppName::parse("A").expect("a name"));
    let window = |id: i64| {
        let start_us = (NINE - EVENTS_MAX - 60 + id) * 1_000_000;
        let end_us = start_us + 1_000_000;
        let stretch = Stretch { start_us, end_us };
        let told = told.clone();
        WatchEvent { id, stretch, told }
    };
    let edit = Edit {
        seen: 0,
        last_id: EVENTS_MAX - 1,
        removed: Vec::new(),
        put: (1..EVENTS_MAX).map(window).collect(),
        touched: Vec::new(),
        precedence: 1,
        now: UnixMs(NINE * 1_000),
    };
    let kept = house.runtime.block_on(house.watching.keep(of, WINDOWS, &edit));
    kept.expect("kept");
}

#[test]
fn more_than_a_bucket_holds_is_refused_as_a_whole_and_a_heartbeat_never() {
    let house = House::new();
    let ada = house.person("ada");
    let watcher = Watcher::of(&house, &ada);
    watcher.create(WINDOWS, "currentwindow");
    let id = |text: &Value| uuid::Uuid::parse_str(text.as_str().expect("text")).expect("an id");
    let keys = house.get(&ada, "/api/v1/api-keys").expect(200).json();
    let of = Of {
        user: UserId(id(&json!(ada.id))),
        device: DeviceId(id(&keys["api_keys"][0]["device_id"])),
    };
    fill(&house, of);
    let data = json!({"app": "B"});
    let count = format!("buckets/{WINDOWS}/events/count");
    let events = format!("buckets/{WINDOWS}/events");
    let more = json!([event(0, &data), event(1, &data)]);
    let export = json!({"buckets": {WINDOWS: {"type": "currentwindow", "events": more}}});
    for (path, body) in [(events.as_str(), &more), ("import", &export)] {
        let refused = watcher.send("POST", path, body).expect(422);
        assert_eq!(refused.problem(), "invalid");
        let fault = &refused.json()["errors"][0];
        assert_eq!(
            (&fault["pointer"], &fault["code"]),
            (&json!("/events"), &json!("too_many")),
            "{path}"
        );
        assert!(
            fault["detail"].as_str().is_some_and(|said| said.contains("200000")),
            "{fault}"
        );
        assert_eq!(watcher.get(&count), EVENTS_MAX - 1, "{path}");
    }
    let list = watcher.send("POST", &events, &json!([event(0, &data)]));
    assert_eq!(list.expect(200).json()[0]["id"], EVENTS_MAX);
    watcher.send("POST", &events, &event(1, &data)).expect(422);
    for second in [10, 20] {
        let beat = watcher.beat(WINDOWS, 2, &event(second, &data));
        assert_eq!(beat["id"], EVENTS_MAX + second / 10);
        assert_eq!(watcher.get(&count), EVENTS_MAX);
    }
}

#[test]
fn a_key_that_uses_up_its_buckets_is_told_so_and_costs_no_other_anything() {
    let house = House::new();
    let ada = house.person("ada");
    let scopes = json!(["pings:write"]);
    let [greedy, other] = [(); 2].map(|()| Watcher::with(&house, &ada, &scopes));
    other.create(WINDOWS, "currentwindow");
    for number in 0..BUCKETS_MAX {
        greedy.create(&format!("w{number}"), "currentwindow");
    }
    let body = json!({"client": "test", "type": "currentwindow", "hostname": "here"});
    let refused = greedy.send("POST", "buckets/more", &body).expect(409);
    assert_eq!(refused.problem(), "limit_reached");
    let said = refused.json()["detail"].as_str().expect("text").to_owned();
    assert!(said.contains(&BUCKETS_MAX.to_string()), "{said}");
    let import = json!({"buckets": {"more": {"type": "currentwindow", "events": [event(0, &json!({"app": "A"}))]}}});
    greedy.send("POST", "import", &import).expect(409);
    // What is there goes on, also for somebody who starts anew.
    greedy.send("POST", "buckets/w0", &body).expect(304);
    greedy.beat("w0", 2, &event(0, &json!({"app": "A"})));
    other.create("more", "currentwindow");
    other.beat("more", 2, &event(0, &json!({"app": "B"})));
    other.beat(WINDOWS, 2, &event(0, &json!({"app": "B"})));
    let names = |watcher: &Watcher<'_>| watcher.get("buckets").as_object().map(serde_json::Map::len);
    assert_eq!((names(&greedy), names(&other)), (Some(BUCKETS_MAX), Some(2)));
    // Neither reaches what is the other's.
    other.call("DELETE", "buckets/w0?force=1").send().expect(404);
}
