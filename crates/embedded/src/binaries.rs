//! Finds the programs of Postgres and Redis on this machine, and refuses those that would not do.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::EmbeddedError;

/// The oldest Postgres that the schema works with.
const POSTGRES_MIN: Version = Version { major: 15, minor: 0 };
/// The oldest Redis that the queue works with.
const REDIS_MIN: Version = Version { major: 7, minor: 0 };
/// An extension of contrib that the schema needs; where it is, the others are.
const EXTENSION: &str = "btree_gist.control";
/// What the server is called, also where it is Valkey.
const REDIS_PROGRAM: &str = "redis-server";
/// Where Debian's packages put Postgres, one directory for each major version.
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";

/// The version of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// What changes the format of the data, in Postgres.
    pub major: u32,
    /// The release within that.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Where to look for the servers' programs, in this order.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The directory of the Postgres programs, if it was configured. Nothing else is tried then.
    pub postgres_bin: Option<PathBuf>,
    /// The directory of the Redis programs, if it was configured. Nothing else is tried then.
    pub redis_bin: Option<PathBuf>,
    /// The search path of the process.
    pub path: Option<OsString>,
    /// Where the system keeps one directory for each major version of Postgres.
    pub versions: PathBuf,
    /// Where a set-up without root unpacks servers: `postgres/bin` and `redis/bin` below it.
    pub bundle: Option<PathBuf>,
    /// The cluster that the programs must fit, if there is one already.
    pub cluster: Option<PathBuf>,
}

impl Search {
    /// The usual places, for the instance in `data_dir`: the path, the system's packages, `<data_dir>/bundle`.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        Self {
            bundle: Some(data_dir.join("bundle")),
            cluster: Some(data_dir.join("postgres")),
            ..Self::of_system()
        }
    }

    /// The path and the system's packages.
    #[must_use]
    pub fn of_system() -> Self {
        Self {
            path: env::var_os("PATH"),
            versions: PathBuf::from(DEBIAN_POSTGRES),
            ..Self::default()
        }
    }

    fn on_path(&self) -> Vec<PathBuf> {
        self.path
            .as_ref()
            .map(|path| env::split_paths(path).collect())
            .unwrap_or_default()
    }
}

/// The programs of both servers.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// Those of Postgres.
    pub postgres: PostgresBinaries,
    /// That of Redis.
    pub redis: RedisBinary,
}

impl Binaries {
    /// Finds both.
    pub fn find(search: &Search) -> Result<Self, EmbeddedError> {
        Ok(Self {
            postgres: PostgresBinaries::find(search)?,
            redis: RedisBinary::find(search)?,
        })
    }
}

/// The programs of one Postgres installation that has what the schema needs.
#[derive(Clone, Debug)]
pub struct PostgresBinaries {
    bin: PathBuf,
    version: Version,
}

impl PostgresBinaries {
    /// Finds the first that will do.
    pub fn find(search: &Search) -> Result<Self, EmbeddedError> {
        let candidates = match &search.postgres_bin {
            Some(configured) => vec![configured.clone()],
            None => Self::candidates(search),
        };
        let major = search.cluster.as_deref().and_then(cluster_major);
        let mut rejected = Vec::new();
        for bin in candidates {
            match Self::at(&bin) {
                Ok(found) if major.is_none_or(|major| major == found.version.major) => return Ok(found),
                Ok(found) => rejected.push(format!("{}: version {}", bin.display(), found.version)),
                Err(why) => rejected.push(format!("{}: {why}", bin.display())),
            }
        }
        Err(match (major, &search.cluster) {
            (Some(major), Some(dir)) => EmbeddedError::PostgresMajor {
                dir: dir.clone(),
                major,
                rejected,
            },
            _ => EmbeddedError::PostgresMissing {
                minimum: POSTGRES_MIN,
                rejected,
            },
        })
    }

    /// The directory of the programs.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Their version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The path of one of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// One of the programs, with nothing of this process' environment: Postgres takes settings from there.
    pub(crate) fn command(&self, name: &str) -> Command {
        plain(&self.program(name))
    }

    fn candidates(search: &Search) -> Vec<PathBuf> {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(&search.versions)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
            })
            .collect();
        versions.sort_by(|one, other| other.cmp(one));
        let on_path = search
            .on_path()
            .into_iter()
            .filter_map(|dir| real_dir(&dir.join("postgres")));
        let bundle = search
            .bundle
            .iter()
            .map(|bundle| bundle.join("postgres/bin"))
            .filter(|bin| bin.exists());
        let mut candidates: Vec<PathBuf> = on_path
            .chain(versions.into_iter().map(|(_, bin)| bin))
            .chain(bundle)
            .collect();
        let mut seen = Vec::new();
        candidates.retain(|bin| {
            !seen.contains(bin) && {
                seen.push(bin.clone());
                true
            }
        });
        candidates
    }

    fn at(bin: &Path) -> Result<Self, String> {
        let bin = bin.canonicalize().map_err(|error| error.to_string())?;
        let version = ask_version(&bin.join("postgres"), parse_postgres)?;
        if version < POSTGRES_MIN {
            return Err(format!("version {version} is too old"));
        }
        if !bin.join("initdb").exists() {
            return Err("initdb is missing".to_owned());
        }
        if !share_dirs(&bin, version)
            .iter()
            .any(|share| share.join("extension").join(EXTENSION).exists())
        {
            return Err("the contrib extensions are missing".to_owned());
        }
        Ok(Self { bin, version })
    }
}

/// The Redis program.
#[derive(Clone, Debug)]
pub struct RedisBinary {
    path: PathBuf,
    version: Version,
}

impl RedisBinary {
    /// Finds the first that will do.
    pub fn find(search: &Search) -> Result<Self, EmbeddedError> {
        let candidates = match &search.redis_bin {
            Some(configured) => vec![configured.join(REDIS_PROGRAM)],
            None => Self::candidates(search),
        };
        let mut rejected = Vec::new();
        for path in candidates {
            match ask_version(&path, parse_redis) {
                Ok(version) if version >= REDIS_MIN => return Ok(Self { path, version }),
                Ok(version) => rejected.push(format!("{}: version {version} is too old", path.display())),
                Err(why) => rejected.push(format!("{}: {why}", path.display())),
            }
        }
        Err(EmbeddedError::RedisMissing {
            minimum: REDIS_MIN,
            rejected,
        })
    }

    fn candidates(search: &Search) -> Vec<PathBuf> {
        let bundle = search.bundle.iter().map(|bundle| bundle.join("redis/bin"));
        let programs = search
            .on_path()
            .into_iter()
            .chain(bundle)
            .map(|bin| bin.join(REDIS_PROGRAM));
        programs.filter(|program| program.exists()).collect()
    }

    /// The program.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn command(&self) -> Command {
        plain(&self.path)
    }
}

fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C");
    command
}

fn ask_version(program: &Path, parse: fn(&str) -> Option<Version>) -> Result<Version, String> {
    let output = plain(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no {}", program.display()),
            _ => error.to_string(),
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).ok_or_else(|| format!("no version in {:?}", text.trim()))
}

/// As in `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn parse_postgres(text: &str) -> Option<Version> {
    parse_version(text.strip_prefix("postgres (PostgreSQL) ")?)
}

/// As in `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=…`, and the same of Valkey.
fn parse_redis(text: &str) -> Option<Version> {
    parse_version(text.split_whitespace().find_map(|word| word.strip_prefix("v="))?)
}

/// Of an unreleased version, `19beta1`, the minor number is 0.
fn parse_version(text: &str) -> Option<Version> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let mut numbers = text[..end].split('.');
    let major = numbers.next()?.parse().ok()?;
    Some(Version {
        major,
        minor: numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0),
    })
}

/// The major version that made the cluster in `dir`, if there is one.
fn cluster_major(dir: &Path) -> Option<u32> {
    fs::read_to_string(dir.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Where a program really lies: on the path there is often only a link to it.
fn real_dir(program: &Path) -> Option<PathBuf> {
    Some(program.canonicalize().ok()?.parent()?.to_owned())
}

/// Where the extensions of an installation may lie: as it says itself, beside its programs, and as Debian has it.
fn share_dirs(bin: &Path, version: Version) -> Vec<PathBuf> {
    let told = plain(&bin.join("pg_config"))
        .arg("--sharedir")
        .stdin(Stdio::null())
        .output()
        .ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let beside = ["share/postgresql", "share"].map(|share| bin.join("..").join(share));
    let debian = PathBuf::from(format!("/usr/share/postgresql/{}", version.major));
    told.into_iter().chain(beside).chain([debian]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Version, parse_postgres, parse_redis};

    const fn version(major: u32, minor: u32) -> Version {
        Version { major, minor }
    }

    #[test]
    fn versions_are_read_from_what_the_programs_say() {
        assert_eq!(
            parse_postgres("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(version(15, 14))
        );
        assert_eq!(parse_postgres("postgres (PostgreSQL) 18.6\n"), Some(version(18, 6)));
        assert_eq!(parse_postgres("postgres (PostgreSQL) 19beta1\n"), Some(version(19, 0)));
        assert_eq!(parse_postgres("pg_ctl (PostgreSQL) 15.14\n"), None);
        assert_eq!(
            parse_redis("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n"),
            Some(version(7, 0))
        );
        assert_eq!(
            parse_redis("Valkey server v=8.1.1 sha=00000000:0\n"),
            Some(version(8, 1))
        );
        assert_eq!(parse_redis("nonsense"), None);
    }
}
