//! What the program says to the person at the terminal.

use std::io::Write;

/// Says how far the run is, on standard error. A terminal that has gone away is no reason to stop.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Says a result, on standard output.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
