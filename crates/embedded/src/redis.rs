//! One private Redis: how it is started and reached. It listens on a unix socket in a private directory only.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::binaries::RedisBinary;
use crate::server::{Place, Readiness, Server, Signals};

/// The name of the socket in its directory.
pub(crate) const SOCKET_NAME: &str = "redis.sock";
/// The directory of the append-only file's parts, as Redis calls it when nothing else is set.
const APPEND_ONLY_DIR: &str = "appendonlydir";
/// How long the server may take for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// When what was written is forced to disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Before it is acknowledged.
    #[default]
    Always,
    /// Once a second: a crash of the machine loses the last second.
    EverySecond,
    /// When the system likes.
    Never,
}

/// A private Redis on one directory.
#[derive(Clone, Debug)]
pub struct Redis {
    binary: RedisBinary,
    place: Place,
    fsync: Fsync,
    memory_bytes_max: u64,
}

impl Redis {
    /// A Redis in `place`, run by `binary`. Beyond `memory_bytes_max` (0: no bound) it refuses to store, and drops nothing.
    #[must_use]
    pub fn new(binary: RedisBinary, place: Place, fsync: Fsync, memory_bytes_max: u64) -> Self {
        Self {
            binary,
            place,
            fsync,
            memory_bytes_max,
        }
    }

    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        url_in(&self.place.sockets)
    }

    fn socket(&self) -> PathBuf {
        self.place.sockets.join(SOCKET_NAME)
    }

    fn ping(&self) -> io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" && answer.len() < 1024 {
            stream.read_exact(&mut byte)?;
            answer.extend(byte);
        }
        Ok(String::from_utf8_lossy(&answer).trim_end().to_owned())
    }
}

impl Server for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn command(&self) -> Command {
        let fsync = match self.fsync {
            Fsync::Always => "always",
            Fsync::EverySecond => "everysec",
            Fsync::Never => "no",
        };
        let mut command = self.binary.command();
        command.args([
            "--port",
            "0",
            "--unixsocketperm",
            "700",
            "--daemonize",
            "no",
            "--supervised",
            "no",
        ]);
        command.args(["--appendonly", "yes", "--appendfsync", fsync, "--save", ""]);
        command
            .args(["--maxmemory-policy", "noeviction", "--maxmemory"])
            .arg(self.memory_bytes_max.to_string());
        command.args([
            "--databases",
            "1",
            "--loglevel",
            "notice",
            "--logfile",
            "",
            "--always-show-logo",
            "no",
        ]);
        command.arg("--dir").arg(&self.place.dir);
        command.arg("--pidfile").arg(self.pid_file());
        command.arg("--unixsocket").arg(self.socket());
        command
    }

    /// A Redis that was killed between writing a command and forcing it to disk reads it back when it starts, and tells of it before the next command forces it: of
    /// something that a power cut would take back.
    fn force(&self) -> io::Result<Vec<PathBuf>> {
        let dir = self.place.dir.join(APPEND_ONLY_DIR);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut forced = Vec::new();
        for entry in entries {
            let path = entry?.path();
            File::open(&path)?.sync_all()?;
            forced.push(path);
        }
        File::open(&dir)?.sync_all()?;
        Ok(forced)
    }

    fn readiness(&self) -> Readiness {
        match self.ping() {
            Ok(answer) if answer == "+PONG" => Readiness::Ready,
            // While it loads its data, it answers `-LOADING …`.
            Ok(answer) => Readiness::Starting(answer),
            Err(error) => Readiness::Starting(error.to_string()),
        }
    }

    fn signals(&self) -> Signals {
        // It has no quicker end in order than SIGTERM; what it acknowledged is in its append-only file either way.
        Signals {
            stop: Signal::TERM,
            abort: Signal::KILL,
        }
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn pid_file(&self) -> PathBuf {
        self.place.sockets.join("redis.pid")
    }

    fn process_names(&self) -> &'static [&'static str] {
        &["redis", "valkey"]
    }

    fn is_passing(&self, _log_tail: &str) -> bool {
        false
    }
}

/// Where clients connect to the Redis whose socket lies in `sockets`.
pub(crate) fn url_in(sockets: &Path) -> String {
    format!(
        "redis+unix://{}",
        crate::postgres::percent_encoded(&sockets.join(SOCKET_NAME))
    )
}
