//! What every simulated tracker sent and what it was told: the truth that the checker holds the store against.

mod clock;
pub(crate) mod file;
mod history;
mod log;

use domain::accounts::UserId;
use domain::time::UnixMs;

use crate::violation::Violation;

pub use clock::now;
pub use log::{Answered, Log, Owner, Ping, Request, Standing, Wrong};

/// Everything that was sent in a run, by everybody.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Who sent.
    pub people: Vec<Person>,
    /// What each device sent and was told.
    pub logs: Vec<Log>,
    /// What went on around them; whoever disturbs the run says so here before it is checked.
    pub disturbances: Vec<Disturbance>,
    /// Promises that the trackers themselves saw broken.
    pub violations: Vec<Violation>,
    /// What is worth knowing and breaks no promise, such as a session that had to be begun again.
    pub notes: Vec<String>,
}

/// Somebody who has trackers.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// What they sign in with.
    pub email: String,
    /// What they sign in with, too.
    pub password: String,
    /// Where they live.
    pub zone: chrono_tz::Tz,
}

/// A fault that was on for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disturbance {
    /// When it began.
    pub from: UnixMs,
    /// When it was healed; none when it never was.
    pub until: Option<UnixMs>,
    /// What it was, such as `redis: power cut`.
    pub what: String,
}

impl Ledger {
    /// Pings in this standing, of all devices.
    #[must_use]
    pub fn count(&self, standing: Standing) -> u64 {
        self.logs.iter().map(|log| log.count(standing)).sum()
    }

    /// The logs of one person.
    pub fn of(&self, person: usize) -> impl Iterator<Item = &Log> {
        self.logs.iter().filter(move |log| log.owner.person == person)
    }
}
