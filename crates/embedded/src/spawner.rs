//! Starts child processes from one thread that lives as long as this process, so that they die with the process and not earlier.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

type Order = (Command, Sender<io::Result<Child>>);

static ORDERS: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();

/// Starts `command`, in a process group of its own; it gets the signal `last` when this process ends, however that ends.
///
/// # Errors
/// When it cannot be started.
pub fn spawn(mut command: Command, last: Signal) -> io::Result<Child> {
    // A Ctrl-C at the terminal goes to the whole foreground group; children must outlive the work that is finished on it.
    command.process_group(0);
    die_with_parent(&mut command, last);
    let orders = ORDERS.get_or_init(|| Mutex::new(spawner()));
    let (answer, answered) = channel();
    let gone = || io::Error::other("the thread that starts processes is gone");
    orders
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, answer))
        .map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

/// The kernel sends the signal at the end of the thread that spawned the child: hence one thread, which ends only with the process.
fn spawner() -> Sender<Order> {
    let (orders, ordered) = channel::<Order>();
    // Should the thread not start, `ordered` is dropped with the closure, and every order is answered with an error.
    let _ = thread::Builder::new().name("spawner".to_owned()).spawn(move || {
        for (mut command, answer) in ordered {
            // Whoever asked waits for the answer; had it gone away, dropping a `Child` would leave the process running.
            if let Err(unsent) = answer.send(command.spawn())
                && let Ok(mut child) = unsent.0
            {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    });
    orders
}

#[expect(
    unsafe_code,
    reason = "PR_SET_PDEATHSIG has to be set in the child, between fork and exec"
)]
fn die_with_parent(command: &mut Command, last: Signal) {
    let parent = getpid();
    let set = move || {
        set_parent_process_death_signal(Some(last))?;
        // The parent may have died before the line above; then nobody would ever send the signal.
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from(Errno::SRCH))
        }
    };
    // SAFETY: the closure makes two system calls and allocates nothing, so it may run between fork and exec. std has changed the
    // user and group ids by then, which would clear the setting.
    unsafe {
        command.pre_exec(set);
    }
}
