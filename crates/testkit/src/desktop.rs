//! A real X11 desktop for a test: a private Xvfb with openbox, real applications in it, and a person who moves the focus.
//!
//! Nothing of it touches another display, and all of it ends with the value.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long any step may take on a busy machine.
const BOUND: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The programs, and the Debian packages that have them.
const PROGRAMS: [(&str, &str); 4] = [
    ("Xvfb", "xvfb"),
    ("openbox", "openbox"),
    ("xterm", "xterm"),
    ("xdotool", "xdotool"),
];

/// A desktop. Dropping it ends everything on it.
#[derive(Debug)]
pub struct Desktop {
    server: Child,
    /// Kept open, as the server writes to it.
    _display_fd: BufReader<ChildStdout>,
    manager: Option<Child>,
    apps: Vec<Child>,
    display: String,
}

/// An application on the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The class of its window.
    pub class: String,
    pid: u32,
    window: String,
}

/// When something was done, by the wall clock: after the one moment and before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Not yet.
    pub after: SystemTime,
    /// Already.
    pub before: SystemTime,
}

impl Desktop {
    /// A desktop with a window manager.
    ///
    /// # Panics
    /// If a program is missing, with the packages to install, or if one does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut desktop = Self::start_bare(None);
        desktop.manage();
        desktop
    }

    /// A desktop without a window manager, on the display with this number or any free one.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_bare(number: Option<u32>) -> Self {
        need_programs();
        let mut command = Command::new("Xvfb");
        command.args(number.map(|number| format!(":{number}")));
        let mut server = command
            .args("-displayfd 1 -screen 0 1024x768x24 -nolisten tcp -noreset".split(' '))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        // The server writes its number once it takes connections, or closes its output by ending.
        let mut output = BufReader::new(server.stdout.take().expect("piped"));
        let mut number = String::new();
        output.read_line(&mut number).expect("the output of Xvfb is readable");
        if number.trim().is_empty() {
            let ended = server.wait();
            panic!("Xvfb ended without a display: {ended:?}");
        }
        Self {
            display: format!(":{}", number.trim()),
            server,
            _display_fd: output,
            manager: None,
            apps: Vec::new(),
        }
    }

    /// Starts the window manager, and waits until it manages.
    ///
    /// # Panics
    /// If it does not start.
    pub fn manage(&mut self) {
        let manager = self.command("openbox").spawn().expect("openbox starts");
        self.manager = Some(manager);
        wait_until("openbox manages the display", || self.asks(&["get_num_desktops"]));
    }

    /// Ends the window manager as a crash would, leaving the windows.
    ///
    /// # Panics
    /// If there is none.
    pub fn crash_manager(&mut self) {
        end(self.manager.as_mut().expect("a window manager"));
        self.manager = None;
    }

    /// What goes into `DISPLAY`.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Opens a terminal whose window has this class, which nothing else on this desktop has, and waits for the window. With a window manager,
    /// it may take the focus.
    ///
    /// # Panics
    /// If it does not appear.
    pub fn open(&mut self, class: &str) -> App {
        let terminal = self.command("xterm").args(["-class", class, "-e", "cat"]).spawn();
        let terminal = terminal.expect("xterm starts");
        let pid = terminal.id();
        self.apps.push(terminal);
        let pattern = format!("^{class}$");
        let window = wait_for(&format!("a window of class {class}"), || {
            self.answer(&["search", "--onlyvisible", "--class", &pattern])
        });
        App {
            class: class.to_owned(),
            pid,
            window,
        }
    }

    /// Ends the application, and waits for its window to go.
    ///
    /// # Panics
    /// If it is not of this desktop.
    pub fn close(&mut self, app: &App) {
        let index = self.apps.iter().position(|child| child.id() == app.pid);
        end(&mut self.apps.swap_remove(index.expect("an application of this desktop")));
        wait_until("the window is gone", || !self.asks(&["getwindowname", &app.window]));
    }

    /// Gives the focus to the application, as a person does: with a little input.
    ///
    /// # Panics
    /// If it does not get it.
    #[expect(clippy::must_use_candidate, reason = "done for its effect")]
    pub fn focus(&self, app: &App) -> Moved {
        let verb = if self.manager.is_some() {
            "windowactivate"
        } else {
            "windowfocus"
        };
        let after = now();
        self.must(&[verb, "--sync", &app.window]);
        let before = now();
        self.touch();
        Moved { after, before }
    }

    /// Moves the pointer there and back: input, and nothing else. Gives the time before and after.
    ///
    /// # Panics
    /// If the display does not take it.
    #[expect(clippy::must_use_candidate, reason = "done for its effect")]
    pub fn touch(&self) -> Moved {
        let after = now();
        self.must(&["mousemove_relative", "1", "1", "mousemove_relative", "--", "-1", "-1"]);
        let before = now();
        Moved { after, before }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            // No program reads what the person who runs the tests has set up for their own desktop.
            .env("HOME", "/nonexistent")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XAUTHORITY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// What xdotool writes, if it succeeds and writes something: the first line.
    fn answer(&self, arguments: &[&str]) -> Option<String> {
        let mut command = self.command("xdotool");
        let output = command
            .args(arguments)
            .stdout(Stdio::piped())
            .output()
            .expect("xdotool starts");
        let text = String::from_utf8(output.stdout).ok()?;
        let first = text.lines().next().filter(|line| !line.is_empty());
        first.filter(|_| output.status.success()).map(str::to_owned)
    }

    fn asks(&self, arguments: &[&str]) -> bool {
        self.xdotool(arguments).success()
    }

    fn must(&self, arguments: &[&str]) {
        let status = self.xdotool(arguments);
        assert!(status.success(), "xdotool {arguments:?} on {}: {status}", self.display);
    }

    fn xdotool(&self, arguments: &[&str]) -> ExitStatus {
        let mut child = self.command("xdotool").args(arguments).spawn().expect("xdotool starts");
        let deadline = Instant::now() + BOUND;
        loop {
            if let Some(status) = child.try_wait().expect("a child of ours") {
                return status;
            }
            if Instant::now() > deadline {
                end(&mut child);
                panic!("xdotool {arguments:?} on {} did not end within {BOUND:?}", self.display);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.apps.iter_mut().for_each(end);
        self.manager.iter_mut().for_each(end);
        // Asked, so that it takes its socket and lock file with it.
        let asked = Command::new("kill").arg(self.server.id().to_string()).status();
        let deadline = Instant::now() + BOUND;
        while asked.as_ref().is_ok_and(ExitStatus::success) && Instant::now() < deadline {
            if let Ok(Some(_)) = self.server.try_wait() {
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        end(&mut self.server);
    }
}

/// Kills a child of ours, and waits for it.
fn end(child: &mut Child) {
    // A child that ended before is what we want.
    let _ = child.kill();
    let _ = child.wait();
}

fn need_programs() {
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| {
            let found = Command::new("sh")
                .args(["-c", "command -v \"$0\"", program])
                .stdout(Stdio::null())
                .status();
            !found.is_ok_and(|status| status.success())
        })
        .map(|(_, package)| *package)
        .collect();
    assert!(
        missing.is_empty(),
        "this test drives a real X11 desktop and needs more programs: apt-get install {}",
        missing.join(" ")
    );
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    wait_for(what, || is_so().then_some(()));
}

fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {BOUND:?} in vain for: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with what a real tracker's own clock says"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
