//! Reads WakaTime's dumps: days with heartbeats, and the lists that say what the ids in them stand for. Of a file nothing is taken but its editor, of an
//! address only the host.

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess};

use domain::time::UnixMs;
use domain::trackers::wakatime::{self, Said, clean, instant, site};
use domain::usage::Kind;

use super::found::Reading;
use super::json::{As, Key, Pick, Picked, Shape};
use super::places::{Becomes, List};
use super::points::{Program, Spoken};
use super::sources::WAKATIME;

/// What is said of a file that holds days without heartbeats.
pub const TOTALS_ONLY: &str = "days without heartbeats, which say how long and not when";

/// Every field that is looked at, of a heartbeat or of what explains an id.
const FIELDS: [&str; 20] = [
    "time",
    "entity",
    "type",
    "category",
    "project",
    "alternate_project",
    "branch",
    "language",
    "alternate_language",
    "is_write",
    "user_agent_id",
    "user_agent",
    "editor",
    "operating_system",
    "machine_name_id",
    "machine",
    "id",
    "value",
    "name",
    "os",
];

const DAY_FIELDS: [&str; 3] = ["date", "heartbeats", "machines"];

/// What stands for an address without a host.
const NO_SITE: &str = "about:blank";

/// The days of a dump.
pub struct Days<'r, 'a>(pub &'r mut Reading<'a>);

impl<'de> Shape<'de> for Days<'_, '_> {
    type Out = ();

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.0.report.kinds.wakatime = true;
        let mut number = 0;
        while let Some(()) = list.next_element_seed(As(Day {
            number: number + 1,
            reading: &mut *self.0,
        }))? {
            number += 1;
        }
        Ok(())
    }

    fn other(self) {}
}

struct Day<'r, 'a> {
    number: u64,
    reading: &'r mut Reading<'a>,
}

impl<'de> Shape<'de> for Day<'_, '_> {
    type Out = ();

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut name = format!("day {}, ", self.number);
        let mut is_told = false;
        while let Some(place) = map.next_key_seed(Key(&DAY_FIELDS))? {
            match place.map(|place| DAY_FIELDS[place]) {
                Some("date") => {
                    if let Some(date) = map.next_value::<Option<String>>()? {
                        name = format!("day {date}, ");
                    }
                }
                Some("heartbeats") => {
                    is_told = true;
                    let reading = &mut *self.reading;
                    map.next_value_seed(As(Items { of: &name, reading }))?;
                }
                Some(_) => {
                    let reading = &mut *self.reading;
                    map.next_value_seed(As(Items { of: &name, reading }))?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !is_told {
            *self.reading.report.unused.entry(TOTALS_ONLY.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    fn other(self) {}
}

/// A list of heartbeats, of programs or of machines: each item says by its fields what it is.
pub struct Items<'r, 'a> {
    /// Where it is, in words before the number of an item.
    pub of: &'r str,
    /// Where it goes.
    pub reading: &'r mut Reading<'a>,
}

impl<'de> Shape<'de> for Items<'_, '_> {
    type Out = ();

    fn list<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.reading.report.kinds.wakatime = true;
        let mut number = 0_u64;
        let mut kept = List::default().named(format!("{}, {}heartbeat", self.reading.report.file, self.of));
        while let Some(item) = list.next_element_seed(As(Pick(&FIELDS)))? {
            number += 1;
            if !self.reading.found.has_room() {
                return Err(A::Error::custom(super::TOO_MANY));
            }
            if item.as_ref().is_some_and(|item| self.explained(item)) {
                continue;
            }
            match self.heartbeat(item) {
                Ok(at) => kept.note(number, at, at),
                Err(reason) => {
                    let place = || format!("{}heartbeat {number}", self.of);
                    self.reading.report.skipped.note(&reason, place);
                }
            }
        }
        let places = &mut self.reading.found.places;
        places.add(WAKATIME.to_owned(), Becomes::Points, kept);
        Ok(())
    }

    fn other(self) {}
}

impl Items<'_, '_> {
    /// Takes in what an id stands for. False for anything else.
    fn explained(&mut self, item: &Picked) -> bool {
        if item.was_given("time") || item.was_given("entity") {
            return false;
        }
        let text = |name| item.text(name).and_then(|text| clean(&text));
        let points = &mut self.reading.found.points;
        if let (Some(id), Some(name)) = (text("machine_name_id"), text("name")) {
            points.explain_machine(id, name);
        } else if let (Some(id), true) = (text("id"), item.was_given("editor") || item.was_given("os")) {
            points.explain_program(id, program(&[text("value"), text("editor"), text("os")]));
        } else if let (Some(id), Some(name)) = (text("id"), text("name").or_else(|| text("value"))) {
            points.explain_machine(id, name);
        } else {
            return false;
        }
        self.reading.report.looked_up += 1;
        true
    }

    /// Takes in a heartbeat, and answers when it was.
    fn heartbeat(&mut self, item: Option<Picked>) -> Result<UnixMs, String> {
        let item = item.ok_or("a heartbeat must be an object")?;
        let time = item.text("time").ok_or("time: must be given, in seconds since 1970")?;
        let at = instant(&time).ok_or("time: must be seconds since 1970")?;
        let said = said(&item)?;
        said.label().map_err(|fault| fault.to_string())?;
        let text = |name| item.text(name).and_then(|text| clean(&text));
        let spoken = Spoken {
            said,
            agent: text("user_agent").or_else(|| text("user_agent_id")),
            machine: text("machine").or_else(|| text("machine_name_id")),
        };
        self.reading.found.points.add(at, spoken);
        self.reading.report.saw(at, at);
        Ok(at)
    }
}

/// What a heartbeat says itself. Of an address nothing but the host comes as far as this.
fn said(item: &Picked) -> Result<Said, String> {
    let text = |name| item.text(name).and_then(|text| clean(&text));
    let kind = text("type").and_then(|word| Kind::of_word(&word.to_ascii_lowercase()));
    let kind = kind.unwrap_or(Kind::File);
    if item.raw("entity").is_none() {
        return Err("entity: must be given".to_owned());
    }
    let entity = match kind {
        Kind::File => None,
        Kind::App => text("entity"),
        Kind::Domain | Kind::Url => {
            let address = item.text("entity").ok_or("entity: must be given")?;
            let site = site(&address).map_err(|fault| fault.to_string())?;
            Some(site.map_or_else(|| NO_SITE.to_owned(), |site| site.as_str().to_owned()))
        }
    };
    Ok(Said {
        kind,
        entity,
        program: text("editor"),
        system: text("operating_system"),
        machine: None,
        category: text("category"),
        project: [text("project"), text("alternate_project")],
        branch: text("branch"),
        language: [text("language"), text("alternate_language")],
        is_write: text("is_write").map(|word| word == "true" || word == "1"),
    })
}

/// What a program calls itself, else what WakaTime calls it and its system.
fn program([value, editor, os]: &[Option<String>; 3]) -> Program {
    let called = Program::of_text(value.as_deref().unwrap_or_default());
    let os = os.as_deref().map(|os| match wakatime::system(&format!("({os})")) {
        Some(known) => known.to_owned(),
        None if os.eq_ignore_ascii_case("mac") => "macOS".to_owned(),
        None => os.to_owned(),
    });
    Program {
        name: called.name.or_else(|| editor.clone()),
        system: called.system.or(os),
    }
}

#[cfg(test)]
mod tests;
