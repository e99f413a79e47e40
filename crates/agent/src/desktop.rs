//! The X server: which application has the focus, and how long ago the last input was. Asks for nothing else: no titles, no content.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use x11rb::connection::{Connection, RequestConnection};
use x11rb::cookie::Cookie;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};
use x11rb::properties::WmClass;
use x11rb::protocol::Event;
use x11rb::protocol::screensaver::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, GetPropertyReply, InputFocus, Window,
};
use x11rb::rust_connection::RustConnection;

use domain::usage::AppName;

x11rb::atom_manager! {
    /// The names of the window manager's properties, as numbers.
    Atoms: AtomsCookie {
        _NET_ACTIVE_WINDOW,
        _NET_SUPPORTING_WM_CHECK,
    }
}

/// What time in a window without a class counts under.
const NAMELESS: &str = "unknown";
/// How far from the focused window its application's window may be, up or down the tree.
const DEPTH_MAX: usize = 8;
/// The most windows looked at on the way down.
const BREADTH_MAX: usize = 64;

/// A display that cannot be watched, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum DesktopError {
    /// It does not answer, or does not let us in.
    #[error("cannot connect to the X display")]
    Connect(#[from] ConnectError),
    /// It cannot tell how long ago the last input was.
    #[error("the X display has no MIT-SCREEN-SAVER extension, which tells idle time")]
    NoIdleTime,
    /// The connection is gone.
    #[error("lost the X display")]
    Lost(#[source] ReplyError),
}

/// A connection to an X display.
#[derive(Debug)]
pub struct Desktop {
    connection: RustConnection,
    root: Window,
    atoms: Atoms,
}

/// What the display says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The application that has the focus.
    pub app: Option<AppName>,
    /// How long ago the last input was.
    pub idle: Duration,
    /// Whether every change of focus is told as an event. Without a window manager that tells, somebody has to look.
    pub tells: bool,
}

impl Desktop {
    /// Connects to `display`, or to the one that `DISPLAY` names, and asks to be told of changes.
    pub fn connect(display: Option<&str>) -> Result<Self, DesktopError> {
        let (connection, screen) = RustConnection::connect(display)?;
        let root = connection.setup().roots[screen].root;
        let lost = DesktopError::Lost;
        let has_idle = connection.extension_information(screensaver::X11_EXTENSION_NAME);
        if has_idle.map_err(|error| lost(error.into()))?.is_none() {
            return Err(DesktopError::NoIdleTime);
        }
        let desktop = Self {
            atoms: Atoms::new(&connection)
                .map_err(ReplyError::from)
                .and_then(AtomsCookie::reply)
                .map_err(lost)?,
            connection,
            root,
        };
        desktop.listen().map_err(lost)?;
        Ok(desktop)
    }

    /// Looks.
    pub fn look(&self) -> Result<Sight, DesktopError> {
        self.sight().map_err(DesktopError::Lost)
    }

    /// Takes in what the display has sent, without waiting. True if the focus may have moved.
    pub fn has_news(&self) -> Result<bool, DesktopError> {
        let mut news = false;
        let told = [self.atoms._NET_ACTIVE_WINDOW, self.atoms._NET_SUPPORTING_WM_CHECK];
        let lost = |error: ConnectionError| DesktopError::Lost(error.into());
        while let Some(event) = self.connection.poll_for_event().map_err(lost)? {
            news |= matches!(event, Event::PropertyNotify(change) if told.contains(&change.atom));
        }
        Ok(news)
    }

    /// What becomes readable when the display sends something.
    #[must_use]
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.connection.stream().as_fd()
    }

    fn listen(&self) -> Result<(), ReplyError> {
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        self.connection.change_window_attributes(self.root, &events)?.check()
    }

    fn sight(&self) -> Result<Sight, ReplyError> {
        // Three questions, one round trip.
        let active = self.window_property(self.root, self.atoms._NET_ACTIVE_WINDOW)?;
        let manager = self.window_property(self.root, self.atoms._NET_SUPPORTING_WM_CHECK)?;
        let idle = self.connection.screensaver_query_info(self.root)?;
        let active = window_of(&active.reply()?);
        let manager = window_of(&manager.reply()?);
        let idle = Duration::from_millis(idle.reply()?.ms_since_user_input.into());
        // A manager that died leaves its properties behind, and the active window that it named may be long out of use.
        let tells = match manager {
            Some(window) => self.is_manager(window)?,
            None => false,
        };
        let window = if tells && active.is_some() {
            active.filter(|window| *window != x11rb::NONE)
        } else {
            self.focused_window()?
        };
        let app = match window {
            Some(window) => self.app_of(window)?,
            None => None,
        };
        let tells = tells && active.is_some();
        Ok(Sight { app, idle, tells })
    }

    /// EWMH: the window that a living manager names holds the same property, naming itself.
    fn is_manager(&self, window: Window) -> Result<bool, ReplyError> {
        let property = self.window_property(window, self.atoms._NET_SUPPORTING_WM_CHECK)?;
        let named = existing(property.reply())?.as_ref().and_then(window_of);
        Ok(named == Some(window))
    }

    /// Without a manager that tells: the window with the keyboard, or the one under the pointer where the keyboard follows that.
    fn focused_window(&self) -> Result<Option<Window>, ReplyError> {
        let focus = self.connection.get_input_focus()?.reply()?.focus;
        if focus == u32::from(InputFocus::POINTER_ROOT) {
            let child = self.connection.query_pointer(self.root)?.reply()?.child;
            return Ok(Some(child).filter(|child| *child != x11rb::NONE));
        }
        Ok(Some(focus).filter(|focus| *focus != x11rb::NONE && *focus != self.root))
    }

    /// The application of a window: its own class, else that of the nearest window above, else of one below, as in a frame.
    /// `None` if the window is gone.
    fn app_of(&self, window: Window) -> Result<Option<AppName>, ReplyError> {
        let mut above = window;
        for _ in 0..DEPTH_MAX {
            let class = WmClass::get(&self.connection, above)?;
            let tree = self.connection.query_tree(above)?;
            if let Some(class) = existing(class.reply())?.flatten() {
                return Ok(Some(app_name(&class)));
            }
            match existing(tree.reply())? {
                None => return Ok(None),
                Some(tree) if tree.parent == x11rb::NONE || tree.parent == self.root => break,
                Some(tree) => above = tree.parent,
            }
        }
        let below = self.class_below(window)?;
        Ok(Some(below.unwrap_or_else(nameless)))
    }

    fn class_below(&self, window: Window) -> Result<Option<AppName>, ReplyError> {
        let mut level = vec![window];
        let mut seen = 0;
        for _ in 0..DEPTH_MAX {
            let mut next = Vec::new();
            for window in level {
                if let Some(class) = existing(WmClass::get(&self.connection, window)?.reply())?.flatten() {
                    return Ok(Some(app_name(&class)));
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

fn app_name(class: &WmClass) -> AppName {
    [class.class(), class.instance()]
        .into_iter()
        .find_map(name_of)
        .unwrap_or_else(nameless)
}

/// The name as the server takes it: in Unicode, without control characters, not too long. `None` if nothing remains.
fn name_of(bytes: &[u8]) -> Option<AppName> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        // By ICCCM the property is in Latin-1, whose characters are the first of Unicode.
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let visible: String = text.chars().filter(|char| !char.is_control()).collect();
    let bounded: String = visible.trim().chars().take(AppName::CHARS_MAX).collect();
    AppName::parse(&bounded).ok()
}

fn nameless() -> AppName {
    AppName::parse(NAMELESS).expect("a constant that is a name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> Option<String> {
        name_of(bytes).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn a_class_becomes_a_name_that_the_server_takes() {
        assert_eq!(name(b"Firefox").as_deref(), Some("Firefox"));
        assert_eq!(name("Zoë".as_bytes()).as_deref(), Some("Zoë"));
        assert_eq!(name(b"Zo\xeb").as_deref(), Some("Zoë"), "Latin-1");
        assert_eq!(name(b" a\x01b\n ").as_deref(), Some("ab"));
        assert_eq!(name(b"\t \x7f"), None);
        assert_eq!(
            name("ä".repeat(300).as_bytes()).map(|name| name.chars().count()),
            Some(255)
        );
    }

    #[test]
    fn a_window_without_a_usable_class_has_its_instance_or_no_name() {
        let class = |value: &[u8]| {
            let reply = GetPropertyReply {
                format: 8,
                type_: AtomEnum::STRING.into(),
                value_len: u32::try_from(value.len()).expect("short"),
                value: value.to_vec(),
                ..Default::default()
            };
            let class = WmClass::from_reply(reply).expect("a class").expect("there");
            app_name(&class).as_str().to_owned()
        };
        assert_eq!(class(b"navigator\0Firefox\0"), "Firefox");
        assert_eq!(class(b"navigator\0\0"), "navigator");
        assert_eq!(class(b"\0\0"), "unknown");
        assert_eq!(nameless().as_str(), NAMELESS);
    }
}
