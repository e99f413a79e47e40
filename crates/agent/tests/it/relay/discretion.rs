//! What a person excludes, hides or does in private is nowhere in the relay's store, and nobody's time is changed by that.

use std::fs;
use std::path::Path;

use agent::privacy::{dir_in, private, rules};
use domain::privacy::PlainRule;
use domain::time::UnixMs;
use serde_json::{Value, json};

use super::{BASE, Listening, event, in_short};

const CANARIES: [&str; 4] = ["Keepsecret", "bank-of-mine", "whispered", "Darkroom"];

fn rule(app: Option<&str>, site: Option<&str>, action: &str) -> PlainRule {
    PlainRule {
        app: app.map(str::to_owned),
        site: site.map(str::to_owned),
        action: action.to_owned(),
        to: None,
    }
}

/// Watchers of windows, tabs and presence tell of canaries and of nothing to hide, in turns of 10 seconds; then of time that is private.
fn tell(relay: &Listening) {
    relay.create("w", "currentwindow", "here");
    relay.create("a", "afkstatus", "here");
    relay.create("aw-watcher-web-firefox_here", "web.tab.current", "here");
    relay.create("other", "app.editor.activity", "here");
    relay.beat("a", 600, &event(0.0, 120.0, &json!({"status": "not-afk"})));
    let windows = [
        (0.0, "Firefox", "whispered by bank-of-mine"),
        (30.0, "Keepsecret", "whispered"),
        (40.0, "Code", "Darkroom.rs"),
        (60.0, "Darkroom", "in private"),
    ];
    for (at, app, title) in windows {
        let sent = event(
            at,
            if at == 0.0 { 30.0 } else { 10.0 },
            &json!({"app": app, "title": title}),
        );
        let heard = relay.beat("w", 1, &sent);
        assert_eq!(heard["data"], sent["data"], "the watcher hears what it said");
    }
    let tab = |url: &str, incognito: bool| json!({"url": url, "title": "whispered", "incognito": incognito});
    for (at, data) in [
        (0.0, tab("https://example.org/whispered?q=Darkroom", false)),
        (10.0, tab("https://www.bank-of-mine.example/Keepsecret", false)),
        (20.0, tab("https://whispered.example/", true)),
    ] {
        relay.beat("aw-watcher-web-firefox_here", 1, &event(at, 10.0, &data));
    }
    relay.beat("other", 1, &event(0.0, 10.0, &json!({"file": "whispered/Darkroom"})));
    let (status, _) = relay.call(
        "POST",
        "buckets/w/events",
        &json!([event(80.0, 5.0, &json!({"app": "Keepsecret", "title": "whispered"}))]),
    );
    assert_eq!(status, 200);
    let imported = json!({"buckets": {"old": {"type": "currentwindow", "client": "c", "hostname": "here",
        "events": [event(90.0, 5.0, &json!({"app": "Darkroom", "title": "bank-of-mine"}))]}}});
    assert_eq!(relay.call("POST", "import", &imported).0, 200);
}

/// The canaries that stand in some file of the agent's.
fn found(dir: &Path) -> Vec<&'static str> {
    let mut found: Vec<_> = files(dir)
        .into_iter()
        .flat_map(|bytes| {
            let holds = move |canary: &&str| bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            CANARIES.into_iter().filter(holds)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn files(dir: &Path) -> Vec<Vec<u8>> {
    let paths = fs::read_dir(dir)
        .expect("there")
        .map(|entry| entry.expect("read").path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    // The rules themselves name what they are about.
    let folders = folders.into_iter().filter(|path| !path.ends_with("privacy"));
    let below = folders.flat_map(|path| self::files(&path));
    below
        .chain(files.into_iter().map(|path| fs::read(path).expect("read")))
        .collect()
}

#[test]
fn what_is_excluded_hidden_or_private_is_nowhere_in_the_store() {
    let mut relay = Listening::start();
    let privacy = dir_in(relay.dir.path());
    for plain in [
        rule(Some("keepsecret"), None, "exclude"),
        rule(None, Some("bank-of-mine.example"), "hide"),
    ] {
        rules::add(&privacy, plain).expect("added");
    }
    private::pause(&privacy, UnixMs(BASE + 60_000), None).expect("paused");
    tell(&relay);
    let exported: Value = relay.get("export");
    relay.end();
    let text = exported.to_string();
    assert_eq!(
        CANARIES.into_iter().find(|canary| text.contains(canary)),
        None,
        "{text}"
    );
    assert_eq!(found(relay.dir.path()), Vec::<&str>::new());
    let said = |app: &str, from, to| (app.to_owned(), from, to);
    assert_eq!(
        in_short(&relay.take_kept()),
        [
            said("Firefox example.org", 0, 10),
            said("Firefox", 10, 30),
            said("Code", 40, 50),
        ]
    );
}

#[test]
fn without_rules_the_store_has_what_watchers_send_but_private_tabs() {
    let mut relay = Listening::start();
    tell(&relay);
    relay.end();
    let mut all = CANARIES;
    all.sort_unstable();
    assert_eq!(found(relay.dir.path()), all, "or the search finds nothing");
    let mut relay = Listening::start();
    relay.create("aw-watcher-web-firefox_here", "web.tab.current", "here");
    let data = json!({"url": "https://whispered.example/", "title": "Darkroom", "incognito": true});
    relay.beat("aw-watcher-web-firefox_here", 1, &event(0.0, 10.0, &data));
    relay.end();
    assert_eq!(found(relay.dir.path()), Vec::<&str>::new());
}
