//! A run that is ended from outside takes everything with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::runs::{Home, Profile, daybook};
use torture::world::HOME_PREFIX;

/// The longest that the test waits for anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// A run that strikes by now.
fn striking(data_dir: &Path) -> Child {
    let mut run = Command::new(env!("CARGO_BIN_EXE_torture"))
        .args(["--seed", "1", "--seconds", "600", "--daybook"])
        .arg(daybook(Profile::Dev).expect("a server"))
        .arg("--data-dir")
        .arg(data_dir)
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    let mut said = BufReader::new(run.stderr.take().expect("piped")).lines();
    let strikes = said.any(|line| line.expect("text").contains("striking"));
    assert!(strikes, "it ended before it struck");
    // Somebody reads on, so that it never waits to be read.
    std::thread::spawn(move || said.for_each(drop));
    run
}

fn end(run: &mut Child, signal: Signal) -> Option<i32> {
    kill_process(Pid::from_child(run), signal).expect("signal");
    run.wait().expect("wait").code()
}

/// Processes that have anything open below `dir`.
fn processes_at(dir: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc")
        .expect("readable")
        .flatten()
        .map(|entry| entry.path());
    let open = |process: &PathBuf| {
        let links = fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|link| link.path());
        let mut links = links.chain([process.join("cwd")]);
        links.any(|link| fs::read_link(link).is_ok_and(|target| target.starts_with(dir)))
    };
    all.filter(open).collect()
}

#[test]
fn a_run_that_is_terminated_or_killed_leaves_no_process_and_in_the_end_no_file() {
    let parent = tempfile::tempdir().expect("a directory");
    // The servers have an account of their own when this runs as root, and must pass through.
    fs::set_permissions(parent.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711)).expect("permissions");
    let mut run = striking(parent.path());
    assert!(processes_at(parent.path()).len() > 6, "servers and nodes run");
    assert_eq!(end(&mut run, Signal::TERM), Some(2));
    assert_eq!(processes_at(parent.path()), Vec::<PathBuf>::new());
    assert_eq!(fs::read_dir(parent.path()).expect("readable").count(), 0);

    let mut run = striking(parent.path());
    assert_eq!(end(&mut run, Signal::KILL), None);
    let deadline = Instant::now() + PATIENCE;
    while !processes_at(parent.path()).is_empty() {
        assert!(Instant::now() < deadline, "{:?} run on", processes_at(parent.path()));
        std::thread::sleep(Duration::from_millis(20));
    }
    // The next run sweeps away what it has left.
    drop(Home::in_dir(parent.path(), HOME_PREFIX).expect("a home"));
    assert_eq!(fs::read_dir(parent.path()).expect("readable").count(), 0);
}
