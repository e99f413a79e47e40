//! Tells the person who waits what is being measured.

/// Writes a line to standard error, so that standard output has the figures alone.
#[expect(clippy::print_stderr, reason = "the bench is a program for a terminal")]
pub fn say(what: &str) {
    eprintln!("{what}");
}
