//! What the store must not learn: what the person's rules exclude or hide, what is shown in private tabs, and anything of private time.
//!
//! Such an event is kept without what it says, because that something was in front is what ends the one before it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use domain::time::Span;
use domain::usage::{AppName, Domain};

use crate::privacy::Privacy;
use crate::privacy::changes::Changes;
use crate::watch::Ping;

use super::event::{Data, Event};
use super::sqlite::ms;

/// Stands for a browser where only the site is asked about.
pub(crate) const ANY_BROWSER: &str = "browser";

/// Decides what may be kept of what watchers send.
pub trait Discretion: Debug + Send + Sync {
    /// What may be kept of what an event of a bucket of this type says.
    fn of(&self, kind: &str, event: &Event) -> Data;
}

/// By the person's rules and private mode.
#[derive(Debug)]
pub struct Wishes {
    privacy: Arc<Privacy>,
    changes: Mutex<Changes>,
}

impl Wishes {
    /// The wishes as they are when an event comes.
    #[must_use]
    pub fn over(privacy: Arc<Privacy>) -> Self {
        let changes = Mutex::new(Changes::of(privacy.dir()));
        Self { privacy, changes }
    }

    /// What the rules make of it, where it is in public time at all.
    fn admitted(&self, app: AppName, domain: Option<Domain>, event: &Event) -> Option<Ping> {
        let start = ms(event.stretch.start_us);
        let end = ms(event.stretch.end_us).max(start.plus_ms(1));
        let span = Span::new(start, end)?;
        let ping = Ping {
            app,
            domain,
            passive: false,
            span,
        };
        self.privacy.admit(ping).pop()
    }

    fn window(&self, event: &Event) -> Option<Map<String, Value>> {
        let mut object = event.data.object();
        let app = object.get("app").and_then(Value::as_str);
        let app = AppName::parse(app?).ok()?;
        self.admitted(app, None, event)?;
        if self.privacy.has_rules() {
            // Titles name sites and documents that other rules may be about.
            object.remove("title");
        }
        Some(object)
    }

    fn tab(&self, event: &Event) -> Option<Map<String, Value>> {
        let mut object = event.data.object();
        if object.get("incognito").is_some_and(|told| *told != Value::Bool(false)) {
            return None;
        }
        let url = object.get("url").and_then(Value::as_str);
        let domain = url.and_then(|url| Domain::of_url(url).ok().flatten());
        let admitted = self.admitted(AppName::parse(ANY_BROWSER).ok()?, domain.clone(), event)?;
        if domain.is_some() && admitted.domain.is_none() {
            return None;
        }
        if self.privacy.has_rules() {
            object.remove("title");
            let site = domain.map_or_else(String::new, |domain| format!("https://{}/", domain.as_str()));
            object.insert("url".to_owned(), site.into());
        }
        Some(object)
    }
}

impl Discretion for Wishes {
    fn of(&self, kind: &str, event: &Event) -> Data {
        if self.changes.lock().unwrap_or_else(PoisonError::into_inner).any() {
            self.privacy.reload();
        }
        let kept = match kind {
            "currentwindow" => self.window(event),
            "web.tab.current" => self.tab(event),
            // Nothing is named.
            "afkstatus" => return event.data.clone(),
            // Nobody can tell what else may be named, so it is kept only where nothing may be excluded.
            _ if self.privacy.has_rules() => None,
            _ => {
                let anything = AppName::parse(kind).ok();
                anything
                    .and_then(|app| self.admitted(app, None, event))
                    .map(|_| event.data.object())
            }
        };
        let silent = || Map::from_iter([("incognito".to_owned(), Value::Bool(true))]);
        // Shorter than it was, so it fits.
        Data::of(kept.unwrap_or_else(silent)).unwrap_or_default()
    }
}
