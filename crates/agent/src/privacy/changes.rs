//! Notices that a person's files changed, without looking at them all the time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::chain::Chain;

/// Changes of the files in one directory.
#[derive(Debug)]
pub struct Changes(Option<OwnedFd>);

impl Changes {
    /// From now on. Where the system does not tell, the files count as changed whenever somebody asks.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let told = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).and_then(|fd| {
            let events = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::DELETE;
            inotify::add_watch(&fd, dir, events)?;
            Ok(fd)
        });
        if let Err(error) = &told {
            tracing::warn!(error = %Chain(error), "changes of the rules are not told: they are read with each ping");
        }
        Self(told.ok())
    }

    /// What becomes readable with the next change.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// Whether there was any since the last call.
    #[must_use]
    pub fn any(&self) -> bool {
        let Some(fd) = &self.0 else {
            return true;
        };
        let mut any = false;
        // As long as a name may be, several times over.
        let mut events = [0; 4_096];
        while rustix::io::read(fd, &mut events).is_ok_and(|read| read > 0) {
            any = true;
        }
        any
    }
}
