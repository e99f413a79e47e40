//! The end of a device's life: it asks until it knows what became of everything it ever made, and makes nothing more.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Retired;
use super::tracker::{LIST_MAX, Tracker};
use crate::ledger::Standing;
use crate::violation::Violation;

/// How many of its last answers it shows when it never learnt.
const ANSWERS_SHOWN: usize = 5;
/// How many times its patience it asks in all, as long as there is progress.
const TIMES_MAX: u32 = 10;

impl Tracker {
    /// Asks for as long as the plan's patience after anything was accepted of anybody: a queue that was full takes pings again as it drains.
    pub(super) async fn retire(mut self) -> Retired {
        let patience = self.life.plan.patience;
        let end = Instant::now() + TIMES_MAX * patience;
        let (mut seen, mut since) = (self.progress(), Instant::now());
        while Instant::now() < end && since.elapsed() < patience {
            let batch = self.next(LIST_MAX);
            if batch.is_empty() {
                break;
            }
            if self.progress() != seen {
                (seen, since) = (self.progress(), Instant::now());
            }
            let before = self.waiting.len();
            self.deliver(batch).await;
            if self.waiting.len() > before {
                tokio::time::sleep(self.rest).await;
            }
        }
        let name = &self.log.owner.name;
        let mut notes = Vec::new();
        let unknown = self.log.count(Standing::Unknown);
        if unknown > 0 {
            self.violations.push(Violation {
                promise: "everybody learns what became of their pings".to_owned(),
                found: format!("{name} never learnt what became of {unknown}"),
                history: self.last_answers(),
            });
        }
        if self.untold > 0 {
            notes.push(format!("{name} saw {} violations more", self.untold));
        }
        if self.session.begun_again > 0 {
            notes.push(format!("{name} signed in again {} times", self.session.begun_again));
        }
        Retired {
            log: self.log,
            violations: self.violations,
            notes,
        }
    }

    fn progress(&self) -> u64 {
        self.life.accepted.load(Ordering::Relaxed)
    }

    fn last_answers(&self) -> Vec<String> {
        let last = self.log.requests.iter().rev().take(ANSWERS_SHOWN);
        let answered = last.filter_map(|request| request.answered.as_ref());
        let mut lines: Vec<String> = answered
            .map(|answered| format!("{} {}", answered.at, answered.what))
            .collect();
        lines.reverse();
        lines
    }
}
