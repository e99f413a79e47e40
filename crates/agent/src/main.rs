//! The desktop tracker's program.

use std::io::{self, Write};
use std::panic;
use std::process::{self, ExitCode};

use agent::chain::Chain;
use agent::commands::{self, CommandError};
use agent::settings::{Command, Settings};
use clap::Parser;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    // Half an agent is worse than none: whoever started it can start it again, and the spool is whole at every moment.
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        report(panic);
        process::abort();
    }));
    let settings = Settings::parse();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from(settings.log))
        .with_writer(io::stderr)
        .with_target(false)
        .init();
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
    }
}
