//! The file beside a device's log: what happened, line by line as it happens, for whoever looks at a run that was cut short.

use std::fmt::Arguments;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use domain::time::UnixMs;
use domain::usage::{Attention, Domain};
use testkit::runs::Failure;

use super::Ping;

/// A file, or none.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: Option<BufWriter<File>>,
    fault: Option<String>,
}

impl LogFile {
    /// Nothing is written.
    pub(crate) fn none() -> Self {
        Self {
            file: None,
            fault: None,
        }
    }

    /// The log of `name` in `directory`.
    pub(crate) fn create(directory: &Path, name: &str) -> Result<Self, Failure> {
        let path = directory.join(format!("{}.log", name.replace('/', "-")));
        let file = File::create(&path).map_err(Failure::because(format!("write {}", path.display())))?;
        Ok(Self {
            file: Some(BufWriter::new(file)),
            fault: None,
        })
    }

    pub(super) fn ping(&mut self, place: u32, ping: &Ping) {
        let words = words(ping);
        self.line(format_args!("ping {place} {words}"));
    }

    pub(super) fn sent(&mut self, at: UnixMs, door: usize, pings: &[u32]) {
        self.line(format_args!("{at} sent to door {door}: {pings:?}"));
        self.flush();
    }

    pub(super) fn answered(&mut self, at: UnixMs, what: &str) {
        self.line(format_args!("{at} {what}"));
        self.flush();
    }

    /// Why something could not be written, if so.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn line(&mut self, line: Arguments<'_>) {
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{line}")
        {
            self.fault.get_or_insert(error.to_string());
        }
    }

    fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.flush()
        {
            self.fault.get_or_insert(error.to_string());
        }
    }
}

/// A ping in words.
pub(super) fn words(ping: &Ping) -> String {
    let number = ping.seq.map(|seq| format!("number {seq}, ")).unwrap_or_default();
    let attention = match ping.attention {
        Attention::Active => "active",
        Attention::Passive => "passive",
    };
    let site = ping.label.domain.as_ref().map_or("-", Domain::as_str);
    let wrong = ping
        .wrong
        .map(|wrong| format!(", wrong: {wrong:?}"))
        .unwrap_or_default();
    let app = ping.label.app_name.as_str();
    format!(
        "{number}{} to {}, {attention}, {app:?} {site}{wrong}",
        ping.span.start(),
        ping.span.end()
    )
}
