//! Which faults there will be, and when: drawn from the seed alone.

use std::time::Duration;

use super::{Fault, Target};
use crate::proxy::{Cut, Weather};
use crate::random::Random;
use crate::sabotage::Sabotage;

/// How long nothing happens at first, so that there is something to lose.
const QUIET: Duration = Duration::from_millis(1_500);
/// From one fault to the next: shorter than many faults last, so that they overlap.
const GAP_MS: (u64, u64) = (250, 1_600);
/// How long a fault lasts.
const LASTS_MS: (u64, u64) = (300, 3_500);
/// How long a worker is paused now and then in a run that has the time: until another has taken over what it holds, and it comes back to that.
const LONG_PAUSE: Duration = Duration::from_secs(20);
/// A run that has the time.
const LONG_RUN: Duration = Duration::from_mins(1);
/// How much longer everything takes on a slow way.
const DELAY_MS: (u64, u64) = (20, 400);
/// The nodes, by their place in the world: two APIs, two workers.
const APIS: [usize; 2] = [0, 1];
const WORKERS: [usize; 2] = [2, 3];
/// The ways, by theirs: two doors, then one to Redis and one to Postgres from each node.
const WAYS: u64 = 10;

/// Faults and their times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order of their beginnings.
    pub strokes: Vec<Stroke>,
    /// When all is healed.
    pub lasts: Duration,
}

/// A fault and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stroke {
    /// When it begins, from the beginning of the run.
    pub at: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// What it is.
    pub fault: Fault,
}

impl Plan {
    /// Of every kind of fault, for `lasts`.
    #[must_use]
    pub fn draw(random: &mut Random, lasts: Duration) -> Self {
        let mut plan = Self {
            strokes: Vec::new(),
            lasts,
        };
        let mut busy: Vec<(Duration, Fault)> = Vec::new();
        let mut at = QUIET;
        // A pack of all kinds, dealt to its end before it is shuffled again: a short run has as many kinds as it has time for.
        let mut pack = Vec::new();
        while at < lasts {
            if pack.is_empty() {
                pack = kinds(random);
                random.shuffle(&mut pack);
            }
            let Some(fault) = pack.pop() else { break };
            if fault == Fault::Blackout {
                // It strikes everything, so it waits for the others to be over.
                at = busy.iter().map(|(until, _)| *until).fold(at, Duration::max);
            }
            busy.retain(|(until, _)| *until > at);
            if !busy.iter().any(|(_, other)| meet(*other, fault)) {
                let is_long = matches!(fault, Fault::PauseNode(node) if WORKERS.contains(&node)) && lasts >= LONG_RUN;
                let drawn = millis(random, LASTS_MS);
                let stroke = Stroke {
                    at,
                    lasts: if is_long && random.chance(50) {
                        LONG_PAUSE
                    } else {
                        drawn
                    },
                    fault,
                };
                busy.push((at + stroke.lasts, fault));
                plan.strokes.push(stroke);
            }
            at += millis(random, GAP_MS);
        }
        plan
    }

    /// Of those faults alone that show what is sabotaged, one after the other, for `lasts`.
    #[must_use]
    pub fn against(sabotage: Sabotage, random: &mut Random, lasts: Duration) -> Self {
        let mut strokes = Vec::new();
        let mut at = QUIET;
        while at < lasts {
            let fault = match sabotage {
                Sabotage::Everysec => Some(Fault::CutPower(Target::Redis)),
                Sabotage::AsyncCommit => Some(Fault::CutPower(Target::Postgres)),
                Sabotage::AckEarly => random.pick(&WORKERS).map(|&node| Fault::KillNode(node)),
                Sabotage::AnswerEarly => Some(Fault::KillServer(Target::Redis)),
                // Two workers and a load are all that it takes.
                Sabotage::NoLock => None,
            };
            strokes.extend(fault.map(|fault| Stroke {
                at,
                lasts: Duration::from_millis(300),
                fault,
            }));
            at += millis(random, (1_200, 2_400));
        }
        Self { strokes, lasts }
    }
}

/// One fault of each kind, and several of those that strike one of many.
fn kinds(random: &mut Random) -> Vec<Fault> {
    let mut all: Vec<Fault> = [Target::Redis, Target::Postgres]
        .into_iter()
        .flat_map(|server| {
            [
                Fault::KillServer(server),
                Fault::PauseServer(server),
                Fault::CutPower(server),
                Fault::CutPower(server),
                Fault::FullDisk(server),
            ]
        })
        .collect();
    for part in [APIS, WORKERS] {
        for fault in [Fault::KillNode, Fault::KillNode, Fault::PauseNode, Fault::Deploy] {
            all.push(fault(part[random.index(part.len())]));
        }
    }
    all.extend([
        Fault::Blackout,
        Fault::KillBackend(random.next_u64()),
        Fault::FullMemory,
        Fault::Rewrite,
        Fault::Migrate,
    ]);
    all.push(Fault::Cut(way(random), Cut::Reset));
    all.push(Fault::Cut(way(random), Cut::Close));
    for weather in weathers(random) {
        all.push(Fault::Weather(way(random), weather));
    }
    all
}

fn weathers(random: &mut Random) -> [Weather; 7] {
    let fine = Weather::default();
    let swallows = Weather { swallows: true, ..fine };
    [
        swallows,
        swallows,
        Weather { refuses: true, ..fine },
        Weather {
            delay: millis(random, DELAY_MS),
            ..fine
        },
        Weather {
            holds_requests: true,
            ..fine
        },
        Weather {
            holds_answers: true,
            ..fine
        },
        Weather {
            holds_requests: true,
            holds_answers: true,
            ..fine
        },
    ]
}

fn way(random: &mut Random) -> usize {
    usize::try_from(random.below(WAYS)).unwrap_or(0)
}

fn millis(random: &mut Random, (least, most): (u64, u64)) -> Duration {
    Duration::from_millis(random.between(least, most))
}

/// Whether two faults strike the same thing, so that the end of one would end the other.
pub(super) fn meet(one: Fault, other: Fault) -> bool {
    [one, other].contains(&Fault::Blackout) || struck(one) == struck(other)
}

/// What a fault strikes.
fn struck(fault: Fault) -> (&'static str, usize) {
    match fault {
        Fault::KillNode(node) | Fault::PauseNode(node) | Fault::Deploy(node) => ("node", node),
        Fault::KillServer(Target::Redis)
        | Fault::PauseServer(Target::Redis)
        | Fault::CutPower(Target::Redis)
        | Fault::FullDisk(Target::Redis)
        | Fault::FullMemory
        | Fault::Rewrite => ("redis", 0),
        Fault::KillServer(Target::Postgres)
        | Fault::PauseServer(Target::Postgres)
        | Fault::CutPower(Target::Postgres)
        | Fault::FullDisk(Target::Postgres)
        | Fault::KillBackend(_)
        | Fault::Migrate => ("postgres", 0),
        Fault::Cut(way, _) | Fault::Weather(way, _) => ("way", way),
        Fault::Blackout => ("everything", 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(40);

    fn drawn(seed: u64) -> Plan {
        Plan::draw(&mut Random::new(seed), SHORT)
    }

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn a_plan_is_dense_overlaps_and_strikes_nothing_twice_at_once() {
        for seed in 0..50 {
            let plan = drawn(seed);
            assert!(plan.strokes.len() >= 20, "seed {seed}: {} faults", plan.strokes.len());
            let mut overlaps = 0;
            for (index, one) in plan.strokes.iter().enumerate() {
                for other in &plan.strokes[index + 1..] {
                    if other.at < one.at + one.lasts {
                        overlaps += 1;
                        assert!(!meet(one.fault, other.fault), "seed {seed}: {one:?} and {other:?}");
                    }
                }
            }
            assert!(overlaps > 0, "seed {seed}");
        }
    }

    #[test]
    fn a_long_plan_has_every_kind() {
        let plan = Plan::draw(&mut Random::new(5), Duration::from_mins(3));
        let mut kinds: Vec<_> = plan
            .strokes
            .iter()
            .map(|stroke| std::mem::discriminant(&stroke.fault))
            .collect();
        kinds.dedup();
        let mut seen = Vec::new();
        for kind in kinds {
            if !seen.contains(&kind) {
                seen.push(kind);
            }
        }
        assert_eq!(seen.len(), 14);
    }

    #[test]
    fn each_control_but_the_one_that_needs_none_has_faults_of_its_own() {
        for sabotage in Sabotage::ALL {
            let plan = Plan::against(sabotage, &mut Random::new(1), Duration::from_secs(12));
            assert_eq!(plan.strokes.is_empty(), sabotage == Sabotage::NoLock, "{sabotage:?}");
        }
    }
}
