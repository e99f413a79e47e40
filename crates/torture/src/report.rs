//! What came of a run, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::checker::Verdict;
use crate::ledger::Disturbance;
use crate::nemesis::Chronicle;
use crate::phases::Phases;
use crate::run::Order;
use crate::sabotage::Sabotage;
use crate::violation::Violation;

/// How many violations of a control are shown to people: enough to see that it is found for what it is.
const CONTROL_SHOWN_MAX: usize = 3;

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What everything was drawn from.
    pub seed: u64,
    /// How long faults struck, in seconds.
    pub seconds: u64,
    /// What was broken on purpose.
    pub control: Option<Sabotage>,
    /// How many pings were accepted.
    pub acknowledged: u64,
    /// How many were refused, which all deserved it.
    pub refused: u64,
    /// Of how many nobody knows what became.
    pub unknown: u64,
    /// How many requests there were.
    pub requests: u64,
    /// How often an accepted ping was sent again.
    pub resent: u64,
    /// Pieces of timelines that are stored.
    pub pieces: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u32>,
    /// How long each part of the run took.
    pub phases: Phases,
    /// Each fault with its times.
    pub chronicle: Vec<String>,
    /// What is worth knowing and breaks no promise.
    pub notes: Vec<String>,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Where logs are, when they are kept.
    pub kept: Option<PathBuf>,
}

impl Report {
    /// What the checker and the nemesis know; how long it took and what is kept is for whoever ran it to add.
    #[must_use]
    pub fn of(order: &Order, chronicle: &Chronicle, verdict: Verdict) -> Self {
        Self {
            seed: order.seed,
            seconds: order.lasts.as_secs(),
            control: order.setup.sabotage,
            acknowledged: verdict.acknowledged,
            refused: verdict.refused,
            unknown: verdict.unknown,
            requests: verdict.requests,
            resent: verdict.resent,
            pieces: verdict.pieces,
            faults: chronicle.kinds.clone(),
            chronicle: chronicle.disturbances.iter().map(told).collect(),
            notes: verdict.notes,
            violations: verdict.violations,
            phases: Phases::default(),
            kept: None,
        }
    }

    /// Whether it is as it should be: without a violation; or, where a promise was broken on purpose, with one that comes of it.
    #[must_use]
    pub fn is_as_it_should_be(&self) -> bool {
        match self.control {
            None => self.violations.is_empty(),
            Some(control) => self
                .violations
                .iter()
                .any(|violation| control.shows_as(&violation.promise)),
        }
    }
}

fn told(disturbance: &Disturbance) -> String {
    let until = disturbance
        .until
        .map_or_else(|| "the end".to_owned(), |until| until.to_string());
    format!("{} to {until}: {}", disturbance.from, disturbance.what)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, {} s", self.seed, self.seconds)?;
        if let Some(control) = self.control {
            write!(f, ", control {}", control.name())?;
        }
        let Self {
            acknowledged,
            refused,
            unknown,
            requests,
            resent,
            pieces,
            ..
        } = self;
        writeln!(
            f,
            ": {acknowledged} pings acknowledged, {refused} refused, {unknown} unknown, {resent} sent again, in {requests} requests; {pieces} pieces stored"
        )?;
        let kinds: Vec<String> = self
            .faults
            .iter()
            .map(|(kind, count)| format!("{kind} × {count}"))
            .collect();
        writeln!(f, "faults: {}", kinds.join(", "))?;
        writeln!(f, "phases: {}", self.phases)?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if let Some(kept) = &self.kept {
            writeln!(f, "kept: {}", kept.display())?;
        }
        if self.violations.is_empty() {
            let but = self.control.map_or(
                "",
                |_| " but the one that was broken on purpose, and that was not found",
            );
            return write!(f, "no promise was broken{but}");
        }
        for line in &self.chronicle {
            writeln!(f, "fault: {line}")?;
        }
        let shown_max = self.control.map_or(usize::MAX, |_| CONTROL_SHOWN_MAX);
        for violation in self.violations.iter().take(shown_max) {
            writeln!(f, "{violation}")?;
        }
        write!(f, "{} violations", self.violations.len())?;
        match self.control {
            Some(_) if self.is_as_it_should_be() => write!(f, ", as there should be"),
            Some(_) => write!(f, ", and none that comes of what was broken on purpose"),
            None => Ok(()),
        }
    }
}
