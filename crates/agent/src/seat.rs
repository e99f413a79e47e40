//! Whether anybody can be at the desktop: logind says when the session is locked and when the machine goes to sleep.
//!
//! Where there is no logind to ask, that is said once, and the time since the last input tells alone.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use zbus::zvariant::OwnedFd;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::watch::Moment;

mod logind;

pub use logind::LogindError;

/// How many notices may wait for whoever watches the display.
const NOTICES_MAX: usize = 256;
/// Pauses between attempts to reach logind double from the first to the second.
const REACH_PAUSE_MIN: Duration = Duration::from_secs(1);
const REACH_PAUSE_MAX: Duration = Duration::from_mins(5);

/// What happened at the seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The session is locked from now on, or not any more.
    Locked(bool),
    /// The session was told to lock itself. Whether it did is not known, but nobody asks for it and stays.
    Left,
    /// The machine goes to sleep, or is awake again.
    Asleep(bool),
}

/// What happened, and when.
#[derive(Debug)]
pub struct Notice {
    /// When.
    pub at: Moment,
    /// What.
    pub event: Event,
    /// While this is open the machine does not go to sleep: it goes with the notice, when that was heeded.
    pub delay: Option<OwnedFd>,
}

/// The notices of a seat.
#[derive(Debug)]
pub struct Seat {
    notices: Receiver<Notice>,
    bell: UnixStream,
}

/// Where notices are given.
#[derive(Debug)]
struct Porter {
    notices: SyncSender<Notice>,
    bell: UnixStream,
    clock: Clock,
}

impl Seat {
    /// Listens from a thread of its own, until the program ends. `session` is the name that logind has for this session, where it is known.
    pub fn listen(clock: Clock, session: Option<String>) -> io::Result<Self> {
        let (sender, notices) = sync_channel(NOTICES_MAX);
        let (bell, rung) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        rung.set_nonblocking(true)?;
        let porter = Porter {
            notices: sender,
            bell: rung,
            clock,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new()
            .name("seat".to_owned())
            .spawn(move || runtime.block_on(keep_listening(&porter, session.as_deref())))?;
        Ok(Self { notices, bell })
    }

    /// What becomes readable when there is a notice.
    #[must_use]
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// The notices so far, in order.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        let mut rings = [0; NOTICES_MAX];
        // Nothing more to read is what ends this.
        while matches!((&self.bell).read(&mut rings), Ok(read) if read > 0) {}
        self.notices.try_iter().collect()
    }
}

impl Porter {
    fn tell(&self, event: Event, delay: Option<OwnedFd>) {
        let at = self.clock.now();
        tracing::debug!(?event, "logind tells");
        if self.notices.send(Notice { at, event, delay }).is_ok() {
            // A bell that is full rings already.
            let _ = (&self.bell).write(&[1]);
        }
    }
}

async fn keep_listening(porter: &Porter, session: Option<&str>) {
    let mut pause = REACH_PAUSE_MIN;
    let mut told = false;
    loop {
        let mut reached = false;
        let error = logind::follow(porter, session, &mut reached).await;
        if reached {
            // Nobody says any more when this ends, so the time since the last input has to tell.
            porter.tell(Event::Locked(false), None);
            porter.tell(Event::Asleep(false), None);
            (pause, told) = (REACH_PAUSE_MIN, false);
        }
        if !told {
            tracing::info!(error = %Chain(&error), "logind does not tell of locked screens and sleep: idle time tells alone");
            told = true;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(REACH_PAUSE_MAX);
    }
}
