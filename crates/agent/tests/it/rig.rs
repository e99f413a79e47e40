//! What the tests share: pings to send, a sender in a thread, and the program as a child.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use agent::account::{Account, PasswordSource, SignInState};
use agent::address::ServerAddress;
use agent::clock;
use agent::outbox::Outbox;
use agent::schedule::Schedule;
use agent::secret::Secret;
use agent::sender::{Heard, Sender};
use agent::server::Server;
use agent::session::Device;
use agent::spool::Spool;
use agent::store::SessionStore;
use agent::watch::Ping;
use domain::time::{Span, UnixMs};
use domain::usage::AppName;
use rustix::process::{Pid, Signal, kill_process};

use crate::stub::{BOUND, EMAIL, PASSWORD, Taken};

pub const BASE: i64 = 1_772_355_600_000;

pub fn ping(number: u64) -> Ping {
    ping_of(
        number,
        ["Editor", "Browser", "Terminal"][usize::try_from(number % 3).expect("small")],
    )
}

pub fn ping_of(number: u64, app: &str) -> Ping {
    let start = UnixMs(BASE + 5_000 * i64::try_from(number).expect("small"));
    Ping::of_app(
        AppName::parse(app).expect("a name"),
        Span::new(start, start.plus_ms(4_250)).expect("not empty"),
    )
}

pub fn pings(numbers: std::ops::Range<u64>) -> Vec<Ping> {
    numbers.map(ping).collect()
}

/// The ping as the server writes it down.
pub fn taken(ping: &Ping) -> Taken {
    Taken {
        app: ping.app.as_str().to_owned(),
        start: ping.span.start().to_string(),
        end: ping.span.end().to_string(),
    }
}

pub fn account(dir: &Path, url: &str, password: Option<&str>) -> Account {
    Account {
        server: Server::new(ServerAddress::parse(url, false).expect("loopback")),
        email: EMAIL.to_owned(),
        password: password.map_or(PasswordSource::Absent, |text| {
            PasswordSource::Given(Secret::new(text.to_owned()))
        }),
        device: Device::load_or_make(dir, clock::random).expect("a device"),
        device_name: "test".to_owned(),
        store: SessionStore {
            dir: dir.to_owned(),
            keyring: None,
        },
        now: clock::wall,
        state: SignInState::default(),
    }
}

/// A sender at work.
pub struct Sending {
    pub outbox: Arc<Outbox>,
    thread: Option<JoinHandle<()>>,
}

impl Sending {
    pub fn start(dir: &Path, url: &str, resend: Duration) -> Self {
        let outbox = Arc::new(Outbox::new(Spool::open(dir, 200_000).expect("a spool")));
        let mut sender = Sender {
            outbox: Arc::clone(&outbox),
            account: account(dir, url, Some(PASSWORD)),
            schedule: Schedule::new(resend),
            now: clock::wall,
            dice: || 0.0,
            heard: Heard::default(),
            rules: None,
        };
        let thread = Some(thread::spawn(move || sender.run()));
        Self { outbox, thread }
    }

    pub fn keep(&self, pings: &[Ping]) {
        self.outbox.keep(pings).expect("kept");
    }

    pub fn waiting(&self) -> usize {
        self.outbox.lock().spool.waiting()
    }

    /// Waits until the spool has let go of everything.
    pub fn wait_until_empty(&self) {
        wait_until("the spool is empty", || self.waiting() == 0);
    }

    /// Stops the sender, which sends what is left.
    pub fn stop(mut self) {
        self.outbox.stop();
        self.thread.take().expect("running").join().expect("no panic");
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Not joined: a test that failed may have left the server silent.
        self.outbox.stop();
    }
}

/// The program. Dropping it kills it.
pub struct Program(Child);

/// The program with nothing of this environment, and what every call needs.
pub fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daybook-agent"));
    command
        .env_clear()
        .env("DAYBOOK_AGENT_DATA_DIR", dir)
        // Its port is one for all programs of the machine.
        .env("DAYBOOK_AGENT_NO_RELAY", "true")
        // Whoever runs the tests may lock their own screen meanwhile.
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
        .env("DAYBOOK_AGENT_KEYRING", "off")
        .stdin(Stdio::null());
    command
}

/// `daybook-agent run`, signed in by password.
pub fn run(dir: &Path, url: &str, arguments: &[&str]) -> Program {
    let mut command = program(dir);
    command
        .args(["run", "--server", url, "--email", EMAIL])
        .args(arguments)
        .env("DAYBOOK_PASSWORD", PASSWORD);
    Program(command.spawn().expect("the program starts"))
}

/// What a call that ends by itself says: success, standard output, standard error.
pub fn call(command: &mut Command) -> (bool, String, String) {
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

impl From<Child> for Program {
    fn from(child: Child) -> Self {
        Self(child)
    }
}

impl Program {
    pub fn kill_dead(mut self) {
        self.0.kill().expect("killed");
        self.0.wait().expect("a child of ours");
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).expect("running");
        let status = self.wait();
        assert!(status.success(), "{status}");
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child of ours").is_none()
    }

    fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the program has ended", || {
            status = self.0.try_wait().expect("a child of ours");
            status.is_some()
        });
        status.expect("just waited for")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One row of `daybook-agent status`.
pub fn status(dir: &Path, row: &str) -> String {
    let (success, text, error) = call(program(dir).arg("status"));
    assert!(success, "{error}");
    let padded = format!("{row:<17} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&padded));
    value.unwrap_or_else(|| panic!("no {row} in {text}")).to_owned()
}

pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {BOUND:?} in vain for: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
