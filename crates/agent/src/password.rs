//! The password: from a file, the environment, or somebody at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::account::PasswordSource;
use crate::secret::Secret;

/// The variable that may hold the password.
const VARIABLE: &str = "DAYBOOK_PASSWORD";

/// Where to take the password from without asking.
#[must_use]
pub fn source(file: Option<&Path>) -> PasswordSource {
    if let Some(path) = file {
        return PasswordSource::File(path.to_owned());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "read here once, so that it is on no command line and in no help text"
    )]
    let given = std::env::var(VARIABLE).ok().filter(|password| !password.is_empty());
    given.map_or(PasswordSource::Absent, |password| {
        PasswordSource::Given(Secret::new(password))
    })
}

/// Asks at the terminal, where typing is not shown; or takes a line of standard input, where that is none.
pub fn ask(email: &str) -> io::Result<Secret> {
    let input = io::stdin();
    let mut line = String::new();
    if input.is_terminal() {
        let mut error = io::stderr();
        write!(error, "Password of {email}: ")?;
        error.flush()?;
        let shown = tcgetattr(&input)?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &hidden)?;
        let read = input.lock().read_line(&mut line);
        tcsetattr(&input, OptionalActions::Flush, &shown)?;
        writeln!(error)?;
        read?;
    } else {
        input.lock().read_line(&mut line)?;
    }
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no password was given"));
    }
    Ok(Secret::new(password.to_owned()))
}
