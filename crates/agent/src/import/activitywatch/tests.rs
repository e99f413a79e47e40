use crate::import::tests::{anybody, manner, read_texts};

use super::*;

/// What a bucket of this type with these events gives, and why others were skipped.
fn bucket(id: &str, fields: &str) -> (Vec<Bucket>, Vec<String>, u64) {
    let (_dir, privacy) = anybody();
    // A bucket beside it, so that the file is of use whatever this one is.
    let beside = r#""type": "afkstatus", "events": [{"timestamp": "2024-03-01T09:00:00Z", "data": {"status": "afk"}}]"#;
    let text = format!(r#"{{"buckets": {{"{id}": {{{fields}}}, "zz": {{{beside}}}}}}}"#);
    let (found, reports) = read_texts(&[&text], manner(), &privacy).expect("read");
    let skipped = reports[0].skipped.by_count();
    let skipped = skipped
        .iter()
        .map(|(reason, counted)| format!("{reason} at {}", counted.first.join(", ")));
    let buckets = found.buckets.into_iter().filter(|bucket| bucket.id != "zz");
    (buckets.collect(), skipped.collect(), reports[0].unused.values().sum())
}

#[test]
fn a_negative_duration_is_none_and_is_told_where_its_bucket_is_of_use() {
    let event = |duration: &str| {
        format!(r#"{{"timestamp": "2024-03-01T09:00:00Z", "duration": {duration}, "data": {{"app": "A"}}}}"#)
    };
    let events = ["-3", "1", "-0.0", "-1e-9", "-0.000001"].map(event).join(",");
    let told = |kind: &str| {
        let (_dir, privacy) = anybody();
        let beside = r#""z": {"type": "afkstatus", "events": [{"timestamp": "2024-03-01T09:00:00Z", "data": {"status": "afk"}}]}"#;
        let text = format!(r#"{{"buckets": {{"w": {{"type": "{kind}", "events": [{events}]}}, {beside}}}}}"#);
        let (_, reports) = read_texts(&[&text], manner(), &privacy).expect("read");
        let amended = reports[0].amended.by_count();
        amended
            .iter()
            .map(|(reason, counted)| format!("{reason} at {}", counted.first.join(" and ")))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told("currentwindow"),
        ["duration: is negative, and counts as none at bucket w, event 1 and bucket w, event 5"]
    );
    assert!(told("app.editor.activity").is_empty());
}

fn windows(events: &str) -> (Vec<(i64, i64, String)>, Vec<String>) {
    let (buckets, skipped, _) = bucket("w", &format!(r#""type": "currentwindow", "events": [{events}]"#));
    let Some(Rows::Windows(rows)) = buckets.into_iter().next().map(|bucket| bucket.rows) else {
        panic!("no windows");
    };
    let short = |row: &Row<Option<AppName>>| {
        let app = row.seen.as_ref()?.as_str().to_owned();
        Some((row.start.0 - 1_709_283_600_000, row.end.0 - row.start.0, app))
    };
    (rows.iter().filter_map(short).collect(), skipped)
}

#[test]
fn times_and_lengths_are_read_as_the_relay_reads_them() {
    let event = |timestamp: &str, duration: &str| {
        format!(r#"{{"id": 7, "timestamp": "{timestamp}", "duration": {duration}, "data": {{"app": "A"}}}}"#)
    };
    let all = [
        event("2024-03-01T09:00:00.0009+00:00", "0.0002"),
        event("2024-03-01T10:00:01+01:00", "1.5"),
        event("2024-03-01T09:00:02", "-3"),
        event("2024-03-01T09:00:03Z", "null"),
        event("2024-03-01T09:00:04Z", "\"2\""),
    ];
    let (rows, skipped) = windows(&all.join(","));
    let a = |start, length| (start, length, "A".to_owned());
    assert_eq!(
        rows,
        [a(0, 1), a(1_000, 1_500), a(2_000, 0), a(3_000, 0), a(4_000, 2_000)]
    );
    assert!(skipped.is_empty(), "{skipped:?}");
}

#[test]
fn an_event_that_is_none_stops_no_other() {
    let all = [
        r"7",
        r#""text""#,
        r"[[]]",
        r"null",
        r"{}",
        r#"{"timestamp": 7, "data": {"app": "A"}}"#,
        r#"{"timestamp": "2024-03-01T09:00:00Z", "duration": 1e12, "data": {"app": "A"}}"#,
        r#"{"timestamp": "2024-03-01T09:00:00Z", "duration": [], "data": {"app": "A"}}"#,
        r#"{"timestamp": "2024-03-01T09:00:00Z", "duration": 1}"#,
        r#"{"timestamp": "2024-03-01T09:00:00Z", "duration": 1, "data": {"app": " "}}"#,
        r#"{"timestamp": "2024-03-01T09:00:00Z", "duration": 1, "data": [{"app": "A"}]}"#,
        r#"{"data": {"title": "\ud800", "app": "A"}, "duration": 1, "timestamp": "2024-03-01T09:00:00Z"}"#,
    ];
    let (rows, skipped) = windows(&all.join(","));
    assert_eq!(rows, [(0, 1_000, "A".to_owned())]);
    let has = |reason: &str, place: &str| {
        skipped
            .iter()
            .any(|told| told.starts_with(reason) && told.contains(place))
    };
    assert!(
        has(
            "an event must be an object",
            "bucket w, event 1, bucket w, event 2, bucket w, event 3"
        ),
        "{skipped:?}"
    );
    assert!(has("timestamp: must be given", "event 5"), "{skipped:?}");
    assert!(has("timestamp: a time must be", "event 6"), "{skipped:?}");
    assert!(has("duration: must be less than ten years", "event 7"), "{skipped:?}");
    assert!(has("data.app: must be given", "event 9"), "{skipped:?}");
    assert!(has("data.app: must be 1 to 255", "event 10"), "{skipped:?}");
}

#[test]
fn a_tab_that_shows_nothing_of_its_site_is_a_row_all_the_same() {
    let event = |data: &str| format!(r#"{{"timestamp": "2024-03-01T09:00:00Z", "duration": 1, "data": {data}}}"#);
    let all = [
        r#"{"url": "https://user:secret@www.Example.org:8443/a?b#c", "incognito": false}"#,
        r#"{"url": "https://example.org", "incognito": true}"#,
        r#"{"url": "https://example.org", "incognito": null}"#,
        r#"{"url": "about:blank"}"#,
        r#"{"url": "no address"}"#,
        r"{}",
    ]
    .map(event);
    let fields = format!(
        r#""hostname": "x", "type": "web.tab.current", "events": [{}]"#,
        all.join(",")
    );
    let (buckets, skipped, _) = bucket("aw-watcher-web-firefox", &fields);
    let Rows::Tabs(tabs) = &buckets[0].rows else {
        panic!("no tabs");
    };
    let sites: Vec<Option<&str>> = tabs
        .rows
        .iter()
        .map(|row| row.seen.as_ref().map(Domain::as_str))
        .collect();
    assert_eq!(sites, [Some("example.org"), None, None, None, None, None]);
    assert!(skipped.is_empty(), "{skipped:?}");
    // Without a browser nobody knows whose tabs they are.
    let (buckets, _, unused) = bucket("tabs", &fields);
    assert_eq!((buckets.len(), unused), (0, 6));
}

#[test]
fn a_bucket_that_is_no_bucket_is_none() {
    for fields in [
        r#""type": null"#,
        r#""type": "currentwindow", "events": null, "type": "notes""#,
        r#""events": {"a": 1}"#,
    ] {
        let (buckets, skipped, unused) = bucket("w", fields);
        assert_eq!((buckets.len(), skipped.len(), unused), (0, 0, 0), "{fields}");
    }
    let (buckets, ..) = bucket("w", r#""events": [], "hostname": 7, "type": "currentwindow""#);
    assert_eq!((buckets.len(), buckets[0].hostname.as_str()), (1, "7"));
}
