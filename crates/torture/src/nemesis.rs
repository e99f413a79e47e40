//! What strikes a world: faults drawn from the seed, begun and ended at their times, each noted.

mod plan;
mod strike;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::runs::Failure;

use crate::ledger::Disturbance;
use crate::world::{TEND_EVERY, World};

pub use plan::{Plan, Stroke};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The queue.
    Redis,
    /// The database.
    Postgres,
}

/// Something bad, or only unusual, that an installation must bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` of a node; started again at the end.
    KillNode(usize),
    /// `kill -9` of a whole server; likewise.
    KillServer(Target),
    /// `kill -9` of one process of Postgres other than its first, which starts all anew.
    KillBackend(u64),
    /// SIGSTOP, and SIGCONT at the end.
    PauseNode(usize),
    /// Likewise.
    PauseServer(Target),
    /// Everything that was not forced to disk is gone; started again at the end.
    CutPower(Target),
    /// The power of the whole machine is cut: both servers' at once, and all nodes are gone too.
    Blackout,
    /// Redis has used up its memory.
    FullMemory,
    /// There is no room for what a server writes.
    FullDisk(Target),
    /// Redis rewrites its append-only file.
    Rewrite,
    /// A migration under load.
    Migrate,
    /// A new process beside the old one, which then ends in order.
    Deploy(usize),
    /// Connections are cut; a way of the world, by its place.
    Cut(usize, crate::proxy::Cut),
    /// See [`crate::proxy::Weather`].
    Weather(usize, crate::proxy::Weather),
}

/// What was done to a world.
#[derive(Debug, Clone, Default)]
pub struct Chronicle {
    /// Each fault, in the order of their beginnings.
    pub disturbances: Vec<Disturbance>,
    /// How many there were of each kind.
    pub kinds: BTreeMap<&'static str, u32>,
    /// How long faults struck.
    pub struck: Duration,
    /// How long it took after that until everything was ready.
    pub healed: Duration,
}

/// A fault that has begun.
struct UnderWay {
    until: Duration,
    fault: Fault,
    /// Its place in the chronicle.
    number: usize,
}

/// Set by whoever wants a run to end early.
pub type Stop = Arc<AtomicBool>;

/// Strikes `world` as planned and heals it at the end, all in this thread. Nodes are tended all the time, as by a service manager.
pub fn strike(mut world: World, plan: &Plan, stop: &Stop) -> Result<(World, Chronicle), Failure> {
    let began = Instant::now();
    let mut chronicle = Chronicle::default();
    let mut under_way: Vec<UnderWay> = Vec::new();
    let mut strokes = plan.strokes.iter().peekable();
    while began.elapsed() < plan.lasts && !stop.load(Ordering::Relaxed) {
        if let Some(over) = under_way.iter().position(|one| one.until <= began.elapsed()) {
            strike::end(&mut world, &under_way.swap_remove(over), &mut chronicle)?;
        }
        // Later than planned where something took longer than planned: what is struck already is not struck again.
        let is_due = |stroke: &&Stroke| {
            let is_free = !under_way.iter().any(|one| plan::meet(one.fault, stroke.fault));
            is_free && stroke.at <= began.elapsed()
        };
        if let Some(stroke) = strokes.next_if(is_due) {
            let number = strike::begin(&mut world, stroke.fault, &mut chronicle)?;
            under_way.push(UnderWay {
                until: began.elapsed() + stroke.lasts,
                fault: stroke.fault,
                number,
            });
        }
        world.tend()?;
        thread::sleep(TEND_EVERY);
    }
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::new("the run was stopped"));
    }
    chronicle.struck = began.elapsed();
    for one in under_way {
        strike::end(&mut world, &one, &mut chronicle)?;
    }
    world.heal()?;
    chronicle.healed = began.elapsed().saturating_sub(chronicle.struck);
    Ok((world, chronicle))
}

/// Tends the nodes of a world that nothing strikes, until `stop` is set.
pub fn watch(mut world: World, stop: &Stop) -> Result<World, Failure> {
    while !stop.load(Ordering::Relaxed) {
        world.tend()?;
        thread::sleep(TEND_EVERY);
    }
    Ok(world)
}
