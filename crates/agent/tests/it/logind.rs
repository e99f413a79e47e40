//! A system bus of the test's own, with a small logind on it that does what it is told.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd as File;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zbus::fdo;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedFd, OwnedObjectPath};

const SESSION: &str = "/org/freedesktop/login1/session/_31";
const MANAGER: &str = "/org/freedesktop/login1";

/// The bus and the logind on it. Both end with the value.
pub struct Logind {
    bus: Child,
    address: String,
    runtime: Runtime,
    connection: zbus::Connection,
    locked: Arc<AtomicBool>,
    delays: Delays,
    _dir: TempDir,
}

/// Our ends of what keeps the machine awake.
type Delays = Arc<Mutex<Vec<File>>>;

struct Manager(Delays);

struct Session(Arc<AtomicBool>);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    #[expect(clippy::unused_self, reason = "the form that zbus asks for")]
    fn get_session(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        if name != "1" {
            return Err(fdo::Error::Failed(format!("no session {name}")));
        }
        Ok(ObjectPath::from_static_str_unchecked(SESSION).into())
    }

    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> OwnedFd {
        assert_eq!((what, who, mode), ("sleep", "Daybook", "delay"));
        assert!(!why.is_empty());
        let (theirs, ours) = std::os::unix::net::UnixStream::pair().expect("a pair");
        self.0.lock().expect("whole").push(ours.into());
        File::from(theirs).into()
    }

    #[zbus(signal)]
    async fn prepare_for_sleep(emitter: &SignalEmitter<'_>, start: bool) -> zbus::Result<()>;
}

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    #[zbus(signal)]
    async fn lock(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

impl Logind {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let config = dir.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>custom</type><listen>unix:path={}/socket</listen><policy context='default'><allow user='*'/>\
             <allow own='*'/><allow send_destination='*' eavesdrop='false'/><allow receive_sender='*'/></policy></busconfig>",
            dir.path().display()
        );
        fs::write(&config, text).expect("written");
        let mut bus = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address=1", "--config-file"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("dbus-daemon starts: apt-get install dbus-daemon");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("piped"))
            .read_line(&mut address)
            .expect("an address");
        let address = address.trim().to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (locked, delays) = (Arc::new(AtomicBool::new(false)), Delays::default());
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(address.as_str())?;
            let builder = builder.serve_at(MANAGER, Manager(Arc::clone(&delays)))?;
            let builder = builder.serve_at(SESSION, Session(Arc::clone(&locked)))?;
            builder.name("org.freedesktop.login1")?.build().await
        });
        Self {
            bus,
            address,
            runtime,
            connection: connection.expect("on the bus"),
            locked,
            delays,
            _dir: dir,
        }
    }

    /// What goes into `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Locks or unlocks the session, as a locker that tells.
    pub fn lock(&self, locked: bool) {
        self.locked.store(locked, Ordering::SeqCst);
        self.runtime.block_on(async {
            let session = self
                .connection
                .object_server()
                .interface::<_, Session>(SESSION)
                .await
                .expect("served");
            let changed = session.get().await.locked_hint_changed(session.signal_emitter()).await;
            changed.expect("sent");
        });
    }

    /// Asks the session to lock itself.
    pub fn ask_to_lock(&self) {
        self.runtime.block_on(async {
            let emitter = SignalEmitter::new(&self.connection, SESSION).expect("a path");
            Session::lock(&emitter).await.expect("sent");
        });
    }

    /// Says that the machine goes to sleep, or that it is awake.
    pub fn sleep(&self, start: bool) {
        self.runtime.block_on(async {
            let emitter = SignalEmitter::new(&self.connection, MANAGER).expect("a path");
            Manager::prepare_for_sleep(&emitter, start).await.expect("sent");
        });
    }

    /// How often somebody asked to hold back sleep, and how many do so now.
    pub fn delays(&self) -> (usize, usize) {
        let delays = self.delays.lock().expect("whole");
        let held = delays.iter().filter(|delay| {
            let mut fds = [PollFd::new(*delay, PollFlags::IN)];
            poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).expect("asked") == 0
        });
        (delays.len(), held.count())
    }
}

impl Drop for Logind {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}
