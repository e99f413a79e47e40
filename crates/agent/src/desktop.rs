//! The X server: which application has the focus, and how long ago the last input was. Asks for nothing else: no titles, no content.
//!
//! It tells by itself when one of them changes, so while nothing does nobody asks.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::cookie::Cookie;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::properties::WmClass;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, GetPropertyReply, InputFocus, Window,
};
use x11rb::rust_connection::RustConnection;

use domain::usage::AppName;

use crate::clock::Clock;
use crate::watch::Moment;

use class::{app_name, nameless};
use counters::Counters;
use ticks::Ticks;

mod class;
mod counters;
mod ticks;

x11rb::atom_manager! {
    /// The names of the window manager's properties, as numbers.
    Atoms: AtomsCookie {
        _NET_ACTIVE_WINDOW,
        _NET_SUPPORTING_WM_CHECK,
    }
}

/// How far from the focused window its application's window may be, up or down the tree.
const DEPTH_MAX: usize = 8;
/// The most windows looked at on the way down.
const BREADTH_MAX: usize = 64;
/// The most moves of the focus between two looks that are remembered; beyond it, those in the middle go.
const MOVES_MAX: usize = 64;

/// A display that cannot be watched, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum DesktopError {
    /// It does not answer, or does not let us in.
    #[error("cannot connect to the X display")]
    Connect(#[from] ConnectError),
    /// It cannot tell how long ago the last input was.
    #[error("the X display has no SYNC extension with its counter of idle time")]
    NoIdleTime,
    /// The connection is gone.
    #[error("lost the X display")]
    Lost(#[source] ReplyOrIdError),
}

/// A connection to an X display.
#[derive(Debug)]
pub struct Desktop {
    connection: RustConnection,
    root: Window,
    atoms: Atoms,
    counters: Counters,
    clock: Clock,
    ticks: Ticks,
    /// The windows whose news we asked for, beside the root's.
    followed: Vec<(Window, EventMask)>,
    /// Ticks at which the focus moved, and that no look has told yet.
    moves: Vec<u32>,
    news: bool,
}

/// What the display says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// When "now" is, by the display's own clock.
    pub at: Moment,
    /// The application that has the focus.
    pub app: Option<AppName>,
    /// How long ago the last input was.
    pub idle: Duration,
    /// When the focus moved since the look before, as far as that was told.
    pub moves: Vec<Moment>,
    /// Whether every change of focus is told as an event. Where the keyboard follows the pointer and no manager tells, somebody has to look.
    pub tells: bool,
}

impl Desktop {
    /// Connects to `display`, or to the one that `DISPLAY` names, and asks to be told of changes.
    pub fn connect(display: Option<&str>, clock: Clock) -> Result<Self, DesktopError> {
        let (connection, screen) = RustConnection::connect(display)?;
        let root = connection.setup().roots[screen].root;
        let counters = Counters::of(&connection).map_err(DesktopError::Lost)?;
        let desktop = Self {
            counters: counters.ok_or(DesktopError::NoIdleTime)?,
            atoms: Atoms::new(&connection)
                .map_err(ReplyError::from)
                .and_then(AtomsCookie::reply)
                .map_err(lost)?,
            connection,
            root,
            clock,
            ticks: Ticks::default(),
            followed: Vec::new(),
            moves: Vec::new(),
            news: false,
        };
        desktop.select(root, EventMask::PROPERTY_CHANGE).map_err(lost)?;
        Ok(desktop)
    }

    /// Looks.
    pub fn look(&mut self) -> Result<Sight, DesktopError> {
        self.sight().map_err(lost)
    }

    /// Takes in what the display has sent, without waiting. True if another look may show something else than the last.
    pub fn has_news(&mut self) -> Result<bool, DesktopError> {
        self.take_in().map_err(lost)?;
        Ok(self.news)
    }

    /// Asks for news of the next input, given how long ago the last one was at the look before.
    pub fn tell_of_input(&self, idle: Duration) -> Result<(), DesktopError> {
        self.counters.tell_of_input(&self.connection, idle).map_err(lost)
    }

    /// What becomes readable when the display sends something.
    #[must_use]
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.connection.stream().as_fd()
    }

    fn take_in(&mut self) -> Result<(), ConnectionError> {
        while let Some(event) = self.connection.poll_for_event()? {
            self.news |= match event {
                Event::PropertyNotify(change) => {
                    let moved = if change.window == self.root {
                        change.atom == self.atoms._NET_ACTIVE_WINDOW
                    } else {
                        change.atom == u32::from(AtomEnum::WM_CLASS)
                    };
                    if moved {
                        if self.moves.len() == MOVES_MAX {
                            self.moves.remove(MOVES_MAX / 2);
                        }
                        self.moves.push(change.time);
                    }
                    moved || change.atom == self.atoms._NET_SUPPORTING_WM_CHECK
                }
                Event::FocusIn(_) | Event::FocusOut(_) | Event::DestroyNotify(_) | Event::SyncAlarmNotify(_) => true,
                // Errors are about windows that are gone.
                _ => false,
            };
        }
        Ok(())
    }

    fn sight(&mut self) -> Result<Sight, ReplyError> {
        self.news = false;
        // First of all, so that every move up to then is in what the questions after it are answered.
        let after = self.clock.now().steady;
        let counted = self.counters.count(&self.connection)?;
        let before = self.clock.now().steady;
        self.ticks.told(counted.tick, after, before);
        let active = self.window_property(self.root, self.atoms._NET_ACTIVE_WINDOW)?;
        let manager = self.window_property(self.root, self.atoms._NET_SUPPORTING_WM_CHECK)?;
        let active = window_of(&active.reply()?);
        let manager = window_of(&manager.reply()?);
        // A manager that died leaves its properties behind, and the active window that it named may be long out of use.
        let manager = match manager {
            Some(window) if active.is_some() && self.is_manager(window)? => Some(window),
            _ => None,
        };
        let (window, tells) = match (manager, active) {
            (Some(_), Some(active)) => (Some(active).filter(|window| *window != x11rb::NONE), true),
            _ => self.focused_window()?,
        };
        let mut follow = Vec::new();
        follow.extend(manager.map(|window| (window, EventMask::STRUCTURE_NOTIFY)));
        if manager.is_none() {
            follow.extend(window.map(|window| (window, EventMask::FOCUS_CHANGE)));
        }
        let app = match window {
            Some(window) => self.app_of(window)?,
            None => None,
        };
        follow.extend(app.as_ref().map(|(window, _)| (*window, EventMask::PROPERTY_CHANGE)));
        self.follow(follow)?;
        self.take_in()?;
        let at = self.moment(counted.tick);
        Ok(Sight {
            at,
            app: app.map(|(_, app)| app),
            idle: counted.idle,
            moves: self.moves_until(counted.tick),
            tells,
        })
    }

    /// When a tick of the display was.
    fn moment(&self, tick: u32) -> Moment {
        match self.ticks.steady(tick) {
            Some(steady) => self.clock.at(steady),
            None => self.clock.now(),
        }
    }

    /// Takes the moves up to the tick. Later ones are for the next look.
    fn moves_until(&mut self, tick: u32) -> Vec<Moment> {
        let is_past = |moved: &u32| ticks::since(i64::from(*moved), tick) >= 0;
        let past = self.moves.iter().take_while(|moved| is_past(moved)).count();
        self.news |= past < self.moves.len();
        let past: Vec<u32> = self.moves.drain(..past).collect();
        past.into_iter().map(|moved| self.moment(moved)).collect()
    }

    /// Asks for the news of these windows, and of no others. What changed before it did is seen by another look.
    fn follow(&mut self, windows: Vec<(Window, EventMask)>) -> Result<(), ConnectionError> {
        let mut wanted: Vec<(Window, EventMask)> = Vec::new();
        for (window, mask) in windows.into_iter().filter(|(window, _)| *window != self.root) {
            match wanted.iter_mut().find(|(known, _)| *known == window) {
                Some((_, known)) => *known |= mask,
                None => wanted.push((window, mask)),
            }
        }
        let before = std::mem::replace(&mut self.followed, wanted);
        for (window, _) in &before {
            if self.followed.iter().all(|(wanted, _)| wanted != window) {
                self.ask(*window, EventMask::NO_EVENT)?;
            }
        }
        for (window, mask) in &self.followed {
            if !before.contains(&(*window, *mask)) {
                self.ask(*window, *mask)?;
                self.news = true;
            }
        }
        Ok(())
    }

    /// The window may be gone, which is no fault.
    fn ask(&self, window: Window, mask: EventMask) -> Result<(), ConnectionError> {
        let events = ChangeWindowAttributesAux::new().event_mask(mask);
        self.connection
            .change_window_attributes(window, &events)?
            .ignore_error();
        Ok(())
    }

    fn select(&self, window: Window, mask: EventMask) -> Result<(), ReplyError> {
        let events = ChangeWindowAttributesAux::new().event_mask(mask);
        self.connection.change_window_attributes(window, &events)?.check()
    }

    /// EWMH: the window that a living manager names holds the same property, naming itself.
    fn is_manager(&self, window: Window) -> Result<bool, ReplyError> {
        let property = self.window_property(window, self.atoms._NET_SUPPORTING_WM_CHECK)?;
        let named = existing(property.reply())?.as_ref().and_then(window_of);
        Ok(named == Some(window))
    }

    /// Without a manager that tells: the window with the keyboard, which tells when it loses it, or the one under the pointer where the keyboard follows
    /// that, which does not.
    fn focused_window(&self) -> Result<(Option<Window>, bool), ReplyError> {
        let focus = self.connection.get_input_focus()?.reply()?.focus;
        if focus == u32::from(InputFocus::POINTER_ROOT) {
            let child = self.connection.query_pointer(self.root)?.reply()?.child;
            return Ok((Some(child).filter(|child| *child != x11rb::NONE), false));
        }
        let window = Some(focus).filter(|focus| *focus != x11rb::NONE && *focus != self.root);
        Ok((window, window.is_some()))
    }

    /// The application of a window, and the window that says so: its own class, else that of the nearest window above, else of one below, as in a frame.
    /// `None` if the window is gone.
    fn app_of(&self, window: Window) -> Result<Option<(Window, AppName)>, ReplyError> {
        let mut above = window;
        for _ in 0..DEPTH_MAX {
            let class = WmClass::get(&self.connection, above)?;
            let tree = self.connection.query_tree(above)?;
            if let Some(class) = existing(class.reply())?.flatten() {
                return Ok(Some((above, app_name(&class))));
            }
            match existing(tree.reply())? {
                None => return Ok(None),
                Some(tree) if tree.parent == x11rb::NONE || tree.parent == self.root => break,
                Some(tree) => above = tree.parent,
            }
        }
        let below = self.class_below(window)?;
        Ok(Some(below.unwrap_or_else(|| (window, nameless()))))
    }

    fn class_below(&self, window: Window) -> Result<Option<(Window, AppName)>, ReplyError> {
        let mut level = vec![window];
        let mut seen = 0;
        for _ in 0..DEPTH_MAX {
            let mut next = Vec::new();
            for window in level {
                if let Some(class) = existing(WmClass::get(&self.connection, window)?.reply())?.flatten() {
                    return Ok(Some((window, app_name(&class))));
                }
                seen += 1;
                if seen == BREADTH_MAX {
                    return Ok(None);
                }
                if let Some(tree) = existing(self.connection.query_tree(window)?.reply())? {
                    next.extend(tree.children);
                }
            }
            level = next;
        }
        Ok(None)
    }

    fn window_property(
        &self,
        window: Window,
        property: u32,
    ) -> Result<Cookie<'_, RustConnection, GetPropertyReply>, ConnectionError> {
        self.connection
            .get_property(false, window, property, AtomEnum::WINDOW, 0, 1)
    }
}

fn lost(error: impl Into<ReplyOrIdError>) -> DesktopError {
    DesktopError::Lost(error.into())
}

/// The value of a property that names one window; `None` if there is no such property.
fn window_of(reply: &GetPropertyReply) -> Option<Window> {
    reply.value32()?.next()
}

/// Any window can be gone at any time: an X error about one is an answer, a broken connection is not.
fn existing<T>(reply: Result<T, ReplyError>) -> Result<Option<T>, ReplyError> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(lost) => Err(lost),
    }
}
