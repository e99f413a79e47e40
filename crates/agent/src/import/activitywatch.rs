//! Reads ActivityWatch's exports: of each event who had the focus, which site a tab showed, or whether somebody was there. Titles and addresses are read over.

use std::borrow::Cow;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use domain::trackers::activitywatch::{Browser, Presence, Row, Tabs};
use domain::usage::{AppName, Domain};

use crate::relay::event::{DURATION_SECS_MAX, parse_time, whole_micros};
use crate::relay::sqlite::ms;

use super::found::Reading;
use super::json::{As, Key, Pick, Picked, Shape, text};
use super::names::Named;
use super::places::{Becomes, List};
use super::report::{FileReport, Reasons};
use super::sources;

/// A bucket with what its events say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub id: String,
    /// The machine that it tells of.
    pub hostname: String,
    /// Its events.
    pub rows: Rows,
}

/// What the events of a bucket say, by its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// `currentwindow`.
    Windows(Vec<Row<Option<AppName>>>),
    /// `afkstatus`.
    Presence(Vec<Row<Presence>>),
    /// `web.tab.current`.
    Tabs(Tabs),
}

const WINDOWS: &str = "currentwindow";
const PRESENCE: &str = "afkstatus";
const TABS: &str = "web.tab.current";

/// What is said of an event that ends before it begins.
const NEGATIVE: &str = "duration: is negative, and counts as none";

/// The fields of a bucket, in the order of [`Draft::field`].
pub const BUCKET_FIELDS: [&str; 4] = ["id", "type", "hostname", "events"];
const EVENT_FIELDS: [&str; 3] = ["timestamp", "duration", "data"];
const DATA_FIELDS: [&str; 4] = ["app", "status", "url", "incognito"];

/// The buckets of an export, by name.
pub struct Buckets<'r, 'a>(pub &'r mut Reading<'a>);

impl<'de> Shape<'de> for Buckets<'_, '_> {
    type Out = ();

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.report.kinds.activitywatch = true;
        while let Some(id) = map.next_key::<String>()? {
            let mut draft = Draft::named(id);
            map.next_value_seed(As(OneBucket {
                draft: &mut draft,
                reading: &mut *self.0,
            }))?;
            draft.finish(self.0);
        }
        Ok(())
    }

    fn other(self) {}
}

struct OneBucket<'r, 'a> {
    draft: &'r mut Draft,
    reading: &'r mut Reading<'a>,
}

impl<'de> Shape<'de> for OneBucket<'_, '_> {
    type Out = ();

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Key(&BUCKET_FIELDS))? {
            match place {
                Some(place) => self.draft.field(place, &mut map, self.reading)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn other(self) {}
}

/// A bucket that is being read. Its type may stand behind its events, so until it is known they are read as each of the types.
#[derive(Debug, Default)]
pub struct Draft {
    id: String,
    kind: Option<String>,
    hostname: String,
    events: u64,
    windows: Lane<Option<AppName>>,
    presence: Lane<Presence>,
    tabs: Lane<Option<Domain>>,
    skipped: Reasons,
    amended: Reasons,
    /// Where the windows are, by the number of their event.
    places: List,
}

/// Events read as one of the types.
#[derive(Debug)]
struct Lane<T> {
    rows: Vec<Row<T>>,
    ruled_out: u64,
    skipped: Reasons,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            ruled_out: 0,
            skipped: Reasons::default(),
        }
    }
}

impl<T> Lane<T> {
    /// Of the rows, those are told to have been read that `counts`.
    fn settle(self, report: &mut FileReport, counts: impl Fn(&T) -> bool) -> Vec<Row<T>> {
        report.ruled_out += self.ruled_out;
        report.skipped.merge(self.skipped);
        let read = self.rows.iter().filter(|row| counts(&row.seen));
        read.for_each(|row| report.saw(row.start, row.end));
        self.rows
    }
}

impl Draft {
    fn named(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// Reads the field of [`BUCKET_FIELDS`] at this place.
    pub fn field<'de, A: MapAccess<'de>>(
        &mut self,
        place: usize,
        map: &mut A,
        reading: &mut Reading<'_>,
    ) -> Result<(), A::Error> {
        if BUCKET_FIELDS[place] == "events" {
            return map.next_value_seed(As(Events { draft: self, reading }));
        }
        let value: Box<RawValue> = map.next_value()?;
        let Some(said) = text(value.get()).filter(|_| value.get() != "null") else {
            return Ok(());
        };
        match BUCKET_FIELDS[place] {
            // Where the bucket has a name in its list already, that one counts.
            "id" if self.id.is_empty() => self.id = said.into_owned(),
            "type" => self.kind = Some(said.into_owned()),
            "hostname" => self.hostname = said.into_owned(),
            _ => {}
        }
        Ok(())
    }

    /// Whether anything of a bucket was there.
    #[must_use]
    pub fn is_bucket(&self) -> bool {
        self.kind.is_some() || self.events > 0
    }

    /// Gives away what was read.
    pub fn finish(self, reading: &mut Reading<'_>) {
        reading.report.kinds.activitywatch = true;
        let Self { id, hostname, .. } = self;
        let (report, browser) = (&mut *reading.report, Browser::of_bucket(&id));
        let rows = match (self.kind.as_deref(), browser) {
            (Some(WINDOWS), _) => {
                let places = self.places.named(format!("{}, bucket {id}, event", report.file));
                let source = sources::of_machine(&hostname);
                reading.found.places.add(source, Becomes::Claims, places);
                Rows::Windows(self.windows.settle(report, Option::is_some))
            }
            (Some(PRESENCE), _) => Rows::Presence(self.presence.settle(report, |_| true)),
            (Some(TABS), Some(browser)) => Rows::Tabs(Tabs {
                browser,
                rows: self.tabs.settle(report, |_| true),
            }),
            _ => {
                if self.events > 0 {
                    *report.unused.entry(id).or_default() += self.events;
                }
                return;
            }
        };
        report.skipped.merge(self.skipped);
        report.amended.merge(self.amended);
        reading.found.add(Bucket { id, hostname, rows });
    }

    fn may_be(&self, kind: &str) -> bool {
        self.kind.as_deref().is_none_or(|known| known == kind)
    }

    fn is_of_use(&self) -> bool {
        [WINDOWS, PRESENCE, TABS].iter().any(|kind| self.may_be(kind))
    }

    /// Takes in an event, which was the last that was counted.
    fn take(&mut self, event: Option<Event>, reading: &mut Reading<'_>) {
        let (id, number) = (&self.id, self.events);
        let place = || format!("bucket {id}, event {number}");
        let Some(event) = event else {
            return self.skipped.note("an event must be an object", place);
        };
        let (start_us, length_us) = match event.stretch() {
            Ok(stretch) => stretch,
            Err(reason) => return self.skipped.note(&reason, place),
        };
        if length_us < 0 {
            self.amended.note(NEGATIVE, place);
        }
        let (start, end) = (ms(start_us), ms(start_us.saturating_add(length_us.max(0))));
        if self.may_be(WINDOWS) {
            let seen = match event.app(reading) {
                Ok(Named::Open(app)) => Some(app),
                Ok(Named::Private) => {
                    self.windows.ruled_out += 1;
                    None
                }
                Err(reason) => {
                    self.windows.skipped.note(&reason, place);
                    None
                }
            };
            if seen.is_some() {
                self.places.note(number, start, end);
            }
            // Whatever it was, what was there before it is over.
            self.windows.rows.push(Row { start, end, seen });
        }
        if self.may_be(PRESENCE) {
            match event.presence() {
                Some(seen) => self.presence.rows.push(Row { start, end, seen }),
                None => self.presence.skipped.note("data.status: must be afk or not-afk", place),
            }
        }
        if self.may_be(TABS) {
            // Every tab is a row: one whose site is nobody's business hides the one before it.
            let seen = match event.site().map(|site| reading.found.names.site(site)) {
                Some(Named::Open(site)) => Some(site),
                Some(Named::Private) => {
                    self.tabs.ruled_out += 1;
                    None
                }
                None => None,
            };
            self.tabs.rows.push(Row { start, end, seen });
        }
    }
}

struct Events<'r, 'a> {
    draft: &'r mut Draft,
    reading: &'r mut Reading<'a>,
}

impl<'de> Shape<'de> for Events<'_, '_> {
    type Out = ();

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { draft, reading } = self;
        if !draft.is_of_use() {
            while list.next_element::<IgnoredAny>()?.is_some() {
                draft.events += 1;
            }
            return Ok(());
        }
        while let Some(event) = list.next_element_seed(As(OneEvent))? {
            draft.events += 1;
            if !reading.found.has_room() {
                return Err(A::Error::custom(super::TOO_MANY));
            }
            draft.take(event, reading);
        }
        Ok(())
    }

    fn other(self) {}
}

/// An event as it was written, without what is of no use.
struct Event {
    when: Picked,
    data: Option<Picked>,
}

struct OneEvent;

impl<'de> Shape<'de> for OneEvent {
    type Out = Option<Event>;

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Event>, A::Error> {
        let mut when = Picked::empty(&EVENT_FIELDS);
        let mut data = None;
        while let Some(place) = map.next_key_seed(Key(&EVENT_FIELDS))? {
            match place.map(|place| (place, EVENT_FIELDS[place])) {
                Some((_, "data")) => data = map.next_value_seed(As(Pick(&DATA_FIELDS)))?,
                Some((place, _)) => when.set(place, map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(Event { when, data }))
    }

    fn other(self) -> Option<Event> {
        None
    }
}

impl Event {
    /// From when on, and for how long, in microseconds.
    fn stretch(&self) -> Result<(i64, i64), String> {
        let start = self.when.text("timestamp").ok_or("timestamp: must be given")?;
        let start_us = parse_time(&start).map_err(|unfit| format!("timestamp: {unfit}"))?;
        let seconds = match self.when.raw("duration") {
            None => 0.0,
            Some(json) => text(json)
                .and_then(|said| said.parse::<f64>().ok())
                .filter(|seconds| seconds.is_finite())
                .ok_or("duration: must be a number of seconds")?,
        };
        if seconds > DURATION_SECS_MAX {
            return Err("duration: must be less than ten years".to_owned());
        }
        Ok((start_us, whole_micros(seconds)))
    }

    fn said(&self, name: &str) -> Option<Cow<'_, str>> {
        self.data.as_ref()?.text(name)
    }

    fn app(&self, reading: &mut Reading<'_>) -> Result<Named<AppName>, String> {
        let app = self.said("app").ok_or("data.app: must be given")?;
        reading
            .found
            .names
            .app(&app)
            .map_err(|fault| format!("data.app: {}", fault.detail))
    }

    fn presence(&self) -> Option<Presence> {
        match self.said("status")?.as_ref() {
            "not-afk" => Some(Presence::Here),
            "afk" => Some(Presence::Away),
            _ => None,
        }
    }

    /// Nothing for a page without a site, and for a private window.
    fn site(&self) -> Option<Domain> {
        let data = self.data.as_ref()?;
        if data.was_given("incognito") && data.raw("incognito") != Some("false") {
            return None;
        }
        Domain::of_url(&data.text("url")?).ok().flatten()
    }
}

#[cfg(test)]
mod tests;
