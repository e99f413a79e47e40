//! What can go wrong with private servers, told to the person who has to mend it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::binaries::Version;

/// Why the servers could not be found, started or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No Postgres that would do was found.
    #[error(
        "no PostgreSQL {minimum} or newer with its contrib extensions was found ({}); install the package `postgresql` \
         (Debian, Ubuntu), `postgresql-server` and `postgresql-contrib` (Fedora) or `postgresql` and `postgresql-contrib` (Alpine), \
         or name the directory of its programs",
        tried(.rejected)
    )]
    PostgresMissing {
        /// The oldest version that would do.
        minimum: Version,
        /// What was looked at, each with the reason why it does not do.
        rejected: Vec<String>,
    },
    /// No Redis that would do was found.
    #[error(
        "no Redis {minimum} or newer was found ({}); install the package `redis-server` (Debian, Ubuntu) or `redis` \
         (Fedora, Alpine), or name the directory of its programs",
        tried(.rejected)
    )]
    RedisMissing {
        /// The oldest version that would do.
        minimum: Version,
        /// What was looked at, each with the reason why it does not do.
        rejected: Vec<String>,
    },
    /// The stored data needs another major version of Postgres than those found.
    #[error(
        "the data in {} was made by PostgreSQL {major}, and no PostgreSQL {major} was found ({}); install the package \
         `postgresql-{major}`, or convert the data with pg_upgrade",
        .dir.display(), tried(.rejected)
    )]
    PostgresMajor {
        /// The cluster's directory.
        dir: PathBuf,
        /// The major version that made it.
        major: u32,
        /// What was looked at, each with the reason why it does not do.
        rejected: Vec<String>,
    },
    /// Another process holds the data directory.
    #[error("{} is in use by {}; stop that, or choose another data directory", .dir.display(), holder(*.pid))]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The process that holds it, when it has said so.
        pid: Option<u32>,
    },
    /// There is no place for the sockets.
    #[error("no socket directory: {} is longer than the {max} bytes that a socket's path may have, and so is every place for temporary files", .wanted.display())]
    SocketPath {
        /// The path that would have been used.
        wanted: PathBuf,
        /// The most bytes that a path may have.
        max: usize,
    },
    /// A directory that must be private is somebody else's or open to others.
    #[error("{} must be a directory of uid {uid} that nobody else can enter; remove it", .dir.display())]
    NotPrivate {
        /// The directory.
        dir: PathBuf,
        /// Who must own it.
        uid: u32,
    },
    /// Run as root on a system without an account that the servers could have.
    #[error(
        "Postgres refuses to run as root, and none of the users {wanted} exists; create one with `useradd --system {first}`"
    )]
    NoAccount {
        /// The accounts looked for.
        wanted: String,
        /// The one to create.
        first: &'static str,
    },
    /// Postgres cannot be set up by a user that the system does not know.
    #[error("uid {uid} has no entry in /etc/passwd, and initdb needs one; add one, or run as another user")]
    NoPasswdEntry {
        /// The user id.
        uid: u32,
    },
    /// The account of the servers cannot get at a file.
    #[error("user {account} cannot reach {}: {}", .path.display(), blocked(.blocked_by.as_deref()))]
    Unreachable {
        /// The account's name.
        account: String,
        /// What it cannot reach.
        path: PathBuf,
        /// The directory that stops it, when that could be told.
        blocked_by: Option<PathBuf>,
    },
    /// A program that was to do one thing and end did not succeed.
    #[error("{program} failed ({status}): {output}")]
    Program {
        /// Its path.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote.
        output: String,
    },
    /// A server ended before it could be used.
    #[error("{server} ended while starting ({status}); the end of {}: {tail}", .log.display())]
    Died {
        /// Which server.
        server: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Its log file.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// A server runs but cannot be used in time.
    #[error("{server} was not ready after {} s: {last}; see {}", .waited.as_secs(), .log.display())]
    NotReady {
        /// Which server.
        server: &'static str,
        /// How long it was given.
        waited: Duration,
        /// The last answer, or why there was none.
        last: String,
        /// Its log file.
        log: PathBuf,
    },
    /// A server was asked to stop while it started.
    #[error("{server} was stopped while it started")]
    Stopped {
        /// Which server.
        server: &'static str,
    },
    /// Processes of an earlier run do not go away.
    #[error("processes {pids:?} of an earlier {server} on {} do not end; end them by hand", .dir.display())]
    Leftover {
        /// Which server.
        server: &'static str,
        /// The directory they work in.
        dir: PathBuf,
        /// Their ids.
        pids: Vec<u32>,
    },
    /// Postgres refused a statement that sets up its database.
    #[error("Postgres refused {action}: {message} ({sqlstate})")]
    Refused {
        /// What was asked for.
        action: String,
        /// The code of the refusal.
        sqlstate: String,
        /// Its text.
        message: String,
    },
    /// The system refused something.
    #[error("could not {action}")]
    System {
        /// What was attempted.
        action: String,
        /// The refusal.
        source: io::Error,
    },
}

impl EmbeddedError {
    /// For `map_err`: what was attempted on which path.
    pub(crate) fn on(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let action = format!("{action} {}", path.display());
        move |source| Self::System { action, source }
    }

    /// For `map_err`: what was attempted.
    pub(crate) fn attempt(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::System { action, source }
    }
}

fn tried(rejected: &[String]) -> String {
    if rejected.is_empty() {
        "nothing that looks like it".to_owned()
    } else {
        rejected.join("; ")
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

fn blocked(by: Option<&Path>) -> String {
    by.map_or_else(
        || "permission denied".to_owned(),
        |dir| {
            format!(
                "{0} does not let it pass; `chmod o+x {0}`, or choose another place",
                dir.display()
            )
        },
    )
}
