//! How each fault is begun and ended.

use std::time::Duration;

use embedded::Signal;
use rustix::process::{Pid, kill_process};
use testkit::runs::Failure;

use super::{Chronicle, Fault, Target, UnderWay};
use crate::ledger::{Disturbance, now};
use crate::nodes::Node;
use crate::proxy::{Cut, Way, Weather};
use crate::shim;
use crate::world::World;
use crate::world::servers::Kept;

/// How long Redis may take to answer the nemesis.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// As much memory as Redis has then: it has used up more already.
const FULL_MEMORY: &str = "1mb";
/// How long a new process may take to be ready in a deployment; then it is given up, and the old one stays.
const DEPLOY_MAX: Duration = Duration::from_secs(4);

/// Begins `fault`, and answers its place in the chronicle.
pub(super) fn begin(world: &mut World, fault: Fault, chronicle: &mut Chronicle) -> Result<usize, Failure> {
    let (kind, mut said) = told(world, fault);
    *chronicle.kinds.entry(kind).or_default() += 1;
    let from = now();
    match fault {
        Fault::KillNode(node) => world.nodes[node].kill(),
        Fault::PauseNode(node) => world.nodes[node].pause(true)?,
        Fault::Deploy(node) => {
            if !world.nodes[node].deploy(DEPLOY_MAX)? {
                said.push_str(": given up, the new one was not ready in time");
            }
        }
        Fault::KillServer(target) => server(world, target).kill()?,
        Fault::PauseServer(target) => server(world, target).pause(true)?,
        Fault::CutPower(target) => {
            let cut = server(world, target).cut_power()?;
            said = format!("{said}, which took back {} writes to {} files", cut.writes, cut.files);
        }
        Fault::Blackout => {
            let (postgres, redis) = black_out(world)?;
            let (writes, files) = (postgres.writes + redis.writes, postgres.files + redis.files);
            said = format!("{said}, which took back {writes} writes to {files} files");
        }
        Fault::FullDisk(target) => server(world, target).fill_disk(true)?,
        Fault::KillBackend(which) => kill_backend(&mut world.servers.postgres, which),
        Fault::FullMemory => tell_redis(world, &["CONFIG", "SET", "maxmemory", FULL_MEMORY], &mut said),
        Fault::Rewrite => tell_redis(world, &["BGREWRITEAOF"], &mut said),
        Fault::Migrate => {
            if let Err(failure) = world.migrate("migrate-again") {
                // With its own database away, or a way there blocked, a migration fails and is run again.
                said = format!("{said}: {}", failure.in_full());
            }
        }
        Fault::Cut(way, how) => with_way(world, way, |way| way.cut(how)),
        Fault::Weather(way, weather) => with_way(world, way, |way| way.set(weather)),
    }
    chronicle.disturbances.push(Disturbance {
        from,
        until: is_over_at_once(fault).then(now),
        what: said,
    });
    Ok(chronicle.disturbances.len() - 1)
}

fn is_over_at_once(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::KillBackend(_) | Fault::Rewrite | Fault::Migrate | Fault::Deploy(_) | Fault::Cut(..)
    )
}

/// Ends what is under way.
pub(super) fn end(world: &mut World, ended: &UnderWay, chronicle: &mut Chronicle) -> Result<(), Failure> {
    match ended.fault {
        Fault::KillNode(node) => world.nodes[node].want(),
        Fault::PauseNode(node) => world.nodes[node].pause(false)?,
        Fault::KillServer(target) | Fault::CutPower(target) => server(world, target).up()?,
        Fault::PauseServer(target) => server(world, target).pause(false)?,
        Fault::Blackout => {
            server(world, Target::Postgres).up()?;
            server(world, Target::Redis).up()?;
            world.nodes.iter_mut().for_each(Node::want);
        }
        Fault::FullDisk(target) => {
            let server = server(world, target);
            server.fill_disk(false)?;
            // A server that can write nothing may have given up.
            server.up()?;
        }
        Fault::FullMemory => tell_redis(world, &["CONFIG", "SET", "maxmemory", "0"], &mut String::new()),
        Fault::Weather(way, _) => with_way(world, way, |way| way.set(Weather::default())),
        // They are over.
        Fault::KillBackend(_) | Fault::Rewrite | Fault::Migrate | Fault::Deploy(_) | Fault::Cut(..) => {}
    }
    if let Some(disturbance) = chronicle.disturbances.get_mut(ended.number) {
        disturbance.until.get_or_insert_with(now);
    }
    Ok(())
}

/// The kind of a fault, and the fault in words.
fn told(world: &World, fault: Fault) -> (&'static str, String) {
    let node = |node: usize| world.nodes[node].name.clone();
    let name = |target: Target| match target {
        Target::Redis => "redis",
        Target::Postgres => "postgres",
    };
    let way = |way: usize| {
        world
            .ways()
            .nth(way)
            .map(|way| way.name().to_owned())
            .unwrap_or_default()
    };
    match fault {
        Fault::KillNode(at) => ("node killed", format!("kill -9 of {}", node(at))),
        Fault::PauseNode(at) => ("node paused", format!("SIGSTOP of {}", node(at))),
        Fault::Deploy(at) => (
            "deployment",
            format!("a new process beside {}, which then ends", node(at)),
        ),
        Fault::KillServer(target) => ("server killed", format!("kill -9 of {}", name(target))),
        Fault::PauseServer(target) => ("server paused", format!("SIGSTOP of {}", name(target))),
        Fault::CutPower(target) => ("power cut", format!("power cut of {}", name(target))),
        Fault::Blackout => ("blackout", "power cut of everything at once".to_owned()),
        Fault::FullDisk(target) => ("disk full", format!("full disk of {}", name(target))),
        Fault::KillBackend(_) => ("backend killed", "kill -9 of a process of postgres".to_owned()),
        Fault::FullMemory => ("memory full", "full memory of redis".to_owned()),
        Fault::Rewrite => ("file rewritten", "redis rewrites its append-only file".to_owned()),
        Fault::Migrate => ("migration", "a migration".to_owned()),
        Fault::Cut(at, Cut::Reset) => ("connections reset", format!("connections reset, {}", way(at))),
        Fault::Cut(at, Cut::Close) => ("connections closed", format!("connections closed, {}", way(at))),
        Fault::Weather(at, weather) => {
            let kind = kind_of(weather);
            (kind, format!("{kind}, {}", way(at)))
        }
    }
}

fn kind_of(weather: Weather) -> &'static str {
    match weather {
        Weather { swallows: true, .. } => "answers lost after the server acted",
        Weather { refuses: true, .. } => "connections refused",
        Weather {
            holds_requests: true,
            holds_answers: true,
            ..
        } => "both directions held",
        Weather {
            holds_requests: true, ..
        } => "requests held",
        Weather {
            holds_answers: true, ..
        } => "answers held",
        _ => "everything slow",
    }
}

fn server(world: &mut World, target: Target) -> &mut Kept {
    match target {
        Target::Redis => &mut world.servers.redis,
        Target::Postgres => &mut world.servers.postgres,
    }
}

fn with_way(world: &World, way: usize, what: impl FnOnce(&Way)) {
    if let Some(way) = world.ways().nth(way) {
        what(way);
    }
}

/// Kills everything, and then takes back what was not on disk.
fn black_out(world: &mut World) -> Result<(shim::Cut, shim::Cut), Failure> {
    world.servers.redis.kill()?;
    world.servers.postgres.kill()?;
    world.nodes.iter_mut().for_each(Node::kill);
    Ok((world.servers.postgres.cut_power()?, world.servers.redis.cut_power()?))
}

/// Kills a process of Postgres that is not its first.
fn kill_backend(postgres: &mut Kept, which: u64) {
    let first = postgres.pid();
    let others: Vec<u32> = postgres
        .processes()
        .into_iter()
        .filter(|&pid| Some(pid) != first)
        .collect();
    let index = usize::try_from(which % (others.len().max(1) as u64)).unwrap_or(0);
    let pid = others
        .get(index)
        .and_then(|&pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by itself in the meantime; nothing else has its id so soon.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Tells Redis something, past the proxies. Where it does not listen, that is noted in `said`.
fn tell_redis(world: &World, words: &[&str], said: &mut String) {
    let told = redis::Client::open(world.servers.ways.redis_url.as_str()).and_then(|client| {
        let mut connection = client.get_connection_with_timeout(ANSWER_MAX)?;
        connection.set_read_timeout(Some(ANSWER_MAX))?;
        connection.set_write_timeout(Some(ANSWER_MAX))?;
        redis::cmd(words[0])
            .arg(&words[1..])
            .query::<redis::Value>(&mut connection)
    });
    if let Err(error) = told {
        *said = format!("{said}: {error}");
    }
}
