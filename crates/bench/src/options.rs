//! What to measure, how long and with how much.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures Daybook on this machine and prints every figure: starts servers of its own, loads them, and compares with the aims.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
pub struct Cli {
    /// What to run instead.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to measure.
    #[command(flatten)]
    pub options: Options,
}

/// What the bench runs instead of all its parts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One question, looked at closely.
    #[command(flatten)]
    Look(Look),
    /// The door without a queue behind it, on a port that it prints.
    #[command(hide = true)]
    BareDoor {
        /// The database with the key of access tokens.
        #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
        database_url: String,
        /// The Redis that it would keep pings in.
        #[arg(long, env = "REDIS_URL", hide_env_values = true)]
        redis_url: String,
    },
}

/// A question that is looked at closely, beside what the servers can do at most by themselves.
#[derive(Debug, Clone, Subcommand)]
pub enum Look {
    /// How many pings the door takes, with so many connections and pings in a list, and how long it takes at set rates: beside the bare door and a raw Redis.
    /// A cell of the grid is measured for a third of --seconds.
    Ingest {
        /// Connections of the grid.
        #[arg(long = "at", value_name = "CONNECTIONS", value_delimiter = ',', default_values_t = [1, 8, 64, 512])]
        #[arg(value_parser = clap::value_parser!(u16).range(1..=1_024))]
        at: Vec<u16>,
        /// Pings in a request of the grid.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100])]
        #[arg(value_parser = clap::value_parser!(u16).range(1..=1_000))]
        lists: Vec<u16>,
    },
    /// How quickly pings are merged, and how many rows that writes: beside raw statements.
    Drain,
    /// How long reports take over more and more rows, while pings are taken and merged: beside a raw statement.
    Report {
        /// How many rows there are, in millions, each time.
        #[arg(long, value_name = "MILLIONS", value_delimiter = ',', default_values_t = [1, 5, 20])]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
        rows: Vec<u32>,
    },
    /// Whether pings are merged as they are taken, for as long as it takes to see: the backlog, the memory and, at the end, everybody's timeline.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: u64,
        /// Pings a second; 70 % of what can be taken and merged together, when not given.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        rate: Option<u64>,
    },
}

/// How to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Short phases and little data, to try the bench itself; the figures are rough.
    #[arg(long, global = true)]
    pub quick: bool,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    pub only: Vec<Part>,
    /// Also write the figures to this file, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also draw what ingest, report and soak find into this directory, as NAME.svg.
    #[arg(long, global = true, value_name = "DIR")]
    pub plot: Option<PathBuf>,
    /// Seconds for which each load is measured.
    #[arg(long, global = true, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Connections of the load.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub connections: u16,
    /// How often the doors are measured in turn; their medians are told.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,
    /// Where the servers keep their data while the bench runs: on a disk of the kind that is meant.
    #[arg(long, global = true, value_name = "DIR", default_value = "/var/tmp")]
    pub data_dir: PathBuf,
    /// The server to measure; built from the sources when not given.
    #[arg(long, global = true, value_name = "PROGRAM")]
    pub daybook: Option<PathBuf>,
    /// A server from before sessions were checked and rates limited, to compare with: one built from an older commit.
    #[arg(long, value_name = "PROGRAM")]
    pub daybook_before: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// How many pings the door takes, bare and durable.
    Door,
    /// How quickly what the door took is merged.
    Drain,
    /// How quickly batches of one and of six pings of a person are merged.
    Merge,
    /// Accepting and merging at the same time, and the memory it takes.
    Together,
    /// How long it takes a ping to be seen in its user's report, under half load.
    Fresh,
    /// What one heavy device, or a backlog, does to how soon other people's pings are seen.
    Fair,
    /// How long a day's report takes over a year of everybody's time.
    Report,
    /// Whether the time of a refused sign-in tells who has an account, how many sign-ins a node does, and what a burst of them does to pings.
    Auth,
    /// What rate limits, and the checks of sessions since `--daybook-before`, cost the door.
    Checks,
}

impl Options {
    /// Whether a part was asked for: all are, unless some are named.
    #[must_use]
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// For how long answers are counted.
    #[must_use]
    pub fn measured(&self) -> Duration {
        Duration::from_secs(if self.quick { self.seconds.min(2) } else { self.seconds })
    }

    /// For how long they are not yet.
    #[must_use]
    pub fn warm_up(&self) -> Duration {
        self.measured() / 4
    }

    /// How often the doors are measured in turn.
    #[must_use]
    pub fn door_rounds(&self) -> u16 {
        if self.quick { 1 } else { self.rounds }
    }

    /// How many of something: a tenth when it must go quickly.
    #[must_use]
    pub fn scaled(&self, count: u32) -> u32 {
        if self.quick { (count / 10).max(1) } else { count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_has_options_of_its_own_and_those_of_all() {
        let cli = Cli::parse_from(["bench", "ingest", "--quick", "--at", "1,64", "--plot", "figures"]);
        assert!(cli.options.quick && cli.options.plot.is_some());
        let Some(Command::Look(Look::Ingest { at, lists })) = cli.command else {
            panic!("another command");
        };
        assert_eq!((at, lists), (vec![1, 64], vec![1, 10, 100]));
        assert!(Cli::try_parse_from(["bench", "report", "--rows", "0"]).is_err());
    }

    #[test]
    fn every_part_is_wanted_unless_some_are_named() {
        let options = |arguments: &[&str]| Cli::parse_from(arguments).options;
        assert!(options(&["bench"]).wants(Part::Report));
        let some = options(&["bench", "--only", "door,drain"]);
        assert!(some.wants(Part::Door) && some.wants(Part::Drain) && !some.wants(Part::Report));
    }
}
