//! Finds the server, built from the sources as they are.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Failure;

/// The profile that this program was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For speed.
    Release,
    /// For tests.
    Dev,
}

impl Profile {
    fn dir(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }
}

/// The sources that this program was built from.
#[must_use]
pub fn sources() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The server's program, after cargo has brought it up to date. It lies where this program, or this program's tests, do.
///
/// # Errors
/// When there is no cargo, or the sources do not compile.
pub fn daybook(profile: Profile) -> Result<PathBuf, Failure> {
    let this = env::current_exe().map_err(Failure::because("could not find this program"))?;
    // <target>/release/torture, or <target>/debug/deps/it-….
    let in_deps = |dir: &&Path| dir.file_name().is_some_and(|name| name == "deps");
    let built = this.parent().map(|dir| {
        if in_deps(&dir) {
            dir.parent().unwrap_or(dir)
        } else {
            dir
        }
    });
    let target = built
        .and_then(Path::parent)
        .ok_or_else(|| Failure::new("this program has no target directory"))?;
    let sources = sources();
    let program = target.join(profile.dir()).join("daybook");
    if profile == Profile::Dev && is_newer_than_all(&program, &sources) {
        return Ok(program);
    }
    // A terminal that has gone away is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "building the server");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["build", "--locked", "--quiet", "-p", "daybook", "--target-dir"])
        .arg(target)
        .current_dir(&sources)
        .stdin(Stdio::null());
    if profile == Profile::Release {
        command.arg("--release");
    }
    let status = command.status().map_err(Failure::because(
        "could not run cargo; name a server that is built already with --daybook",
    ))?;
    if !status.success() {
        return Err(Failure::new("the server could not be built"));
    }
    Ok(program)
}

/// Whether `program` was built after everything that it is built from was written. Tests of the whole workspace have built it already, with the features of
/// the whole workspace; building it by itself would build half of its dependencies once more.
fn is_newer_than_all(program: &Path, sources: &Path) -> bool {
    let written = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let Ok(built) = written(program) else { return false };
    let parts = [
        "adapters", "api", "daybook", "domain", "embedded", "ports", "services", "worker",
    ];
    let mut waiting: Vec<PathBuf> = parts.iter().map(|part| sources.join("crates").join(part)).collect();
    waiting.extend([sources.join("migrations"), sources.join("Cargo.lock")]);
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            // What tests stand on is not in the program.
            waiting.extend(
                entries
                    .filter(|entry| entry.file_name() != "tests")
                    .map(|entry| entry.path()),
            );
        } else if written(&path).is_ok_and(|written| written > built) {
            return false;
        }
    }
    true
}
