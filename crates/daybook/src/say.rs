//! What the program says to the person at the terminal: standard output, a line at a time.

use std::io::Write;

/// Says a line. A terminal that has gone away is no reason to stop.
pub fn say(line: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", line.as_ref()).and_then(|()| out.flush());
}

/// Asks for something that is typed on the same line.
pub fn ask(question: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{}", question.as_ref()).and_then(|()| out.flush());
}

/// Says what went wrong, on standard error.
pub fn complain(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
}
