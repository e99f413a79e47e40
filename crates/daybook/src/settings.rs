//! Every setting, read once from the environment into one typed value: unknown names refused, every fault named, secrets never shown.

mod edge;
mod reader;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use adapters::mail::{Route, Sender};
use adapters::redis::MayLose;
use domain::usage::Rules;

use reader::Reader;
pub use reader::SettingFault;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `DATABASE_URL`: the Postgres of `api`, `worker`, `migrate`, `doctor`. `up` starts its own.
    pub database_url: Option<Secret>,
    /// `REDIS_URL`: likewise.
    pub redis_url: Option<Secret>,
    /// `DAYBOOK_LISTEN`: where the API listens.
    pub listen: SocketAddr,
    /// `DAYBOOK_METRICS_LISTEN`: where Prometheus reads metrics; nowhere when not set.
    pub metrics_listen: Option<SocketAddr>,
    /// `DAYBOOK_API_THREADS`: threads that serve HTTP.
    pub api_threads: u16,
    /// `DAYBOOK_CONNECTIONS_MAX`: how many connections of clients may be open at once.
    pub connections_max: u32,
    /// `DAYBOOK_HEAD_WITHIN`: how long the head of a connection's first request may take to arrive.
    pub head_within: Duration,
    /// `DAYBOOK_BODY_WITHIN`: how long a body may take to arrive.
    pub body_within: Duration,
    /// What stands between the network and the routes.
    pub edge: api::Edge,
    /// `DAYBOOK_DATABASE_CONNECTIONS`: the most connections the API, or a worker, opens to Postgres for its work; one more looks whether it is there.
    pub database_connections: u16,
    /// `DAYBOOK_PING_SHARDS`: into how many streams pings are divided by user.
    pub ping_shards: u16,
    /// `DAYBOOK_BACKLOG_PINGS`: how many pings may wait to be merged before more are refused with 503.
    pub backlog_pings: u64,
    /// `DAYBOOK_BACKLOG_MB`: how much memory Redis may use before more are, in MiB.
    pub backlog_mb: u32,
    /// `DAYBOOK_WORKER_NAME`: the worker's name in the queue; made from host and process when not set.
    pub worker_name: Option<String>,
    /// `USAGE_MAX_CLAIM`, `USAGE_MAX_SKEW`, `USAGE_MAX_AGE`: which stretches of time a ping may claim.
    pub rules: Rules,
    /// `USAGE_IMPORT_MAX_AGE`: how long before the server's clock imported history may start.
    pub import_age_max: Duration,
    /// `DAYBOOK_ALLOW_WEAK_DURABILITY`: start although Postgres or Redis are set so that an accepted ping can be lost.
    pub allow_weak_durability: bool,
    /// `DAYBOOK_LOG`: what is logged, in the syntax of tracing's `EnvFilter`.
    pub log: String,
    /// `DAYBOOK_LOG_FORMAT`: for people or for programs.
    pub log_format: LogFormat,
    /// How mail goes out.
    pub mail: MailSettings,
    /// What only `up` uses.
    pub embedded: EmbeddedSettings,
}

/// How mail goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// `DAYBOOK_MAIL`: a mail server or a folder. When not set, `up` has a folder and `api` sends none.
    pub route: Option<Route>,
    /// `DAYBOOK_MAIL_FROM`: whom it is from.
    pub sender: Sender,
}

/// What `daybook up` needs for its private Postgres and Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// `DAYBOOK_DATA_DIR`: where everything is kept.
    pub data_dir: Option<PathBuf>,
    /// `XDG_DATA_HOME`, else `.local/share` below `HOME`: where a person's programs keep their data.
    pub data_home: Option<PathBuf>,
    /// `DAYBOOK_POSTGRES_BIN`: the directory of the Postgres programs.
    pub postgres_bin: Option<PathBuf>,
    /// `DAYBOOK_REDIS_BIN`: the directory of `redis-server`.
    pub redis_bin: Option<PathBuf>,
    /// `DAYBOOK_REDIS_FSYNC`: whether Redis syncs each write, or once a second. What another Redis than that of `up` must do at least.
    pub redis_fsync: RedisFsync,
    /// `DAYBOOK_REDIS_MEMORY_MB`: how much Redis may hold before pings are refused with 503.
    pub redis_memory_mb: u32,
}

/// When the private Redis calls fsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisFsync {
    /// Before it answers: a 202 survives a power cut.
    Always,
    /// Once a second: a power cut can lose the last second of accepted pings.
    EverySec,
}

impl RedisFsync {
    /// What of the pings that were accepted is given up with it.
    pub fn may_lose(self) -> MayLose {
        match self {
            Self::Always => MayLose::Nothing,
            Self::EverySec => MayLose::ASecond,
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value, for those who connect with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(set)")
    }
}

impl Settings {
    /// The settings that `variables` make. Names that start with `DAYBOOK_` or `USAGE_` and are none of ours are refused; an empty value counts as not set.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<SettingFault>> {
        let mut reader = Reader::new(variables);
        let settings = Self::with(&mut reader);
        reader.finish()?;
        Ok(settings)
    }

    /// What imported history may claim.
    pub fn import_rules(&self) -> Rules {
        Rules {
            age_max: self.import_age_max,
            ..self.rules
        }
    }

    /// What of the pings that were accepted is given up.
    pub fn may_lose(&self) -> MayLose {
        if self.allow_weak_durability {
            MayLose::Anything
        } else {
            self.embedded.redis_fsync.may_lose()
        }
    }

    fn with(reader: &mut Reader) -> Self {
        let rules = Rules::default();
        Self {
            database_url: reader.text("DATABASE_URL").map(Secret::from),
            redis_url: reader.text("REDIS_URL").map(Secret::from),
            listen: reader
                .parsed("DAYBOOK_LISTEN", "an address and port such as 127.0.0.1:8080")
                .unwrap_or(LISTEN),
            metrics_listen: reader.parsed("DAYBOOK_METRICS_LISTEN", "an address and port such as 127.0.0.1:9464"),
            api_threads: reader.number("DAYBOOK_API_THREADS", 1..=256).unwrap_or_else(processors),
            connections_max: reader
                .number("DAYBOOK_CONNECTIONS_MAX", 1..=1_000_000)
                .unwrap_or(10_000),
            head_within: reader.duration("DAYBOOK_HEAD_WITHIN").unwrap_or(HEAD_WITHIN),
            body_within: reader.duration("DAYBOOK_BODY_WITHIN").unwrap_or(BODY_WITHIN),
            edge: edge::read(reader),
            database_connections: reader.number("DAYBOOK_DATABASE_CONNECTIONS", 2..=1_000).unwrap_or(10),
            ping_shards: reader.number("DAYBOOK_PING_SHARDS", 1..=256).unwrap_or(4),
            backlog_pings: reader
                .number("DAYBOOK_BACKLOG_PINGS", 1_000..=1_000_000_000)
                .unwrap_or(20_000_000),
            backlog_mb: reader.number("DAYBOOK_BACKLOG_MB", 8..=1_048_576).unwrap_or(512),
            worker_name: reader.text("DAYBOOK_WORKER_NAME"),
            rules: Rules {
                claim_max: reader.duration("USAGE_MAX_CLAIM").unwrap_or(rules.claim_max),
                skew_max: reader.duration("USAGE_MAX_SKEW").unwrap_or(rules.skew_max),
                age_max: reader.duration("USAGE_MAX_AGE").unwrap_or(rules.age_max),
            },
            import_age_max: reader.duration("USAGE_IMPORT_MAX_AGE").unwrap_or(Rules::IMPORT_AGE_MAX),
            allow_weak_durability: reader.choice("DAYBOOK_ALLOW_WEAK_DURABILITY", &YES_NO).unwrap_or(false),
            log: reader.text("DAYBOOK_LOG").unwrap_or_else(|| LOG.to_owned()),
            log_format: reader
                .choice("DAYBOOK_LOG_FORMAT", &LOG_FORMATS)
                .unwrap_or(LogFormat::Text),
            mail: MailSettings::with(reader),
            embedded: EmbeddedSettings::with(reader),
        }
    }
}

impl MailSettings {
    fn with(reader: &mut Reader) -> Self {
        let form = "dir:/path, smtps://user:password@host, smtp://user:password@host?tls=required, or smtp://localhost";
        let route = reader.parsed("DAYBOOK_MAIL", form);
        let sender = reader.parsed("DAYBOOK_MAIL_FROM", "an e-mail address such as daybook@example.org");
        if let (Some(Route::Smtp(_)), None) = (&route, &sender) {
            let must = "must be set to the address that mail is from, as DAYBOOK_MAIL is a mail server";
            reader.fault::<()>("DAYBOOK_MAIL_FROM", must.to_owned());
        }
        Self {
            route,
            sender: sender.unwrap_or_else(nobody),
        }
    }
}

/// Whom mail in a folder is from.
fn nobody() -> Sender {
    "daybook@localhost".parse().expect("it is an address")
}

impl EmbeddedSettings {
    fn with(reader: &mut Reader) -> Self {
        Self {
            data_dir: reader.text("DAYBOOK_DATA_DIR").map(PathBuf::from),
            data_home: data_home(reader),
            postgres_bin: reader.text("DAYBOOK_POSTGRES_BIN").map(PathBuf::from),
            redis_bin: reader.text("DAYBOOK_REDIS_BIN").map(PathBuf::from),
            redis_fsync: reader
                .choice("DAYBOOK_REDIS_FSYNC", &FSYNCS)
                .unwrap_or(RedisFsync::Always),
            redis_memory_mb: reader.number("DAYBOOK_REDIS_MEMORY_MB", 16..=1_048_576).unwrap_or(512),
        }
    }
}

const HEAD_WITHIN: Duration = Duration::from_secs(5);
const BODY_WITHIN: Duration = Duration::from_secs(10);
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
/// What Daybook says, and of its libraries only what is wrong.
const LOG: &str = "info,actix_http=off,actix_server=warn,apalis_core=warn,refinery_core=warn,tokio_postgres=warn";
const YES_NO: [(&str, bool); 2] = [("yes", true), ("no", false)];
const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
const FSYNCS: [(&str, RedisFsync); 2] = [("always", RedisFsync::Always), ("everysec", RedisFsync::EverySec)];

/// The longest `USAGE_…`: ten years.
const DURATION_MAX: Duration = Duration::from_hours(3_652 * 24);

fn data_home(reader: &Reader) -> Option<PathBuf> {
    let home = || Some(PathBuf::from(reader.of_system("HOME")?).join(".local/share"));
    reader.of_system("XDG_DATA_HOME").map(PathBuf::from).or_else(home)
}

fn processors() -> u16 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    u16::try_from(processors).unwrap_or(u16::MAX).min(256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(variables).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let settings = read(&[("PATH", "/usr/bin"), ("DAYBOOK_LOG", "")]).expect("valid");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.rules, Rules::default());
        assert_eq!(settings.import_age_max.as_secs(), 3_652 * 86_400);
        assert_eq!(settings.embedded.redis_fsync, RedisFsync::Always);
        let rates = settings.edge.rates.expect("limits are on");
        let written = [rates.pings, rates.account, rates.address].map(|rate| rate.to_string());
        assert_eq!(written, ["50/s burst 1000", "20/s burst 400", "20/s burst 400"]);
        assert_eq!(
            (settings.edge.public_url, settings.edge.cors_origins),
            (None, Vec::new())
        );
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = read(&[
            ("DAYBOOK_LISTEN", "8080"),
            ("DAYBOOK_PING_SHARDS", "0"),
            ("DAYBOOK_LOG_FORMAT", "xml"),
            ("USAGE_MAX_CLAIM", "a day"),
            ("DAYBOOK_LISTENN", "x"),
        ]);
        let faults = faults.expect_err("five faults");
        assert_eq!(faults.len(), 5, "{faults:?}");
        for name in [
            "DAYBOOK_LISTEN ",
            "DAYBOOK_PING_SHARDS",
            "DAYBOOK_LOG_FORMAT",
            "USAGE_MAX_CLAIM",
            "DAYBOOK_LISTENN",
        ] {
            assert!(
                faults.iter().any(|fault| fault.contains(name.trim())),
                "{name} in {faults:?}"
            );
        }
    }

    #[test]
    fn what_may_be_lost_is_what_was_said_and_else_nothing() {
        let second = ("DAYBOOK_REDIS_FSYNC", "everysec");
        let anything = ("DAYBOOK_ALLOW_WEAK_DURABILITY", "yes");
        for (set, may_lose) in [
            (&[][..], MayLose::Nothing),
            (&[second], MayLose::ASecond),
            (&[anything], MayLose::Anything),
            (&[second, anything], MayLose::Anything),
        ] {
            assert_eq!(read(set).expect("valid").may_lose(), may_lose, "{set:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let settings = read(&[("DATABASE_URL", "postgres://daybook:hunter2@db/daybook")]).expect("valid");
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn mail_goes_to_a_server_in_the_name_of_somebody_or_into_a_folder() {
        let settings = read(&[]).expect("valid");
        assert_eq!(settings.mail.route, None);
        let settings = read(&[("DAYBOOK_MAIL", "dir:/tmp/mail")]).expect("valid");
        assert_eq!(settings.mail.route, Some(Route::Folder(PathBuf::from("/tmp/mail"))));
        let server = ("DAYBOOK_MAIL", "smtps://ada:hunter2@mail.example.org");
        let settings = read(&[server, ("DAYBOOK_MAIL_FROM", "daybook@example.org")]).expect("valid");
        assert_eq!(Ok(settings.mail.sender.clone()), "daybook@example.org".parse());
        assert!(!format!("{settings:?}").contains("hunter2"));
        for faulty in [
            vec![server],
            vec![server, ("DAYBOOK_MAIL_FROM", "daybook")],
            vec![
                ("DAYBOOK_MAIL", "smtp://ada:hunter2@mail.example.org"),
                ("DAYBOOK_MAIL_FROM", "a@b.c"),
            ],
        ] {
            let faults = read(&faulty).expect_err("faulty");
            assert!(faults[0].contains("DAYBOOK_MAIL"), "{faults:?}");
            assert!(!faults.concat().contains("hunter2"), "{faults:?}");
        }
    }

    #[test]
    fn durations_have_a_unit_and_a_limit() {
        let settings = read(&[("USAGE_MAX_SKEW", "90s"), ("USAGE_MAX_AGE", "30d")]).expect("valid");
        assert_eq!(
            (settings.rules.skew_max.as_secs(), settings.rules.age_max.as_secs()),
            (90, 30 * 86_400)
        );
        let settings = read(&[("USAGE_IMPORT_MAX_AGE", "365d")]).expect("valid");
        assert_eq!(settings.import_age_max.as_secs(), 365 * 86_400);
        assert_eq!(settings.rules, Rules::default(), "the other door keeps its limit");
        assert!(read(&[("USAGE_IMPORT_MAX_AGE", "3653d")]).is_err());
        assert!(read(&[("USAGE_MAX_AGE", "3653d")]).is_err());
        assert!(read(&[("USAGE_MAX_AGE", "99999999999999999999d")]).is_err());
        assert!(read(&[("USAGE_MAX_AGE", "0s")]).is_err());
    }

    #[test]
    fn the_example_file_names_every_setting_and_its_values_are_valid() {
        let example = include_str!("../../../.env.example");
        let lines = example
            .lines()
            .map(|line| line.trim_start_matches("# ").trim_start_matches('#'));
        let named: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let ours = |name: &str| name.starts_with("DAYBOOK_") || name.starts_with("USAGE_") || name.ends_with("_URL");
        let mut reader = Reader::new([]);
        Settings::with(&mut reader);
        let mut known = reader.asked().to_vec();
        known.sort_unstable();
        let mut in_example: Vec<&str> = named
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| ours(name))
            .collect();
        in_example.sort_unstable();
        assert_eq!(in_example, known);
        Settings::read(named).expect("the example's values are valid");
    }
}
