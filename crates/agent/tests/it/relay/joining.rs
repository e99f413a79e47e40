//! From what watchers send to pings: the join, when it is told, and what a crash or an outage leaves of it.

use std::fs;
use std::sync::atomic::Ordering;

use agent::relay::sqlite::{Bounds, SqliteStore};
use agent::relay::store::{Events, Window};
use agent::watch::Ping;
use domain::time::{Span, UnixMs};
use domain::usage::AppName;
use serde_json::{Value, json};

use super::{BASE, Listening, event, expected, in_short};

const WINDOW: &str = "aw-watcher-window_here";
const AFK: &str = "aw-watcher-afk_here";
const WEB: &str = "aw-watcher-web-firefox_here";

fn create_all(relay: &Listening) {
    relay.create(WINDOW, "currentwindow", "here");
    relay.create(AFK, "afkstatus", "here");
    relay.create(WEB, "web.tab.current", "here");
}

fn window(app: &str) -> Value {
    json!({"app": app, "title": "a secret title"})
}

fn tab(url: &str, incognito: bool) -> Value {
    json!({"url": url, "title": "a secret title", "audible": false, "incognito": incognito, "tabCount": 3})
}

fn here() -> Value {
    json!({"status": "not-afk"})
}

/// The last word on each second: the greatest label that was claimed for it.
fn by_second(pings: &[Ping]) -> Vec<(String, i64, i64)> {
    let mut seconds: Vec<(i64, String)> = Vec::new();
    for (label, from, to) in in_short(pings) {
        seconds.extend((from..to).map(|second| (second, label.clone())));
    }
    seconds.sort();
    let mut runs: Vec<(String, i64, i64)> = Vec::new();
    for index in 0..seconds.len() {
        let (second, label) = &seconds[index];
        if seconds.get(index + 1).is_some_and(|next| next.0 == *second) {
            continue;
        }
        match runs.last_mut().filter(|run| run.0 == *label && run.2 == *second) {
            Some(run) => run.2 += 1,
            None => runs.push((label.clone(), *second, second + 1)),
        }
    }
    runs
}

#[test]
fn focus_sites_and_presence_are_joined_whatever_comes_first() {
    let mut relay = Listening::start();
    create_all(&relay);
    relay.beat(WINDOW, 2, &event(0.0, 100.0, &window("firefox")));
    relay.end();
    assert_eq!(relay.take_kept(), [], "nobody has said that somebody is there");
    relay.begin();
    relay.beat(AFK, 185, &event(0.0, 60.0, &here()));
    relay.end();
    assert_eq!(in_short(&relay.take_kept()), expected(&[("firefox", 0, 60)]));
    relay.begin();
    relay.beat(
        WEB,
        80,
        &event(10.0, 20.0, &tab("https://www.example.org/path?q=secret", false)),
    );
    relay.beat(WEB, 80, &event(30.0, 20.0, &tab("https://private.example/", true)));
    relay.end();
    let kept = relay.take_kept();
    assert_eq!(
        by_second(&kept),
        expected(&[("firefox", 5, 10), ("firefox example.org", 10, 30), ("firefox", 30, 55)])
    );
    assert!(!format!("{kept:?}").contains("secret") && !format!("{kept:?}").contains("private"));
}

#[test]
fn a_restart_neither_loses_nor_tells_everything_again() {
    let mut relay = Listening::start();
    create_all(&relay);
    relay.beat(AFK, 185, &event(0.0, 1_000.0, &here()));
    for second in 0..10 {
        relay.beat(
            WINDOW,
            2,
            &event(
                f64::from(second) * 20.0,
                20.0,
                &window(if second % 2 == 0 { "Editor" } else { "Terminal" }),
            ),
        );
    }
    relay.restart();
    assert_eq!(by_second(&relay.take_kept()).len(), 10);
    relay.restart();
    assert_eq!(relay.take_kept(), [], "nothing is new");
    relay.beat(WINDOW, 2, &event(200.0, 5.0, &window("Editor")));
    relay.end();
    assert_eq!(
        by_second(&relay.take_kept()),
        expected(&[("Terminal", 195, 200), ("Editor", 200, 205)])
    );
}

#[test]
fn with_focus_of_its_own_the_agent_takes_the_sites_alone() {
    let mut relay = Listening::start();
    create_all(&relay);
    relay.watches.store(true, Ordering::Relaxed);
    relay.beat(AFK, 185, &event(0.0, 100.0, &here()));
    relay.beat(WINDOW, 2, &event(0.0, 100.0, &window("SomethingElse")));
    relay.beat(WEB, 80, &event(0.0, 20.0, &tab("https://example.org/", false)));
    let seen = |app: &str, from: i64, to: i64| {
        let span = Span::new(UnixMs(BASE + from * 1_000), UnixMs(BASE + to * 1_000)).expect("not empty");
        Ping::of_app(AppName::parse(app).expect("a name"), span)
    };
    let focus = relay.relay.as_ref().expect("started").focus();
    focus(&[
        seen("Editor", 0, 10),
        seen("Firefox-esr", 10, 15),
        seen("Firefox-esr", 15, 40),
    ]);
    drop(focus);
    relay.restart();
    assert_eq!(
        in_short(&relay.take_kept()),
        expected(&[("Firefox-esr example.org", 10, 20)])
    );
    // A tab is told of a minute late, and after a restart.
    relay.beat(WEB, 80, &event(60.0, 0.0, &tab("https://example.org/", false)));
    relay.end();
    assert_eq!(
        by_second(&relay.take_kept()),
        expected(&[("Firefox-esr example.org", 20, 40)])
    );
}

#[test]
fn each_machine_is_joined_by_itself_and_a_bucket_of_no_machine_tells_of_all() {
    let mut relay = Listening::start();
    relay.create("w1", "currentwindow", "one");
    relay.create("w2", "currentwindow", "two");
    relay.create("afk1", "afkstatus", "one");
    relay.create("aw-watcher-web-firefox", "web.tab.current", "unknown");
    relay.beat("w1", 2, &event(0.0, 10.0, &window("firefox")));
    relay.beat("w2", 2, &event(20.0, 10.0, &window("firefox")));
    relay.beat("afk1", 185, &event(0.0, 100.0, &here()));
    relay.beat(
        "aw-watcher-web-firefox",
        80,
        &event(0.0, 100.0, &tab("https://example.org/", false)),
    );
    relay.end();
    assert_eq!(
        by_second(&relay.take_kept()),
        expected(&[("firefox example.org", 0, 10)])
    );
    relay.begin();
    relay.create("afk", "afkstatus", "unknown");
    relay.beat("afk", 185, &event(0.0, 100.0, &here()));
    relay.end();
    assert_eq!(
        by_second(&relay.take_kept()),
        expected(&[("firefox example.org", 0, 10), ("firefox example.org", 20, 30)])
    );
}

/// What a power cut leaves is at least what was synced, and that is what the copy holds: everything that was answered.
#[test]
fn what_was_answered_is_in_the_file_at_that_moment() {
    let relay = Listening::start();
    relay.create("w", "currentwindow", "here");
    for second in 0..40 {
        let merged = relay.beat(
            "w",
            2,
            &event(
                f64::from(second),
                0.0,
                &window(if second % 10 == 9 { "B" } else { "A" }),
            ),
        );
        let copy = tempfile::tempdir().expect("a directory");
        for name in ["activitywatch.db", "activitywatch.db-wal"] {
            fs::copy(relay.dir.path().join(name), copy.path().join(name)).expect("copied");
        }
        let store = SqliteStore::open(copy.path(), Bounds::default(), "copy").expect("opened");
        let newest = store
            .events(
                "w",
                &Window {
                    limit: 1,
                    ..Window::ALL
                },
            )
            .expect("read")
            .pop()
            .expect("one");
        assert_eq!(serde_json::to_value(&newest).expect("JSON"), merged);
    }
}

/// Ten thousand heartbeats of six watchers on two machines: in the order of time; each watcher's in its own order and the watchers' anyhow, as after
/// an outage; and in any order at all, which is told apart from the first where a state comes back within its pulsetime, and so does not here.
#[test]
fn ten_thousand_heartbeats_in_any_order_give_what_they_give_in_order() {
    let beats = day();
    assert!(beats.len() >= 10_000, "{}", beats.len());
    let told = told_of(&beats);
    assert!(told.len() > 300, "{}", told.len());
    let mut dice = Dice(7);
    let mut by_watcher = beats.clone();
    by_watcher.sort_by_key(|beat| beat.bucket);
    let mut watchers: Vec<Vec<Beat>> = by_watcher
        .chunk_by(|a, b| a.bucket == b.bucket)
        .map(<[Beat]>::to_vec)
        .collect();
    let mut late = Vec::new();
    while !watchers.is_empty() {
        let chosen = dice.below(watchers.len());
        // A queue that is delivered goes on for a while.
        let count = (1 + dice.below(300)).min(watchers[chosen].len());
        late.extend(watchers[chosen].drain(..count));
        watchers.retain(|rest| !rest.is_empty());
    }
    assert_eq!(told_of(&late), told);
    let mut shuffled = beats;
    for index in (1..shuffled.len()).rev() {
        shuffled.swap(index, dice.below(index + 1));
    }
    assert_eq!(told_of(&shuffled), told);
}

#[derive(Clone)]
struct Beat {
    bucket: &'static str,
    pulsetime: u32,
    event: Value,
}

/// A fixed sequence (Numerical Recipes' constants): the same heartbeats in every run.
struct Dice(u32);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(self.0 >> 8).expect("small") % bound
    }
}

/// Two machines' watchers over an hour or so, merged beforehand as aw-client does; no state comes back within its pulsetime.
fn day() -> Vec<Beat> {
    const APPS: [&str; 4] = ["Editor", "Terminal", "firefox", "Mail"];
    const SITES: [&str; 3] = ["https://a.example/", "https://b.example/", "about:blank"];
    let mut dice = Dice(42);
    let mut beats: Vec<(u32, Beat)> = Vec::new();
    let mut push = |second: u32, bucket, pulsetime, length: u32, data: Value| {
        let event = event(f64::from(second), f64::from(length), &data);
        beats.push((
            second,
            Beat {
                bucket,
                pulsetime,
                event,
            },
        ));
    };
    for (window_bucket, afk, web) in [
        ("w-one", "afk-one", "aw-watcher-web-firefox_one"),
        ("w-two", "afk-two", "aw-watcher-web-firefox_two"),
    ] {
        let (mut second, mut app) = (0, 0);
        while second < 9_000 {
            app = (app + 1 + dice.below(3)) % 4;
            let until = second + 4 + u32::try_from(dice.below(40)).expect("small");
            for at in (second..until).step_by(2) {
                push(at, window_bucket, 2, 1, json!({"app": APPS[app], "title": "t"}));
            }
            second = until + u32::try_from(dice.below(2) * 3).expect("small");
        }
        let mut site = 0;
        for second in (0..9_000).step_by(90) {
            site = (site + 1 + dice.below(2)) % 3;
            push(second, web, 20, 15, tab(SITES[site], false));
            push(second + 30, web, 20, 5, tab(SITES[site], false));
        }
        for second in (0..9_000).step_by(5).filter(|second| second % 1_800 < 1_200) {
            push(second, afk, 185, 0, here());
        }
    }
    beats.sort_by_key(|(second, _)| *second);
    beats.into_iter().map(|(_, beat)| beat).collect()
}

/// What a relay tells that gets the heartbeats in this order, over the whole run, by second.
fn told_of(beats: &[Beat]) -> Vec<(String, i64, i64)> {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = SqliteStore::open(dir.path(), Bounds::default(), "device").expect("opened");
    let kinds = [
        ("w-one", "currentwindow", "one"),
        ("w-two", "currentwindow", "two"),
        ("afk-one", "afkstatus", "one"),
        ("afk-two", "afkstatus", "two"),
        ("aw-watcher-web-firefox_one", "web.tab.current", "one"),
        ("aw-watcher-web-firefox_two", "web.tab.current", "two"),
    ];
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keeping = std::sync::Arc::clone(&kept);
    let keep = move |pings: &[Ping]| {
        keeping.lock().expect("not poisoned").extend_from_slice(pings);
        Ok(())
    };
    let mut joiner = agent::relay::joiner::Joiner::new(Box::new(keep), std::sync::Arc::default());
    store
        .transaction(|store| {
            for (id, kind, hostname) in kinds {
                let bucket = json!({"id": id, "type": kind, "client": "test", "hostname": hostname});
                agent::relay::rules::create(store, &serde_json::from_value(bucket).expect("a bucket"))?;
            }
            Ok(())
        })
        .expect("kept");
    for some in beats.chunks(500) {
        let done = store.transaction(|store| {
            for beat in some {
                let event = serde_json::from_value(beat.event.clone()).expect("an event");
                agent::relay::rules::heartbeat(store, beat.bucket, &event, i64::from(beat.pulsetime) * 1_000_000)?;
            }
            Ok(())
        });
        done.expect("kept");
    }
    joiner.join(&mut store, UnixMs(BASE + 86_400_000)).expect("joined");
    let kept = std::mem::take(&mut *kept.lock().expect("not poisoned"));
    by_second(&kept)
}
