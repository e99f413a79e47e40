//! Reads tables (CSV): a row for each stretch of time, the columns by their names.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder, Terminator};
use domain::reports::Zone;
use domain::time::{DAY_MS, UnixMs};
use domain::trackers::activitywatch::Row;
use domain::trackers::wakatime::site;
use domain::usage::{AppName, Domain, Label};

use super::claims::Used;
use super::found::Reading;
use super::local;
use super::places::{Becomes, List};
use super::sources::TABLES;

/// The longest that a row may say something was used without a break, which is what the server takes of a tracker.
pub const ROW_MS_MAX: i64 = DAY_MS;
/// The most bytes of a row. It is more than anybody's, and less than a file in which a quotation mark was never closed.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of the line with the names.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// The names by which a column is known.
const START: &[&str] = &["start_time", "start", "started_at", "timestamp", "from", "begin"];
const END: &[&str] = &["end_time", "end", "ended_at", "stop", "to"];
const DURATION: &[&str] = &["duration", "duration_seconds", "seconds"];
const APP: &[&str] = &["app_name", "application", "app", "program", "activity"];
const URL: &[&str] = &["url", "domain", "site", "website", "host"];
const PASSIVE: &[&str] = &["passive"];

/// A table cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A column is missing.
    #[error("line 1 names no column {wanted}: it says {named}")]
    NoColumn {
        /// Which.
        wanted: &'static str,
        /// What is there.
        named: String,
    },
    /// A row does not end.
    #[error(
        "line {line}: the row that begins here is longer than {ROW_BYTES_MAX} bytes: is a quotation mark never closed?"
    )]
    Endless {
        /// Where it begins.
        line: u64,
    },
    /// There is no room for as many rows.
    #[error("{}", super::TOO_MANY)]
    TooMany,
    /// The file cannot be read.
    #[error("line {line}")]
    Unreadable {
        /// Where.
        line: u64,
        /// Why.
        source: csv::Error,
    },
}

/// Reads all rows.
pub fn read(from: &mut dyn BufRead, zone: Option<Zone>, reading: &mut Reading<'_>) -> Result<(), TableError> {
    reading.report.kinds.csv = true;
    let unreadable = |line, source: io::Error| TableError::Unreadable {
        line,
        source: source.into(),
    };
    let header = header(from).map_err(|error| unreadable(1, error))?;
    let left = Rc::new(Cell::new(ROW_BYTES_MAX));
    let metered = Metered {
        // The end of a file is the end of a row, and counted as such.
        inner: header.as_slice().chain(from).chain(&b"\n"[..]),
        left: Rc::clone(&left),
    };
    let mut rows = ReaderBuilder::new()
        .delimiter(delimiter(&header))
        .flexible(true)
        // A return before the end of a line goes with the blanks around a field.
        .terminator(Terminator::Any(b'\n'))
        .from_reader(metered);
    let columns = match rows.byte_headers() {
        Ok(names) => Columns::of(names)?,
        Err(source) => return Err(failed(source, 1, &left)),
    };
    let mut row = ByteRecord::new();
    let mut list = List::default().named(format!("{}, line", reading.report.file));
    loop {
        left.set(ROW_BYTES_MAX);
        let line = rows.position().line();
        match rows.read_byte_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {}
            Err(source) => return Err(failed(source, line, &left)),
        }
        if row.iter().all(|field| field.trim_ascii().is_empty()) {
            continue;
        }
        if !reading.found.has_room() {
            return Err(TableError::TooMany);
        }
        let line = || first_line(rows.position().line(), &row);
        match columns.claim(&row, zone, reading) {
            Ok((start, end)) => list.note(line(), start, end),
            Err(reason) => reading.report.skipped.note(&reason, || format!("line {}", line())),
        }
    }
    reading.found.places.add(TABLES.to_owned(), Becomes::Claims, list);
    Ok(())
}

/// Where a row began that ended before `next`: its fields may hold ends of lines.
fn first_line(next: u64, row: &ByteRecord) -> u64 {
    let lines = row.as_slice().split(|byte| *byte == b'\n').count() as u64;
    next.saturating_sub(lines)
}

fn failed(source: csv::Error, line: u64, left: &Cell<usize>) -> TableError {
    match left.get() {
        0 => TableError::Endless { line },
        _ => TableError::Unreadable { line, source },
    }
}

/// The line with the names, and perhaps more.
fn header(from: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(HEADER_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// What stands between the names.
fn delimiter(header: &[u8]) -> u8 {
    let count = |delimiter: &u8| header.split(|byte| byte == delimiter).count();
    // Of as many the last, which is the usual one.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// Reads no more than what is left for a row.
struct Metered<R> {
    inner: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = into.len().min(self.left.get());
        if room == 0 {
            return Err(io::Error::other("the row is too long"));
        }
        let read = self.inner.read(&mut into[..room])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

/// Where the columns are.
struct Columns {
    start: usize,
    end: Option<usize>,
    duration: Option<usize>,
    app: usize,
    url: Option<usize>,
    passive: Option<usize>,
}

impl Columns {
    fn of(names: &ByteRecord) -> Result<Self, TableError> {
        let names: Vec<String> = names.iter().map(plain_name).collect();
        let find = |known: &[&str]| {
            let mut known = known.iter();
            known.find_map(|known| names.iter().position(|name| name == known))
        };
        let missing = |wanted| TableError::NoColumn {
            wanted,
            named: names.join(", ").chars().take(200).collect(),
        };
        let (end, duration) = (find(END), find(DURATION));
        if end.is_none() && duration.is_none() {
            return Err(missing("end_time or duration"));
        }
        Ok(Self {
            start: find(START).ok_or_else(|| missing("start_time"))?,
            end,
            duration,
            app: find(APP).ok_or_else(|| missing("app_name"))?,
            url: find(URL),
            passive: find(PASSIVE),
        })
    }

    /// Takes in the claim of a row, and answers from when to when it is.
    fn claim(
        &self,
        row: &ByteRecord,
        zone: Option<Zone>,
        reading: &mut Reading<'_>,
    ) -> Result<(UnixMs, UnixMs), String> {
        let (start, end) = self.stretch(row, zone)?;
        let app = text(row, Some(self.app), "app_name")?.ok_or("app_name: must be given")?;
        let app_name = AppName::parse(app).map_err(|fault| fault.to_string())?;
        let label = Label {
            app_name,
            domain: self.domain(row)?,
        };
        let passive = self.passive(row)?;
        reading.report.saw(start, end);
        match reading.found.names.label(label) {
            Some(label) => reading.found.claims.push(Row {
                start,
                end,
                seen: Used { label, passive },
            }),
            None => reading.report.ruled_out += 1,
        }
        Ok((start, end))
    }

    fn stretch(&self, row: &ByteRecord, zone: Option<Zone>) -> Result<(UnixMs, UnixMs), String> {
        let start = text(row, Some(self.start), "start_time")?.ok_or("start_time: must be given")?;
        let start = local::parse(start, zone).map_err(|why| format!("start_time: {why}"))?;
        let end = match (text(row, self.end, "end_time")?, text(row, self.duration, "duration")?) {
            (Some(end), _) => local::parse(end, zone).map_err(|why| format!("end_time: {why}"))?,
            (None, Some(duration)) => {
                let ms = local::duration_ms(duration)
                    .ok_or("duration: must be a number of seconds that is not negative, or 1:30:00")?;
                start.plus_ms(ms)
            }
            (None, None) => return Err("end_time: must be given, or a duration".to_owned()),
        };
        if end <= start {
            return Err("end_time: must be later than start_time".to_owned());
        }
        if end > start.plus_ms(ROW_MS_MAX) {
            return Err("end_time: must be at most 24 hours after start_time".to_owned());
        }
        Ok((start, end))
    }

    fn domain(&self, row: &ByteRecord) -> Result<Option<Domain>, String> {
        match text(row, self.url, "url")? {
            None => Ok(None),
            Some(url) => site(url).map_err(|fault| format!("url: {}", fault.detail)),
        }
    }

    fn passive(&self, row: &ByteRecord) -> Result<bool, String> {
        let said = text(row, self.passive, "passive")?.unwrap_or("false");
        match said.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err("passive: must be true or false".to_owned()),
        }
    }
}

/// `Start Time` is `start_time`.
fn plain_name(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).trim().to_lowercase();
    name.replace([' ', '-'], "_")
}

/// What stands in a column, where anything does.
fn text<'r>(row: &'r ByteRecord, column: Option<usize>, name: &str) -> Result<Option<&'r str>, String> {
    let Some(bytes) = column.and_then(|column| row.get(column)) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|_| {
            format!("{name}: is not UTF-8: save the table as UTF-8 (an editor does, or iconv -f WINDOWS-1252 -t UTF-8)")
        })?
        .trim();
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests;
