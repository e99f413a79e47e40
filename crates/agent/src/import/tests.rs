use std::fs;
use std::path::Path;

use domain::privacy::PlainRule;
use domain::time::{Span, UnixMs};
use domain::usage::{ContextText, Mention};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::privacy::{private, rules};
use crate::relay::event::Filled;
use crate::relay::joiner::Joiner;
use crate::relay::sqlite::{Bounds, SqliteStore};
use crate::watch::Ping;

use super::sources::{Gathered, gather};
use super::*;

/// Files as the programs write them.
pub(super) const EXPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports");

/// A person without wishes.
pub(super) fn anybody() -> (TempDir, Arc<Privacy>) {
    let dir = tempfile::tempdir().expect("a directory");
    let privacy = Privacy::open(dir.path()).expect("opened");
    (dir, Arc::new(privacy))
}

pub(super) fn manner() -> Manner {
    Manner {
        format: None,
        zone: "Europe/Berlin".parse().ok(),
        rows_max: ROWS_MAX,
    }
}

/// What is found in texts.
pub(super) fn read_texts(
    texts: &[&str],
    manner: Manner,
    privacy: &Arc<Privacy>,
) -> Result<(Found, Vec<FileReport>), ImportError> {
    let input = |text: &&str| {
        let bytes = std::io::Cursor::new(text.as_bytes().to_vec());
        Input::of("text".to_owned(), Box::new(bytes))
    };
    let inputs = texts.iter().map(input).collect::<Result<_, _>>()?;
    read(inputs, manner, privacy)
}

pub(super) fn export(name: &str) -> String {
    fs::read_to_string(Path::new(EXPORTS).join(name)).expect(name)
}

fn gathered(texts: &[&str], privacy: &Arc<Privacy>) -> Gathered {
    let (found, _) = read_texts(texts, manner(), privacy).expect("read");
    gather(found, None, privacy)
}

/// What sources tell, a line each.
fn lines(gathered: &Gathered) -> Vec<String> {
    let of_source = |source: &sources::Source| {
        let name = source.name.clone();
        let pings = source.pings.iter().map(|ping| {
            let site = ping.domain.as_ref().map_or("", |site| site.as_str());
            let passive = if ping.passive { " passive" } else { "" };
            format!(
                "{} to {} {} {site}{passive}",
                ping.span.start(),
                ping.span.end(),
                ping.app.as_str()
            )
        });
        let points = source.points.iter().map(|point| {
            let (label, context) = (&point.about.label, &point.about.context);
            let site = label.domain.as_ref().map_or("", |site| site.as_str());
            let project = match &context.project {
                Some(Mention::Named(name)) => name.as_str(),
                Some(Mention::Last) | None => "",
            };
            let text =
                |text: &Option<ContextText>| text.as_ref().map_or_else(String::new, |text| text.as_str().to_owned());
            let (machine, system) = (text(&context.machine), text(&context.operating_system));
            format!(
                "{} {} {site} {project} {machine} {system}",
                point.at,
                label.app_name.as_str()
            )
        });
        pings
            .chain(points)
            .map(|line| format!("{name}: {}", line.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect::<Vec<_>>()
    };
    gathered.sources.iter().flat_map(of_source).collect()
}

const LAPTOP: [&str; 5] = [
    "activitywatch laptop: 2024-03-01T09:00:00Z to 2024-03-01T09:05:00Z Firefox example.org",
    "activitywatch laptop: 2024-03-01T09:05:00Z to 2024-03-01T09:10:02Z Firefox",
    "activitywatch laptop: 2024-03-01T09:10:02Z to 2024-03-01T09:20:00Z code-oss",
    "activitywatch laptop: 2024-03-01T09:20:00Z to 2024-03-01T09:22:00Z Firefox mail.example.org",
    "activitywatch laptop: 2024-03-01T09:22:00Z to 2024-03-01T09:25:00Z Firefox",
];

#[test]
fn an_export_of_activitywatch_says_who_had_the_focus_in_whatever_order_its_fields_are() {
    let (_dir, privacy) = anybody();
    for file in ["activitywatch-python.json", "activitywatch-sorted-keys.json"] {
        let (found, reports) = read_texts(&[&export(file)], manner(), &privacy).expect("read");
        assert_eq!(lines(&gather(found, None, &privacy)), LAPTOP, "{file}");
        let report = &reports[0];
        assert_eq!((report.read, report.skipped.count()), (8, 2), "{file}");
        assert_eq!(report.unused.get("aw-watcher-vim_laptop"), Some(&1));
        let reasons: Vec<String> = report
            .skipped
            .by_count()
            .iter()
            .map(|(reason, counted)| format!("{reason} at {}", counted.first.join(",")))
            .collect();
        assert!(
            reasons.iter().any(|reason| reason.starts_with("timestamp: ")
                && reason.ends_with("bucket aw-watcher-window_laptop, event 4")),
            "{reasons:?}"
        );
        assert!(reasons.contains(&"data.app: must be given at bucket aw-watcher-window_laptop, event 5".to_owned()));
    }
}

#[test]
fn buckets_that_were_exported_one_by_one_belong_together_and_overlap_as_they_like() {
    let (_dir, privacy) = anybody();
    let whole: Value =
        serde_json::from_str(&export("activitywatch-sorted-keys.json").replace("\\ud83d", "")).expect("JSON");
    let buckets = whole["buckets"].as_object().expect("buckets");
    let mut texts: Vec<String> = buckets
        .iter()
        .map(|(id, bucket)| json!({"buckets": {id: bucket}}).to_string())
        .collect();
    // One of them bare, and two of them twice.
    texts[0] = buckets.values().next().expect("a bucket").to_string();
    texts.push(texts[0].clone());
    texts.push(texts[3].clone());
    texts.reverse();
    // Nothing of use is an error of its file, and not of this test.
    texts.retain(|text| !text.contains("app.editor.activity"));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(lines(&gathered(&texts, &privacy)), LAPTOP);
}

const WAKATIME: [&str; 4] = [
    "wakatime: 2024-03-01T09:00:00.123Z VS Code daybook Ada's laptop Linux",
    "wakatime: 2024-03-01T09:02:00.500Z VS Code daybook Ada's laptop Linux",
    "wakatime: 2024-03-01T09:06:40Z Firefox docs.example.org Ada's laptop macOS",
    "wakatime: 2024-03-03T09:00:00Z Slack Ada's laptop macOS",
];

#[test]
fn a_dump_of_wakatime_gives_heartbeats_and_other_files_say_what_its_ids_stand_for() {
    let (_dir, privacy) = anybody();
    let files = [
        "wakatime-user-agents.json",
        "wakatime-heartbeats.json",
        "wakatime-daily.json",
    ]
    .map(export);
    let mut texts: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(lines(&gathered(&texts, &privacy)), WAKATIME);
    texts.rotate_left(1);
    assert_eq!(lines(&gathered(&texts, &privacy)), WAKATIME);
    let names = export("wakatime-machine-names.json");
    texts[1] = &names;
    assert_eq!(lines(&gathered(&texts, &privacy)), WAKATIME);
    let alone = gathered(&[&files[1]], &privacy);
    assert_eq!(alone.nameless, 3);
    assert_eq!(
        lines(&alone),
        [
            "wakatime: 2024-03-01T09:00:00.123Z Editor daybook",
            "wakatime: 2024-03-01T09:02:00.500Z Editor daybook",
            "wakatime: 2024-03-01T09:06:40Z Browser docs.example.org",
            "wakatime: 2024-03-03T09:00:00Z Slack",
        ]
    );
}

#[test]
fn a_table_gives_claims_and_names_the_lines_that_it_does_not() {
    let (_dir, privacy) = anybody();
    let (found, reports) = read_texts(&[&export("hours.csv")], manner(), &privacy).expect("read");
    assert_eq!(
        lines(&gather(found, None, &privacy)),
        [
            "csv: 2024-03-01T09:00:00Z to 2024-03-01T09:30:00Z Editor",
            "csv: 2024-03-01T09:30:00Z to 2024-03-01T09:45:00Z Browser; the big one example.org",
            "csv: 2024-03-01T14:00:00Z to 2024-03-01T14:01:30Z Film \"noir\" passive",
        ]
    );
    let skipped: Vec<String> = reports[0]
        .skipped
        .by_count()
        .iter()
        .map(|(reason, counted)| format!("{}: {reason}", counted.first.join(",")))
        .collect();
    let has = |line: &str, word: &str| {
        skipped
            .iter()
            .any(|reason| reason.starts_with(line) && reason.contains(word))
    };
    assert!(has("line 4: start_time", "twice"), "{skipped:?}");
    assert!(has("line 5: start_time", "never"), "{skipped:?}");
    assert!(has("line 6: end_time", "later"), "{skipped:?}");
}

#[test]
fn nothing_of_a_file_is_found_but_names_and_times() {
    let (_dir, privacy) = anybody();
    let files = [
        "activitywatch-python.json",
        "activitywatch-sorted-keys.json",
        "wakatime-heartbeats.json",
        "wakatime-user-agents.json",
        "hours.csv",
    ]
    .map(export);
    let texts: Vec<&str> = files.iter().map(String::as_str).collect();
    assert!(texts.iter().any(|text| text.contains("CANARY")));
    let (found, reports) = read_texts(&texts, manner(), &privacy).expect("read");
    // The bucket of an editor has its name, and nothing of its events.
    let told = format!("{found:?}{reports:?}");
    assert!(!told.contains("CANARY") && !told.contains("private.example"), "{told}");
    let told = format!("{:?}", gather(found, Some("all"), &privacy));
    assert!(!told.contains("CANARY"), "{told}");
}

#[test]
fn rules_and_private_time_apply_before_anything_is_told() {
    let (_dir, privacy) = anybody();
    let rule = |app: Option<&str>, site: Option<&str>, action: &str, to: Option<&str>| {
        let rule = PlainRule {
            app: app.map(str::to_owned),
            site: site.map(str::to_owned),
            action: action.to_owned(),
            to: to.map(str::to_owned),
        };
        rules::add(privacy.dir(), rule).expect("added");
    };
    rule(Some("code-oss"), None, "exclude", None);
    rule(None, Some("mail.example.org"), "hide", None);
    rule(Some("vs code"), None, "rename", Some("Editor"));
    rule(Some("Slack"), None, "exclude", None);
    // 09:01 to 09:02.
    let minute = std::time::Duration::from_mins(1);
    private::pause(privacy.dir(), UnixMs(1_709_283_660_000), Some(minute)).expect("paused");
    privacy.reload();
    let files = [
        "activitywatch-python.json",
        "wakatime-user-agents.json",
        "wakatime-heartbeats.json",
    ]
    .map(export);
    let texts: Vec<&str> = files.iter().map(String::as_str).collect();
    let gathered = gathered(&texts, &privacy);
    assert_eq!(
        lines(&gathered),
        [
            "activitywatch laptop: 2024-03-01T09:00:00Z to 2024-03-01T09:01:00Z Firefox example.org",
            "activitywatch laptop: 2024-03-01T09:02:00Z to 2024-03-01T09:05:00Z Firefox example.org",
            "activitywatch laptop: 2024-03-01T09:05:00Z to 2024-03-01T09:10:02Z Firefox",
            "activitywatch laptop: 2024-03-01T09:20:00Z to 2024-03-01T09:25:00Z Firefox",
            "wakatime: 2024-03-01T09:00:00.123Z Editor daybook Linux",
            "wakatime: 2024-03-01T09:02:00.500Z Editor daybook Linux",
            "wakatime: 2024-03-01T09:06:40Z Firefox docs.example.org macOS",
        ]
    );
    assert_eq!(gathered.ruled_out, 1);
}

#[test]
fn rows_are_taken_up_to_the_bound_and_one_more_is_an_error() {
    let (_dir, privacy) = anybody();
    let bounded = |file: &str, rows_max| {
        let manner = Manner { rows_max, ..manner() };
        read_texts(&[&export(file)], manner, &privacy).map(|(_, reports)| reports[0].read)
    };
    for (file, rows, read) in [
        ("activitywatch-python.json", 10, 8),
        ("wakatime-heartbeats.json", 6, 4),
        ("wakatime-user-agents.json", 2, 0),
        ("hours.csv", 6, 3),
    ] {
        assert_eq!(bounded(file, rows).ok(), Some(read), "{file}");
        let error = bounded(file, rows - 1).expect_err(file);
        assert!(
            matches!(error, ImportError::TooMany { max, .. } if max == rows - 1),
            "{file}: {error}"
        );
    }
}

#[test]
fn what_cannot_be_imported_says_what_it_is_and_where() {
    let (_dir, privacy) = anybody();
    let refused = |text: &str, format: Option<Format>| {
        let manner = Manner {
            format,
            zone: None,
            rows_max: ROWS_MAX,
        };
        let error = read_texts(&[text], manner, &privacy).map(drop).expect_err(text);
        crate::chain::Chain(&error).to_string()
    };
    for (text, format, words) in [
        (
            r#"{"buckets": {"a": {"type": "currentwindow", "events": [{"#,
            None,
            "text ends in the middle, at line 1, column 56: was it cut off when it was saved? Nothing is imported",
        ),
        (
            r#"{"buckets": {"a" 5}}"#,
            None,
            "text is broken JSON: nothing is imported: expected `:` at line 1 column",
        ),
        (
            "start,end,app\n",
            Some(Format::Wakatime),
            "text is not a dump of WakaTime: it is no JSON. Without --format",
        ),
        ("\u{feff}{}", Some(Format::Csv), "text is not a table (CSV): it is JSON"),
        (
            &format!("{{\"a\": \"{}\"}}", "x".repeat(2 * table::ROW_BYTES_MAX)),
            Some(Format::Csv),
            "text is not a table (CSV): it is JSON",
        ),
        (r#"{"buckets": {}}"#, None, "nothing to import in text: it is empty"),
        (r#"{"settings": {}}"#, None, "text is not known here"),
        ("[]", None, "text is not known here"),
        (r#"{"buckets": {}}"#, Some(Format::Wakatime), "not a dump of WakaTime"),
        (
            r#"{"days": []}"#,
            Some(Format::Activitywatch),
            "not an export of ActivityWatch",
        ),
        (
            r#"{"days": [{"date": "2024-03-01", "grand_total": {}}]}"#,
            None,
            "Ask WakaTime for an export of heartbeats",
        ),
        (
            r#"{"buckets": {"n": {"type": "notes", "events": [{}, {}]}}}"#,
            None,
            "there is no use here for n (2)",
        ),
        ("a,b\n1,2\n", None, "names no column end_time or duration: it says a, b"),
        (
            "start,end,app\n2024-03-01 10:00,2024-03-01 11:00,Editor\n",
            None,
            "--timezone",
        ),
    ] {
        let told = refused(text, format);
        assert!(told.contains(words), "{text}: {told}");
    }
}

#[test]
fn a_machine_that_nobody_says_anybody_was_at_is_told_and_gives_nothing() {
    let (_dir, privacy) = anybody();
    let text = r#"{"buckets": {"w": {"type": "currentwindow", "hostname": "attic", "events": [
        {"timestamp": "2024-03-01T09:00:00Z", "duration": 60, "data": {"app": "XTerm"}}]}}}"#;
    let gathered = gathered(&[text], &privacy);
    assert_eq!(
        (gathered.sources.len(), gathered.unattended.as_slice()),
        (0, &["attic".to_owned()][..])
    );
    assert!(summary::sources(&gathered).contains("attic: no bucket says when somebody was there"));
}

/// A few hours of a machine: events of windows, of presence and of tabs, each with a start and a length in tenths of a second.
type Seen = [Vec<(i64, i64, usize)>; 3];

fn seen() -> impl Strategy<Value = Seen> {
    let at = || prop_oneof![0_i64..600, 0_i64..400_000];
    let length = || prop_oneof![0_i64..60, 0_i64..200_000];
    let events = |count: usize| prop::collection::vec((at(), length(), 0_usize..4), 0..count);
    (events(20), events(8), events(12)).prop_map(|(windows, presence, tabs)| [windows, presence, tabs])
}

/// The export of it.
fn export_of(seen: &Seen) -> Value {
    let bucket = |id: &str, kind: &str, events: &[(i64, i64, usize)], data: &[Value; 4]| {
        let event = |(start, length, what): &(i64, i64, usize)| {
            let at = UnixMs(1_709_283_600_000 + 100 * start).to_string();
            json!({"timestamp": at, "duration": f64::from(i32::try_from(*length).expect("small")) / 10.0, "data": data[*what]})
        };
        let events: Vec<Value> = events.iter().map(event).collect();
        json!({"id": id, "type": kind, "client": id, "hostname": "laptop", "events": events})
    };
    let windows = ["Firefox", "XTerm", "code-oss", "keepassxc"].map(|app| json!({"app": app, "title": "x"}));
    let presence = ["not-afk", "afk", "not-afk", "asleep"].map(|status| json!({"status": status}));
    let tabs = [
        json!({"url": "https://www.example.org/a", "incognito": false}),
        json!({"url": "https://bank.example/a"}),
        json!({"url": "https://docs.example/", "incognito": true}),
        json!({"title": "nothing else"}),
    ];
    json!({"buckets": {
        "aw-watcher-window_laptop": bucket("aw-watcher-window_laptop", "currentwindow", &seen[0], &windows),
        "aw-watcher-afk_laptop": bucket("aw-watcher-afk_laptop", "afkstatus", &seen[1], &presence),
        "aw-watcher-web-firefox": bucket("aw-watcher-web-firefox", "web.tab.current", &seen[2], &tabs),
    }})
}

/// What the relay makes of it.
fn relayed(export: &Value) -> Vec<Ping> {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = SqliteStore::open(dir.path(), Bounds::default(), "device").expect("opened");
    let buckets: Vec<Filled> = export["buckets"]
        .as_object()
        .expect("buckets")
        .values()
        .map(|bucket| serde_json::from_value(bucket.clone()).expect("a bucket"))
        .collect();
    crate::relay::rules::import(&mut store, &buckets).expect("imported");
    let (kept, pings) = std::sync::mpsc::channel();
    let keep = move |pings: &[Ping]| {
        pings
            .iter()
            .cloned()
            .try_for_each(|ping| kept.send(ping))
            .map_err(Into::into)
    };
    let mut joiner = Joiner::new(Box::new(keep), Arc::default());
    joiner.join(&mut store, UnixMs(i64::MAX)).expect("joined");
    drop(joiner);
    pings.iter().collect()
}

/// The same in as few pings as it can be.
fn whole(mut pings: Vec<Ping>) -> Vec<Ping> {
    pings.sort_by_key(|ping| ping.span.start());
    pings.dedup_by(|ping, last| {
        let goes_on = last.span.end() == ping.span.start() && last.app == ping.app && last.domain == ping.domain;
        if goes_on {
            last.span = Span::new(last.span.start(), ping.span.end()).expect("longer");
        }
        goes_on
    });
    pings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_import_says_what_the_relay_says_of_the_same_events(seen in seen()) {
        let (_dir, privacy) = anybody();
        let export = export_of(&seen);
        // Without a single event that counts a file is an error, which is another test's.
        let Ok((found, _)) = read_texts(&[&export.to_string()], manner(), &privacy) else { return Ok(()) };
        let imported = gather(found, None, &privacy).sources.pop().map(|source| source.pings).unwrap_or_default();
        prop_assert_eq!(whole(imported), whole(relayed(&export)));
    }

    #[test]
    fn any_order_of_events_gives_the_same(seen in seen(), turn in any::<prop::sample::Index>()) {
        let (_dir, privacy) = anybody();
        let turned = seen.clone().map(|mut events| {
            events.reverse();
            if !events.is_empty() {
                let middle = turn.index(events.len());
                events.rotate_left(middle);
            }
            events
        });
        let of = |seen: &Seen| {
            let read = read_texts(&[&export_of(seen).to_string()], manner(), &privacy);
            read.ok().map(|(found, _)| gather(found, None, &privacy))
        };
        prop_assert_eq!(of(&seen), of(&turned));
        prop_assert_eq!(of(&seen), of(&seen));
    }
}
