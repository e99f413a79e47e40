//! The program on a real X server, with a window manager, real applications and a focus that moves.

use std::fs::File;
use std::time::{Duration, SystemTime};

use agent::clock::Clock;
use agent::desktop::Desktop as Display;
use agent::spool::{self, Spool};
use serde_json::json;
use tempfile::TempDir;
use testkit::desktop::{App, Desktop, Moved};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, CreateWindowAux, EventMask, InputFocus, WindowClass};

use crate::rig::{Program, program, run, wait_until};
use crate::stub::{EMAIL, Fault, PASSWORD, Stub};

/// How far a time that the agent found out may be from when the test did it.
const TOLERANCE_MS: i64 = 1_000;

struct Scene {
    desktop: Desktop,
    stub: Stub,
    dir: TempDir,
}

impl Scene {
    fn new(desktop: Desktop) -> Self {
        Self {
            desktop,
            stub: Stub::start(),
            dir: tempfile::tempdir().expect("a directory"),
        }
    }

    fn agent(&self, arguments: &[&str]) -> Program {
        let always = [
            "--display",
            self.desktop.display(),
            "--ping-secs",
            "1",
            "--resend-secs",
            "1",
        ];
        run(self.dir.path(), &self.stub.url(), &[&always, arguments].concat())
    }

    /// Uses whatever has the focus, until the server knows of this much more of the application.
    fn use_for(&self, app: &str, ms: i64) {
        let before = self.stub.ledger().ms_of(app);
        wait_until(&format!("{ms} ms more of {app}"), || {
            self.desktop.touch();
            self.stub.ledger().ms_of(app) >= before + ms
        });
    }

    /// Everything of this device, in order.
    fn pings(&self) -> Vec<(i64, i64, String)> {
        let ledger = self.stub.ledger();
        let apps: std::collections::BTreeSet<String> =
            ledger.taken.values().flatten().map(|taken| taken.app.clone()).collect();
        let all = apps.iter().flat_map(|app| {
            ledger
                .spans_of(app)
                .into_iter()
                .map(|(start, end)| (start, end, app.clone()))
        });
        let mut all: Vec<_> = all.collect();
        all.sort();
        all
    }
}

fn ms(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far")
}

#[expect(clippy::disallowed_methods, reason = "compared with what the agent's own clock says")]
fn now_ms() -> i64 {
    ms(SystemTime::now())
}

fn assert_no_overlap(pings: &[(i64, i64, String)]) {
    for pair in pings.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{pair:?}");
    }
}

/// The sum is what lies between the moves, give or take the tolerance.
fn assert_total(total_ms: i64, stretches: &[(Moved, Moved)]) {
    let least: i64 = stretches.iter().map(|(from, to)| ms(to.after) - ms(from.before)).sum();
    let most: i64 = stretches.iter().map(|(from, to)| ms(to.before) - ms(from.after)).sum();
    assert!(
        (least - TOLERANCE_MS..=most + TOLERANCE_MS).contains(&total_ms),
        "{total_ms} ms, and not {least} to {most}"
    );
}

#[test]
fn the_focus_moves_between_two_applications_and_both_have_their_time() {
    let mut desktop = Desktop::start();
    let (writer, reader) = (desktop.open("Writer"), desktop.open("Reader"));
    let first: App = desktop.open("First");
    desktop.focus(&first);
    let scene = Scene::new(desktop);
    let agent = scene.agent(&[]);
    scene.use_for("First", 1_000);
    let mut moves = Vec::new();
    for app in [&writer, &reader, &writer, &reader] {
        moves.push(scene.desktop.focus(app));
        scene.use_for(&app.class, 2_000);
    }
    moves.push(scene.desktop.focus(&first));
    scene.use_for("First", 1_000);
    agent.stop();
    let pings = scene.pings();
    assert_no_overlap(&pings);
    let total = |app: &str| scene.stub.ledger().ms_of(app);
    assert_total(total("Writer"), &[(moves[0], moves[1]), (moves[2], moves[3])]);
    assert_total(total("Reader"), &[(moves[1], moves[2]), (moves[3], moves[4])]);
    // From the first ping to the last without a gap: the focus was always somewhere.
    for pair in pings.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "{pair:?}");
    }
    // And each change is where it was.
    let changes: Vec<i64> = pings
        .windows(2)
        .filter(|pair| pair[0].2 != pair[1].2)
        .map(|pair| pair[1].0)
        .collect();
    assert_eq!(changes.len(), moves.len());
    for (change, moved) in changes.iter().zip(&moves) {
        let (least, most) = (ms(moved.after) - TOLERANCE_MS, ms(moved.before) + TOLERANCE_MS);
        assert!((least..=most).contains(change), "{change}, and not {least} to {most}");
    }
}

#[test]
fn idle_time_is_not_counted() {
    let mut desktop = Desktop::start();
    let app = desktop.open("Writer");
    desktop.focus(&app);
    let scene = Scene::new(desktop);
    let agent = scene.agent(&["--idle-secs", "3"]);
    scene.use_for("Writer", 2_000);
    let last = scene.desktop.touch();
    let mut display = Display::connect(Some(scene.desktop.display()), Clock::start()).expect("a display");
    wait_until("nobody touched anything for five seconds", || {
        display.look().expect("a look").idle >= Duration::from_secs(5)
    });
    let back = scene.desktop.touch();
    scene.use_for("Writer", 2_000);
    agent.stop();
    let pings = scene.pings();
    assert_no_overlap(&pings);
    let gaps: Vec<_> = pings.windows(2).filter(|pair| pair[0].1 < pair[1].0).collect();
    assert_eq!(gaps.len(), 1, "{pings:?}");
    let (left, returned) = (gaps[0][0].1, gaps[0][1].0);
    assert!(
        (ms(last.after) - TOLERANCE_MS..=ms(last.before) + TOLERANCE_MS).contains(&left),
        "{left}, {last:?}"
    );
    assert!(
        (ms(back.after) - TOLERANCE_MS..=ms(back.before) + TOLERANCE_MS).contains(&returned),
        "{returned}, {back:?}"
    );
}

#[test]
fn what_somebody_uses_is_not_in_the_log() {
    let mut desktop = Desktop::start();
    let app = desktop.open("Secretive");
    desktop.focus(&app);
    let scene = Scene::new(desktop);
    // Before the server takes them, the pings go through every kind of refusal.
    scene.stub.fault([
        Fault::Busy { retry_after_secs: 1 },
        Fault::Cut,
        Fault::Answer {
            status: 422,
            body: json!({"title": "Unprocessable", "detail": "Secretive", "errors": [{"pointer": "/pings/0/app_name", "detail": "Secretive"}]}),
        },
    ]);
    let log = scene.dir.path().join("log");
    let mut command = program(scene.dir.path());
    command
        .args([
            "run",
            "--server",
            &scene.stub.url(),
            "--email",
            EMAIL,
            "--log",
            "debug",
            "--ping-secs",
            "1",
        ])
        .env("DISPLAY", scene.desktop.display())
        .env("DAYBOOK_PASSWORD", PASSWORD)
        .stderr(File::create(&log).expect("a file"));
    let agent = Program::from(command.spawn().expect("started"));
    scene.use_for("Secretive", 1_000);
    agent.stop();
    let log = std::fs::read_to_string(log).expect("text");
    assert!(
        log.contains("watching the display") && log.contains("never take"),
        "{log}"
    );
    for canary in ["Secretive", PASSWORD, EMAIL, "access-", "refresh-"] {
        assert!(!log.contains(canary), "{canary} in {log}");
    }
}

#[test]
fn killed_while_watching_it_loses_nothing_that_it_had_kept() {
    let mut desktop = Desktop::start();
    let apps = [desktop.open("Writer"), desktop.open("Reader")];
    let scene = Scene::new(desktop);
    let mut kept = Vec::new();
    for round in 0..3 {
        let agent = scene.agent(&[]);
        for app in apps.iter().cycle().take(6) {
            scene.desktop.focus(app);
        }
        scene.use_for(&apps[1].class, 1_000 + 100 * round);
        agent.kill_dead();
        let mut spool = Spool::open(scene.dir.path(), 100_000).expect("opened");
        kept.extend(spool.offers(0, usize::MAX).into_iter().map(|offer| offer.kept));
    }
    let agent = scene.agent(&[]);
    scene.use_for(&apps[1].class, 1_000);
    agent.stop();
    assert_no_overlap(&scene.pings());
    let ledger = scene.stub.ledger();
    assert!(!kept.is_empty());
    for kept in kept {
        let of_number = &ledger.taken[&kept.seq];
        let times = (kept.ping.span.start().to_string(), kept.ping.span.end().to_string());
        assert_eq!(of_number.len(), 1, "one ping to a number: {of_number:?}");
        assert_eq!((&of_number[0].start, &of_number[0].end), (&times.0, &times.1));
    }
    let numbers: Vec<u64> = ledger.taken.keys().copied().collect();
    assert_eq!(
        numbers,
        (1..=numbers.len() as u64).collect::<Vec<_>>(),
        "no number is missing"
    );
}

#[test]
fn a_window_that_goes_away_ends_its_time() {
    let mut desktop = Desktop::start();
    let (stays, goes) = (desktop.open("Stays"), desktop.open("Goes"));
    let from = desktop.focus(&goes);
    let mut scene = Scene::new(desktop);
    let agent = scene.agent(&[]);
    scene.use_for("Goes", 1_500);
    let after = now_ms();
    scene.desktop.close(&goes);
    let before = now_ms();
    // The window manager gives the focus to what is left.
    scene.use_for("Stays", 1_500);
    agent.stop();
    assert_no_overlap(&scene.pings());
    let spans = scene.stub.ledger().spans_of(&goes.class);
    let end = spans.last().expect("used").1;
    assert!(
        (after - TOLERANCE_MS..=before + TOLERANCE_MS).contains(&end),
        "{end}, and not {after} to {before}"
    );
    assert!(spans[0].0 >= ms(from.after));
    assert_eq!(stays.class, "Stays");
}

#[test]
fn without_a_window_manager_the_keyboard_tells() {
    let mut desktop = Desktop::start_bare(None);
    let (writer, reader) = (desktop.open("Writer"), desktop.open("Reader"));
    desktop.focus(&writer);
    let scene = Scene::new(desktop);
    let agent = scene.agent(&[]);
    scene.use_for("Writer", 1_500);
    let moved = scene.desktop.focus(&reader);
    scene.use_for("Reader", 1_500);
    // A window that says nothing about itself, inside another of the same sort.
    let (connection, screen) = x11rb::connect(Some(scene.desktop.display())).expect("a display");
    let outer = window(&connection, connection.setup().roots[screen].root);
    let inner = window(&connection, outer);
    connection
        .set_input_focus(InputFocus::PARENT, inner, x11rb::CURRENT_TIME)
        .expect("sent")
        .check()
        .expect("focused");
    scene.use_for("unknown", 1_500);
    drop(connection);
    agent.stop();
    assert_no_overlap(&scene.pings());
    let start = scene.stub.ledger().spans_of("Reader")[0].0;
    assert!((ms(moved.after) - TOLERANCE_MS..=ms(moved.before) + TOLERANCE_MS).contains(&start));
}

fn window(connection: &impl Connection, parent: u32) -> u32 {
    let id = connection.generate_id().expect("a number");
    let events = CreateWindowAux::new().event_mask(EventMask::NO_EVENT);
    connection
        .create_window(0, id, parent, 5, 5, 50, 50, 0, WindowClass::INPUT_OUTPUT, 0, &events)
        .expect("sent")
        .check()
        .expect("made");
    connection.map_window(id).expect("sent").check().expect("mapped");
    id
}

#[test]
fn a_window_manager_that_crashes_leaves_no_application_in_focus_for_ever() {
    let mut desktop = Desktop::start();
    let (writer, reader) = (desktop.open("Writer"), desktop.open("Reader"));
    desktop.focus(&writer);
    let mut scene = Scene::new(desktop);
    let agent = scene.agent(&[]);
    scene.use_for("Writer", 1_000);
    scene.desktop.crash_manager();
    // The root window still says that the writer is active.
    scene.desktop.focus(&reader);
    scene.use_for("Reader", 1_500);
    scene.desktop.manage();
    scene.desktop.focus(&writer);
    scene.use_for("Writer", 1_000);
    agent.stop();
    assert_no_overlap(&scene.pings());
}

#[test]
fn a_display_that_comes_late_or_goes_and_comes_again_is_watched() {
    // Far above the numbers that are given to whoever asks for any, and this process has it alone.
    let number = 1_000 + std::process::id() % 50_000;
    let display = format!(":{number}");
    let stub = Stub::start();
    let dir = tempfile::tempdir().expect("a directory");
    let arguments = ["--display", &display, "--ping-secs", "1", "--resend-secs", "1"];
    let mut agent = run(dir.path(), &stub.url(), &arguments);
    let mut kept = 0;
    for class in ["Before", "After"] {
        let mut desktop = Desktop::start_bare(Some(number));
        desktop.manage();
        let app = desktop.open(class);
        desktop.focus(&app);
        wait_until(&format!("some time of {class}"), || {
            desktop.touch();
            stub.ledger().ms_of(class) >= 1_500
        });
        let last = desktop.touch();
        drop(desktop);
        // The run ended with the display, and its last ping was kept.
        wait_until("the last ping is kept", || {
            let spans = stub.ledger().spans_of(class);
            spans
                .last()
                .is_some_and(|(_, end)| *end >= ms(last.after) - TOLERANCE_MS)
        });
        assert!(agent.is_running());
        let numbered = spool::summary(dir.path()).expect("readable").numbered;
        assert!(numbered > kept);
        kept = numbered;
    }
    // It is asked to end while it waits for a display.
    agent.stop();
}
