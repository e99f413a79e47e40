//! A whole run: what was asked for, one part after the other.

use std::fmt;
use std::fs;
use std::time::Instant;

use serde::Serialize;

use crate::build;
use crate::failure::Failure;
use crate::machine::{self, Machine};
use crate::options::{Options, Part};
use crate::stage::Stage;
use crate::table::Table;
use crate::{auth, checks, door, drain, fresh, together, year};

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
}

/// Measures what `options` ask for, and writes it to their file if they name one.
pub fn run(options: Options) -> Result<Report, Failure> {
    if cfg!(debug_assertions) {
        return Err(Failure::new(
            "this is a debug build, whose figures mean nothing: cargo run --release -p bench",
        ));
    }
    let began = Instant::now();
    // Before anything makes the machine busy.
    let load_before = machine::load_average();
    let daybook = options.daybook.clone().map_or_else(build::daybook, Ok)?;
    let mut stage = Stage::set_up(options, daybook)?;
    let versions = stage.versions()?;
    let machine = Machine::look(&build::sources(), stage.dir(), versions)?;
    let mut table = Table::default();
    measure(&mut stage, &mut table)?;
    let report = Report {
        machine: Machine { load_before, ..machine },
        connections: stage.options.connections,
        rounds: stage.options.door_rounds(),
        seconds_each: stage.options.measured().as_secs(),
        quick: stage.options.quick,
        took_seconds: began.elapsed().as_secs(),
        table,
    };
    if let Some(file) = &stage.options.json {
        let failed = || Failure::because(format!("could not write {}", file.display()));
        let text =
            serde_json::to_string_pretty(&report).map_err(Failure::because("could not write the figures as JSON"))?;
        fs::write(file, text + "\n").map_err(failed())?;
    }
    Ok(report)
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
        writeln!(
            f,
            "Doors: {} connections, one numbered ping of about 190 bytes a request, {} people; medians; rounds in turn: {}.",
            self.connections,
            door::PEOPLE,
            self.rounds
        )?;
        writeln!(
            f,
            "Each load was measured for {} s after a warm-up{roughly}. The run took {} s.",
            self.seconds_each, self.took_seconds
        )?;
        write!(
            f,
            "Load, programs and servers share the machine. After each drain, everybody's stored timeline was equal to what had been accepted."
        )
    }
}
