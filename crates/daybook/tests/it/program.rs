//! A program under test: started, watched by what it prints, stopped by its pid alone.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::runs::command_for;

/// The longest that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(90);

pub struct Program {
    child: Child,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
}

/// `daybook` with nothing in its environment but what it needs and `settings`.
pub fn daybook(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = command_for(Path::new(env!("CARGO_BIN_EXE_daybook")));
    command.args(arguments).envs(settings.iter().copied());
    command
}

/// A directory for a server's data, which the account that the servers run as can reach.
pub fn data_dir() -> TempDir {
    tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .expect("a directory")
}

/// Runs a command that ends by itself.
pub fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    daybook(arguments, settings)
        .stdin(Stdio::null())
        .output()
        .expect("run daybook")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start");
        let (send, lines) = channel();
        let out = child.stdout.take().expect("piped");
        std::thread::spawn(move || {
            BufReader::new(out)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let errors = Arc::new(Mutex::new(String::new()));
        let (mut err, kept) = (child.stderr.take().expect("piped"), Arc::clone(&errors));
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = err.read(&mut chunk) {
                kept.lock().expect("not poisoned").push_str(&text(&chunk[..read]));
            }
        });
        Self { child, lines, errors }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard output that holds `words`.
    pub fn line_with(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line.contains(words) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no line with {words:?} in time; it said:\n{}", self.errors()),
                Err(RecvTimeoutError::Disconnected) => panic!("it ended before it said {words:?}:\n{}", self.errors()),
            }
        }
    }

    /// Waits until it says that it is ready, and answers the address it names.
    pub fn address(&self) -> String {
        let line = self.line_with("ready at http://");
        line.split_whitespace()
            .find(|word| word.starts_with("http://"))
            .expect("an address")
            .to_owned()
    }

    pub fn errors(&self) -> String {
        self.errors.lock().expect("not poisoned").clone()
    }

    /// `kill -9`, and nothing said before.
    pub fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it did not stop; it said:\n{}",
                self.errors()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .expect("run kill");
        assert!(sent.success(), "the program is still there");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Politely, so that it stops its own servers; without patience if that takes too long.
            self.signal("TERM");
            let deadline = Instant::now() + Duration::from_secs(20);
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits until `reached` answers something, asking again and again.
pub fn wait_for<T>(what: &str, mut reached: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = reached() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not happen in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}
