//! The command line and its environment, read once.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

use domain::reports::Zone;

use crate::address::{AddressError, ServerAddress};
use crate::import::Format;
use crate::import::sources::{NAME_CHARS_MAX, named};
use crate::privacy::private;

/// Watches which application has the focus on an X11 desktop, and sends that to a Daybook server.
#[derive(Debug, Parser)]
#[command(name = "daybook-agent", version, about)]
pub struct Settings {
    /// Where pings wait and the session is kept [default: $XDG_DATA_HOME/daybook-agent, else ~/.local/share/daybook-agent].
    #[arg(long, global = true, value_name = "DIR", env = "DAYBOOK_AGENT_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// How much to log, on standard error.
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "DAYBOOK_AGENT_LOG",
        default_value = "info"
    )]
    pub log: LogLevel,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sign in and keep the session: by a code that you confirm in a browser, or with --email and a password.
    Login(LoginSettings),
    /// Watch and send until stopped.
    Run(RunSettings),
    /// Say who is signed in, what waits and what the server has merged.
    Status,
    /// Record nothing for some time, or until `resume`.
    Pause {
        /// For how long, such as 45m, 1h30m or 2d [default: until `resume`].
        #[arg(value_parser = private::parse_length)]
        length: Option<Duration>,
    },
    /// Record again.
    Resume,
    /// Record nothing of an application or a site.
    Exclude(RuleSettings),
    /// Record an application or a site under another name.
    Rename {
        /// Which.
        #[command(flatten)]
        rule: RuleSettings,
        /// The other name.
        to: String,
    },
    /// Record time in front of a site under its browser alone.
    Hide(HideSettings),
    /// Show the rules, or remove one.
    Rules {
        /// What to do with them.
        #[command(subcommand)]
        command: Option<RulesCommand>,
    },
    /// Send what waits now, and say through which number all is merged.
    Sync(SyncSettings),
    /// Bring your history from ActivityWatch, WakaTime or a table. It fills the gaps of your timeline and replaces nothing that a tracker of
    /// yours saw itself; the same once more changes nothing.
    Import(ImportSettings),
}

/// What to import, and how.
#[derive(Debug, Args)]
pub struct ImportSettings {
    /// The account.
    #[command(flatten)]
    pub account: AccountSettings,
    /// What the files are [default: what they look like].
    #[arg(long)]
    pub format: Option<Format>,
    /// The name under which all of it stands in the list of your devices [default: one for each machine of ActivityWatch, `wakatime`, `csv`].
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    pub source: Option<String>,
    /// Only say what would change.
    #[arg(long)]
    pub dry_run: bool,
    /// By whose clocks times without an offset are, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub timezone: Option<Zone>,
    /// The files; `-` is standard input. Those of one machine belong together: its buckets, or a dump of WakaTime with its `user_agents` and
    /// `machine_names`.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

fn source_name(text: &str) -> Result<String, String> {
    let name = named(text);
    if name.is_empty() || name != text.trim() {
        return Err(format!(
            "must be 1 to {NAME_CHARS_MAX} characters long, without control characters"
        ));
    }
    Ok(name)
}

fn zone(text: &str) -> Result<Zone, String> {
    text.parse()
        .map_err(|_| "must be the name of a zone in the IANA database, to the letter: Europe/Berlin, UTC".to_owned())
}

/// What a rule is about.
#[derive(Debug, Args)]
pub struct RuleSettings {
    /// Applications or sites.
    pub subject: Subject,
    /// Their names: in any letter case, with `*` for any run of characters. A site without `*` stands for all names below it too.
    pub pattern: String,
}

/// What a rule hides. It says `site` all the same, so that it reads like the other rules.
#[derive(Debug, Args)]
pub struct HideSettings {
    /// Sites alone: of an application, nothing would be left to record.
    pub subject: HiddenSubject,
    /// Their names: in any letter case, with `*` for any run of characters. A site without `*` stands for all names below it too.
    pub pattern: String,
}

impl HideSettings {
    /// What the rule is about.
    #[must_use]
    pub fn rule(&self) -> RuleSettings {
        let HiddenSubject::Site = self.subject;
        RuleSettings {
            subject: Subject::Site,
            pattern: self.pattern.clone(),
        }
    }
}

/// What can be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HiddenSubject {
    /// Sites, by their host.
    Site,
}

/// Applications or sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// Applications, by the class of their windows.
    App,
    /// Sites, by their host.
    Site,
}

/// What to do with the rules.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Show them, with their numbers.
    List,
    /// Remove one of this machine's.
    Remove {
        /// Its number in the list.
        number: usize,
    },
}

/// How to sign in.
#[derive(Debug, Args)]
pub struct LoginSettings {
    /// The server's address, such as `https://daybook.example.org` [default: that of the last login].
    #[arg(value_name = "URL", conflicts_with = "server")]
    pub url: Option<String>,
    /// The account.
    #[command(flatten)]
    pub account: AccountSettings,
}

/// How to send what waits.
#[derive(Debug, Args)]
pub struct SyncSettings {
    /// The account.
    #[command(flatten)]
    pub account: AccountSettings,
    /// Seconds to wait at most until all of it is merged.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub wait_secs: u64,
}

/// Which account, at which server.
#[derive(Debug, Args)]
pub struct AccountSettings {
    /// The server's address, such as `https://daybook.example.org` [default: that of the last login].
    #[arg(long, value_name = "URL", env = "DAYBOOK_AGENT_SERVER")]
    pub server: Option<String>,
    /// The account's e-mail address [default: that of the last login].
    #[arg(long, env = "DAYBOOK_AGENT_EMAIL")]
    pub email: Option<String>,
    /// A file whose first line is the password. Without it, DAYBOOK_PASSWORD is used where it is set.
    #[arg(long, value_name = "FILE", env = "DAYBOOK_AGENT_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Go on over plain http to another machine, where everybody on the way can read what is sent: pings, the session's tokens, and a password that is
    /// typed here.
    #[arg(long, env = "DAYBOOK_AGENT_ALLOW_HTTP")]
    pub allow_http: bool,
    /// Whether to keep the tokens in the desktop's keyring, where there is one.
    #[arg(long, env = "DAYBOOK_AGENT_KEYRING", default_value = "auto")]
    pub keyring: UseOfKeyring,
    /// This device's name for people [default: the host's name].
    #[arg(long, value_name = "NAME", env = "DAYBOOK_AGENT_DEVICE_NAME")]
    pub device_name: Option<String>,
}

/// How to watch and send.
#[derive(Debug, Args)]
pub struct RunSettings {
    /// The account.
    #[command(flatten)]
    pub account: AccountSettings,
    /// Seconds of use in a ping.
    #[arg(long, value_name = "SECONDS", env = "DAYBOOK_AGENT_PING_SECS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub ping_secs: u64,
    /// Seconds without input after which the time since the last input does not count.
    #[arg(long, value_name = "SECONDS", env = "DAYBOOK_AGENT_IDLE_SECS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=14_400))]
    pub idle_secs: u64,
    /// How many pings may wait on the disk before the oldest go; 200,000 are about 11 days and nights without a server, or 20 MB.
    #[arg(long, value_name = "PINGS", env = "DAYBOOK_AGENT_SPOOL_MAX", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    pub spool_max: u32,
    /// How many MiB they may take before the oldest go. While the file is rewritten it may be twice as long.
    #[arg(long, value_name = "MIB", env = "DAYBOOK_AGENT_SPOOL_MIB_MAX", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub spool_mib_max: u32,
    /// Seconds after which pings that the server took but has not merged are sent again.
    #[arg(long, value_name = "SECONDS", env = "DAYBOOK_AGENT_RESEND_SECS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub resend_secs: u64,
    /// The X display.
    #[arg(long, env = "DISPLAY")]
    pub display: Option<String>,
    /// What tells which application has the focus.
    #[arg(long, env = "DAYBOOK_AGENT_SOURCE", default_value = "auto")]
    pub source: Source,
    /// The port on 127.0.0.1 where ActivityWatch's watchers are listened to; 0 for any that is free.
    #[arg(long, value_name = "PORT", env = "DAYBOOK_AGENT_RELAY_PORT", default_value_t = 5_600)]
    pub relay_port: u16,
    /// Do not listen to ActivityWatch's watchers.
    #[arg(long, env = "DAYBOOK_AGENT_NO_RELAY")]
    pub no_relay: bool,
    /// What kind of session this is: under `wayland`, X11 does not show which window has the focus.
    #[arg(long, env = "XDG_SESSION_TYPE", hide = true)]
    pub session_type: Option<String>,
    /// What logind calls this session.
    #[arg(long, env = "XDG_SESSION_ID", hide = true)]
    pub session: Option<String>,
}

/// What tells which application has the focus. Browser tabs are joined to either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The agent itself while it has an X11 display to watch, else ActivityWatch's watchers.
    Auto,
    /// The agent itself, on an X11 display.
    Desktop,
    /// ActivityWatch's watchers of windows and of presence.
    Activitywatch,
}

impl RunSettings {
    /// Whether to look for a display.
    #[must_use]
    pub fn watches_display(&self) -> bool {
        match self.source {
            Source::Auto => self.no_relay || self.session_type.as_deref() != Some("wayland"),
            Source::Desktop => true,
            Source::Activitywatch => false,
        }
    }
}

/// Whether to use the desktop's keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UseOfKeyring {
    /// Where there is one.
    Auto,
    /// Never: tokens are in a file that only its owner may read.
    Off,
}

/// How much to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What somebody has to mend.
    Error,
    /// What went wrong for now.
    Warn,
    /// What changed.
    Info,
    /// Each request.
    Debug,
}

/// The settings do not say enough, or something that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody said which server.
    #[error("which server? give --server, or sign in first")]
    NoServer,
    /// Nobody said which account.
    #[error("which account? give --email, or sign in first")]
    NoEmail,
    /// There is nothing to tell what has the focus.
    #[error(
        "what should tell which application has the focus? --source activitywatch needs the relay, and --no-relay switches it off"
    )]
    NoSource,
    /// There is no place for the data.
    #[error("where to keep the data? give --data-dir, or set HOME")]
    NoDataDir,
    /// The server's address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
}

impl Settings {
    /// The data directory.
    pub fn data_dir(&self) -> Result<PathBuf, SettingsError> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        // By the XDG specification a relative path there is invalid.
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let data_home = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
        Ok(data_home.ok_or(SettingsError::NoDataDir)?.join("daybook-agent"))
    }
}

impl AccountSettings {
    /// The address of the server, once it is known which.
    pub fn address(&self, server: Option<&str>) -> Result<ServerAddress, SettingsError> {
        let server = server.ok_or(SettingsError::NoServer)?;
        Ok(ServerAddress::parse(server, self.allow_http)?)
    }

    /// The e-mail address; that of the last session if none is set.
    pub fn email(&self, last: Option<&str>) -> Result<String, SettingsError> {
        let email = self.email.as_deref().or(last);
        Ok(email.ok_or(SettingsError::NoEmail)?.trim().to_owned())
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
        }
    }
}
