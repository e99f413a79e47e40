//! What buckets are about, and what of their events counts.

use crate::time::UnixMs;
use crate::usage::{AppName, Domain};

use super::{Presence, Row, Stretch};

/// What a bucket is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Focused applications.
    Windows,
    /// Whether there was somebody.
    Presence,
    /// The tabs of a browser.
    Tabs,
    /// Something that counts for nothing here.
    Other,
}

/// What of an event counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// Something was there, and nothing of it counts or may be named. It ends what was there before.
    Nothing,
    /// The focused application.
    App(AppName),
    /// Whether there was somebody.
    Presence(Presence),
    /// The site of the tab in front.
    Site(Domain),
}

impl Kind {
    /// The kind of a bucket of that type.
    #[must_use]
    pub fn of_type(name: &str) -> Self {
        match name {
            "currentwindow" => Self::Windows,
            "afkstatus" => Self::Presence,
            "web.tab.current" => Self::Tabs,
            _ => Self::Other,
        }
    }
}

/// What an event says that may count, whatever its bucket is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tells {
    /// An application.
    pub app: Option<AppName>,
    /// Whether there was somebody.
    pub presence: Option<Presence>,
    /// A site that is not private.
    pub site: Option<Domain>,
}

impl Tells {
    /// What of it counts in a bucket of that kind.
    #[must_use]
    pub fn of(self, kind: Kind) -> Told {
        let told = match kind {
            Kind::Windows => self.app.map(Told::App),
            Kind::Presence => self.presence.map(Told::Presence),
            Kind::Tabs => self.site.map(Told::Site),
            Kind::Other => None,
        };
        told.unwrap_or(Told::Nothing)
    }
}

impl Told {
    /// The row of a bucket of windows that says so. Every window is a row: one whose application may not be named hides the one before it.
    #[must_use]
    pub fn window(self, stretch: Stretch) -> Row<Option<AppName>> {
        match self {
            Self::App(app) => row(stretch, Some(app)),
            _ => row(stretch, None),
        }
    }

    /// The row of a bucket of presence that says so; none says nothing there.
    #[must_use]
    pub fn presence(self, stretch: Stretch) -> Option<Row<Presence>> {
        match self {
            Self::Presence(presence) => Some(row(stretch, presence)),
            _ => None,
        }
    }

    /// The row of a bucket of tabs that says so. Every tab is a row: one whose site is nobody's business hides the one before it.
    #[must_use]
    pub fn tab(self, stretch: Stretch) -> Row<Option<Domain>> {
        match self {
            Self::Site(site) => row(stretch, Some(site)),
            _ => row(stretch, None),
        }
    }
}

impl Stretch {
    /// The millisecond that holds its start, and the one that holds its end.
    #[must_use]
    pub fn ms(self) -> (UnixMs, UnixMs) {
        let ms = |at_us: i64| UnixMs(at_us.div_euclid(1_000));
        (ms(self.start_us), ms(self.end_us))
    }
}

fn row<T>(stretch: Stretch, seen: T) -> Row<T> {
    let (start, end) = stretch.ms();
    Row { start, end, seen }
}
