//! Nobody is at the desktop, or nobody may watch: the screen is locked, the machine sleeps, the person is private, an application is excluded.

use std::fs::{self, File};
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use testkit::desktop::Desktop;

use crate::logind::Logind;
use crate::rig::{Program, call, program, status, wait_until};
use crate::stub::{EMAIL, PASSWORD, Stub};

/// How far a moment that the tracker was told may be from when the test made it.
const TOLERANCE_MS: i64 = 500;

struct Scene {
    desktop: Desktop,
    stub: Stub,
    dir: TempDir,
    log: TempDir,
}

impl Scene {
    fn new(apps: &[&str]) -> Self {
        let mut desktop = Desktop::start();
        for app in apps {
            let app = desktop.open(app);
            desktop.focus(&app);
        }
        Self {
            desktop,
            stub: Stub::start(),
            dir: tempfile::tempdir().expect("a directory"),
            log: tempfile::tempdir().expect("a directory"),
        }
    }

    fn agent(&self, bus: Option<&Logind>) -> Program {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("a file");
        let mut command = program(self.dir.path());
        command
            .args(["run", "--server", &self.stub.url(), "--email", EMAIL, "--log", "debug"])
            .args([
                "--ping-secs",
                "1",
                "--resend-secs",
                "1",
                "--display",
                self.desktop.display(),
            ])
            .env("DAYBOOK_PASSWORD", PASSWORD)
            .stderr(log);
        if let Some(bus) = bus {
            command
                .env("DBUS_SYSTEM_BUS_ADDRESS", bus.address())
                .env("XDG_SESSION_ID", "1");
        }
        Program::from(command.spawn().expect("started"))
    }

    fn log_file(&self) -> std::path::PathBuf {
        self.log.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).expect("text")
    }

    fn tells(&self, words: &str) {
        wait_until(words, || self.log().contains(words));
    }

    /// Uses whatever has the focus, until the server knows of this much more of the application.
    fn use_for(&self, app: &str, ms: i64) {
        let before = self.stub.ledger().ms_of(app);
        wait_until(&format!("{ms} ms more of {app}"), || {
            self.desktop.touch();
            self.stub.ledger().ms_of(app) >= before + ms
        });
    }

    /// Touches the desktop for a while that has no effect on what is recorded.
    fn fidget(&self) {
        for _ in 0..20 {
            self.desktop.touch();
        }
    }

    fn command(&self, arguments: &[&str]) -> String {
        let (success, text, error) = call(program(self.dir.path()).args(arguments));
        assert!(success, "{error}");
        text
    }

    /// The one gap in an application's time.
    fn gap(&self, app: &str) -> (i64, i64) {
        let spans = self.stub.ledger().spans_of(app);
        let gaps: Vec<_> = spans
            .windows(2)
            .filter(|pair| pair[0].1 < pair[1].0)
            .map(|pair| (pair[0].1, pair[1].0))
            .collect();
        assert_eq!(gaps.len(), 1, "{spans:?}");
        gaps[0]
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with what the agent's own clock says")]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far")
}

fn assert_near(found: i64, made: i64) {
    assert!((found - made).abs() <= TOLERANCE_MS, "{found}, and not {made}");
}

#[test]
fn a_locked_screen_ends_the_time_at_once_whatever_is_touched() {
    let (scene, logind) = (Scene::new(&["Writer"]), Logind::start());
    let agent = scene.agent(Some(&logind));
    scene.tells("logind tells of locked screens");
    scene.use_for("Writer", 1_500);
    scene.desktop.touch();
    let locked = now_ms();
    logind.lock(true);
    scene.tells("event=Locked(true)");
    scene.fidget();
    let unlocked = now_ms();
    logind.lock(false);
    scene.use_for("Writer", 1_500);
    agent.stop();
    let (left, back) = scene.gap("Writer");
    assert_near(left, locked);
    assert_near(back, unlocked);
}

#[test]
fn sleep_ends_the_time_and_waits_until_that_is_written_down() {
    let (scene, logind) = (Scene::new(&["Writer"]), Logind::start());
    let agent = scene.agent(Some(&logind));
    wait_until("sleep is held back", || logind.delays() == (1, 1));
    scene.use_for("Writer", 1_500);
    scene.desktop.touch();
    let asleep = now_ms();
    logind.sleep(true);
    wait_until("the machine may sleep", || logind.delays() == (1, 0));
    scene.fidget();
    logind.sleep(false);
    wait_until("sleep is held back again", || logind.delays() == (2, 1));
    scene.use_for("Writer", 1_500);
    // A session that is only asked to lock itself ends the time until the next input.
    logind.ask_to_lock();
    scene.tells("event=Left");
    scene.use_for("Writer", 1_500);
    agent.stop();
    let spans = scene.stub.ledger().spans_of("Writer");
    let left = spans.windows(2).find(|pair| pair[0].1 < pair[1].0).expect("a gap")[0].1;
    assert_near(left, asleep);
}

#[test]
fn without_a_bus_that_is_said_once_and_the_rest_works() {
    let scene = Scene::new(&["Writer"]);
    let agent = scene.agent(None);
    scene.use_for("Writer", 3_500);
    agent.stop();
    assert_eq!(
        scene.log().matches("idle time tells alone").count(),
        1,
        "{}",
        scene.log()
    );
}

#[test]
fn private_time_is_not_recorded_over_a_restart_and_until_it_is_ended() {
    let scene = Scene::new(&["Writer"]);
    let agent = scene.agent(None);
    scene.use_for("Writer", 1_500);
    scene.desktop.touch();
    let paused = now_ms();
    assert!(scene.command(&["pause"]).contains("Nothing is recorded until"));
    scene.fidget();
    agent.stop();
    assert_eq!(status(scene.dir.path(), "private"), "until `daybook-agent resume`");
    let agent = scene.agent(None);
    wait_until("it watches again", || {
        scene.log().matches("watching the display").count() == 2
    });
    scene.fidget();
    scene.command(&["pause", "2h"]);
    assert!(status(scene.dir.path(), "private").starts_with("until 2"));
    scene.fidget();
    let resumed = now_ms();
    assert!(scene.command(&["resume"]).contains("again"));
    assert_eq!(status(scene.dir.path(), "private"), "no");
    scene.use_for("Writer", 1_500);
    agent.stop();
    let (left, back) = scene.gap("Writer");
    assert_near(left, paused);
    assert_near(back, resumed);
    // With a length it ends by itself.
    let agent = scene.agent(None);
    scene.command(&["pause", "1s"]);
    scene.use_for("Writer", 1_500);
    agent.stop();
}

#[test]
fn rules_that_cannot_be_are_refused_and_stop_a_start() {
    let dir = tempfile::tempdir().expect("a directory");
    for (arguments, says) in [
        (vec!["exclude", "site", "https://bank.example/"], "must be a host"),
        (vec!["hide", "app", "code"], "[possible values: site]"),
        (vec!["rules", "remove", "1"], "there is no rule 1"),
        (vec!["pause", "soon"], "is no length of time"),
        (vec!["exclude", "title", "x"], "invalid value"),
    ] {
        let (success, _, error) = call(program(dir.path()).args(&arguments));
        assert!(!success && error.contains(says), "{arguments:?}: {error}");
    }
    fs::create_dir_all(dir.path().join("privacy")).expect("made");
    fs::write(dir.path().join("privacy/rules.json"), "{").expect("written");
    let (success, _, error) =
        call(program(dir.path()).args(["run", "--server", "http://127.0.0.1:1", "--email", EMAIL]));
    assert!(
        !success && error.contains("cannot understand") && error.contains("rules.json"),
        "{error}"
    );
}

/// The name of no application and no site, and no part of the patterns below.
const CANARIES: [&str; 4] = [
    "kanarie-excluded",
    "kanarie-renamed",
    "kanarie-private",
    "kanarie-account",
];

#[test]
fn excluded_and_private_names_are_nowhere_in_files_logs_and_what_is_sent() {
    let scene = Scene::new(&[]);
    scene.stub.ledger().rules = Some(json!({"rules": [{"app": "*-accoun*", "action": "exclude"}]}));
    scene.command(&["exclude", "app", "*-exclude*"]);
    scene.command(&["rename", "app", "*-rename*", "Harmless"]);
    let mut desktop = scene.desktop;
    let apps: Vec<_> = CANARIES
        .iter()
        .chain(&["Public"])
        .map(|class| desktop.open(class))
        .collect();
    let scene = Scene { desktop, ..scene };
    let [excluded, renamed, private, account, public] = &apps[..] else {
        unreachable!("five were opened");
    };
    scene.desktop.focus(public);
    let agent = scene.agent(None);
    scene.tells("the server told the account's rules");
    scene.use_for("Public", 1_100);
    for hidden in [excluded, account] {
        scene.desktop.focus(hidden);
        scene.fidget();
    }
    scene.desktop.focus(renamed);
    scene.use_for("Harmless", 1_100);
    scene.command(&["pause"]);
    scene.desktop.focus(private);
    scene.fidget();
    scene.desktop.focus(public);
    scene.command(&["resume"]);
    scene.use_for("Public", 1_100);
    agent.stop();
    // Offline, with what the server told before.
    scene.stub.ledger().rules = None;
    let agent = scene.agent(None);
    scene.desktop.focus(account);
    scene.fidget();
    scene.desktop.focus(public);
    scene.use_for("Public", 1_100);
    agent.stop();
    let sent = std::mem::take(&mut scene.stub.ledger().bytes);
    assert!(
        holds(&sent, "public") && holds(&sent, "harmless"),
        "what is looked through is what was sent"
    );
    for canary in CANARIES {
        assert!(!holds(&sent, canary), "{canary} was sent");
        look_through(scene.dir.path(), canary);
        look_through(scene.log.path(), canary);
    }
}

fn holds(bytes: &[u8], name: &str) -> bool {
    String::from_utf8_lossy(bytes).to_lowercase().contains(name)
}

fn look_through(dir: &Path, canary: &str) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        if entry.path().is_dir() {
            look_through(&entry.path(), canary);
        } else {
            let bytes = fs::read(entry.path()).expect("a file");
            assert!(!holds(&bytes, canary), "{canary} is in {}", entry.path().display());
        }
    }
}
