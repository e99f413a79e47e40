//! `daybook-agent import` against a small server: what is sent, in which lists, through which faults, and what is said of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent::import::delivery::{Delivery, DeliveryError, FAILURES_MAX, MERGE_WAIT_MAX, Outcome};
use agent::import::places::Places;
use agent::import::points::{About, Point};
use agent::import::sources::Source;
use agent::watch::Ping;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{AppName, Context, Kind, Label};
use serde_json::{Value, json};

use crate::rig::{BASE, account, call, program};
use crate::stub::{EMAIL, Fault, PASSWORD, Stub};

fn export(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports").join(name)
}

/// What `daybook-agent import` says: success, standard output, standard error.
fn import(dir: &Path, stub: &Stub, arguments: &[&str], files: &[&str]) -> (bool, String, String) {
    let mut told = program(dir);
    told.args(["import", "--server", &stub.url(), "--email", EMAIL])
        .args(arguments);
    told.args(files.iter().map(|file| export(file)));
    call(told.env("DAYBOOK_PASSWORD", PASSWORD))
}

fn ping(number: i64, app: &str) -> Ping {
    let start = UnixMs(BASE + 10_000 * number);
    Ping::of_app(
        AppName::parse(app).expect("a name"),
        Span::new(start, start.plus_ms(5_000)).expect("not empty"),
    )
}

fn point(at_ms: i64, app: &str) -> Point {
    Point {
        at: UnixMs(BASE + at_ms),
        about: Arc::new(About {
            label: Label::trusted(app, None),
            context: Context::of_kind(Kind::File),
        }),
    }
}

fn source(pings: Vec<Ping>, points: Vec<Point>) -> Source {
    Source {
        name: "desk".to_owned(),
        pings,
        points,
    }
}

/// Delivers without ever waiting, and gives the pauses that it would have made.
fn deliver(stub: &Stub, source: &Source, is_dry_run: bool) -> (Result<Outcome, DeliveryError>, Vec<Duration>, usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut account = account(dir.path(), &stub.url(), Some(PASSWORD));
    let (mut pauses, mut sent) = (Vec::new(), 0);
    let outcome = Delivery {
        account: &mut account,
        is_dry_run,
        places: &mut Places::default(),
        wait: &mut |pause| pauses.push(pause),
        dice: || 0.0,
        waited: Duration::ZERO,
    }
    .deliver(source, &mut |count| sent += count);
    (outcome, pauses, sent)
}

fn list<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    body[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn a_dry_run_says_what_would_change_and_an_import_sends_it_twice_alike() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let files = [
        "activitywatch-python.json",
        "wakatime-user-agents.json",
        "wakatime-heartbeats.json",
    ];
    let (success, text, error) = import(dir.path(), &stub, &["--dry-run"], &files);
    assert!(success, "{text}{error}");
    for part in [
        "2024-03-01, 8 events",
        "2 skipped:",
        "bucket aw-watcher-window_laptop, event 4",
        "aw-watcher-vim_laptop (1)",
        "2 names of programs and machines",
        "activitywatch laptop: 25 min in 5 stretches of time",
        "wakatime: 4 heartbeats, 6 min",
        // 25 minutes of windows, and 6:39.877 between three heartbeats.
        "31 min  added",
        "0 s  replaced",
        "wakatime: a heartbeat counts up to the next one, if that comes within 10 min.",
        // The windows and the heartbeats are of the same minutes.
        "Up to 6 min of this is counted more than once",
        "This was a dry run: nothing is changed.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(stub.ledger().imports.iter().all(|(is_dry_run, _)| *is_dry_run));
    for _ in 0..2 {
        let (success, text, error) = import(dir.path(), &stub, &[], &files);
        assert!(
            success
                && text.contains("Imported: 9 entries are with the server now")
                && text.contains("wakatime: a heartbeat counts"),
            "{text}{error}"
        );
        assert!(!text.contains("laptop: a heartbeat"), "{text}");
    }
    let ledger = stub.ledger();
    let sent: Vec<&Value> = ledger
        .imports
        .iter()
        .filter(|(is_dry_run, _)| !is_dry_run)
        .map(|(_, body)| body)
        .collect();
    assert_eq!(sent.len(), 4);
    assert_eq!(
        (sent[0], sent[1]),
        (sent[2], sent[3]),
        "the same files are the same lists"
    );
    assert_eq!(
        (&sent[0]["source"], &sent[1]["source"]),
        (&json!("activitywatch laptop"), &json!("wakatime"))
    );
    assert_eq!(
        list(sent[0], "pings")[0],
        json!({"app_name": "Firefox", "url": "https://example.org/", "start_time": "2024-03-01T09:00:00Z",
            "end_time": "2024-03-01T09:05:00Z", "passive": false})
    );
    assert_eq!(
        list(sent[1], "heartbeats")[0],
        json!({"time": "2024-03-01T09:00:00.123Z", "app_name": "VS Code", "kind": "file", "category": "coding", "project": "daybook",
            "branch": "main", "language": "Rust", "editor": "VS Code", "operating_system": "Linux", "is_write": true})
    );
    let bytes = String::from_utf8_lossy(&ledger.bytes);
    assert!(
        !bytes.contains("CANARY") && !bytes.contains("private.example"),
        "nothing but names and times is sent"
    );
}

#[test]
fn the_accounts_rules_are_asked_for_first_and_one_source_may_hold_all() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().rules = Some(json!({"rules": [{"app": "firefox", "action": "exclude"}]}));
    let files = ["activitywatch-python.json", "hours.csv"];
    let (success, text, error) = import(
        dir.path(),
        &stub,
        &["--source", "old machine", "--timezone", "Europe/Berlin"],
        &files,
    );
    assert!(success, "{text}{error}");
    let ledger = stub.ledger();
    assert_eq!(ledger.imports.len(), 1);
    let body = &ledger.imports[0].1;
    assert_eq!(body["source"], "old machine");
    let apps: Vec<&str> = list(body, "pings")
        .iter()
        .filter_map(|ping| ping["app_name"].as_str())
        .collect();
    assert_eq!(
        apps,
        ["Editor", "code-oss", "Editor", "Browser; the big one", "Film \"noir\""]
    );
    assert!(!String::from_utf8_lossy(&ledger.bytes).contains("Firefox"));
}

#[test]
fn standard_input_is_a_file_too_and_what_is_wrong_with_it_is_said_before_anything_is_sent() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    let read_from = |file: &str, arguments: &[&str]| {
        let mut told = program(dir.path());
        told.args(["import", "--server", &stub.url(), "--email", EMAIL])
            .args(arguments)
            .arg("-");
        told.stdin(std::fs::File::open(export(file)).expect("there"));
        call(told.env("DAYBOOK_PASSWORD", PASSWORD))
    };
    let (success, text, error) = read_from("wakatime-heartbeats.json", &["--format", "wakatime"]);
    assert!(success && text.contains("standard input\n"), "{text}{error}");
    assert!(text.contains("3 heartbeats name the editor by an id only"), "{text}");
    let sent = stub.ledger().imports.len();
    for (file, arguments, words) in [
        (
            "wakatime-heartbeats.json",
            &["--format", "activitywatch"][..],
            "is not an export of ActivityWatch",
        ),
        ("wakatime-daily.json", &[], "there is nothing to import"),
        ("hours.csv", &["--timezone", "Europe/Atlantis"], "IANA"),
        ("hours.csv", &["--source", " "], "1 to 64 characters"),
    ] {
        let (success, text, error) = read_from(file, arguments);
        assert!(!success && error.contains(words), "{file} {arguments:?}: {text}{error}");
    }
    let (success, _, error) = import(dir.path(), &stub, &[], &["no-such-file.json"]);
    assert!(
        !success && error.contains("cannot open") && error.contains("no-such-file.json"),
        "{error}"
    );
    assert_eq!(stub.ledger().imports.len(), sent);
}

#[test]
fn what_the_server_will_not_take_is_counted_and_the_rest_goes_on() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().rejects = vec!["code-oss".to_owned()];
    let (success, text, error) = import(dir.path(), &stub, &[], &["activitywatch-python.json"]);
    assert!(success, "{error}");
    assert!(
        text.contains("Imported: 4 entries") && text.contains("will not take 1 entry:"),
        "{text}"
    );
    let place = |event: u32| format!("activitywatch-python.json, bucket aw-watcher-window_laptop, event {event} (");
    assert!(
        text.contains(&place(2)) && text.contains("(2024-03-01T09:10:02Z)"),
        "{text}"
    );
    assert!(text.contains("1  app_name: no\n"), "{text}");
    // Five claims of three events.
    stub.ledger().rejects = vec!["code-oss".to_owned(), "Firefox".to_owned()];
    let (success, text, error) = import(dir.path(), &stub, &[], &["activitywatch-python.json"]);
    assert!(
        !success && error.contains("nothing was taken") && text.contains("will not take 3 entries:"),
        "{text}{error}"
    );
    assert!([1, 2, 3].iter().all(|event| text.contains(&place(*event))), "{text}");
}

#[test]
fn what_is_refused_is_told_by_file_and_place_whichever_source_it_went_to_and_up_to_a_bound() {
    let (dir, stub) = (tempfile::tempdir().expect("a directory"), Stub::start());
    stub.ledger().rejects = vec!["Editor".to_owned(), "Long".to_owned()];
    let minutes = |count: usize| {
        let row = |number: usize| {
            let (hour, minute) = (number / 60, number % 60);
            format!("Editor,2024-04-01T{hour:02}:{minute:02}:00Z,2024-04-01T{hour:02}:{minute:02}:30Z\n")
        };
        // A row of a day, which is sent as five claims, then one a minute.
        let long = "app,start,end\nLong,2024-05-01T03:00:00Z,2024-05-02T03:00:00Z\n".to_owned();
        (0..count).map(row).fold(long, |table, row| table + &row)
    };
    let table = dir.path().join("minutes.csv");
    std::fs::write(&table, minutes(1_238)).expect("written");
    let files = [table.to_str().expect("UTF-8"), "wakatime-heartbeats.json"];
    for arguments in [&[][..], &["--dry-run"], &["--source", "all"]] {
        let (success, text, error) = import(dir.path(), &stub, arguments, &files);
        assert!(success, "{text}{error}");
        let line = |line: u32| text.contains(&format!("minutes.csv, line {line} (2024-0"));
        assert!((3..=7).all(line) && !line(8), "{text}");
        assert!(text.contains("will not take 1,241 entries:"), "{text}");
        assert!(
            text.contains("1,241  app_name: no\n") && text.contains("and 1,236 more\n"),
            "{text}"
        );
    }
    stub.ledger().rejects = vec!["Slack".to_owned(), "Long".to_owned()];
    std::fs::write(&table, minutes(0)).expect("written");
    let (_, text, _) = import(dir.path(), &stub, &[], &files);
    assert!(text.contains("minutes.csv, line 2 (2024-05-01T03:00:00Z)"), "{text}");
    let heartbeat = "wakatime-heartbeats.json, day 2024-03-03, heartbeat 1 (2024-03-03T09:00:00Z)";
    assert!(
        text.contains(heartbeat) && text.contains("will not take 2 entries:"),
        "{text}"
    );
}

#[test]
fn lists_are_cut_by_count_and_by_time_and_shrink_where_the_server_wants_less() {
    let stub = Stub::start();
    let mut pings: Vec<Ping> = (0..1_500).map(|number| ping(number, "A")).collect();
    let month = 40 * DAY_MS / 10_000;
    pings.extend((month..month + 3).map(|number| ping(number, "B")));
    let (outcome, pauses, sent) = deliver(&stub, &source(pings.clone(), Vec::new()), false);
    assert_eq!(
        (outcome.expect("delivered").accepted, sent, pauses.len()),
        (1_503, 1_503, 0)
    );
    let sizes = |stub: &Stub| -> Vec<usize> {
        stub.ledger()
            .imports
            .iter()
            .map(|(_, body)| list(body, "pings").len())
            .collect()
    };
    assert_eq!(sizes(&stub), [1_000, 500, 3]);
    let small = Stub::start();
    small.ledger().batch_max = 300;
    let (outcome, _, sent) = deliver(&small, &source(pings, Vec::new()), false);
    assert_eq!((outcome.expect("delivered").accepted, sent), (1_503, 1_503));
    assert_eq!(sizes(&small), [250, 250, 250, 250, 250, 250, 3]);
    let tiny = Stub::start();
    tiny.ledger().batch_max = 0;
    let (outcome, ..) = deliver(&tiny, &source(vec![ping(0, "A")], Vec::new()), false);
    assert!(matches!(outcome, Err(DeliveryError::Refused(why)) if why.contains("413")));
}

#[test]
fn dry_lists_of_heartbeats_bring_the_first_of_the_next_so_that_their_sums_are_exact() {
    let stub = Stub::start();
    // A minute apart, and one that nothing reaches.
    let mut points: Vec<Point> = (0..2_500).map(|number| point(60_000 * number, "Vim")).collect();
    points.push(point(60_000 * 2_500 + DAY_MS, "Vim"));
    let (outcome, _, sent) = deliver(&stub, &source(Vec::new(), points.clone()), true);
    let outcome = outcome.expect("delivered");
    assert_eq!((outcome.accepted, sent), (2_501, 2_501));
    assert_eq!(outcome.change.added_ms, 60_000 * 2_499);
    assert_eq!(outcome.change.items.get("Vim"), Some(&(60_000 * 2_499, 0)));
    let sizes = |stub: &Stub| -> Vec<usize> {
        stub.ledger()
            .imports
            .iter()
            .map(|(_, body)| list(body, "heartbeats").len())
            .collect()
    };
    assert_eq!(sizes(&stub), [1_000, 1_000, 503]);
    // Each tells of the time from its first heartbeat to that of the next, and of nothing twice.
    let at = |index: usize| points[index].at;
    let expected = [
        format!("&until={}", at(999)),
        format!("&from={}&until={}", at(999), at(1_998)),
        format!("&from={}", at(1_998)),
    ];
    let expected = expected.map(|told| format!("/api/v1/usage/import?dry_run=true{told}"));
    assert_eq!(stub.ledger().dry_routes, expected);
    let kept = Stub::start();
    let (outcome, ..) = deliver(&kept, &source(Vec::new(), points), false);
    assert_eq!(outcome.expect("delivered").accepted, 2_501);
    assert_eq!(sizes(&kept), [999, 999, 503], "what is kept has its neighbours there");
}

#[test]
fn a_dry_run_waits_for_what_was_imported_before_and_says_where_that_takes_too_long() {
    let stub = Stub::start();
    let one = source(vec![ping(0, "A")], Vec::new());
    stub.ledger().unmerged_imports = 3;
    let (outcome, pauses, _) = deliver(&stub, &one, true);
    let outcome = outcome.expect("told");
    assert_eq!((outcome.is_early, pauses.len()), (false, 3), "{pauses:?}");
    assert_eq!(
        outcome.change.added_ms, 5_000,
        "and what it told meanwhile is not counted"
    );
    stub.ledger().unmerged_imports = usize::MAX;
    let (outcome, pauses, _) = deliver(&stub, &one, true);
    let outcome = outcome.expect("told");
    assert!(outcome.is_early && outcome.change.added_ms == 5_000);
    assert_eq!(pauses.iter().sum::<Duration>(), MERGE_WAIT_MAX);
    let told = agent::import::summary::outcome(&outcome, true, 0);
    assert!(told.contains("not merged all that you imported before"), "{told}");
    // Nobody waits to send.
    let (outcome, pauses, _) = deliver(&stub, &one, false);
    assert_eq!((outcome.expect("sent").accepted, pauses.len()), (1, 0));
}

#[test]
fn faults_of_the_network_and_of_the_server_are_waited_out() {
    let stub = Stub::start();
    stub.fault([
        Fault::Cut,
        Fault::Busy { retry_after_secs: 7 },
        Fault::Answer {
            status: 429,
            body: json!({}),
        },
        Fault::Answer {
            status: 401,
            body: json!({}),
        },
        Fault::Swallow,
        Fault::Answer {
            status: 200,
            body: json!({"status": "odd"}),
        },
    ]);
    let (outcome, pauses, _) = deliver(&stub, &source(vec![ping(0, "A")], Vec::new()), false);
    assert_eq!(outcome.expect("delivered").accepted, 1);
    assert_eq!(pauses.len(), 5, "{pauses:?}");
    assert!(pauses[1] >= Duration::from_secs(7), "{pauses:?}");
    // The one that was swallowed came twice, which is one to the server.
    let ledger = stub.ledger();
    assert_eq!((ledger.imports.len(), &ledger.imports[0]), (2, &ledger.imports[1]));
}

#[test]
fn it_is_given_up_after_so_many_failures_and_at_once_where_waiting_helps_nobody() {
    let stub = Stub::start();
    stub.fault(std::iter::repeat_n(
        Fault::Cut,
        2 * usize::try_from(FAILURES_MAX).expect("small"),
    ));
    let (outcome, pauses, _) = deliver(&stub, &source(vec![ping(0, "A")], Vec::new()), false);
    let error = outcome.expect_err("given up").to_string();
    assert!(
        error.contains("gave up after 20 attempts") && error.contains("once more"),
        "{error}"
    );
    assert_eq!(pauses.len(), usize::try_from(FAILURES_MAX).expect("small") - 1);
    for (status, body, words) in [
        (404, json!({"title": "Not Found"}), "404 (Not Found)"),
        (403, json!({"title": "Forbidden"}), "403 (Forbidden)"),
        (
            422,
            json!({"errors": [{"pointer": "/source", "code": "too_long", "detail": "must be shorter"}]}),
            "/source must be shorter",
        ),
    ] {
        let stub = Stub::start();
        stub.fault([Fault::Answer { status, body }]);
        let (outcome, pauses, _) = deliver(&stub, &source(vec![ping(0, "A")], Vec::new()), false);
        let error = outcome.expect_err("refused").to_string();
        assert!(error.contains(words) && pauses.is_empty(), "{error}");
    }
}
