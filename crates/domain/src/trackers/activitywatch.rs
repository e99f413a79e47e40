//! What ActivityWatch's watchers saw, joined into what a person used: the focused application, its site while it shows one, nothing while away.
//!
//! The rows of a bucket overlap where a heartbeat came late, and streams arrive whenever their watcher can deliver. So the join is a pure function
//! of the rows that are there, in any order, and of one instant at a time: what it says of an instant needs only the rows within [`GAP_MAX_MS`]
//! of it. As long as each watcher keeps its own order, a row that is added makes it say more and never something else: an instant gets its
//! application, and later its site, which is the greater [`Label`].

mod beat;
mod browser;
mod known;
mod sweep;
mod told;
mod touched;
mod watched;

use crate::time::{Span, UnixMs};
use crate::usage::{AppName, Domain, Label};

pub use beat::{Beat, Fate, Placed, Stretch, fate, place};
pub use browser::Browser;
pub use known::Known;
pub use told::{Kind, Tells, Told};
pub use touched::{TOUCHED_MAX, Touched, united};
pub use watched::{Machines, Watched};

/// A watcher that polls sees a change late: a shorter gap between two rows belongs to the one before it. As ActivityWatch's own `flood`.
pub const GAP_MAX_MS: i64 = 5_000;

/// One row of a bucket: an event. It may be empty, which says that the state was seen and not for how long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row<T> {
    /// Since when.
    pub start: UnixMs,
    /// Until when; not before `start`.
    pub end: UnixMs,
    /// What was seen.
    pub seen: T,
}

/// What a bucket of type `afkstatus` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// There were inputs.
    Here,
    /// None for longer than the watcher's limit. Of two rows with one start this one counts.
    Away,
}

/// A bucket of type `web.tab.current`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tabs {
    /// Whose tabs.
    pub browser: Browser,
    /// The site of the tab in front; nothing for a page without one, and for a private window.
    pub rows: Vec<Row<Option<Domain>>>,
}

/// The buckets of one machine. Where two buckets of a kind claim an instant, the greater label has it, as everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streams {
    /// Each bucket of focused applications; nothing for one that may not be named, which ends the one before it.
    pub windows: Vec<Vec<Row<Option<AppName>>>>,
    /// Each bucket of presence. The person counts as there where any of them says so, and nowhere else.
    pub presence: Vec<Vec<Row<Presence>>>,
    /// Each bucket of tabs.
    pub tabs: Vec<Tabs>,
}

/// A stretch of time and what it was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// When.
    pub span: Span,
    /// What for.
    pub label: Label,
}

impl Streams {
    /// What the rows tell of `within`: sorted, never overlapping, no two neighbours that could be one.
    #[must_use]
    pub fn join(&self, within: Span) -> Vec<Used> {
        let here = self.presence.iter().flat_map(|rows| {
            let stretches = sweep::latest(rows).into_iter();
            stretches.filter_map(|(span, presence)| (presence == Presence::Here).then_some((span, ())))
        });
        let here = sweep::greatest(here.filter_map(|(span, here)| Some((span.clip(within)?, here))));
        let used = self.windows.iter().flat_map(|rows| {
            let focused = sweep::both(&sweep::latest(&sweep::without_gaps(rows)), &here).into_iter();
            let named: Vec<_> = focused.filter_map(|(span, app, ())| Some((span, app?))).collect();
            self.with_sites(&named)
        });
        used_of(sweep::greatest(used))
    }

    /// The sites that the tabs tell of focus that is known from elsewhere, where there is one.
    #[must_use]
    pub fn sites(&self, focus: &[Row<AppName>], within: Span) -> Vec<Used> {
        let focus = sweep::latest(focus).into_iter();
        let focus: Vec<_> = focus
            .filter_map(|(span, app)| Some((span.clip(within)?, app)))
            .collect();
        let with_sites = self.with_sites(&focus).into_iter();
        used_of(sweep::greatest(with_sites.filter(|(_, label)| label.domain.is_some())))
    }

    /// The focused stretches without a site, and again with one where there is one.
    fn with_sites(&self, focus: &[(Span, AppName)]) -> Vec<(Span, Label)> {
        let mut used: Vec<(Span, Label)> = Vec::new();
        for tabs in &self.tabs {
            let shown: Vec<_> = focus.iter().filter(|(_, app)| tabs.browser.is(app)).cloned().collect();
            for (span, app_name, domain) in sweep::both(&shown, &sweep::latest(&sweep::without_gaps(&tabs.rows))) {
                if domain.is_some() {
                    used.push((span, Label { app_name, domain }));
                }
            }
        }
        used.extend(focus.iter().map(|(span, app_name)| {
            let (app_name, domain) = (app_name.clone(), None);
            (*span, Label { app_name, domain })
        }));
        used
    }
}

fn used_of(stretches: Vec<(Span, Label)>) -> Vec<Used> {
    stretches
        .into_iter()
        .map(|(span, label)| Used { span, label })
        .collect()
}
