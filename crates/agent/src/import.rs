//! A person's history from other trackers. Files are read and joined here, since titles and whole addresses never leave a person's machine.
//!
//! ```text
//! files → input → root (activitywatch, wakatime) | table → found → sources → lists → delivery ⇒ server
//! ```

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use domain::reports::Zone;

use crate::privacy::Privacy;

use found::{Found, Reading};
use input::Input;
use report::{FileReport, Kinds};
use table::TableError;

pub mod activitywatch;
pub mod claims;
pub mod delivery;
pub mod found;
pub mod input;
mod json;
pub mod lists;
mod local;
pub mod machines;
pub mod names;
pub mod overlap;
pub mod places;
pub mod points;
pub mod report;
mod root;
pub mod sources;
mod steps;
pub mod summary;
pub mod table;
pub mod wakatime;

pub use found::ROWS_MAX;

/// What is said where files hold more rows than there is room for.
const TOO_MANY: &str = "more events than one import takes";

/// What a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// An export of ActivityWatch, of all buckets or of one.
    Activitywatch,
    /// A data dump of WakaTime, or what its API says of heartbeats, user agents and machine names.
    Wakatime,
    /// A table with the columns start_time, end_time or duration, app_name, and perhaps url and passive.
    Csv,
}

impl Format {
    /// With its article.
    fn in_words(self) -> &'static str {
        match self {
            Self::Activitywatch => "an export of ActivityWatch",
            Self::Wakatime => "a dump of WakaTime",
            Self::Csv => "a table (CSV)",
        }
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// What they are; without it, that is seen.
    pub format: Option<Format>,
    /// By whose clocks times without an offset are.
    pub zone: Option<Zone>,
    /// How many rows they may have together.
    pub rows_max: usize,
}

/// A file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be opened.
    #[error("cannot open {file}")]
    Open {
        /// Which.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is not a text that could be read.
    #[error("{file} {what}")]
    Unreadable {
        /// Which.
        file: String,
        /// What it is, and what to do.
        what: &'static str,
    },
    /// It is JSON that ends in the middle.
    #[error(
        "{file} ends in the middle, at line {line}, column {column}: was it cut off when it was saved? Nothing is imported"
    )]
    Truncated {
        /// Which.
        file: String,
        /// Its last line.
        line: usize,
        /// How far that goes.
        column: usize,
    },
    /// It is broken JSON.
    #[error("{file} is broken JSON: nothing is imported")]
    Json {
        /// Which.
        file: String,
        /// Why, and where.
        source: serde_json::Error,
    },
    /// It is no table that could be read.
    #[error("cannot read {file} as a table: nothing is imported")]
    Table {
        /// Which.
        file: String,
        /// Why, and where.
        source: TableError,
    },
    /// It is something else.
    #[error("{file} is not {wanted}: {why}")]
    AnotherFormat {
        /// Which.
        file: String,
        /// What it should be.
        wanted: &'static str,
        /// Why it is not that.
        why: &'static str,
    },
    /// There is nothing of use in it.
    #[error("there is nothing to import in {file}{why}")]
    Nothing {
        /// Which.
        file: String,
        /// Why, as far as it can be said, after a colon.
        why: String,
    },
    /// There is more than fits.
    #[error("{file} and the files before it hold more than {max} events: import them one by one, or in parts")]
    TooMany {
        /// Which.
        file: String,
        /// How many fit.
        max: usize,
    },
}

/// Opens files, which may be standard input.
pub fn open(files: &[PathBuf]) -> Result<Vec<Input>, ImportError> {
    files.iter().map(|file| Input::open(file)).collect()
}

/// Reads files, in their order, which makes no difference.
pub fn read(
    inputs: Vec<Input>,
    manner: Manner,
    privacy: &Arc<Privacy>,
) -> Result<(Found, Vec<FileReport>), ImportError> {
    let mut found = Found::under(privacy, manner.rows_max);
    let reports = inputs.into_iter().map(|input| read_one(input, manner, &mut found));
    let reports = reports.collect::<Result<_, _>>()?;
    Ok((found, reports))
}

fn read_one(mut input: Input, manner: Manner, found: &mut Found) -> Result<FileReport, ImportError> {
    let mut report = FileReport::of(&input.name);
    let rows_max = found.rows_max();
    let mut reading = Reading {
        found,
        report: &mut report,
    };
    let file = || input.name.clone();
    let is_json = manner.format.map_or(input.is_json, |format| format != Format::Csv);
    if let (Some(format), false) = (manner.format.filter(|_| is_json), input.is_json) {
        let (file, wanted) = (file(), format.in_words());
        let why = "it is no JSON. Without --format it is seen what it is";
        return Err(ImportError::AnotherFormat { file, wanted, why });
    }
    if is_json {
        root::read(&mut input.from, &mut reading).map_err(|source| {
            let is_full = source.is_data() && source.to_string().starts_with(TOO_MANY);
            let (file, max) = (file(), rows_max);
            let (line, column) = (source.line(), source.column());
            match source {
                _ if is_full => ImportError::TooMany { file, max },
                source if source.is_eof() => ImportError::Truncated { file, line, column },
                source => ImportError::Json { file, source },
            }
        })?;
    } else {
        table::read(&mut *input.from, manner.zone, &mut reading).map_err(|source| {
            let (file, max) = (file(), rows_max);
            match source {
                TableError::TooMany => ImportError::TooMany { file, max },
                TableError::NoColumn { .. } | TableError::Endless { line: 0..=1 } if input.is_json => {
                    ImportError::AnotherFormat {
                        file,
                        wanted: Format::Csv.in_words(),
                        why: "it is JSON. Without --format it is seen what it is",
                    }
                }
                source => ImportError::Table { file, source },
            }
        })?;
    }
    check(&report, manner.format)?;
    Ok(report)
}

/// Makes sure that the file is what it should be, and of use.
fn check(report: &FileReport, format: Option<Format>) -> Result<(), ImportError> {
    let file = report.file.clone();
    let Kinds {
        activitywatch,
        wakatime,
        csv,
    } = report.kinds;
    let another = match format {
        Some(format @ Format::Activitywatch) if !activitywatch => Some((format.in_words(), "it has no buckets")),
        Some(format @ Format::Wakatime) if !wakatime => Some((format.in_words(), "it has neither days nor heartbeats")),
        None if !(activitywatch || wakatime || csv) => Some((
            "known here",
            "it has neither the buckets of ActivityWatch nor the days or heartbeats of WakaTime",
        )),
        _ => None,
    };
    if let Some((wanted, why)) = another {
        return Err(ImportError::AnotherFormat { file, wanted, why });
    }
    if report.is_of_use() {
        return Ok(());
    }
    let why = summary::why_nothing(report);
    Err(ImportError::Nothing { file, why })
}

#[cfg(test)]
mod tests;
