//! Turns what the store has learned into pings: the stretches of time that were touched are joined again, and what that says goes into the spool.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use activitywatch::tells;
use domain::time::{SECOND_MS, Span, UnixMs};
use domain::trackers::activitywatch::{Browser, GAP_MAX_MS, Kind, Row, Tabs, Used, Watched};
use domain::usage::AppName;

use crate::watch::Ping;

use super::event::{Bucket, Event};
use super::sqlite::SqliteStore;
use super::store::{Catalogue, Events, StoreError, Window};

/// The type of the bucket that holds what the agent itself saw of browsers.
pub const OWN_FOCUS: &str = "daybook.focus";
/// How much time is joined at once, so that a long backlog is one of many short works. No ping is longer.
const STEP_MS: i64 = 6 * 3_600 * SECOND_MS;

/// Where pings go: it returns when they survive a power cut.
pub type Keep = Box<dyn FnMut(&[Ping]) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// Joins.
pub struct Joiner {
    keep: Keep,
    /// Whether the agent watches the focus itself. What ActivityWatch's watchers say of it does not count then.
    watches_itself: Arc<AtomicBool>,
    joined: Option<i64>,
}

impl Joiner {
    /// A joiner that gives its pings to `keep`.
    #[must_use]
    pub fn new(keep: Keep, watches_itself: Arc<AtomicBool>) -> Self {
        Self {
            keep,
            watches_itself,
            joined: None,
        }
    }

    /// The change up to which everything is in the spool, as far as that is known in this run.
    #[must_use]
    pub fn joined(&self) -> Option<i64> {
        self.joined
    }

    /// Joins what was touched, up to `now`: what is later waits until then.
    pub fn join(&mut self, store: &mut SqliteStore, now: UnixMs) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (touched, change) = store.take_touched();
        let mut touched = touched.into_iter();
        let mut later = false;
        while let Some(span) = touched.next() {
            if let Some(coming) = Span::new(span.start().max(now), span.end()) {
                store.touch_again(coming);
                later = true;
            }
            let done = Span::new(span.start(), span.end().min(now)).map_or(Ok(()), |span| self.join_all(store, span));
            if let Err(error) = done {
                store.touch_again(span);
                touched.for_each(|span| store.touch_again(span));
                return Err(error);
            }
        }
        // What waits is touched in memory alone, so after a restart it has to be found again.
        if !later {
            self.joined = Some(change);
        }
        Ok(())
    }

    fn join_all(&mut self, store: &SqliteStore, span: Span) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut start = span.start();
        while let Some(step) = Span::new(start, start.plus_ms(STEP_MS).min(span.end())) {
            let pings = self.pings(store, step)?;
            if !pings.is_empty() {
                (self.keep)(&pings)?;
            }
            start = step.end();
        }
        Ok(())
    }

    fn pings(&self, store: &SqliteStore, within: Span) -> Result<Vec<Ping>, StoreError> {
        let seen = Seen::of(store, within)?;
        let mut used = seen.watched.sites(&seen.own_focus, within);
        if !self.watches_itself.load(Ordering::Relaxed) {
            used.extend(seen.watched.join(within));
        }
        let ping = |used: Used| Ping {
            app: used.label.app_name,
            domain: used.label.domain,
            passive: false,
            span: used.span,
        };
        Ok(used.into_iter().map(ping).collect())
    }
}

/// What the buckets tell of a stretch of time.
#[derive(Default)]
struct Seen {
    watched: Watched,
    own_focus: Vec<Row<AppName>>,
}

impl Seen {
    fn of(store: &SqliteStore, within: Span) -> Result<Self, StoreError> {
        let reach = within.widen(GAP_MAX_MS);
        let window = Window {
            from_us: reach.start().0.saturating_mul(1_000),
            to_us: reach.end().0.saturating_mul(1_000),
            limit: usize::MAX,
        };
        let mut seen = Self::default();
        for extent in store.buckets()? {
            let Bucket { id, kind, hostname, .. } = extent.bucket;
            let events = || store.events(&id, &window);
            if kind == OWN_FOCUS {
                let rows = events()?;
                seen.own_focus.extend(rows.iter().map(window_of).filter_map(named));
                continue;
            }
            match Kind::of_type(&kind) {
                Kind::Windows => {
                    let rows = events()?.iter().map(window_of).collect();
                    seen.watched.windows.push((hostname, rows));
                }
                Kind::Presence => {
                    let row = |event: &Event| tells(&event.data).of(Kind::Presence).presence(event.stretch);
                    seen.watched
                        .presence
                        .push((hostname, events()?.iter().filter_map(row).collect()));
                }
                Kind::Tabs => {
                    if let Some(browser) = Browser::of_bucket(&id) {
                        let row = |event: &Event| tells(&event.data).of(Kind::Tabs).tab(event.stretch);
                        let rows = events()?.iter().map(row).collect();
                        seen.watched.tabs.push((hostname, Tabs { browser, rows }));
                    }
                }
                Kind::Other => {}
            }
        }
        Ok(seen)
    }
}

fn window_of(event: &Event) -> Row<Option<AppName>> {
    tells(&event.data).of(Kind::Windows).window(event.stretch)
}

fn named(row: Row<Option<AppName>>) -> Option<Row<AppName>> {
    let Row { start, end, seen } = row;
    seen.map(|seen| Row { start, end, seen })
}
