//! The command line and its environment, read once.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::filter::LevelFilter;

use crate::address::{AddressError, ServerAddress};

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
    /// Sign in and keep the session, so that `run` needs no password. Asks for it unless it is given.
    Login(AccountSettings),
    /// Watch and send until stopped.
    Run(RunSettings),
    /// Say what waits and what the server has merged.
    Status,
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
    /// Send password and pings over plain http to another machine.
    #[arg(long, env = "DAYBOOK_AGENT_ALLOW_HTTP")]
    pub allow_http: bool,
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
    /// Seconds after which pings that the server took but has not merged are sent again.
    #[arg(long, value_name = "SECONDS", env = "DAYBOOK_AGENT_RESEND_SECS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub resend_secs: u64,
    /// The X display.
    #[arg(long, env = "DISPLAY")]
    pub display: Option<String>,
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
    /// The server and the e-mail address; what is not set is as in the last session.
    pub fn account(&self, last: Option<(&str, &str)>) -> Result<(ServerAddress, String), SettingsError> {
        let server = self.server.as_deref().or(last.map(|(server, _)| server));
        let email = self.email.as_deref().or(last.map(|(_, email)| email));
        let address = ServerAddress::parse(server.ok_or(SettingsError::NoServer)?, self.allow_http)?;
        Ok((address, email.ok_or(SettingsError::NoEmail)?.trim().to_owned()))
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
