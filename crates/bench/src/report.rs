//! A whole run: what was asked for, one part after the other.

use std::fmt;
use std::fs;
use std::time::Instant;

use serde::Serialize;
use testkit::runs::{Failure, Profile, daybook, sources};

use crate::chart::{self, Chart};
use crate::machine::{self, Machine};
use crate::options::{Look, Options, Part};
use crate::stage::Stage;
use crate::table::Table;
use crate::{auth, checks, door, drain, fair, fresh, ingest, merging, reading, soak, together, year};

/// What a run found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What it was found on.
    pub machine: Machine,
    /// Connections of the load.
    pub connections: u16,
    /// How often the doors were measured in turn.
    pub rounds: u16,
    /// For how many seconds each load was measured.
    pub seconds_each: u64,
    /// Whether it was a quick run, with rough figures.
    pub quick: bool,
    /// How long the run took, in seconds.
    pub took_seconds: u64,
    /// What it found.
    pub table: Table,
    /// What must be known to read it.
    pub notes: Vec<String>,
}

/// Measures what `options` ask for, or one question closely, and writes it to their files if they name some.
pub fn run(options: Options, look: Option<Look>) -> Result<Report, Failure> {
    if cfg!(debug_assertions) {
        return Err(Failure::new(
            "this is a debug build, whose figures mean nothing: cargo run --release -p bench",
        ));
    }
    let began = Instant::now();
    // Before anything makes the machine busy.
    let load_before = machine::load_average();
    let daybook = options.daybook.clone().map_or_else(|| daybook(Profile::Release), Ok)?;
    let mut stage = Stage::set_up(options, daybook)?;
    let versions = stage.versions()?;
    let machine = Machine::look(&sources(), stage.dir(), versions)?;
    let mut table = Table::default();
    let mut charts = Vec::new();
    let mut notes = Vec::new();
    match look {
        None => {
            measure(&mut stage, &mut table)?;
            notes.push(doors(&stage.options));
        }
        Some(look) => {
            let name = name(&look);
            notes.push(look_closely(&mut stage, &mut table, (look, &machine), &mut charts)?);
            draw(&stage.options, name, &charts)?;
        }
    }
    let report = Report {
        machine: Machine { load_before, ..machine },
        connections: stage.options.connections,
        rounds: stage.options.door_rounds(),
        seconds_each: stage.options.measured().as_secs(),
        quick: stage.options.quick,
        took_seconds: began.elapsed().as_secs(),
        table,
        notes,
    };
    if let Some(file) = &stage.options.json {
        let failed = || Failure::because(format!("could not write {}", file.display()));
        let text =
            serde_json::to_string_pretty(&report).map_err(Failure::because("could not write the figures as JSON"))?;
        fs::write(file, text + "\n").map_err(failed())?;
    }
    Ok(report)
}

/// What the doors of a whole run are, in a sentence.
fn doors(options: &Options) -> String {
    format!(
        "Doors: {} connections, one numbered ping of about 190 bytes a request, {} people; medians; rounds in turn: {}. \
         Each load was measured for {} s after a warm-up. After each drain, everybody's stored timeline was equal to what had been accepted.",
        options.connections,
        door::PEOPLE,
        options.door_rounds(),
        options.measured().as_secs()
    )
}

fn name(look: &Look) -> &'static str {
    match look {
        Look::Ingest { .. } => "ingest",
        Look::Drain => "drain",
        Look::Report { .. } => "report",
        Look::Soak { .. } => "soak",
    }
}

/// Answers a question, draws the answer, and says what must be known to read it.
fn look_closely(
    stage: &mut Stage,
    table: &mut Table,
    (look, machine): (Look, &Machine),
    charts: &mut Vec<Chart>,
) -> Result<String, Failure> {
    match look {
        Look::Ingest { at, lists } => {
            let grid = ingest::Grid::of(at, lists, &stage.options);
            *charts = ingest::measure(stage, table, &grid, machine.fsync_floor.p99_ms)?;
            Ok(ingest::NOTE.to_owned())
        }
        Look::Drain => {
            merging::measure(stage, table)?;
            Ok(merging::NOTE.to_owned())
        }
        Look::Report { rows } => {
            *charts = reading::measure(stage, table, rows)?;
            Ok(reading::NOTE.to_owned())
        }
        Look::Soak { minutes, rate } => {
            *charts = soak::measure(stage, table, minutes, rate)?;
            Ok(soak::NOTE.to_owned())
        }
    }
}

/// Draws into the directory that the options name, if they name one.
fn draw(options: &Options, name: &str, charts: &[Chart]) -> Result<(), Failure> {
    let Some(dir) = options.plot.as_ref().filter(|_| !charts.is_empty()) else {
        return Ok(());
    };
    let file = dir.join(format!("{name}.svg"));
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(&file, chart::page(charts)))
        .map_err(Failure::because(format!("could not draw {}", file.display())))
}

fn measure(stage: &mut Stage, table: &mut Table) -> Result<(), Failure> {
    let wants = |stage: &Stage, part| stage.options.wants(part);
    if [Part::Door, Part::Drain, Part::Fresh]
        .into_iter()
        .any(|part| wants(stage, part))
    {
        // The others compare with the doors, or take what they left.
        let doors = door::measure(stage, table)?;
        drain::measure_backlog(stage, table, &doors)?;
        if wants(stage, Part::Fresh) {
            fresh::measure(stage, table, &doors)?;
        }
    }
    if wants(stage, Part::Together) {
        together::measure(stage, table)?;
    }
    if wants(stage, Part::Fair) {
        fair::measure(stage, table)?;
    }
    if wants(stage, Part::Merge) {
        drain::measure_batches(stage, table)?;
    }
    if wants(stage, Part::Report) {
        year::measure(stage, table)?;
    }
    if wants(stage, Part::Auth) {
        auth::measure(stage, table)?;
    }
    if wants(stage, Part::Checks) {
        checks::measure(stage, table)?;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.machine)?;
        write!(f, "{}", self.table)?;
        writeln!(f)?;
        let roughly = if self.quick {
            ", quickly: the figures are rough"
        } else {
            ""
        };
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        write!(
            f,
            "The run took {} s{roughly}. Load, programs and servers share the machine.",
            self.took_seconds
        )
    }
}
