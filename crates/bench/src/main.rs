//! The command that prints every figure: see `bench --help`.

use std::process::ExitCode;

use bench::options::{Cli, Command};
use clap::Parser;
use mimalloc::MiMalloc;

// As in the server, so that the bare door is the same program as the real one in all that is not measured.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the bench is a program for a terminal"
)]
fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::BareDoor {
            database_url,
            redis_url,
        }) => bench::bare::serve(&database_url, &redis_url),
        Some(Command::Look(look)) => bench::run(cli.options, Some(look)).map(|report| println!("{report}")),
        None => bench::run(cli.options, None).map(|report| println!("{report}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {}", failure.in_full());
            ExitCode::FAILURE
        }
    }
}
