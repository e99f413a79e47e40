//! Finds the server to measure, built from the sources as they are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::progress::say;

/// The sources that this program was built from.
#[must_use]
pub fn sources() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The server's program, after cargo has brought it up to date: it lies beside this one.
pub fn daybook() -> Result<PathBuf, Failure> {
    say("building the server");
    let this = env::current_exe().map_err(Failure::because("could not find the bench's own program"))?;
    let profile = this
        .parent()
        .ok_or_else(|| Failure::new("the bench's own program lies nowhere"))?;
    let target = profile
        .parent()
        .ok_or_else(|| Failure::new("the bench's own program has no target directory"))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "-p",
            "daybook",
            "--target-dir",
        ])
        .arg(target)
        .current_dir(sources())
        .stdin(Stdio::null())
        .status()
        .map_err(Failure::because(
            "could not run cargo; name a server that is built already with --daybook",
        ))?;
    if !status.success() {
        return Err(Failure::new("the server could not be built"));
    }
    Ok(profile.join("daybook"))
}
