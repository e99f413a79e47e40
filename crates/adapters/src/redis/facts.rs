//! What a Redis says of itself, and what of that breaks the promise that an accepted ping is not lost.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::{PortError, Probe};
use redis::{RedisError, RedisResult, cmd};

use super::link::{Link, port_error};

/// The oldest version whose commands and scripts do what the queue needs.
const VERSION_MIN: (u32, u32) = (7, 0);

/// Asks for a sign of life.
pub struct RedisProbe {
    link: Link,
}

impl RedisProbe {
    /// How long the sign may take.
    pub(super) const ANSWER_MAX: Duration = Duration::from_secs(1);

    pub(super) fn new(link: Link) -> Self {
        Self { link }
    }
}

#[async_trait]
impl Probe for RedisProbe {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn check(&self) -> Result<(), PortError> {
        let pong = self.link.query_again::<String>(&cmd("PING")).await;
        pong.map(drop)
            .map_err(|error| port_error("get a sign of life from Redis", error))
    }
}

/// What a Redis says of itself. Settings that it keeps to itself, as hosted ones may, are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisFacts {
    /// Its version: `7.0.15`.
    pub version: String,
    /// Whether it writes an append-only file.
    pub append_only: bool,
    /// When that file is forced to disk: `always`, `everysec`, `no`.
    pub append_fsync: Option<String>,
    /// Whether forcing is left out while the file is rewritten.
    pub no_fsync_on_rewrite: Option<bool>,
    /// What it does when all the memory that it may use is used up: `noeviction` is to refuse.
    pub memory_policy: String,
    /// By how much its clock is ahead of ours.
    pub clock_ahead_ms: i64,
}

impl RedisFacts {
    /// Asks for them; `now` is the present instant by our clock.
    pub(super) async fn ask(link: &Link, now: UnixMs) -> Result<Self, PortError> {
        let asked = Self::read(link, now).await;
        asked.map_err(|error| port_error("ask Redis for its settings", error))
    }

    async fn read(link: &Link, now: UnixMs) -> RedisResult<Self> {
        let info: String = link.query(cmd("INFO").arg("everything")).await?;
        let info = said(&info);
        let said = |name: &str| info.get(name).copied().unwrap_or_default();
        let (secs, micros): (i64, i64) = link.query(&cmd("TIME")).await?;
        let forcing = Forcing::ask(link).await?;
        Ok(Self {
            version: said("redis_version").to_owned(),
            append_only: said("aof_enabled") == "1",
            append_fsync: forcing.append_fsync,
            no_fsync_on_rewrite: forcing.no_fsync_on_rewrite,
            memory_policy: said("maxmemory_policy").to_owned(),
            clock_ahead_ms: secs * 1_000 + micros / 1_000 - now.0,
        })
    }

    /// What is wrong with its version, in a sentence; it cannot hold the queue then.
    #[must_use]
    pub fn version_fault(&self) -> Option<String> {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0_u32));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        let (major, minor) = VERSION_MIN;
        (version < VERSION_MIN)
            .then(|| format!("Redis {} is too old: {major}.{minor} or newer is needed.", self.version))
    }

    /// What breaks the promise of a 202 whatever happens, each in a sentence that says how to mend it.
    #[must_use]
    pub fn durability_faults(&self) -> Vec<String> {
        let no_file = (!self.append_only).then(|| NO_FILE.to_owned());
        let evicts = evicts(&self.memory_policy);
        no_file.into_iter().chain(evicts).collect()
    }

    /// What can lose accepted pings when the power fails, though not when a process does, each with how many and in a sentence that says how to mend it.
    #[must_use]
    pub fn power_cut_faults(&self) -> Vec<(PowerCut, String)> {
        let forcing = Forcing {
            append_fsync: self.append_fsync.clone(),
            no_fsync_on_rewrite: self.no_fsync_on_rewrite,
        };
        forcing.faults()
    }
}

/// When a Redis forces its file to disk, as far as it says.
#[derive(Debug, Default)]
pub(super) struct Forcing {
    append_fsync: Option<String>,
    no_fsync_on_rewrite: Option<bool>,
}

impl Forcing {
    /// Asks for it. A hosted Redis may not let us: then it is unknown. That no answer came says nothing of it and is an error.
    pub(super) async fn ask(link: &Link) -> RedisResult<Self> {
        let mut config = cmd("CONFIG");
        config.arg("GET").arg("appendfsync").arg("no-appendfsync-on-rewrite");
        let config: HashMap<String, String> = match link.query_again(&config).await {
            Err(error) if is_denied(&error) => return Ok(Self::default()),
            answer => answer?,
        };
        Ok(Self {
            append_fsync: config.get("appendfsync").cloned(),
            no_fsync_on_rewrite: config.get("no-appendfsync-on-rewrite").map(|value| value == "yes"),
        })
    }

    fn faults(&self) -> Vec<(PowerCut, String)> {
        let mut faults = Vec::new();
        match self.append_fsync.as_deref() {
            Some("always") => {}
            Some("everysec") => faults.push((
                PowerCut::LosesASecond,
                "A power cut can lose pings accepted in the second before it: set appendfsync to always, not everysec.".to_owned(),
            )),
            Some(other) => faults.push((
                PowerCut::LosesMore,
                format!("A power cut can lose pings accepted in the half minute before it: set appendfsync to always, not {other}."),
            )),
            None => faults.push((
                PowerCut::Unknown,
                "Redis does not say when it forces its file to disk: a power cut may lose pings accepted just before it.".to_owned(),
            )),
        }
        if self.no_fsync_on_rewrite == Some(true) {
            faults.push((
                PowerCut::LosesMore,
                "A power cut while Redis rewrites its file can lose accepted pings: set no-appendfsync-on-rewrite to no.".to_owned(),
            ));
        }
        faults
    }
}

/// Whether Redis has no such command, or not for us.
fn is_denied(error: &RedisError) -> bool {
    matches!(error.code(), Some("ERR" | "NOPERM"))
}

/// What a power cut can lose of pings that were accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerCut {
    /// Redis does not say.
    Unknown,
    /// Those of a second.
    LosesASecond,
    /// Those of longer.
    LosesMore,
}

impl PowerCut {
    /// Whether whoever gives up that much lives with it. With what Redis keeps to itself everybody has to.
    #[must_use]
    pub fn is_within(self, may_lose: MayLose) -> bool {
        match self {
            Self::Unknown => true,
            Self::LosesASecond => may_lose >= MayLose::ASecond,
            Self::LosesMore => may_lose >= MayLose::Anything,
        }
    }
}

/// What of the pings that were accepted is given up, as the operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MayLose {
    /// None.
    Nothing,
    /// Those of the second before a power cut.
    ASecond,
    /// All of them.
    Anything,
}

const NO_FILE: &str =
    "Redis writes no append-only file, so accepted pings are lost when it ends: set appendonly to yes.";

/// Also where memory has no bound: whoever gives it one later would not think of what is lost then.
fn evicts(policy: &str) -> Option<String> {
    (policy != "noeviction").then(|| {
        format!("Redis may throw accepted pings away when its memory is full: set maxmemory-policy to noeviction, not {policy}.")
    })
}

/// The lines of `INFO`, by their names.
pub(super) fn said(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.split_once(':')).collect()
}

/// What makes Redis forget more of what it is told than `may_lose`, in a sentence, as its `INFO` on memory and persistence and its `forcing` say; nothing
/// when it does not.
pub(super) fn volatility(info: &HashMap<&str, &str>, forcing: &Forcing, may_lose: MayLose) -> Option<String> {
    if may_lose == MayLose::Anything {
        return None;
    }
    let said = |name: &str| info.get(name).copied().unwrap_or_default();
    if said("aof_enabled") != "1" {
        return Some(NO_FILE.to_owned());
    }
    let too_much = |(cut, says): (PowerCut, String)| (!cut.is_within(may_lose)).then_some(says);
    evicts(said("maxmemory_policy")).or_else(|| forcing.faults().into_iter().find_map(too_much))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durable() -> RedisFacts {
        RedisFacts {
            version: "7.0.15".to_owned(),
            append_only: true,
            append_fsync: Some("always".to_owned()),
            no_fsync_on_rewrite: Some(false),
            memory_policy: "noeviction".to_owned(),
            clock_ahead_ms: 0,
        }
    }

    #[test]
    fn a_durable_redis_has_no_faults() {
        assert!(durable().durability_faults().is_empty());
        assert!(durable().power_cut_faults().is_empty());
        assert_eq!(durable().version_fault(), None);
    }

    #[test]
    fn each_fault_is_named_with_its_remedy() {
        let facts = RedisFacts {
            append_only: false,
            memory_policy: "allkeys-lru".to_owned(),
            ..durable()
        };
        let faults = facts.durability_faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[0].contains("appendonly") && faults[1].contains("allkeys-lru"),
            "{faults:?}"
        );
    }

    #[test]
    fn what_only_a_power_cut_can_lose_is_said_with_how_much_that_is() {
        for (fsync, rewrite, cuts) in [
            (Some("everysec"), false, vec![PowerCut::LosesASecond]),
            (Some("no"), false, vec![PowerCut::LosesMore]),
            (None, false, vec![PowerCut::Unknown]),
            (Some("always"), true, vec![PowerCut::LosesMore]),
            (
                Some("everysec"),
                true,
                vec![PowerCut::LosesASecond, PowerCut::LosesMore],
            ),
        ] {
            let facts = RedisFacts {
                append_fsync: fsync.map(str::to_owned),
                no_fsync_on_rewrite: Some(rewrite),
                ..durable()
            };
            assert!(facts.durability_faults().is_empty());
            let found: Vec<PowerCut> = facts.power_cut_faults().into_iter().map(|(cut, _)| cut).collect();
            assert_eq!(found, cuts, "{fsync:?}");
        }
    }

    #[test]
    fn a_running_redis_is_held_to_what_is_not_given_up() {
        use MayLose::{ASecond, Anything, Nothing};
        let sound = "aof_enabled:1\nmaxmemory:0\nmaxmemory_policy:noeviction";
        let no_file = "aof_enabled:0\nmaxmemory:0\nmaxmemory_policy:noeviction";
        let evicting = "aof_enabled:1\nmaxmemory:0\nmaxmemory_policy:allkeys-lru";
        for (info, fsync, on_rewrite, forgets, unless) in [
            (sound, Some("always"), false, None, Nothing),
            (sound, None, false, None, Nothing),
            (sound, Some("everysec"), false, Some("not everysec"), ASecond),
            (sound, Some("no"), false, Some("not no"), Anything),
            (sound, Some("always"), true, Some("no-appendfsync-on-rewrite"), Anything),
            (sound, Some("everysec"), true, Some("set"), Anything),
            (no_file, Some("always"), false, Some("appendonly"), Anything),
            (evicting, Some("always"), false, Some("maxmemory-policy"), Anything),
        ] {
            let forcing = Forcing {
                append_fsync: fsync.map(str::to_owned),
                no_fsync_on_rewrite: Some(on_rewrite),
            };
            for may_lose in [Nothing, ASecond, Anything] {
                let found = volatility(&said(info), &forcing, may_lose);
                let case = format!("{info} {forcing:?} {may_lose:?}: {found:?}");
                match forgets.filter(|_| may_lose < unless) {
                    Some(word) => assert!(found.is_some_and(|says| says.contains(word)), "{case}"),
                    None => assert_eq!(found, None, "{case}"),
                }
            }
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        for (version, is_old) in [("6.2.14", true), ("7.0.0", false), ("10.1", false), ("", true)] {
            let facts = RedisFacts {
                version: version.to_owned(),
                ..durable()
            };
            assert_eq!(facts.version_fault().is_some(), is_old, "{version}");
        }
    }
}
