//! The Daybook server: one binary that wires every part and holds no logic.

mod api_node;
mod checks;
mod cli;
mod dead_letters;
mod doctor;
mod failure;
mod files;
mod logging;
mod metrics;
mod migrate;
mod parts;
mod say;
mod settings;
mod signals;
mod token_keys;
mod up;
mod user;
mod worker_node;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, DeadLetters, User};
use failure::Failure;
use settings::{Secret, Settings};

/// Many small allocations on many threads, which it hands out and takes back faster than the system's allocator, from less memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    save_memory();
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::complain(format!("daybook: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let settings = Settings::read(std::env::vars()).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure::new(format!("some settings cannot be:\n  {}", faults.join("\n  ")))
    })?;
    logging::start(&settings).map_err(Failure::because("DAYBOOK_LOG is no log filter"))?;
    match command {
        Command::Up(arguments) => up::run(&arguments, &settings),
        Command::Api => wait_for(api_node::run(&settings)),
        Command::Worker => wait_for(worker_node::run(&settings)),
        Command::Migrate => wait_for(async { migrate::run(&database_url(&settings)?).await }),
        Command::Doctor => wait_for(doctor::run(&settings)),
        Command::User(User { data_dir, action }) => wait_for(user::run(data_dir, action, &settings)),
        Command::DeadLetters(DeadLetters { data_dir, action }) => wait_for(async {
            let redis = up::redis_of(data_dir, &settings)?;
            dead_letters::run(&parts::redis(&redis, &settings)?.dead_letters(), action).await
        }),
    }
}

/// Has the allocator's memory come in small pages. Huge ones, which it asks for, are resident as a whole for whatever little is used of them: API and worker
/// take half as much without. Where the system knows no such switch, that is what it costs.
fn save_memory() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn database_url(settings: &Settings) -> Result<Secret, Failure> {
    let missing = || Failure::new("DATABASE_URL is not set").hint("Set it in the environment, see .env.example.");
    settings.database_url.clone().ok_or_else(missing)
}

/// Runs a command to its end. Threads for work that waits; HTTP has threads of its own.
fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime
        .map_err(Failure::because("the program's threads cannot be started"))?
        .block_on(command)
}
