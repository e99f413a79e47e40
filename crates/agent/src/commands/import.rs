//! `daybook-agent import`: takes a person's history from the files of other trackers to their Daybook, or says what that would change.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use domain::reports::Zone;

use crate::clock;
use crate::files;
use crate::import::delivery::{Delivery, Outcome};
use crate::import::sources::{Gathered, gather};
use crate::import::{self, Manner, ROWS_MAX, overlap, summary};
use crate::privacy::Privacy;
use crate::privacy::news::RuleNews;
use crate::settings::ImportSettings;

use super::{CommandError, account, print};

/// How often a line of progress is written anew.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Reads files, says what they hold, and sends it or asks what it would change.
pub fn import(dir: &Path, settings: &ImportSettings) -> Result<(), CommandError> {
    let inputs = import::open(&settings.files)?;
    files::make_private_dir(dir)?;
    let mut account = account(dir, &settings.account)?;
    let privacy = Arc::new(Privacy::open(dir)?);
    // What the person wishes at the server counts from the first line that is read.
    let token = account.token()?;
    RuleNews::new(Arc::clone(&privacy)).ask_if_due(&account.server, &account.email, &token.secret);
    let manner = Manner {
        format: settings.format,
        zone: settings.timezone,
        rows_max: ROWS_MAX,
    };
    say("reading …\n");
    let (mut found, reports) = import::read(inputs, manner, &privacy)?;
    let zone = settings.timezone.unwrap_or(Zone::UTC);
    let files: Vec<String> = reports.iter().map(|report| summary::file(report, zone)).collect();
    print(&files.concat())?;
    let mut places = std::mem::take(&mut found.places).under(settings.source.as_deref());
    let gathered = gather(found, settings.source.as_deref(), &privacy);
    print(&summary::sources(&gathered))?;
    if gathered.sources.is_empty() {
        return Err(CommandError::NothingToImport);
    }
    let mut delivery = Delivery {
        account: &mut account,
        is_dry_run: settings.dry_run,
        places: &mut places,
        wait: &mut thread::sleep,
        dice: clock::dice,
        waited: Duration::ZERO,
    };
    let outcome = deliver(&mut delivery, &gathered)?;
    let counted_again_ms = overlap::counted_again_ms(&gathered.sources, &outcome.timeouts);
    print(&summary::outcome(&outcome, settings.dry_run, counted_again_ms))?;
    if outcome.accepted == 0 && outcome.rejected.count() > 0 {
        return Err(CommandError::NothingTaken);
    }
    Ok(())
}

fn deliver(delivery: &mut Delivery<'_>, gathered: &Gathered) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::default();
    for source in &gathered.sources {
        let mut progress = Progress::of(&source.name, source.pings.len() + source.points.len());
        let done = delivery.deliver(source, &mut |count| progress.went(count));
        progress.end();
        outcome.add(done?);
    }
    Ok(outcome)
}

/// A line that tells how far it is, for somebody who looks at a terminal.
struct Progress<'a> {
    what: &'a str,
    total: usize,
    done: usize,
    shown: Option<Instant>,
}

impl<'a> Progress<'a> {
    fn of(what: &'a str, total: usize) -> Self {
        Self {
            what,
            total,
            done: 0,
            shown: None,
        }
    }

    fn went(&mut self, count: usize) {
        self.done += count;
        let now = Instant::now();
        if self.shown.is_some_and(|shown| now < shown + PROGRESS_EVERY) {
            return;
        }
        self.shown = Some(now);
        say(&format!("\r{}: {} of {} ", self.what, self.done, self.total));
    }

    fn end(&self) {
        if self.shown.is_some() {
            say(&format!("\r{}: {} of {}\n", self.what, self.done, self.total));
        }
    }
}

/// Tells somebody who looks at a terminal. With nobody to read it, there is nobody to tell.
fn say(words: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        let _ = terminal.write_all(words.as_bytes()).and_then(|()| terminal.flush());
    }
}
