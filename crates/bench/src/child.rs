//! A program of ours as a child process that says when it is ready.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use embedded::Signal;
use testkit::runs::{Failure, Program};

/// How long a program may take until it is ready.
const READY_MAX: Duration = Duration::from_mins(1);
/// How long it may take to end when asked to.
const STOP_MAX: Duration = Duration::from_secs(30);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Child {
    program: Program,
    /// What it writes to its standard output, line by line.
    lines: Receiver<String>,
}

impl Child {
    /// Starts `command`.
    pub fn start(name: &str, command: Command, log_dir: &Path) -> Result<Self, Failure> {
        let (program, output) = Program::start_heard(command, &log_dir.join(format!("{name}.log")))?;
        let (send, lines) = mpsc::channel();
        // Reads to the end whether anybody listens or not, so that the program never waits for a reader.
        let read = move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                drop(send.send(line));
            }
        };
        thread::Builder::new()
            .name(format!("output of {name}"))
            .spawn(read)
            .map_err(Failure::because(format!("could not start {name}")))?;
        Ok(Self { program, lines })
    }

    /// Waits for a line that holds `words`.
    pub fn line_with(&self, words: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + READY_MAX;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return Ok(line),
                Ok(_) => {}
                Err(_) => {
                    let (name, said) = (self.program.name(), self.program.last_words());
                    return Err(Failure::new(format!(
                        "{name} did not say {words:?}; the end of its log: {said}"
                    )));
                }
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Fails when it has ended though nobody asked it to.
    pub fn check_alive(&mut self) -> Result<(), Failure> {
        let Some(status) = self.program.wait(Duration::ZERO)? else {
            return Ok(());
        };
        let (name, said) = (self.program.name(), self.program.last_words());
        Err(Failure::new(format!(
            "{name} ended by itself ({status}); the end of its log: {said}"
        )))
    }

    /// Waits until it has ended by itself, as a command does, and succeeded.
    pub fn succeed(self) -> Result<(), Failure> {
        self.program.succeed(READY_MAX)
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<(), Failure> {
        self.program.signal(Signal::TERM)?;
        match self.program.wait(STOP_MAX)? {
            Some(_) => Ok(()),
            None => Err(Failure::new(format!("{} does not stop", self.program.name()))),
        }
    }
}
