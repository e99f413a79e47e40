//! `daybook-agent pause` and `daybook-agent resume`.

use std::path::Path;
use std::time::Duration;

use crate::clock;
use crate::privacy::{dir_in, private};

use super::{CommandError, print};

/// Starts private mode, for this long or until it is ended. An agent that runs heeds it from this moment on.
pub fn pause(dir: &Path, length: Option<Duration>) -> Result<(), CommandError> {
    let private = private::pause(&dir_in(dir), clock::wall(), length)?;
    print(&match private.until {
        Some(until) => format!("Nothing is recorded until {until}, or until `daybook-agent resume`.\n"),
        None => "Nothing is recorded until `daybook-agent resume`.\n".to_owned(),
    })
}

/// Ends private mode.
pub fn resume(dir: &Path) -> Result<(), CommandError> {
    let was_on = private::resume(&dir_in(dir), clock::wall())?;
    print(if was_on {
        "Recording again.\n"
    } else {
        "Private mode was not on.\n"
    })
}
