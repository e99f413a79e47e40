//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Daybook: exact time tracking on a server of your own.
///
/// Settings come from the environment; `.env.example` lists them all.
#[derive(Debug, Parser)]
#[command(name = "daybook", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything on this machine: API, worker, and a private Postgres and Redis.
    Up(Up),
    /// Run the API against DATABASE_URL and REDIS_URL.
    Api,
    /// Run a worker against DATABASE_URL and REDIS_URL.
    Worker,
    /// Bring the database of DATABASE_URL up to date; safe to run again, and by several at once.
    Migrate,
    /// Check settings, versions, durability and clocks, and say what is wrong and how to mend it.
    Doctor,
    /// People's accounts, as the owner of the database: add, list, close, open again, set a password anew.
    User(User),
    /// Pings that could not be merged: list them, show one, or put them back into the queue.
    DeadLetters(DeadLetters),
}

/// How to run everything.
#[derive(Debug, Args)]
pub struct Up {
    /// Where everything is kept [default: /var/lib/daybook for root, else ~/.local/share/daybook].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where the API listens [default: DAYBOOK_LISTEN, else 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
}

/// What to do with an account.
#[derive(Debug, Args)]
pub struct User {
    /// The installation of `daybook up` whose people are meant, while it runs; DATABASE_URL when not given.
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Which.
    #[command(subcommand)]
    pub action: UserAction,
}

/// What to do with an account.
#[derive(Debug, Subcommand)]
pub enum UserAction {
    /// Register somebody; their password is read from standard input.
    Add {
        /// What they will sign in with.
        email: String,
        /// What they are called.
        #[arg(long)]
        name: String,
        /// The zone of their days, a name of the IANA database.
        #[arg(long, default_value = "UTC")]
        timezone: String,
    },
    /// Show everybody, a line each.
    List,
    /// Close an account: all sessions end, API keys rest, nobody signs in to it.
    Disable {
        /// Whose.
        email: String,
    },
    /// Open a closed account again.
    Enable {
        /// Whose.
        email: String,
    },
    /// Set a password anew, read from standard input; all sessions end.
    ResetPassword {
        /// Whose.
        email: String,
        /// Remove the second factor too, for somebody who has lost it.
        #[arg(long)]
        second_factor: bool,
    },
}

/// What to do with dead letters.
#[derive(Debug, Args)]
pub struct DeadLetters {
    /// The installation of `daybook up` whose dead letters are meant; REDIS_URL when not given.
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Which.
    #[command(subcommand)]
    pub action: DeadLetterAction,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetterAction {
    /// Show them, oldest first, a line each.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
        /// Only those after this id.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
    },
    /// Show one whole: what it claims, or its bytes where nobody can read them, and why it could not be merged.
    Show {
        /// The id, as `list` shows it.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Put them back into the queue, for a worker to try again.
    Replay {
        /// The ids, as `list` shows them.
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<String>,
        /// All of them.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
