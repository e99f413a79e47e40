//! A person at a display, and what the X server itself says of what they did: from a connection of its own, in milliseconds of the server's clock.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::sync::{ConnectionExt as _, Counter};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConnectionExt as _, EventMask, MOTION_NOTIFY_EVENT, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::program::{PATIENCE, wait_for};

/// A tick of the display's clock: a millisecond.
pub type Tick = i64;

/// Somebody who moves the focus and the pointer.
pub struct Person {
    connection: RustConnection,
    root: Window,
    active: u32,
    idle: Counter,
    time: Counter,
    right: bool,
}

impl Person {
    pub fn at(display: &str) -> Self {
        let (connection, screen) = RustConnection::connect(Some(display)).expect("a display");
        let root = connection.setup().roots[screen].root;
        let active = connection
            .intern_atom(false, b"_NET_ACTIVE_WINDOW")
            .expect("sent")
            .reply();
        let counters = connection
            .sync_list_system_counters()
            .expect("sent")
            .reply()
            .expect("counters")
            .counters;
        let counter = |name: &[u8]| {
            counters
                .iter()
                .find(|counter| counter.name == name)
                .expect("there")
                .counter
        };
        let (idle, time) = (counter(b"IDLETIME"), counter(b"SERVERTIME"));
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        connection
            .change_window_attributes(root, &events)
            .expect("sent")
            .check()
            .expect("heard");
        Self {
            active: active.expect("an atom").atom,
            connection,
            root,
            idle,
            time,
            right: false,
        }
    }

    /// The window that the window manager calls active.
    fn active_window(&self) -> Option<Window> {
        let property = self
            .connection
            .get_property(false, self.root, self.active, AtomEnum::WINDOW, 0, 1);
        let reply = property.expect("sent").reply().expect("the root has properties");
        reply.value32()?.next()
    }

    /// The window whose class this is, once there is one that the window manager knows.
    pub fn find(&self, class: &str) -> Window {
        let list = self
            .connection
            .intern_atom(false, b"_NET_CLIENT_LIST")
            .expect("sent")
            .reply()
            .expect("an atom")
            .atom;
        wait_for(&format!("a window of {class}"), || {
            let all = self
                .connection
                .get_property(false, self.root, list, AtomEnum::WINDOW, 0, 1_024);
            let all: Vec<Window> = all.expect("sent").reply().ok()?.value32()?.collect();
            all.into_iter().find(|window| {
                let name = self
                    .connection
                    .get_property(false, *window, AtomEnum::WM_CLASS, AtomEnum::STRING, 0, 64);
                let name = name.expect("sent").reply().map(|reply| reply.value).unwrap_or_default();
                name.split(|byte| *byte == 0)
                    .nth(1)
                    .is_some_and(|name| name.eq_ignore_ascii_case(class.as_bytes()))
            })
        })
    }

    /// Gives the focus to a window that has it not, and says when it had moved: when the display told so for the first time.
    pub fn focus(&self, window: Window) -> Tick {
        self.moves();
        let message = ClientMessageEvent::new(32, window, self.active, [2, x11rb::CURRENT_TIME, 0, 0, 0]);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection
            .send_event(false, self.root, mask, message)
            .expect("sent")
            .check()
            .expect("taken");
        let deadline = Instant::now() + PATIENCE;
        let mut moved = Vec::new();
        while moved.is_empty() || self.active_window() != Some(window) {
            assert!(Instant::now() < deadline, "the focus did not move");
            self.wait(Duration::from_millis(100));
            moved.extend(self.moves());
        }
        moved[0]
    }

    /// Moves the pointer by a pixel, there or back, and says when.
    pub fn touch(&mut self) -> Tick {
        self.right = !self.right;
        let x = if self.right { 1 } else { -1 };
        let (relative, root) = (1, x11rb::NONE);
        self.connection
            .xtest_fake_input(MOTION_NOTIFY_EVENT, relative, 0, root, x, 0, 0)
            .expect("sent")
            .check()
            .expect("moved");
        let idle = self.connection.sync_query_counter(self.idle).expect("sent");
        let time = self.connection.sync_query_counter(self.time).expect("sent");
        let idle = idle.reply().expect("a counter").counter_value.lo;
        Tick::from(time.reply().expect("a counter").counter_value.lo) - Tick::from(idle)
    }

    /// When the focus moved, as far as the display has told since the last call.
    fn moves(&self) -> Vec<Tick> {
        let mut moves = Vec::new();
        while let Some(event) = self.connection.poll_for_event().expect("the display is there") {
            if let Event::PropertyNotify(change) = event
                && change.atom == self.active
            {
                moves.push(Tick::from(change.time));
            }
        }
        moves
    }

    fn wait(&self, bound: Duration) {
        let mut socket = [PollFd::from_borrowed_fd(
            self.connection.stream().as_fd(),
            PollFlags::IN,
        )];
        let bound = Timespec::try_from(bound).ok();
        // A wait that is interrupted is a short one.
        let _ = poll(&mut socket, bound.as_ref());
    }
}
