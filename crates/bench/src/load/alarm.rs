//! An alarm that goes off when it is due: the runtime's own timer rounds up to whole milliseconds, which is longer than what is measured takes.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How many times it went off, as the kernel tells it.
const EXPIRATIONS_BYTES: usize = 8;

/// A timer of the kernel, of one connection.
#[derive(Debug)]
pub struct Alarm(AsyncFd<OwnedFd>);

impl Alarm {
    /// A new one, in the runtime that this is called in.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe; this descriptor is owned, and lives for as long as it is registered"
        )]
        Ok(Self(AsyncFd::with_interest(timer, Interest::READABLE)?))
    }

    /// Waits until it is `due`; not at all in the past.
    ///
    /// # Errors
    /// When the kernel refuses the timer.
    pub async fn wait_until(&self, due: Instant) -> io::Result<()> {
        let rest = due.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return Ok(());
        }
        let set = Itimerspec {
            it_interval: timespec(Duration::ZERO),
            it_value: timespec(rest),
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &set)?;
        let expired = |timer: &OwnedFd| rustix::io::read(timer, &mut [0; EXPIRATIONS_BYTES]).map_err(io::Error::from);
        self.0.async_io(Interest::READABLE, expired).await?;
        Ok(())
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_never_goes_off_early_and_can_be_set_again() {
        let alarm = Alarm::new().expect("a timer");
        for micros in [0, 1, 300, 2_000] {
            let due = Instant::now() + Duration::from_micros(micros);
            alarm.wait_until(due).await.expect("wait");
            assert!(Instant::now() >= due, "{micros} µs");
        }
    }
}
