//! Turns what the store has learned into pings: the stretches of time that were touched are joined again, and what that says goes into the spool.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use domain::time::{SECOND_MS, Span, UnixMs};
use domain::trackers::activitywatch::{Browser, GAP_MAX_MS, Presence, Row, Streams, Tabs, Used};
use domain::usage::{AppName, Domain};

use crate::watch::Ping;

use super::event::{Bucket, Event};
use super::sqlite::{SqliteStore, ms};
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
        let mut used = seen.own().sites(&seen.own_focus, within);
        if !self.watches_itself.load(Ordering::Relaxed) {
            used.extend(seen.machines().iter().flat_map(|machine| machine.join(within)));
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

/// What the buckets tell of a stretch of time, each with the machine that it tells of.
#[derive(Default)]
struct Seen {
    windows: Vec<(String, Vec<Row<AppName>>)>,
    presence: Vec<(String, Vec<Row<Presence>>)>,
    tabs: Vec<(String, Tabs)>,
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
            match kind.as_str() {
                "currentwindow" => seen.windows.push((hostname, rows(&events()?, app))),
                "afkstatus" => seen.presence.push((hostname, rows(&events()?, presence))),
                "web.tab.current" => {
                    if let Some(browser) = Browser::of_bucket(&id) {
                        // Every tab is a row: one whose site is nobody's business hides the one before it.
                        let rows = rows(&events()?, |event| Some(site(event)));
                        seen.tabs.push((hostname, Tabs { browser, rows }));
                    }
                }
                OWN_FOCUS => seen.own_focus.extend(rows(&events()?, app)),
                _ => {}
            }
        }
        Ok(seen)
    }

    /// All tabs, for the focus that this machine's agent saw.
    fn own(&self) -> Streams {
        Streams {
            tabs: self.tabs.iter().map(|(_, tabs)| tabs.clone()).collect(),
            ..Streams::default()
        }
    }

    /// The streams of each machine whose windows were watched. A bucket that names no such machine tells of all of them: not every watcher knows
    /// where it runs.
    fn machines(&self) -> Vec<Streams> {
        let mut names: Vec<&String> = self.windows.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        let tells_of = |bucket: &String, name: &String| bucket == name || !names.contains(&bucket);
        let streams = |name: &&String| Streams {
            windows: of(&self.windows, |of| of == *name),
            presence: of(&self.presence, |of| tells_of(of, name)),
            tabs: of(&self.tabs, |of| tells_of(of, name)),
        };
        names.iter().map(streams).collect()
    }
}

fn of<T: Clone>(buckets: &[(String, T)], tells: impl Fn(&String) -> bool) -> Vec<T> {
    let told = buckets.iter().filter(|(name, _)| tells(name));
    told.map(|(_, rows)| rows.clone()).collect()
}

/// The rows whose data says something.
fn rows<T>(events: &[Event], seen: impl Fn(&Event) -> Option<T>) -> Vec<Row<T>> {
    let row = |event: &Event| {
        Some(Row {
            start: ms(event.stretch.start_us),
            end: ms(event.stretch.end_us),
            seen: seen(event)?,
        })
    };
    events.iter().filter_map(row).collect()
}

fn app(event: &Event) -> Option<AppName> {
    AppName::parse(event.data.object().get("app")?.as_str()?).ok()
}

fn presence(event: &Event) -> Option<Presence> {
    match event.data.object().get("status")?.as_str()? {
        "not-afk" => Some(Presence::Here),
        "afk" => Some(Presence::Away),
        _ => None,
    }
}

fn site(event: &Event) -> Option<Domain> {
    let object = event.data.object();
    let is_private = object.get("incognito").is_some_and(|told| *told != Value::Bool(false));
    let url = object.get("url").and_then(Value::as_str).filter(|_| !is_private);
    url.and_then(|url| Domain::of_url(url).ok().flatten())
}
