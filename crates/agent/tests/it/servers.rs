//! The agent against real servers: signed in by a code, after Redis has lost everything, and after a week without a network.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use agent::clock;
use agent::spool::Spool;
use agent::watch::Ping;
use domain::time::{Span, UnixMs};
use domain::usage::AppName;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::servers::{Fsync, TestPostgres, TestRedis};
use ureq::Agent;

use crate::rig::{Sending, call, program, status, wait_until};
use crate::stub::{EMAIL, PASSWORD};

const PING_MS: i64 = 5_000;
/// A week of one ping every five seconds.
const WEEK: u64 = 120_960;

/// `daybook api` or `worker`; ended when dropped.
struct Part {
    child: Child,
    ready: String,
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// A whole Daybook, in parts.
struct Daybook {
    postgres: TestPostgres,
    redis: TestRedis,
    http: Agent,
}

impl Daybook {
    fn start() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)));
        let daybook = Self {
            postgres: TestPostgres::start_durable(),
            redis: TestRedis::start_with(Fsync::Always, 0),
            http: config.build().into(),
        };
        let migrated = daybook.command("migrate").output().expect("migrate");
        assert!(
            migrated.status.success(),
            "{}",
            String::from_utf8_lossy(&migrated.stderr)
        );
        daybook
    }

    fn command(&self, part: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_daybook-agent")).with_file_name("daybook");
        assert!(
            binary.exists(),
            "{} is missing: cargo build -p daybook",
            binary.display()
        );
        let database = match part {
            "api" => self.postgres.api_database_url(),
            "worker" => self.postgres.worker_database_url(),
            _ => self.postgres.database_url(),
        };
        let mut command = Command::new(binary);
        command
            .arg(part)
            .env_clear()
            .envs([("DATABASE_URL", database.as_str()), ("REDIS_URL", self.redis.url())])
            .envs([("DAYBOOK_LISTEN", "127.0.0.1:0"), ("DAYBOOK_RATE_LIMITS", "off")])
            .stdin(Stdio::null());
        command
    }

    fn part(&self, part: &str) -> Part {
        let mut child = self
            .command(part)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let ready = lines.find(|line| line.contains("ready"));
        let ready = ready.unwrap_or_else(|| panic!("the {part} ended before it was ready"));
        thread::spawn(move || lines.for_each(drop));
        Part { child, ready }
    }

    fn post(&self, url: &str, headers: &[(&str, &str)], body: &Value) -> Value {
        let request = headers.iter().fold(self.http.post(url), |request, (name, value)| {
            request.header(*name, *value)
        });
        let answer = request.content_type("application/json").send(body.to_string());
        let text = answer.expect("an answer").body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Registers the person and answers a token of theirs.
    fn person(&self, api: &Part) -> String {
        let profile = json!({"email": EMAIL, "password": PASSWORD, "full_name": "Ada", "timezone": "UTC"});
        self.post(&format!("{}/api/v1/users/register", api.address()), &[], &profile);
        let login = json!({"email": EMAIL, "password": PASSWORD});
        let url = format!("{}/api/v1/auth/login", api.address());
        let signed_in = self.post(&url, &[("X-Device-Id", "browser")], &login);
        signed_in["access_token"].as_str().expect("a token").to_owned()
    }

    /// Seconds of each application since `from`, as the report has them.
    fn seconds(&self, api: &Part, token: &str, from: UnixMs) -> Value {
        let day = |at: UnixMs| at.to_string()[..10].to_owned();
        let range = format!(
            "bridge=0&from={}&to={}",
            day(from),
            day(clock::wall().plus_ms(86_400_000))
        );
        let url = format!("{}/api/v1/report/apps?{range}", api.address());
        let answer = self
            .http
            .get(url)
            .header("Authorization", format!("Bearer {token}"))
            .call();
        let text = answer.expect("an answer").body_mut().read_to_string().expect("text");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Takes everything that Redis holds, as a disk that is lost.
    fn wipe_redis(&self) {
        let path = self.redis.url();
        let path = path.trim_start_matches("redis+unix://").trim_start_matches("unix://");
        let mut redis = UnixStream::connect(path.split('?').next().expect("a path")).expect("Redis listens");
        redis.write_all(b"FLUSHALL\r\n").expect("sent");
        let mut answer = [0; 5];
        redis.read_exact(&mut answer).expect("answered");
        assert_eq!(&answer, b"+OK\r\n");
    }
}

impl Part {
    fn address(&self) -> &str {
        let words = self.ready.split_whitespace();
        words
            .into_iter()
            .find(|word| word.starts_with("http://"))
            .expect("an address")
    }
}

/// The ping of that number, five seconds each, beginning at `from`.
fn ping(from: UnixMs, number: u64, app: &str) -> Ping {
    let start = from.plus_ms(PING_MS * i64::try_from(number).expect("small"));
    let span = Span::new(start, start.plus_ms(PING_MS)).expect("not empty");
    Ping::of_app(AppName::parse(app).expect("a name"), span)
}

fn login(dir: &Path, api: &Part) {
    let mut command = program(dir);
    command.args(["login", api.address(), "--email", EMAIL]);
    let (success, _, error) = call(command.env("DAYBOOK_PASSWORD", PASSWORD));
    assert!(success, "{error}");
}

#[test]
fn a_device_is_signed_in_by_the_code_that_it_shows() {
    let daybook = Daybook::start();
    let api = daybook.part("api");
    let token = daybook.person(&api);
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = program(dir.path());
    command.args(["login", api.address(), "--device-name", "Ada's laptop"]);
    let mut agent = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(agent.stdout.take().expect("piped"))
        .lines()
        .map_while(Result::ok);
    let page = lines.find(|line| line.trim().ends_with("/device")).expect("the page");
    assert_eq!(page.trim(), format!("{}/device", api.address()));
    let code = lines
        .find(|line| line.trim().len() == 9 && line.contains('-'))
        .expect("the code");
    let url = format!("{}/api/v1/auth/device-codes/{}", api.address(), code.trim());
    daybook.post(
        &url,
        &[("Authorization", &format!("Bearer {token}"))],
        &json!({"approve": true}),
    );
    let said: Vec<String> = lines.collect();
    assert!(agent.wait().expect("a child of ours").success());
    let last = said.last().expect("a line");
    assert!(
        last.starts_with("Signed in as ada@example.org at http://127.0.0.1:"),
        "{last}"
    );
    assert!(last.contains("in a file that only you may read"), "{last}");
    for (row, value) in [
        ("account", EMAIL),
        ("signed in", "yes"),
        ("tokens in", "file"),
        ("waiting", "0"),
    ] {
        assert_eq!(status(dir.path(), row), value, "{row}");
    }
    // And it stays signed in: there is nothing to send, and nobody is asked for a password.
    let (success, said, error) = call(program(dir.path()).arg("sync"));
    assert!(success, "{error}");
    assert_eq!(said, "Everything through 0 is merged.\n");
}

#[test]
fn a_queue_that_is_lost_costs_a_resend_and_no_ping() {
    const PINGS: u64 = 1_200;
    let daybook = Daybook::start();
    let api = daybook.part("api");
    let token = daybook.person(&api);
    let dir = tempfile::tempdir().expect("a directory");
    login(dir.path(), &api);
    let from = clock::wall().plus_ms(-PING_MS * i64::try_from(PINGS).expect("small") - 3_600_000);
    let pings: Vec<Ping> = (0..PINGS).map(|number| ping(from, number, "Editor")).collect();
    let mut spool = Spool::open(dir.path(), 10_000).expect("opened");
    spool.own(EMAIL).expect("written");
    spool.keep(&pings).expect("kept");
    drop(spool);
    let merged = {
        let worker = daybook.part("worker");
        let merged = |summary: &str| summary.parse::<u64>().expect("a number");
        // Some are merged before the worker ends, so that the loss comes in the middle.
        let mut command = program(dir.path());
        command.args(["sync", "--wait-secs", "60"]);
        let (success, said, error) = call(&mut command);
        assert!(success, "{said}{error}");
        drop(worker);
        merged(&status(dir.path(), "merged through"))
    };
    assert_eq!(merged, PINGS);
    // Now with nobody to merge: the server takes them, and the queue is lost.
    let later: Vec<Ping> = (PINGS..2 * PINGS - 600)
        .map(|number| ping(from, number, "Browser"))
        .collect();
    Spool::open(dir.path(), 10_000)
        .and_then(|mut spool| spool.keep(&later))
        .expect("kept");
    let mut command = program(dir.path());
    command.args(["sync", "--wait-secs", "2"]);
    let (success, _, error) = call(&mut command);
    assert!(!success && error.contains("600 pings still wait"), "{error}");
    daybook.wipe_redis();
    assert_eq!(status(dir.path(), "waiting"), "600");
    let _worker = daybook.part("worker");
    let mut command = program(dir.path());
    command.args(["sync", "--wait-secs", "60"]);
    let (success, said, error) = call(&mut command);
    assert!(success, "{error}");
    assert_eq!(said, format!("Everything through {} is merged.\n", PINGS + 600));
    assert_eq!(status(dir.path(), "waiting"), "0");
    let report = daybook.seconds(&api, &token, from);
    let seconds = |app: &str| {
        let items = report["items"].as_array().expect("items").iter();
        items
            .filter(|item| item["app_name"] == app)
            .filter_map(|item| item["seconds"].as_u64())
            .sum::<u64>()
    };
    assert_eq!(
        (seconds("Editor"), seconds("Browser")),
        (PINGS * 5, 600 * 5),
        "{report}"
    );
}

#[test]
fn a_week_offline_arrives_whole_and_what_is_done_meanwhile_is_not_held_up() {
    let daybook = Daybook::start();
    let (api, _worker) = (daybook.part("api"), daybook.part("worker"));
    let token = daybook.person(&api);
    let dir = tempfile::tempdir().expect("a directory");
    let from = clock::wall().plus_ms(-PING_MS * i64::try_from(WEEK).expect("small") - 60_000);
    let mut spool = Spool::open(dir.path(), 200_000).expect("opened");
    let week: Vec<Ping> = (0..WEEK).map(|number| ping(from, number, "Editor")).collect();
    spool.keep(&week).expect("kept");
    let bytes = spool.summary().bytes;
    drop(spool);
    let started = Instant::now();
    let sending = Sending::start(dir.path(), api.address(), Duration::from_secs(1));
    let mut live = Vec::new();
    for number in 0..3 {
        let kept = Instant::now();
        sending.keep(&[ping(from, WEEK + number, "Browser")]);
        let seconds = (number + 1) * 5;
        wait_until("what is done now is in the report", || {
            let report = daybook.seconds(&api, &token, from);
            let items = report["items"].as_array().into_iter().flatten();
            items
                .filter(|item| item["app_name"] == "Browser")
                .any(|item| item["seconds"] == seconds)
        });
        live.push((kept.elapsed(), sending.waiting()));
    }
    wait_until("the week has arrived", || sending.waiting() == 0);
    let took = started.elapsed();
    sending.stop();
    let report = daybook.seconds(&api, &token, from);
    assert_eq!(report["total_seconds"], (WEEK + 3) * 5, "{report}");
    let figures = format!(
        "{WEEK} pings ({bytes} bytes) arrived in {took:?}; a ping of now, and how many waited then: {live:?}\n"
    );
    std::io::stderr().write_all(figures.as_bytes()).expect("somebody reads");
}
