use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::relay::event::Filled;
use crate::relay::rules;

use super::*;

const BASE_US: i64 = 1_772_355_600_000_000;
const SECOND_US: i64 = 1_000_000;

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn open(dir: &TempDir) -> SqliteStore {
    SqliteStore::open(dir.path(), Bounds::default(), "device").expect("opened")
}

fn bucket(id: &str) -> Bucket {
    Bucket {
        id: id.to_owned(),
        kind: "currentwindow".to_owned(),
        client: "test".to_owned(),
        hostname: "here".to_owned(),
        created_us: Some(BASE_US),
        data: Data::default(),
    }
}

fn event(start_secs: i64, end_secs: i64, app: &str) -> Event {
    Event {
        id: None,
        stretch: Stretch {
            start_us: BASE_US + start_secs * SECOND_US,
            end_us: BASE_US + end_secs * SECOND_US,
        },
        data: Data::trusted(format!(r#"{{"app":"{app}"}}"#)),
    }
}

/// Start and end in seconds, newest first.
fn all(store: &SqliteStore, bucket: &str) -> Vec<(i64, i64)> {
    within(store, bucket, &Window::ALL)
}

fn within(store: &SqliteStore, bucket: &str, window: &Window) -> Vec<(i64, i64)> {
    let events = store.events(bucket, window).expect("read");
    let seconds = |at_us: i64| (at_us - BASE_US) / SECOND_US;
    events
        .iter()
        .map(|event| (seconds(event.stretch.start_us), seconds(event.stretch.end_us)))
        .collect()
}

fn window(from_secs: i64, to_secs: i64, limit: usize) -> Window {
    Window {
        from_us: BASE_US + from_secs * SECOND_US,
        to_us: BASE_US + to_secs * SECOND_US,
        limit,
    }
}

fn beat(store: &mut SqliteStore, event: &Event) -> Event {
    rules::heartbeat(store, "w", event, 2 * SECOND_US)
        .expect("kept")
        .expect("a bucket")
}

#[test]
fn buckets_and_events_are_there_again_after_a_restart() {
    let dir = dir();
    let mut store = open(&dir);
    assert!(rules::create(&mut store, &bucket("w")).expect("kept"));
    assert!(!rules::create(&mut store, &bucket("w")).expect("there"));
    store.keep_event("w", &event(0, 10, "A")).expect("kept");
    for end in ["", "-wal"] {
        let file = std::fs::metadata(dir.path().join(format!("activitywatch.db{end}"))).expect("there");
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{end}");
    }
    drop(store);
    let store = open(&dir);
    let extent = store.bucket("w").expect("read").expect("there");
    assert_eq!(extent.bucket, bucket("w"));
    assert_eq!(extent.stretch, Some(event(0, 10, "A").stretch));
    assert_eq!(store.buckets().expect("read"), [extent]);
    assert_eq!(store.device().expect("read"), "device");
    assert_eq!(all(&store, "w"), [(0, 10)]);
}

#[test]
fn a_window_holds_what_touches_it_newest_first_however_long_it_is() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    for (start, end) in [(0, 5_000), (10, 20), (30, 40), (40, 50)] {
        store.keep_event("w", &event(start, end, "A")).expect("kept");
    }
    assert_eq!(
        within(&store, "w", &window(20, 40, 9)),
        [(40, 50), (30, 40), (10, 20), (0, 5_000)]
    );
    assert_eq!(within(&store, "w", &window(21, 29, 9)), [(0, 5_000)]);
    assert_eq!(within(&store, "w", &window(0, 100, 2)), [(40, 50), (30, 40)]);
    assert_eq!(store.count("w", &window(21, 35, 1)).expect("counted"), 2);
    assert_eq!(store.count("none", &Window::ALL).expect("counted"), 0);
    let after = store.after("w", BASE_US + 10 * SECOND_US).expect("read").expect("one");
    assert_eq!(after.stretch, event(30, 40, "A").stretch);
    // One that grows after it was kept is found as well.
    let short = store.keep_event("w", &event(100, 101, "A")).expect("kept");
    let id = Some(short);
    store
        .keep_event(
            "w",
            &Event {
                id,
                ..event(100, 90_000, "A")
            },
        )
        .expect("kept");
    assert_eq!(within(&store, "w", &window(80_000, 80_001, 9)), [(100, 90_000)]);
}

#[test]
fn an_event_with_a_number_replaces_the_one_of_its_bucket_and_no_other() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    store.keep_bucket(&bucket("v")).expect("kept");
    let id = store.keep_event("w", &event(0, 1, "A")).expect("kept");
    let moved = Event {
        id: Some(id),
        ..event(5, 6, "B")
    };
    assert_eq!(store.keep_event("w", &moved).expect("kept"), id);
    assert_ne!(store.keep_event("v", &moved).expect("kept"), id);
    assert_eq!(store.event("w", id).expect("read"), Some(moved));
    assert_eq!(store.event("v", id).expect("read"), None);
    assert!(!store.delete_event("v", id).expect("none"));
    assert!(store.delete_event("w", id).expect("deleted"));
    assert!(store.delete_bucket("v").expect("deleted"));
    assert!(!store.delete_bucket("v").expect("none"));
    assert_eq!(store.kept().expect("read").events, 0);
}

#[test]
fn heartbeats_merge_as_activitywatch_does() {
    let dir = dir();
    let mut store = open(&dir);
    assert_eq!(
        rules::heartbeat(&mut store, "w", &event(0, 0, "A"), 1).expect("none"),
        None
    );
    store.keep_bucket(&bucket("w")).expect("kept");
    let first = beat(&mut store, &event(0, 0, "A"));
    let merged = beat(&mut store, &event(2, 2, "A"));
    assert_eq!((merged.id, merged.stretch), (first.id, event(0, 2, "A").stretch));
    beat(&mut store, &event(5, 5, "A"));
    beat(&mut store, &event(6, 6, "B"));
    beat(&mut store, &event(7, 7, "A"));
    assert_eq!(all(&store, "w"), [(7, 7), (6, 6), (5, 5), (0, 2)]);
    // Late, long, and over several that are equal: it takes them all.
    store
        .delete_event(
            "w",
            store.events("w", &window(6, 6, 1)).expect("read")[0].id.expect("kept"),
        )
        .expect("deleted");
    beat(&mut store, &event(1, 6, "A"));
    assert_eq!(all(&store, "w"), [(0, 7)]);
}

#[test]
fn importing_twice_changes_nothing() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    store.keep_event("w", &event(0, 10, "A")).expect("kept");
    let import = [Filled {
        bucket: Bucket {
            hostname: "elsewhere".to_owned(),
            ..bucket("w")
        },
        events: vec![
            Event {
                id: Some(1),
                ..event(0, 10, "A")
            },
            Event {
                id: Some(1),
                ..event(0, 10, "B")
            },
            event(0, 11, "A"),
        ],
    }];
    for _ in 0..2 {
        rules::import(&mut store, &import).expect("kept");
        assert_eq!(all(&store, "w"), [(0, 11), (0, 10), (0, 10)]);
    }
    assert_eq!(store.bucket("w").expect("read").expect("there").bucket, bucket("w"));
}

#[test]
fn what_is_rolled_back_was_never_there() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    let failed = store.transaction(|store| {
        store.keep_event("w", &event(0, 1, "A"))?;
        Err::<(), _>(StoreError::new("keep", "a test says so"))
    });
    assert!(failed.is_err());
    assert_eq!(all(&store, "w"), []);
    store
        .transaction(|store| store.keep_event("w", &event(1, 2, "A")))
        .expect("kept");
    assert_eq!(all(&store, "w"), [(1, 2)]);
}

#[test]
fn what_is_not_joined_is_touched_again_after_a_restart_and_nothing_else() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    store.keep_event("w", &event(0, 10, "A")).expect("kept");
    let (touched, change) = store.take_touched();
    let span = |from: i64, to: i64| {
        let at = |secs: i64| ms(BASE_US + secs * SECOND_US);
        Span::new(at(from), at(to)).expect("not empty")
    };
    let gap = GAP_MAX_MS / 1_000;
    assert_eq!(touched, [span(-gap, 10 + gap)]);
    store.keep_joined(change).expect("kept");
    let id = store.keep_event("w", &event(100, 110, "B")).expect("kept");
    drop(store);
    let mut store = open(&dir);
    assert_eq!(store.take_touched().0, [span(100 - gap, 110 + gap)]);
    // Of one that grows only the new part is touched.
    store
        .keep_event(
            "w",
            &Event {
                id: Some(id),
                ..event(100, 120, "B")
            },
        )
        .expect("kept");
    assert_eq!(store.take_touched().0, [span(110, 120 + gap)]);
}

#[test]
fn what_comes_after_the_last_event_was_deleted_is_not_taken_for_joined() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    let id = store.keep_event("w", &event(0, 10, "A")).expect("kept");
    let (_, change) = store.take_touched();
    store.keep_joined(change).expect("kept");
    store.delete_event("w", id).expect("deleted");
    drop(store);
    let mut store = open(&dir);
    assert!(store.take_touched().0.is_empty());
    store.keep_event("w", &event(100, 110, "A")).expect("kept");
    drop(store);
    assert_eq!(open(&dir).take_touched().0.len(), 1);
}

#[test]
fn old_events_go_at_the_bound_and_are_counted() {
    let dir = dir();
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    for start in [0, 1, 2] {
        store.keep_event("w", &event(start, start + 1, "A")).expect("kept");
    }
    let age = Bounds::default().age_max;
    assert_eq!(store.trim(ms(BASE_US).after(age)).expect("trimmed"), 0);
    assert_eq!(store.trim(ms(BASE_US + 2 * SECOND_US).after(age)).expect("trimmed"), 1);
    let kept = store.kept().expect("read");
    assert_eq!(
        (kept.events, kept.dropped, kept.oldest),
        (2, 1, Some(ms(BASE_US + SECOND_US)))
    );
    assert_eq!(super::kept(dir.path()).expect("read"), Some(kept));
}

#[test]
fn a_full_store_gives_up_what_it_kept_first() {
    let dir = dir();
    let bounds = Bounds {
        bytes_max: 256 * 1_024,
        dropped_at_once: 10,
        ..Bounds::default()
    };
    let mut store = SqliteStore::open(dir.path(), bounds, "device").expect("opened");
    store.keep_bucket(&bucket("w")).expect("kept");
    let long = "x".repeat(1_000);
    let mut starts = BTreeSet::new();
    for start in 0..2_000 {
        store.keep_event("w", &event(start, start + 1, &long)).expect("kept");
        starts.insert(start);
        if start % 50 == 0 {
            let dropped = store.trim(ms(BASE_US)).expect("trimmed");
            assert_eq!(dropped % 10, 0);
        }
    }
    store.trim(ms(BASE_US)).expect("trimmed");
    let kept = store.kept().expect("read");
    assert!(kept.bytes <= bounds.bytes_max, "{kept:?}");
    assert!(kept.bytes > bounds.bytes_max / 2, "{kept:?}");
    assert_eq!(kept.events + kept.dropped, 2_000);
    let oldest = i64::try_from(kept.dropped).expect("small");
    assert_eq!(
        all(&store, "w").last(),
        Some(&(oldest, oldest + 1)),
        "the first that was kept is the first to go"
    );
    let file = std::fs::metadata(dir.path().join("activitywatch.db"))
        .expect("there")
        .len();
    assert!(file < 2 * bounds.bytes_max, "{file} bytes");
}

#[test]
fn a_damaged_store_is_set_aside_and_one_of_a_newer_agent_is_left_alone() {
    let dir = dir();
    let path = dir.path().join("activitywatch.db");
    std::fs::write(
        &path,
        "this is no database, and it is longer than a header of one would be",
    )
    .expect("written");
    let mut store = open(&dir);
    store.keep_bucket(&bucket("w")).expect("kept");
    assert!(dir.path().join("activitywatch.damaged").exists());
    store.connection.pragma_update(None, "user_version", 2).expect("set");
    drop(store);
    assert!(SqliteStore::open(dir.path(), Bounds::default(), "device").is_err());
    let connection = Connection::open(&path).expect("there");
    connection.pragma_update(None, "user_version", 1).expect("set");
    drop(connection);
    assert!(open(&dir).bucket("w").expect("read").is_some());
}

#[test]
fn settings_are_bounded() {
    let dir = dir();
    let mut store = open(&dir);
    assert!(store.keep_setting("a", Some("1"), 2).expect("kept"));
    assert!(store.keep_setting("b", Some("{}"), 2).expect("kept"));
    assert!(store.keep_setting("a", Some("2"), 2).expect("kept again"));
    assert!(!store.keep_setting("c", Some("3"), 2).expect("full"));
    assert!(store.keep_setting("b", None, 2).expect("forgotten"));
    assert_eq!(
        store.settings().expect("read").into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), "2".to_owned())]
    );
}
