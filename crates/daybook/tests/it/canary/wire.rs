//! A way between two programs over unix sockets that keeps every byte that passes, in both directions.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

/// What passed in one direction of one connection.
type Tape = Arc<Mutex<Vec<u8>>>;

/// The way. Gone when dropped; connections that are there end with their programs.
pub struct Wire {
    home: TempDir,
    socket: PathBuf,
    tapes: Arc<Mutex<Vec<Tape>>>,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Wire {
    /// To the server that listens at `upstream`, through a socket of the same name in another directory.
    pub fn to(upstream: &Path) -> Self {
        let home = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .expect("a directory");
        let socket = home.path().join(upstream.file_name().expect("a socket has a name"));
        let listener = UnixListener::bind(&socket).expect("a socket");
        let (tapes, is_over) = (Arc::<Mutex<Vec<Tape>>>::default(), Arc::<AtomicBool>::default());
        let (all, over, upstream) = (Arc::clone(&tapes), Arc::clone(&is_over), upstream.to_owned());
        let accepting = std::thread::spawn(move || {
            for client in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                // Who cannot be led on is let go, as the server itself would do.
                let (Ok(client), Ok(server)) = (client, UnixStream::connect(&upstream)) else {
                    continue;
                };
                let mut all = all.lock().expect("not poisoned");
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let tape = Tape::default();
                    all.push(Arc::clone(&tape));
                    let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
                    std::thread::spawn(move || carry(from, to, &tape));
                }
            }
        });
        Self {
            home,
            socket,
            tapes,
            is_over,
            accepting: Some(accepting),
        }
    }

    /// The directory that its socket lies in.
    pub fn dir(&self) -> &Path {
        self.home.path()
    }

    /// What has passed, each direction of each connection by itself.
    pub fn tapes(&self) -> Vec<Vec<u8>> {
        let tapes = self.tapes.lock().expect("not poisoned");
        tapes
            .iter()
            .map(|tape| tape.lock().expect("not poisoned").clone())
            .collect()
    }
}

/// Until one of the two has gone; whatever is read is on the tape before it goes on.
fn carry(mut from: UnixStream, mut to: UnixStream, tape: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        tape.lock().expect("not poisoned").extend_from_slice(&chunk[..read]);
        if to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    // Either may have gone already.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees that.
        let _ = UnixStream::connect(&self.socket);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}
