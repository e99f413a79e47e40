//! Turns looks at the desktop into pings. Pure: desktop and clocks are passed in, and no time is counted that was not seen to be used.
//!
//! A claim can never be taken back, so time after the last input waits here: the next input confirms it, and an idle stretch that reaches the
//! limit discards it. What leaves is exact, and at most the idle limit late.

use std::collections::VecDeque;
use std::time::Duration;

use domain::time::{Span, UnixMs};
use domain::usage::AppName;

use look::ms;

pub use look::{Look, Moment, Next, Pace};
pub use ping::Ping;

mod look;
mod ping;
#[cfg(test)]
mod tests;

/// How far the two clocks may part between two looks. Beyond it the machine slept or somebody set the clock.
pub const CLOCK_SLACK: Duration = Duration::from_secs(1);
/// How late a look may come, after the time that it was due for, and still count as one that saw everything.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Window managers take the focus from one window before they give it to the next. As long as that takes, the next has it.
pub const HANDOVER_MAX: Duration = Duration::from_millis(250);
/// Without input for this long, the next look can wait for one. Before, it would come at every key.
pub const QUIET: Duration = Duration::from_secs(1);
/// The most stretches that wait for an input to confirm them: more than 20 changes of focus a second for three minutes without input.
pub const HELD_MAX: usize = 4_096;

/// Follows one desktop.
#[derive(Debug)]
pub struct Watch {
    pace: Pace,
    presence: Presence,
    last: Option<Seen>,
    /// The application that had the focus at the last look.
    focus: Option<AppName>,
    /// What had it before, when it moved while nothing counted.
    earlier: Option<Earlier>,
    /// Where the next stretch may start at the earliest, so that pings never overlap.
    floor: UnixMs,
    /// The stretch of the application that has the focus now.
    open: Option<Stretch>,
    /// Since when nothing has it, though something had it right before.
    handover: Option<UnixMs>,
    /// Those that had it before and are not, or not wholly, pings yet.
    closed: VecDeque<Stretch>,
    forgotten: u64,
}

#[derive(Debug, Clone, Copy)]
enum Presence {
    Here,
    /// Nothing counts until an input later than this, on the steady clock.
    Away {
        since_ms: i64,
    },
    /// Nothing counts until this ends, and then it is as being away since it began.
    Held {
        since_ms: i64,
    },
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Moment,
    /// The last input that counted.
    input: Input,
    /// How long ago the last of all was.
    idle: Duration,
}

/// The last input, on both clocks. It may have been before the steady clock's start.
#[derive(Debug, Clone, Copy)]
struct Input {
    wall: UnixMs,
    steady_ms: i64,
}

#[derive(Debug)]
struct Stretch {
    app: AppName,
    start: UnixMs,
    end: UnixMs,
}

/// The focus between two moves.
#[derive(Debug)]
struct Earlier {
    app: Option<AppName>,
    start: UnixMs,
    end: UnixMs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Settle {
    /// What is long enough to be worth a ping.
    Paced,
    /// All of it.
    Whole,
}

impl Watch {
    /// A watch that has seen nothing. The person counts as present at the first look, unless that says otherwise.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            presence: Presence::Here,
            last: None,
            focus: None,
            earlier: None,
            floor: UnixMs(i64::MIN),
            open: None,
            handover: None,
            closed: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Takes a look, and gives the pings that it completes, in order.
    pub fn see(&mut self, look: Look) -> Vec<Ping> {
        let mut pings = Vec::new();
        let input = Input {
            wall: look.at.wall.before(look.idle),
            steady_ms: ms(look.at.steady).saturating_sub(ms(look.idle)),
        };
        if let Some(last) = self.last {
            self.break_off_unseen(last, look.at, &mut pings);
        }
        // While the person is away, the input that counted last stays the one to measure from.
        let mut counted = input;
        match self.presence {
            Presence::Here if look.idle >= self.pace.idle_limit => self.leave(input, &mut pings),
            Presence::Here => {
                if let Some(last) = self.last.filter(|last| self.was_away_between(last.input, input)) {
                    self.leave(last.input, &mut pings);
                    self.come_back(input.wall, &mut pings);
                }
                self.follow(look.app.as_ref(), look.at.wall);
                self.settle(input.wall, Settle::Paced, &mut pings);
            }
            Presence::Away { since_ms } if look.idle < self.pace.idle_limit && input.steady_ms > since_ms => {
                self.discard_idle(input.wall);
                self.come_back(input.wall, &mut pings);
                self.follow(look.app.as_ref(), look.at.wall);
                self.settle(input.wall, Settle::Paced, &mut pings);
            }
            Presence::Away { .. } | Presence::Held { .. } => {
                self.discard_idle(look.at.wall);
                counted = self.last.map_or(input, |last| last.input);
            }
        }
        self.focus = look.app;
        self.earlier = None;
        self.last = Some(Seen {
            at: look.at,
            input: counted,
            idle: look.idle,
        });
        pings
    }

    /// Takes in that the focus moved at a moment since the last look. The next look, a later one, confirms it.
    pub fn moved(&mut self, at: Moment, app: Option<&AppName>) {
        let Some(last) = self.last.filter(|last| !is_parted(last.at, at)) else {
            return;
        };
        if at.steady < last.at.steady {
            // That look saw it already.
            return;
        }
        let before = std::mem::replace(&mut self.focus, app.cloned());
        if matches!(self.presence, Presence::Here) {
            self.follow(app, at.wall);
        } else {
            let start = self.earlier.as_ref().map_or(last.at.wall, |earlier| earlier.end);
            let (app, end) = (before, at.wall);
            self.earlier = Some(Earlier { app, start, end });
        }
    }

    /// Nobody can be at the desktop from now on: it is locked, the machine goes to sleep, or nothing is to be watched. To be called right after a look.
    ///
    /// What waits for an input goes on waiting.
    pub fn hold(&mut self, at: Moment) -> Vec<Ping> {
        let mut pings = Vec::new();
        if let (Presence::Here, Some(last)) = (self.presence, self.last) {
            self.close();
            if !is_parted(at, last.at) {
                self.cut(at.wall);
            }
            self.settle(last.input.wall, Settle::Whole, &mut pings);
        }
        if !matches!(self.presence, Presence::Held { .. }) {
            let since_ms = ms(at.steady);
            self.presence = Presence::Held { since_ms };
        }
        pings
    }

    /// The hold is over. Whoever touched something since it began counts from now on, anybody else from their next input on. To be followed by a look.
    pub fn release(&mut self, at: Moment) {
        if let Presence::Held { since_ms } = self.presence {
            self.presence = Presence::Away { since_ms };
            self.floor = self.floor.max(at.wall);
        }
    }

    /// Ends the run at the last look, as when the agent stops or the display is gone. A person who was not yet away counts as present to the end.
    pub fn end(&mut self) -> Vec<Ping> {
        let mut pings = Vec::new();
        self.close();
        self.settle(UnixMs(i64::MAX), Settle::Whole, &mut pings);
        pings
    }

    /// What the next look is due for.
    #[must_use]
    pub fn next(&self) -> Next {
        let Some(last) = self.last else {
            let within = Some(Duration::ZERO);
            return Next {
                within,
                at_input: false,
            };
        };
        let used_ms = match self.presence {
            Presence::Here => ms(last.at.steady).saturating_sub(last.input.steady_ms),
            // What waits is discarded by the wall clock, as the machine may have slept.
            _ => last.at.wall.0.saturating_sub(last.input.wall.0),
        };
        let left_ms = ms(self.pace.idle_limit).saturating_sub(used_ms);
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        let is_quiet = last.idle >= QUIET;
        let within = match self.presence {
            Presence::Here if is_quiet => Some(left),
            Presence::Here => Some(left.min(self.pace.ping_every)),
            // An input in the same millisecond as another cannot be told from it.
            Presence::Away { .. } if !is_quiet => Some(QUIET),
            Presence::Away { .. } | Presence::Held { .. } => (!self.closed.is_empty()).then_some(left),
        };
        let at_input = match self.presence {
            Presence::Here => is_quiet,
            Presence::Away { .. } => true,
            Presence::Held { .. } => false,
        };
        Next { within, at_input }
    }

    /// How many stretches were given up because [`HELD_MAX`] were waiting already.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Time that nobody watched ends the run at the last look. What was confirmed by then counts; the rest waits for the next input as before.
    fn break_off_unseen(&mut self, last: Seen, now: Moment, pings: &mut Vec<Ping>) {
        let is_here = matches!(self.presence, Presence::Here);
        let silence = now.steady.saturating_sub(last.at.steady);
        let bound = self.next().within.unwrap_or_default() + SILENCE_MAX;
        if !is_parted(last.at, now) && (silence <= bound || !is_here) {
            return;
        }
        if now.parted_ms(last.at) < -ms(CLOCK_SLACK) {
            // The clock was set back. Waiting until it is where it was would lose all time until then; the server counts no instant twice.
            self.floor = UnixMs(i64::MIN);
        }
        if is_here {
            self.close();
            self.settle(last.input.wall, Settle::Whole, pings);
        }
        let since_ms = ms(now.steady);
        self.presence = match self.presence {
            Presence::Held { .. } => Presence::Held { since_ms },
            _ => Presence::Away { since_ms },
        };
    }

    /// The idle limit is reached: the run ended at the last input.
    fn leave(&mut self, input: Input, pings: &mut Vec<Ping>) {
        self.close();
        self.settle(input.wall, Settle::Whole, pings);
        self.closed.clear();
        self.presence = Presence::Away {
            since_ms: input.steady_ms,
        };
    }

    /// New input: what still waited was no absence, and the run starts anew at the input.
    ///
    /// From the input to this look the focus was where the look before saw it, unless it was told to have moved.
    fn come_back(&mut self, input: UnixMs, pings: &mut Vec<Ping>) {
        self.settle(UnixMs(i64::MAX), Settle::Whole, pings);
        self.presence = Presence::Here;
        let mut start = input.max(self.floor);
        if let Some(earlier) = self.earlier.take().filter(|earlier| start < earlier.end) {
            start = start.max(earlier.start);
            self.open = earlier.app.map(|app| Stretch { app, start, end: start });
            return self.follow(self.focus.clone().as_ref(), earlier.end);
        }
        self.open = self.focus.clone().map(|app| Stretch { app, start, end: start });
    }

    fn follow(&mut self, app: Option<&AppName>, now: UnixMs) {
        let now = now.max(self.floor);
        if let Some(open) = &mut self.open {
            open.end = open.end.max(now);
            self.floor = open.end;
        }
        if self.open.as_ref().map(|open| &open.app) == app {
            return;
        }
        let had_focus = self.open.is_some();
        let start = self
            .handover
            .filter(|since| now.0 - since.0 <= ms(HANDOVER_MAX))
            .unwrap_or(now);
        self.close();
        match app.cloned() {
            Some(app) => self.open = Some(Stretch { app, start, end: now }),
            None if had_focus => self.handover = Some(now),
            None => {}
        }
    }

    /// Ends the stretch of the application that had the focus.
    fn close(&mut self) {
        self.handover = None;
        if let Some(stretch) = self.open.take().filter(|open| open.start < open.end) {
            if self.closed.len() == HELD_MAX {
                self.closed.pop_front();
                self.forgotten += 1;
            }
            self.closed.push_back(stretch);
        }
    }

    /// Takes back what lies after `end`, as far as it is not a ping yet.
    fn cut(&mut self, end: UnixMs) {
        while let Some(last) = self.closed.back_mut().filter(|last| last.end > end) {
            last.end = end;
            if last.start < end {
                return;
            }
            self.closed.pop_back();
        }
    }

    /// Makes pings of what lies before `confirmed`.
    fn settle(&mut self, confirmed: UnixMs, how: Settle, pings: &mut Vec<Ping>) {
        let every_ms = ms(self.pace.ping_every);
        let mut take = |stretch: &mut Stretch, ended: bool| {
            let whole = ended && stretch.end <= confirmed;
            let Some(span) = Span::new(stretch.start, stretch.end.min(confirmed)) else {
                return whole;
            };
            if whole || how == Settle::Whole || span.ms() >= every_ms {
                stretch.start = span.end();
                pings.push(Ping::of_app(stretch.app.clone(), span));
            }
            whole
        };
        while let Some(first) = self.closed.front_mut() {
            if !take(first, true) {
                return;
            }
            self.closed.pop_front();
        }
        if let Some(open) = &mut self.open {
            take(open, false);
        }
    }

    /// After a late look nobody knows how many inputs there were, so the time between the two that are known counts as idle.
    fn was_away_between(&self, before: Input, input: Input) -> bool {
        input.steady_ms.saturating_sub(before.steady_ms) >= ms(self.pace.idle_limit)
    }

    /// Discards what waits for an input, once the idle limit has passed on the wall since the last input that counted.
    fn discard_idle(&mut self, now: UnixMs) {
        let limit_ms = ms(self.pace.idle_limit);
        if self
            .last
            .is_some_and(|last| now.0.saturating_sub(last.input.wall.0) >= limit_ms)
        {
            self.closed.clear();
        }
    }
}

/// Whether the machine slept between the moments, or somebody set the clock.
fn is_parted(before: Moment, after: Moment) -> bool {
    after.parted_ms(before).abs() > ms(CLOCK_SLACK)
}
