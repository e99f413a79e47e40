//! What is done beside the queue on every replica, as often as one likes: room made ahead of time, the erased forgotten.

use std::convert::Infallible;
use std::time::Duration;

use ports::PortError;
use services::usage::{ForgetErasures, PrepareStorage};
use tokio::time::sleep;

use crate::pace::{Outage, Pace, Retries};

/// Makes room in the storage, now and every so often. A late ping makes its own room, so a failure is no reason to hurry.
pub(crate) async fn keep_prepared(prepare: PrepareStorage, pace: Pace) -> Infallible {
    let outage = Outage::of("making room in the storage");
    let mut failures = Failures::of(outage, pace);
    loop {
        let prepared = prepare.prepare().await;
        sleep(failures.wait_after(&prepared, pace.prepare_every)).await;
    }
}

/// Forgets that people were erased, now and every so often.
pub(crate) async fn keep_forgetting(forget: ForgetErasures, pace: Pace) -> Infallible {
    let outage = Outage::of("forgetting that people were erased");
    let mut failures = Failures::of(outage, pace);
    loop {
        let forgotten = forget.forget().await;
        if let Ok(people @ 1..) = forgotten {
            tracing::info!(people, "nothing is known any more of people who were erased");
        }
        sleep(failures.wait_after(&forgotten, pace.forget_every)).await;
    }
}

/// The failures in a row of something that is done every so often: each wait is bounded, their number is not.
struct Failures {
    outage: Outage,
    pace: Pace,
    retries: Retries,
}

impl Failures {
    fn of(outage: Outage, pace: Pace) -> Self {
        let retries = pace.retries();
        Self { outage, pace, retries }
    }

    /// How long to wait after an outcome, `every` when it was good.
    fn wait_after<T>(&mut self, outcome: &Result<T, PortError>, every: Duration) -> Duration {
        match outcome {
            Ok(_) => {
                self.outage.over();
                self.retries = self.pace.retries();
                every
            }
            Err(error) => {
                self.outage.noticed(error);
                self.retries.next()
            }
        }
    }
}
