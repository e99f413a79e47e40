//! What can be said at the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::ledger::now;
use crate::sabotage::Sabotage;

/// How long faults strike, unless said.
const SECONDS: u64 = 30;
/// How long they do in a control.
const CONTROL_SECONDS: u64 = 12;

/// Strikes a whole Daybook with faults drawn from a seed, and looks for a ping that was accepted and is not in the timeline exactly once.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Options {
    /// What everything is drawn from; a new one each time, and printed, when not given
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many seconds faults strike; then all is healed, drained and checked
    #[arg(long, conflicts_with = "minutes", value_parser = clap::value_parser!(u64).range(5..=86_400))]
    pub seconds: Option<u64>,
    /// How many minutes
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    pub minutes: Option<u64>,
    /// Break this promise on purpose: the run must find it
    #[arg(long, value_name = "NAME", conflicts_with = "controls")]
    pub control: Option<Sabotage>,
    /// Break each promise in turn; fails when one is not found
    #[arg(long)]
    pub controls: bool,
    /// The server to torture; built in release from the sources when not given
    #[arg(long, value_name = "PROGRAM")]
    pub daybook: Option<PathBuf>,
    /// Where everything of the run is kept
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    pub data_dir: PathBuf,
    /// Leave that there at the end
    #[arg(long)]
    pub keep: bool,
    /// Also write the report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Options {
    /// How long faults strike. A control has faults that follow each other closely, and needs less.
    #[must_use]
    pub fn lasts(&self, sabotage: Option<Sabotage>) -> Duration {
        let unless_said = sabotage.map_or(SECONDS, |_| CONTROL_SECONDS);
        match self.minutes {
            Some(minutes) => Duration::from_mins(minutes),
            None => Duration::from_secs(self.seconds.unwrap_or(unless_said)),
        }
    }

    /// The seed, or a new one.
    #[must_use]
    pub fn seed(&self) -> u64 {
        // Small, so that people can type it.
        self.seed
            .unwrap_or_else(|| u64::from(std::process::id()) ^ (now().0.unsigned_abs() & 0xFFFF_FFFF))
    }
}
