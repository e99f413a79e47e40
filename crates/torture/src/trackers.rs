//! The people of a run: simulated trackers that send pings as real ones do, only worse, and write down everything.

mod answer;
mod doors;
mod identity;
mod made;
mod moments;
mod pace;
mod plan;
mod retire;
mod session;
mod tracker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use testkit::runs::Failure;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ledger::{Ledger, Log, Person, now};
use crate::random::Random;
use crate::reach::{Doors, Reach};
use crate::violation::Violation;

pub(crate) use identity::{login, text};
pub(crate) use made::body;
pub(crate) use moments::{ZONES, clock_changes};
pub use plan::FleetPlan;
pub(crate) use tracker::{LIST_MAX, TRACK};
use tracker::{Life, Tracker};

/// All trackers of a run.
#[derive(Debug)]
pub struct Fleet {
    people: Vec<Person>,
    trackers: Vec<Tracker>,
    running: JoinSet<Retired>,
    stop: watch::Sender<bool>,
    accepted: Arc<AtomicU64>,
}

/// What is left of a tracker that has stopped.
#[derive(Debug)]
pub(crate) struct Retired {
    log: Log,
    violations: Vec<Violation>,
    notes: Vec<String>,
}

impl Fleet {
    /// Registers everybody and signs in all of their devices, past the proxies and before anything is disturbed. What they do later goes through `doors`.
    ///
    /// # Errors
    /// When somebody cannot sign in.
    pub async fn prepare(reach: &Reach, doors: &Doors, plan: FleetPlan, random: Random) -> Result<Self, Failure> {
        plan.check()?;
        let people = identity::register(reach, &plan, &random).await?;
        let (stop, stopped) = watch::channel(false);
        let life = Life {
            plan: Arc::new(plan),
            stopped,
            accepted: Arc::new(AtomicU64::new(0)),
            begun: now(),
        };
        let mut trackers = Vec::new();
        for (person, someone) in people.iter().enumerate() {
            for device in identity::sign_in(reach, &life.plan, (person, someone), &random).await? {
                trackers.push(Tracker::new(device, doors, &life, &random)?);
            }
        }
        Ok(Self {
            people,
            trackers,
            running: JoinSet::new(),
            stop,
            accepted: life.accepted,
        })
    }

    /// Sets them all going.
    pub fn start(&mut self) {
        for tracker in self.trackers.drain(..) {
            self.running.spawn(tracker.live());
        }
    }

    /// How many pings were accepted so far, counting each as often as it was: it grows for as long as anything is accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Lets nobody make new pings, and waits until everybody knows what became of theirs. To be called when everything is healed; after the plan's patience
    /// what is not known by then stays unknown, which is a violation.
    pub async fn finish(mut self) -> Ledger {
        // Nobody may be listening any more, which is what is wanted.
        let _ = self.stop.send(true);
        let mut ledger = Ledger {
            people: self.people,
            ..Ledger::default()
        };
        while let Some(retired) = self.running.join_next().await {
            match retired {
                Ok(retired) => {
                    ledger.notes.extend(retired.notes);
                    ledger.violations.extend(retired.violations);
                    if let Some(why) = retired.log.unwritten() {
                        ledger
                            .notes
                            .push(format!("the log of {} is not whole: {why}", retired.log.owner.name));
                    }
                    ledger.logs.push(retired.log);
                }
                Err(error) => ledger.violations.push(Violation {
                    promise: "a tracker lives to the end of the run".to_owned(),
                    found: error.to_string(),
                    history: Vec::new(),
                }),
            }
        }
        ledger.logs.sort_by(|one, other| one.owner.name.cmp(&other.owner.name));
        ledger
    }
}
