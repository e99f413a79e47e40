//! One private Postgres cluster: how it is made, started and reached. It listens on a unix socket in a private directory only.

mod initdb;
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

pub use self::initdb::Initdb;
use self::session::{Session, SessionError};
use crate::binaries::PostgresBinaries;
use crate::error::EmbeddedError;
use crate::server::{Place, Readiness, Server, Signals};

/// The role that owns the database. It is no superuser.
const OWNER: &str = "daybook";
/// The roles that own nothing: the API's and the worker's.
const API: &str = "daybook_api";
const WORKER: &str = "daybook_worker";
/// The database.
const DATABASE: &str = "daybook";
/// The role that sets the cluster up and watches it.
const SUPERUSER: &str = "postgres";

/// The database that every cluster has from the start.
const FIRST_DATABASE: &str = "postgres";
/// Part of the name of the socket; there is no TCP port.
const PORT: u16 = 5432;
/// The longest name of a file that Postgres makes in its socket directory and connects to.
pub(crate) const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// The file beside it that names the process.
const SOCKET_LOCK_NAME: &str = ".s.PGSQL.5432.lock";
/// "The database system is starting up", or shutting down.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// What no setting of the cluster may change: nobody outside the machine's account gets in, and a commit is on disk.
const FIXED: [(&str, &str); 9] = [
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    // The server's output is kept by its supervisor.
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    // Neither statements nor details reach the log: both can hold addresses and the names of apps.
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
];

/// A private Postgres cluster on one directory.
#[derive(Clone, Debug)]
pub struct Postgres {
    binaries: PostgresBinaries,
    place: Place,
    settings: BTreeMap<String, String>,
}

impl Postgres {
    /// A cluster in `place`, run by `binaries`.
    #[must_use]
    pub fn new(binaries: PostgresBinaries, place: Place) -> Self {
        let mut settings: BTreeMap<_, _> = FIXED
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        settings.insert("port".to_owned(), PORT.to_string());
        settings.insert("unix_socket_directories".to_owned(), socket_directories(&place.sockets));
        Self {
            binaries,
            place,
            settings,
        }
    }

    /// Sets `name`, above the cluster's own files and above the durable settings that a cluster is started with.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Where the application connects to set its database up: as the owner of that.
    #[must_use]
    pub fn database_url(&self) -> String {
        owner_url_in(&self.place.sockets)
    }

    /// The same as the role of the API, which owns nothing.
    #[must_use]
    pub fn api_database_url(&self) -> String {
        url_in(&self.place.sockets, API)
    }

    /// The same as the role of the worker, which owns nothing.
    #[must_use]
    pub fn worker_database_url(&self) -> String {
        url_in(&self.place.sockets, WORKER)
    }

    /// The same as the superuser.
    #[must_use]
    pub fn admin_url(&self) -> String {
        url_in(&self.place.sockets, SUPERUSER)
    }

    /// Makes the cluster unless it is there already. True if it was made.
    pub fn initialize(&self, how: Initdb) -> Result<bool, EmbeddedError> {
        initdb::initialize(&self.binaries, &self.place, how)
    }

    /// Makes the application's roles and database in the running cluster unless they are there.
    pub fn ensure_database(&self) -> Result<(), EmbeddedError> {
        let role = |name| {
            (
                format!("SELECT FROM pg_roles WHERE rolname = '{name}'"),
                format!("CREATE ROLE {name} LOGIN"),
            )
        };
        let database = (
            format!("SELECT FROM pg_database WHERE datname = '{DATABASE}'"),
            format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"),
        );
        let statements = [role(OWNER), role(API), role(WORKER), database];
        let mut session = self.session().map_err(|error| refused("a session", error))?;
        for (look, make) in statements {
            if session.execute(&look).map_err(|error| refused(&look, error))? == 0 {
                session.execute(&make).map_err(|error| refused(&make, error))?;
            }
        }
        Ok(())
    }

    /// Removes what tells a new server that an old one still runs, once it is known that none does.
    ///
    /// Postgres believes its pid file if any process has that id, and after a restart of the machine or of a container another one
    /// may well have it. The file of an id that nobody has is left to Postgres, which checks more with it.
    pub(crate) fn forget_old(&self) -> Result<(), EmbeddedError> {
        let pid_file = self.pid_file();
        let pid = fs::read_to_string(&pid_file)
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse::<u32>().ok());
        if pid.is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            fs::remove_file(&pid_file).map_err(EmbeddedError::on("remove", &pid_file))?;
        }
        for name in [SOCKET_NAME, SOCKET_LOCK_NAME] {
            let path = self.place.sockets.join(name);
            if path.exists() {
                fs::remove_file(&path).map_err(EmbeddedError::on("remove", &path))?;
            }
        }
        Ok(())
    }

    fn session(&self) -> Result<Session, SessionError> {
        Session::open(&self.place.sockets.join(SOCKET_NAME), SUPERUSER, FIRST_DATABASE)
    }
}

impl Server for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn command(&self) -> Command {
        let mut command = self.binaries.command("postgres");
        command.arg("-D").arg(&self.place.dir);
        for (name, value) in &self.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command
    }

    fn readiness(&self) -> Readiness {
        match self.session() {
            Err(SessionError::Io(error)) => Readiness::Starting(error.to_string()),
            Err(SessionError::Refused { sqlstate, message }) if sqlstate == CANNOT_CONNECT_NOW => {
                Readiness::Starting(message)
            }
            // Whatever it has against this session, it is up.
            Ok(_) | Err(SessionError::Refused { .. }) => Readiness::Ready,
        }
    }

    fn signals(&self) -> Signals {
        // SIGINT is the fast shutdown, SIGQUIT the immediate one, after which the next start recovers from the log.
        Signals {
            stop: Signal::INT,
            abort: Signal::QUIT,
        }
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn pid_file(&self) -> PathBuf {
        self.place.dir.join("postmaster.pid")
    }

    fn process_names(&self) -> &'static [&'static str] {
        &["postgres"]
    }

    fn is_passing(&self, log_tail: &str) -> bool {
        // The workers of a killed postmaster leave a moment after it.
        log_tail.contains("pre-existing shared memory block")
            || log_tail.contains("lock file \"postmaster.pid\" already exists")
    }
}

/// Where the owner of the database connects, when the socket is in `sockets`.
pub(crate) fn owner_url_in(sockets: &Path) -> String {
    url_in(sockets, OWNER)
}

fn url_in(sockets: &Path, role: &str) -> String {
    let host = percent_encoded(sockets);
    format!("postgresql:///{DATABASE}?host={host}&port={PORT}&user={role}")
}

/// The setting is a list: quoted, a directory may have commas and blanks in its name.
fn socket_directories(sockets: &Path) -> String {
    format!("\"{}\"", sockets.display().to_string().replace('"', "\"\""))
}

/// For the query of a URL: everything but what is plain in every position is escaped, byte by byte.
pub(crate) fn percent_encoded(path: &Path) -> String {
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;

    let mut url = String::new();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => url.push(char::from(byte)),
            _ => write!(url, "%{byte:02X}").expect("a String takes every write"),
        }
    }
    url
}

fn refused(action: &str, error: SessionError) -> EmbeddedError {
    match error {
        SessionError::Io(source) => EmbeddedError::System {
            action: format!("ask Postgres for {action}"),
            source,
        },
        SessionError::Refused { sqlstate, message } => EmbeddedError::Refused {
            action: action.to_owned(),
            sqlstate,
            message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{percent_encoded, socket_directories};
    use std::path::Path;

    #[test]
    fn a_directory_is_escaped_in_a_url() {
        assert_eq!(percent_encoded(Path::new("/a b/c&d=é,x")), "/a%20b/c%26d%3D%C3%A9%2Cx");
    }

    #[test]
    fn a_directory_is_quoted_in_the_list_of_directories() {
        assert_eq!(socket_directories(Path::new("/a, \"b\"")), "\"/a, \"\"b\"\"\"");
    }
}
