//! Turns looks at the desktop into pings. Pure: desktop and clocks are passed in, and no time is counted that was not seen to be used.
//!
//! A claim can never be taken back, so time after the last input waits here: the next input confirms it, and an idle stretch that reaches the
//! limit discards it. What leaves is exact, and at most the idle limit late.

use std::collections::VecDeque;
use std::time::Duration;

use domain::time::{Span, UnixMs};
use domain::usage::AppName;

#[cfg(test)]
mod tests;

/// How far the two clocks may part between two looks. Beyond it the machine slept or somebody set the clock.
pub const CLOCK_SLACK: Duration = Duration::from_secs(1);
/// The longest time without a look that still counts as watched.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Window managers take the focus from one window before they give it to the next. As long as that takes, the next has it.
pub const HANDOVER_MAX: Duration = Duration::from_millis(250);
/// The most stretches that wait for an input to confirm them: more than 20 changes of focus a second for three minutes without input.
pub const HELD_MAX: usize = 4_096;

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock. It stamps the pings and may jump.
    pub wall: UnixMs,
    /// Time since a fixed start, on a clock that never jumps and stands still while the machine sleeps.
    pub steady: Duration,
}

/// What the desktop looked like at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Moment,
    /// The application that has the focus.
    pub app: Option<AppName>,
    /// How long ago the last input was, on the steady clock.
    pub idle: Duration,
}

/// "This application had the person's attention for this stretch."
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The application.
    pub app: AppName,
    /// When.
    pub span: Span,
}

/// How finely to ping, and when a person is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A ping is made whenever this much confirmed time has gathered, and at each change of focus.
    pub ping_every: Duration,
    /// Without input for this long, the person was away since the last input.
    pub idle_limit: Duration,
}

/// Follows one desktop.
#[derive(Debug)]
pub struct Watch {
    pace: Pace,
    presence: Presence,
    last: Option<Seen>,
    /// The application that had the focus at the last look.
    focus: Option<AppName>,
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
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Moment,
    input: Input,
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
            Presence::Away { .. } => {
                self.discard_idle(look.at.wall);
                counted = self.last.map_or(input, |last| last.input);
            }
        }
        self.focus = look.app;
        self.last = Some(Seen {
            at: look.at,
            input: counted,
        });
        pings
    }

    /// Ends the run at the last look, as when the agent stops or the display is gone. A person who was not yet away counts as present to the end.
    pub fn end(&mut self) -> Vec<Ping> {
        let mut pings = Vec::new();
        self.close();
        self.settle(UnixMs(i64::MAX), Settle::Whole, &mut pings);
        pings
    }

    /// How soon the next look is due to see the idle limit reached; `None` while the person is away.
    #[must_use]
    pub fn look_within(&self) -> Option<Duration> {
        match (self.presence, self.last) {
            (Presence::Here, Some(last)) => {
                let idle_ms = ms(last.at.steady).saturating_sub(last.input.steady_ms);
                let left_ms = ms(self.pace.idle_limit).saturating_sub(idle_ms);
                Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
            }
            _ => None,
        }
    }

    /// How many stretches were given up because [`HELD_MAX`] were waiting already.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Time that nobody watched ends the run at the last look. What was confirmed by then counts; the rest waits for the next input as before.
    fn break_off_unseen(&mut self, last: Seen, now: Moment, pings: &mut Vec<Ping>) {
        let wall_ms = now.wall.0.saturating_sub(last.at.wall.0);
        let steady = now.steady.saturating_sub(last.at.steady);
        let parted_ms = wall_ms.saturating_sub(ms(steady));
        if parted_ms.abs() <= ms(CLOCK_SLACK) && steady <= SILENCE_MAX {
            return;
        }
        if parted_ms < -ms(CLOCK_SLACK) {
            // The clock was set back. Waiting until it is where it was would lose all time until then; the server counts no instant twice.
            self.floor = UnixMs(i64::MIN);
        }
        if matches!(self.presence, Presence::Here) {
            self.close();
            self.settle(last.input.wall, Settle::Whole, pings);
        }
        self.presence = Presence::Away {
            since_ms: ms(now.steady),
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
    /// From the input to this look the focus was where the look before saw it.
    fn come_back(&mut self, input: UnixMs, pings: &mut Vec<Ping>) {
        self.settle(UnixMs(i64::MAX), Settle::Whole, pings);
        self.presence = Presence::Here;
        let start = input.max(self.floor);
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
                let app = stretch.app.clone();
                pings.push(Ping { app, span });
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

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
