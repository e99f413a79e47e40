//! Watches the display until it is told to stop, and hands on the pings. Never waits for the disk or the network.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::chain::Chain;
use crate::clock::Clock;
use crate::desktop::{Desktop, DesktopError, Sight};
use crate::watch::{Look, Ping, Watch};

/// How long between two looks at idle time, and at the focus where every change is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long between two looks where changes of focus are not told.
const LOOK_OFTEN: Duration = Duration::from_millis(250);
/// Pauses between attempts to connect double from the first to the second.
const CONNECT_PAUSE_MIN: Duration = Duration::from_secs(1);
const CONNECT_PAUSE_MAX: Duration = Duration::from_secs(30);

/// The watching half of the agent.
#[derive(Debug)]
pub struct Capture {
    /// The display to watch; else the one that `DISPLAY` names.
    pub display: Option<String>,
    /// What makes pings of looks.
    pub watch: Watch,
    /// Where pings go. It holds many, and only a disk that stands still for minutes fills it.
    pub pings: SyncSender<Ping>,
    /// The clocks.
    pub clock: Clock,
}

/// Nobody takes the pings any more, so there is no use in watching.
struct Ended;

enum Wake {
    Stop,
    Display,
    Time,
}

impl Capture {
    /// Watches until `stop` becomes readable. The last run ends there.
    pub fn run(mut self, stop: BorrowedFd<'_>) {
        let mut pause = CONNECT_PAUSE_MIN;
        loop {
            match Desktop::connect(self.display.as_deref()) {
                Ok(desktop) => {
                    tracing::info!("watching the display");
                    pause = CONNECT_PAUSE_MIN;
                    let followed = self.follow(&desktop, stop);
                    let last = self.watch.end();
                    match followed {
                        Ok(()) | Err(None) => {
                            let _: Result<(), Ended> = self.hand_on(last);
                            return;
                        }
                        Err(Some(error)) => tracing::warn!(error = %Chain(&error), "the display is gone"),
                    }
                    if self.hand_on(last).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    let pause_ms = pause.as_millis();
                    tracing::warn!(error = %Chain(&error), pause_ms, "no display to watch");
                }
            }
            if matches!(wait(stop, None, pause), Wake::Stop) {
                return;
            }
            pause = (pause * 2).min(CONNECT_PAUSE_MAX);
        }
    }

    /// Follows one display until `stop`, or until an error; the error is `None` when nobody takes the pings.
    fn follow(&mut self, desktop: &Desktop, stop: BorrowedFd<'_>) -> Result<(), Option<DesktopError>> {
        loop {
            let look_every = if self.look(desktop)? { LOOK_EVERY } else { LOOK_OFTEN };
            let due = self
                .watch
                .look_within()
                .map_or(look_every, |within| within.min(look_every));
            // The display counts whole milliseconds, so a look at the very limit could come just before it.
            if !self.wait_for_news(desktop, stop, due + Duration::from_millis(1))? {
                // What happened up to now is seen before the run ends.
                self.look(desktop)?;
                return Ok(());
            }
        }
    }

    /// Looks, and hands on what that completes. True if the display tells of each change of focus.
    fn look(&mut self, desktop: &Desktop) -> Result<bool, Option<DesktopError>> {
        // The idle time is that of a moment after this one. So an input is never thought to be later than it was.
        let at = self.clock.now();
        let Sight { app, idle, tells } = desktop.look()?;
        let forgotten = self.watch.forgotten();
        let pings = self.watch.see(Look { at, app, idle });
        if self.watch.forgotten() > forgotten {
            let stretches = self.watch.forgotten();
            tracing::warn!(stretches, "too many changes of focus without an input: given up so far");
        }
        self.hand_on(pings).map_err(|Ended| None)?;
        Ok(tells)
    }

    /// Waits until the focus may have moved or the next look is due. False if told to stop.
    fn wait_for_news(&self, desktop: &Desktop, stop: BorrowedFd<'_>, due: Duration) -> Result<bool, DesktopError> {
        let until = self.clock.now().steady + due;
        loop {
            // First, as answers and events come over one socket, and reading one may have read the other.
            if desktop.has_news()? {
                return Ok(true);
            }
            let left = until.saturating_sub(self.clock.now().steady);
            match wait(stop, Some(desktop.socket()), left) {
                Wake::Stop => return Ok(false),
                Wake::Time => return Ok(true),
                Wake::Display => {}
            }
        }
    }

    fn hand_on(&self, pings: Vec<Ping>) -> Result<(), Ended> {
        pings
            .into_iter()
            .try_for_each(|ping| self.pings.send(ping).map_err(|_| Ended))
    }
}

fn wait(stop: BorrowedFd<'_>, display: Option<BorrowedFd<'_>>, bound: Duration) -> Wake {
    let stop = stop.as_fd();
    let mut fds = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
    fds.extend(display.map(|display| PollFd::from_borrowed_fd(display, PollFlags::IN)));
    let bound = Timespec::try_from(bound).ok();
    // An interrupted wait is a short one.
    let ready = poll(&mut fds, bound.as_ref()).unwrap_or(0);
    if !fds[0].revents().is_empty() {
        Wake::Stop
    } else if ready > 0 {
        Wake::Display
    } else {
        Wake::Time
    }
}
