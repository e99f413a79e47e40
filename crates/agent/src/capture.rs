//! Watches the display until it is told to stop, and hands on the pings. Never waits for the disk or the network, and sleeps until something changes.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::chain::Chain;
use crate::clock::Clock;
use crate::desktop::{Desktop, DesktopError, Sight};
use crate::privacy::Privacy;
use crate::privacy::changes::Changes;
use crate::privacy::private::Private;
use crate::seat::{Event, Seat};
use crate::watch::{HANDOVER_MAX, Look, Moment, Ping, Watch};

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
    /// Set while there is a display to watch.
    pub watches: Arc<AtomicBool>,
    /// What nobody may be watched in.
    pub absence: Absence,
}

/// The reasons for not watching.
#[derive(Debug)]
pub struct Absence {
    seat: Seat,
    privacy: Arc<Privacy>,
    changes: Changes,
    locked: bool,
    asleep: bool,
    private: Option<Private>,
}

/// Nobody takes the pings any more, so there is no use in watching.
struct Ended;

#[derive(PartialEq, Eq)]
enum Wake {
    Stop,
    /// Somebody locked or unlocked the screen, the machine, or their privacy.
    Absence,
    Display,
    Time,
}

impl Absence {
    /// What the seat tells and the person wishes.
    #[must_use]
    pub fn new(seat: Seat, privacy: Arc<Privacy>) -> Self {
        let changes = Changes::of(privacy.dir());
        Self {
            seat,
            privacy,
            changes,
            locked: false,
            asleep: false,
            private: None,
        }
    }

    fn is_on(&self) -> bool {
        self.locked || self.asleep || self.private.is_some()
    }
}

impl Capture {
    /// Watches until `stop` becomes readable. The last run ends there.
    pub fn run(mut self, stop: BorrowedFd<'_>) {
        let mut pause = CONNECT_PAUSE_MIN;
        loop {
            match Desktop::connect(self.display.as_deref(), self.clock) {
                Ok(mut desktop) => {
                    tracing::info!("watching the display");
                    pause = CONNECT_PAUSE_MIN;
                    self.watches.store(true, Ordering::Relaxed);
                    let followed = self.follow(&mut desktop, stop);
                    self.watches.store(false, Ordering::Relaxed);
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
            if wait([stop], Some(pause)).is_some() {
                return;
            }
            pause = (pause * 2).min(CONNECT_PAUSE_MAX);
        }
    }

    /// Follows one display until `stop`, or until an error; the error is `None` when nobody takes the pings.
    fn follow(&mut self, desktop: &mut Desktop, stop: BorrowedFd<'_>) -> Result<(), Option<DesktopError>> {
        loop {
            let tells = self.look(desktop)?;
            let next = self.watch.next();
            let often = next
                .within
                .filter(|_| !tells && !self.absence.is_on())
                .map(|_| LOOK_OFTEN);
            // The display counts whole milliseconds, so a look at the very limit could come just before it.
            let due = next
                .within
                .into_iter()
                .chain(often)
                .min()
                .map(|due| due + Duration::from_millis(1));
            match self.wait_for_news(desktop, stop, due)? {
                Wake::Stop => {
                    // What happened up to now is seen before the run ends.
                    self.look(desktop)?;
                    return Ok(());
                }
                Wake::Absence | Wake::Display | Wake::Time => {}
            }
        }
    }

    /// Looks, heeds what was told meanwhile, and hands on what that completes. True if the display tells of each change of focus.
    fn look(&mut self, desktop: &mut Desktop) -> Result<bool, Option<DesktopError>> {
        let sight = desktop.look()?;
        let (idle, tells) = (sight.idle, sight.tells);
        let forgotten = self.watch.forgotten();
        let pings = self.see(sight);
        self.hand_on(pings).map_err(|Ended| None)?;
        let pings = self.heed(desktop)?;
        if self.watch.forgotten() > forgotten {
            let stretches = self.watch.forgotten();
            tracing::warn!(stretches, "too many changes of focus without an input: given up so far");
        }
        self.hand_on(pings).map_err(|Ended| None)?;
        if self.watch.next().at_input {
            desktop.tell_of_input(idle)?;
        }
        Ok(tells)
    }

    fn see(&mut self, sight: Sight) -> Vec<Ping> {
        let Sight {
            at, app, idle, moves, ..
        } = sight;
        if let (Some(first), Some(last)) = (moves.first(), moves.last()) {
            if last.steady.saturating_sub(first.steady) <= HANDOVER_MAX {
                self.watch.moved(*first, app.as_ref());
            } else {
                // Nobody knows any more where the focus was in between.
                self.watch.moved(*first, None);
                self.watch.moved(*last, app.as_ref());
            }
        }
        self.watch.see(Look { at, app, idle })
    }

    /// Takes in who locked or unlocked what, each at its moment.
    fn heed(&mut self, desktop: &mut Desktop) -> Result<Vec<Ping>, DesktopError> {
        let mut pings = Vec::new();
        let mut look_again = false;
        for notice in self.absence.seat.take() {
            let was_on = self.absence.is_on();
            match notice.event {
                Event::Locked(locked) => self.absence.locked = locked,
                Event::Asleep(asleep) => self.absence.asleep = asleep,
                Event::Left if !was_on => {
                    pings.extend(self.watch.hold(notice.at));
                    self.watch.release(notice.at);
                }
                Event::Left => {}
            }
            look_again |= self.turn(was_on, notice.at, &mut pings);
            // The notice goes, and with it what keeps the machine awake, so what it completed goes first. Who has ended is told by the next.
            let _: Result<(), Ended> = self.hand_on(std::mem::take(&mut pings));
        }
        if self.absence.changes.any() {
            self.absence.privacy.reload();
        }
        let (was_on, now) = (self.absence.is_on(), self.clock.now());
        let before = self.absence.private;
        self.absence.private = self.absence.privacy.private(now.wall);
        let turned = match (before, self.absence.private) {
            (None, Some(private)) => Some(private.since),
            // The file that said it was on says when it ended.
            (Some(_), None) => {
                let last = self.absence.privacy.last_private().and_then(|last| last.until);
                Some(last.unwrap_or(now.wall))
            }
            _ => None,
        };
        if let Some(turned) = turned {
            let ago_ms = u64::try_from(now.wall.0.saturating_sub(turned.0)).unwrap_or(0);
            look_again |= self.turn(was_on, now.earlier(Duration::from_millis(ago_ms)), &mut pings);
        }
        if look_again {
            let sight = desktop.look()?;
            pings.extend(self.see(sight));
        }
        Ok(pings)
    }

    /// Ends or begins the time that counts, if a reason for the one or the other came. True if it begins.
    fn turn(&mut self, was_on: bool, at: Moment, pings: &mut Vec<Ping>) -> bool {
        match (was_on, self.absence.is_on()) {
            (false, true) => pings.extend(self.watch.hold(at)),
            (true, false) => {
                self.watch.release(at);
                return true;
            }
            _ => {}
        }
        false
    }

    /// Waits until the focus may have moved, something else is told, or the next look is due.
    fn wait_for_news(
        &self,
        desktop: &mut Desktop,
        stop: BorrowedFd<'_>,
        due: Option<Duration>,
    ) -> Result<Wake, DesktopError> {
        let now = self.clock.now();
        let private_end = self.absence.private.and_then(|private| private.until);
        let private_left = private_end.map(|end| Duration::from_millis(u64::try_from(end.0 - now.wall.0).unwrap_or(0)));
        let until = due.into_iter().chain(private_left).min().map(|due| now.steady + due);
        loop {
            // First, as answers and events come over one socket, and reading one may have read the other.
            if desktop.has_news()? && !self.absence.is_on() {
                return Ok(Wake::Display);
            }
            let left = until.map(|until| until.saturating_sub(self.clock.now().steady));
            let changes = self.absence.changes.fd();
            let told = [
                stop,
                self.absence.seat.socket(),
                desktop.socket(),
                changes.unwrap_or(stop),
            ];
            match wait(told, left) {
                Some(0) => return Ok(Wake::Stop),
                Some(2) => {}
                Some(_) => return Ok(Wake::Absence),
                None if until.is_none_or(|until| self.clock.now().steady < until) => {}
                None => return Ok(Wake::Time),
            }
        }
    }

    fn hand_on(&self, pings: Vec<Ping>) -> Result<(), Ended> {
        pings
            .into_iter()
            .try_for_each(|ping| self.pings.send(ping).map_err(|_| Ended))
    }
}

/// Waits until one of these becomes readable, and gives the first that is; nothing when the time is over, or a little before.
fn wait<const N: usize>(fds: [BorrowedFd<'_>; N], bound: Option<Duration>) -> Option<usize> {
    let mut fds = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    let bound = bound.and_then(|bound| Timespec::try_from(bound).ok());
    // An interrupted wait is a short one.
    poll(&mut fds, bound.as_ref()).ok()?;
    fds.iter().position(|fd| !fd.revents().is_empty())
}
