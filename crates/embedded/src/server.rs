//! What the supervisor must know of a server, whichever it is.

use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::account::Account;

/// How long a server has to end in order: a checkpoint, or the rest of a file.
const STOP_MAX: Duration = Duration::from_secs(30);
/// How long it has to end at once.
const ABORT_MAX: Duration = Duration::from_secs(5);
/// How long the kernel has to remove it.
pub(crate) const KILL_MAX: Duration = Duration::from_secs(5);

/// A server that can be started as a child process.
pub trait Server: Send + Sync + 'static {
    /// Its name in logs and errors.
    fn name(&self) -> &'static str;

    /// The command that runs it in the foreground.
    fn command(&self) -> Command;

    /// Forces to disk what it wrote before it was killed and may tell of once it runs again, and says which files that were. Called before each start; a server that
    /// does so itself has nothing to do here.
    ///
    /// # Errors
    /// When the disk fails.
    fn force(&self) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// Whether it can be used at this moment, found out by using it.
    fn readiness(&self) -> Readiness;

    /// How it is told to end.
    fn signals(&self) -> Signals;

    /// Where it lives, and as whom.
    fn place(&self) -> &Place;

    /// The file whose first line is the id of its first process.
    fn pid_file(&self) -> PathBuf;

    /// How the names of its processes begin.
    fn process_names(&self) -> &'static [&'static str];

    /// Whether a start that failed with this end of a log may succeed a moment later.
    fn is_passing(&self, log_tail: &str) -> bool;
}

/// Whether a server can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// Not yet, and why.
    Starting(String),
}

/// The signals that end a server, from the gentlest to the last.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    /// Ends it in order: what is committed stays, what is in flight is cut off.
    pub stop: Signal,
    /// Ends it at once, when it does not heed the first; what is committed still stays.
    pub abort: Signal,
}

impl Signals {
    /// The signals in the order in which they are sent, each with the time that it gets.
    #[must_use]
    pub fn in_order(self) -> [(Signal, Duration); 3] {
        [(self.stop, STOP_MAX), (self.abort, ABORT_MAX), (Signal::KILL, KILL_MAX)]
    }
}

/// Where a server lives, and as whom it runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its data, the working directory of its processes.
    pub dir: PathBuf,
    /// Its socket's directory.
    pub sockets: PathBuf,
    /// The file that takes its output.
    pub log: PathBuf,
    /// The user it runs as.
    pub account: Account,
}
