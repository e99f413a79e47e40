//! A day at a desktop at 100 times its speed: a browser and terminals whose focus moves, breaks, a network that is cut, a server and a tracker that are
//! killed. What the report says of each application is what the X server itself told of it.
//!
//! Nobody's clock is bent: the day's schedule is 100 times as dense, and so is the proof. What is asked of a day is that it is right to the second, and of
//! this one that it is right to a hundredth of that.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::Value;
use tempfile::TempDir;
use testkit::desktop::Desktop;
use x11rb::protocol::xproto::Window;

use crate::client::{Caller, Client};
use crate::ledger::{Random, now_ms};
use crate::program::{PATIENCE, Program, data_dir, wait_for};
use crate::up::up_with;

use network::Network;
use person::{Person, Tick};

mod network;
mod person;

const SPEED: u32 = 100;
/// A second of the day.
const EXACT_MS: Tick = 1_000 / 100;
/// The focus stays for 15 to 65 seconds of the day.
const STAY_MS: std::ops::Range<u64> = 150..650;
/// A break, of more than the idle limit, after so many changes.
const BREAK_EVERY: usize = 40;
const IDLE_SECS: u64 = 2;
const EMAIL: &str = "ada@example.org";
/// In focus while the tracker starts, is killed and ends: nobody can say what of that it saw, so it has a name of its own.
const OUTSIDE: &str = "Outside";

/// A stretch of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stretch {
    app: String,
    start: Tick,
    end: Tick,
}

struct Day {
    person: Person,
    windows: Vec<(&'static str, Window)>,
    network: Network,
    server_data: Arc<TempDir>,
    agent_data: TempDir,
    random: Random,
    /// Who got the focus, and when.
    moves: Vec<(Tick, &'static str)>,
    inputs: Vec<Tick>,
    _browser: Option<Browser>,
    desktop: Desktop,
}

#[test]
fn an_hour_of_it_is_right_to_the_second() {
    Day::begin().live(Duration::from_hours(1));
}

#[test]
#[ignore = "it takes six minutes: cargo nextest run -p daybook --run-ignored only whole_working_day"]
fn the_whole_working_day_is_right_to_the_second() {
    Day::begin().live(Duration::from_hours(8));
}

impl Day {
    #[expect(clippy::print_stdout, reason = "a proof says what it was made with")]
    fn begin() -> Self {
        let mut desktop = Desktop::start();
        let person = Person::at(desktop.display());
        let browser = Browser::start(desktop.display());
        let mut apps = vec![OUTSIDE, "Writing", "Reading"];
        if browser.is_none() {
            println!("there is no chromium: another terminal takes its place");
            apps.push("Browsing");
        }
        for app in &apps {
            desktop.open(app);
        }
        if browser.is_some() {
            apps.push("Chromium");
        }
        Self {
            windows: apps.iter().map(|app| (*app, person.find(app))).collect(),
            person,
            network: Network::new(),
            server_data: Arc::new(data_dir()),
            agent_data: data_dir(),
            random: Random::new(5),
            moves: Vec::new(),
            inputs: Vec::new(),
            _browser: browser,
            desktop,
        }
    }

    fn live(mut self, day: Duration) {
        let part = day / SPEED / 5;
        let (server, address) = start(&self.server_data);
        self.network.lead_to(&address);
        Client::new(&self.network.url()).register(EMAIL, "Europe/Berlin");
        self.step_outside();
        let agent = self.agent();
        self.wait_until_seen();

        self.work(part);
        self.network.cut();
        self.work(part);
        self.network.lead_to(&address);
        self.work(part);
        server.kill();
        let data = Arc::clone(&self.server_data);
        let server = thread::spawn(move || start(&data));
        self.work(part);
        let (server, address) = server.join().expect("the server is back");
        self.network.lead_to(&address);

        self.step_outside();
        self.wait_until_seen();
        agent.kill();
        let agent = self.agent();
        self.wait_until_seen();
        self.work(part);
        self.step_outside();
        self.wait_until_seen();
        assert!(agent.terminate().success());
        self.judge();
        assert!(server.terminate().success());
    }

    fn agent(&self) -> Program {
        let agent = Path::new(env!("CARGO_BIN_EXE_daybook")).with_file_name("daybook-agent");
        assert!(agent.exists(), "{} is missing: cargo build -p agent", agent.display());
        let mut command = Command::new(agent);
        command
            .args(["run", "--server", &self.network.url(), "--email", EMAIL])
            .args([
                "--ping-secs",
                "1",
                "--resend-secs",
                "2",
                "--display",
                self.desktop.display(),
            ])
            .args(["--idle-secs", &IDLE_SECS.to_string(), "--data-dir"])
            .arg(self.agent_data.path())
            .env("DAYBOOK_PASSWORD", "correct horse battery")
            // Whoever runs the tests may lock their own screen meanwhile.
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent");
        Program::start(command)
    }

    /// Lets the focus go from application to application for so long, with a break now and then.
    fn work(&mut self, length: Duration) {
        let end = Instant::now() + length;
        while Instant::now() < end {
            let now = self.moves.last().map(|(_, app)| *app);
            let others: Vec<_> = self.windows[1..]
                .iter()
                .copied()
                .filter(|(app, _)| Some(*app) != now)
                .collect();
            let next = usize::try_from(self.random.below(others.len() as u64)).expect("an index");
            self.go_to(others[next]);
            let stay = STAY_MS.start + self.random.below(STAY_MS.end - STAY_MS.start);
            pass(Duration::from_millis(stay));
            if self.moves.len().is_multiple_of(BREAK_EVERY) {
                pass(Duration::from_secs(IDLE_SECS + 1));
            }
            self.inputs.push(self.person.touch());
        }
    }

    fn go_to(&mut self, (app, window): (&'static str, Window)) {
        self.moves.push((self.person.focus(window), app));
        self.inputs.push(self.person.touch());
    }

    fn step_outside(&mut self) {
        self.go_to(self.windows[0]);
    }

    /// Goes on outside until the report has more of that. Everything before is in it then too, as what comes later is kept later.
    fn wait_until_seen(&mut self) {
        let client = Client::new(&self.network.url());
        let caller = client.sign_in(EMAIL, "reader");
        let seen = || totals(&client, &caller).get(OUTSIDE).copied().unwrap_or(0);
        let before = seen();
        wait_for("more time outside", || {
            self.inputs.push(self.person.touch());
            (seen() > before).then_some(())
        });
    }

    /// What was in focus while somebody was there, without the time outside.
    fn expected(&self) -> Vec<Stretch> {
        let idle_ms = Tick::try_from(IDLE_SECS * 1_000).expect("small");
        let breaks: Vec<(Tick, Tick)> = self
            .inputs
            .windows(2)
            .map(|pair| (pair[0], pair[1]))
            .filter(|(left, back)| back - left >= idle_ms)
            .collect();
        let mut all = Vec::new();
        for pair in self.moves.windows(2) {
            let ((mut start, app), (end, _)) = (pair[0], pair[1]);
            if app == OUTSIDE {
                continue;
            }
            let stretch = |start, end| Stretch {
                app: app.to_owned(),
                start,
                end,
            };
            for (left, back) in breaks.iter().copied() {
                if end <= left || back <= start {
                    continue;
                }
                all.extend(Some(stretch(start, left)).filter(|stretch| stretch.start < stretch.end));
                start = back;
            }
            all.extend(Some(stretch(start, end)).filter(|stretch| stretch.start < stretch.end));
        }
        all
    }

    #[expect(clippy::print_stdout, reason = "how close it came is worth reading")]
    fn judge(&self) {
        let client = Client::new(&self.network.url());
        let caller = client.sign_in(EMAIL, "reader");
        let expected = self.expected();
        let mut found = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while found.len() != expected.len() && Instant::now() < deadline {
            found = segments(&client, &caller);
        }
        // The display counts from when its machine was started, the report from 1970.
        let zero = found[0].start - expected[0].start;
        let mut worst = 0;
        for (found, expected) in found.iter().zip(&expected) {
            let (start, end) = (found.start - zero - expected.start, found.end - zero - expected.end);
            worst = worst.max(start.abs()).max(end.abs());
            assert!(
                found.app == expected.app && worst <= EXACT_MS,
                "{found:?} and not {expected:?}, from {zero} on"
            );
        }
        assert_eq!(found.len(), expected.len(), "stretches, {expected:?}");
        let totals = totals(&client, &caller);
        let mut sums: BTreeMap<&str, Tick> = BTreeMap::new();
        for stretch in &expected {
            *sums.entry(&stretch.app).or_default() += stretch.end - stretch.start;
        }
        println!(
            "{} changes of focus, {} stretches, {} inputs; no end is further off than {worst} ms",
            self.moves.len(),
            found.len(),
            self.inputs.len()
        );
        for (app, sum) in sums {
            println!("{app}: {} ms of {sum} ms", totals[app]);
            assert!(
                (totals[app] - sum).abs() <= EXACT_MS,
                "{app}: {} ms, and not {sum} ms",
                totals[app]
            );
        }
    }
}

/// A Chromium of this test's own. Dropping it ends it.
struct Browser {
    process: Child,
    _data: TempDir,
}

impl Browser {
    /// Nothing where there is none on this machine.
    fn start(display: &str) -> Option<Self> {
        let data = tempfile::tempdir().expect("a directory");
        let process = Command::new("chromium")
            .args([
                "--no-sandbox",
                "--no-first-run",
                "--no-default-browser-check",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-breakpad",
            ])
            .args(["--password-store=basic", "--window-size=600,400", "about:blank"])
            .arg(format!("--user-data-dir={}", data.path().display()))
            .env("DISPLAY", display)
            .env("HOME", data.path())
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
            .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { process, _data: data })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked, so that it ends its own.
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(20);
        while asked.as_ref().is_ok_and(std::process::ExitStatus::success) && Instant::now() < deadline {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            pass(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The schedule goes on: this is what the test is about, and not a wait for something to happen.
fn pass(time: Duration) {
    thread::sleep(time);
}

fn start(data: &TempDir) -> (Program, String) {
    // Reports are asked for again and again until they say what the test waits for.
    let server = up_with(data, &[("DAYBOOK_RATE_LIMITS", "off")]);
    let address = server.address();
    (server, address)
}

/// Yesterday to tomorrow: a test may run across midnight.
fn days() -> String {
    let day = |days: i64| domain::time::UnixMs(now_ms() + days * domain::time::DAY_MS).to_string()[..10].to_owned();
    format!("from={}&to={}", day(-1), day(1))
}

/// Milliseconds of each application, as the report has them.
fn totals(client: &Client, caller: &Caller) -> BTreeMap<String, Tick> {
    let report = client.get(&format!("/api/v1/report/apps?bridge=0&{}", days()), Some(caller));
    if report.status != 200 {
        return BTreeMap::new();
    }
    let report = report.json();
    let items = report["items"].as_array().expect("items").iter();
    #[expect(clippy::cast_possible_truncation, reason = "seconds with three decimals")]
    let ms = |item: &Value| (item["seconds"].as_f64().expect("a number") * 1_000.0).round() as Tick;
    items
        .map(|item| (item["app_name"].as_str().expect("a name").to_owned(), ms(item)))
        .collect()
}

/// The stretches of the timeline, without the time outside, from 1970 on.
fn segments(client: &Client, caller: &Caller) -> Vec<Stretch> {
    let timeline = client
        .get(&format!("/api/v1/usage/timeline?{}", days()), Some(caller))
        .json();
    let all = timeline["segments"].as_array().expect("segments").iter();
    let ms = |time: &Value| {
        DateTime::parse_from_rfc3339(time.as_str().expect("a time"))
            .expect("RFC 3339")
            .timestamp_millis()
    };
    let all = all.map(|segment| Stretch {
        app: segment["app_name"].as_str().expect("a name").to_owned(),
        start: ms(&segment["start_time"]),
        end: ms(&segment["end_time"]),
    });
    all.filter(|stretch| stretch.app != OUTSIDE).collect()
}
