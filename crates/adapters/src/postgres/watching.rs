//! What ActivityWatch's watchers send, in `watch_buckets` and `watch_events`, and what of it is not claimed yet, in `watch_marks`: as the role of the API one
//! person at a time, as that of the worker what is left of all.

mod buckets;
mod events;
mod marks;
mod upkeep;

use domain::trackers::activitywatch::{Presence, Stretch, Told};
use domain::usage::Label;
use ports::trackers::WatchEvent;
use tokio_postgres::Row;

use super::database::Database;
use super::failure::Failure;
use super::values::column;

/// The farthest microsecond that is searched for, on either side of 1970: nothing that is stored lies beyond, and lengths can be taken from it.
const SEARCHED_US_MAX: i64 = i64::MAX / 4;

/// What watchers send, in one database.
#[derive(Debug, Clone)]
pub struct Watching {
    database: Database,
}

impl Watching {
    /// What is in `database`, which has all migrations.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

/// What of an event counts, as it is stored: an application, a site, or whether there was somebody.
struct Columns {
    app_name: Option<String>,
    domain: Option<String>,
    is_here: Option<bool>,
}

impl Columns {
    fn of(told: &Told) -> Self {
        let (mut app_name, mut domain, mut is_here) = (None, None, None);
        match told {
            Told::Nothing => {}
            Told::App(app) => app_name = Some(app.as_str().to_owned()),
            Told::Site(site) => domain = Some(site.as_str().to_owned()),
            Told::Presence(presence) => is_here = Some(*presence == Presence::Here),
        }
        Self {
            app_name,
            domain,
            is_here,
        }
    }
}

/// The columns `start_us, end_us, app_name, domain, is_here` of a row, from `first` on.
fn told_at(row: &Row, first: usize) -> Result<(Stretch, Told), Failure> {
    let stretch = Stretch {
        start_us: column(row, first)?,
        end_us: column(row, first + 1)?,
    };
    let (app, domain): (Option<&str>, Option<&str>) = (column(row, first + 2)?, column(row, first + 3)?);
    let is_here: Option<bool> = column(row, first + 4)?;
    let presence = is_here.map(|is_here| if is_here { Presence::Here } else { Presence::Away });
    // A label is what both passed the door as; a site by itself has none, so it is given any.
    let label = Label::trusted(app.unwrap_or_default(), domain);
    let told = match (app, label.domain, presence) {
        (Some(_), ..) => Told::App(label.app_name),
        (None, Some(site), _) => Told::Site(site),
        (None, None, Some(presence)) => Told::Presence(presence),
        (None, None, None) => Told::Nothing,
    };
    Ok((stretch, told))
}

/// The columns `id, start_us, end_us, app_name, domain, is_here` of a row, from `first` on.
fn event_at(row: &Row, first: usize) -> Result<WatchEvent, Failure> {
    let (stretch, told) = told_at(row, first + 1)?;
    Ok(WatchEvent {
        id: column(row, first)?,
        stretch,
        told,
    })
}

fn searchable_us(at_us: i64) -> i64 {
    at_us.clamp(-SEARCHED_US_MAX, SEARCHED_US_MAX)
}

fn count(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}
