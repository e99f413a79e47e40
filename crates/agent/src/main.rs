//! The desktop tracker's program.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::process::{self, ExitCode};

use agent::chain::Chain;
use agent::commands::{self, CommandError};
use agent::settings::{Command, RulesCommand, Settings};
use clap::Parser;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    // Half an agent is worse than none: whoever started it can start it again, and the spool is whole at every moment.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        report(panic);
        process::abort();
    }));
    let settings = Settings::parse();
    // The agent's own lines alone: what a library says of a connection is in them as the cause.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let own = Targets::new().with_target("agent", LevelFilter::from(settings.log));
    tracing_subscriber::registry().with(lines.with_filter(own)).init();
    match execute(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With nobody to read it, there is nobody to tell.
            let _ = writeln!(io::stderr(), "daybook-agent: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn execute(settings: &Settings) -> Result<(), CommandError> {
    let dir = settings.data_dir()?;
    match &settings.command {
        Command::Login(account) => commands::login(&dir, account),
        Command::Run(run) => commands::run(&dir, run),
        Command::Status => commands::status(&dir),
        Command::Sync(sync) => commands::sync(&dir, sync),
        Command::Import(import) => commands::import(&dir, import),
        Command::Pause { length } => commands::pause(&dir, *length),
        Command::Resume => commands::resume(&dir),
        Command::Exclude(rule) => commands::add_rule(&dir, rule, ("exclude", None)),
        Command::Rename { rule, to } => commands::add_rule(&dir, rule, ("rename", Some(to))),
        Command::Hide(hide) => commands::add_rule(&dir, &hide.rule(), ("hide", None)),
        Command::Rules { command } => match command {
            None | Some(RulesCommand::List) => commands::list_rules(&dir),
            Some(RulesCommand::Remove { number }) => commands::remove_rule(&dir, *number),
        },
    }
}
