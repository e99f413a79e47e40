//! The command that looks for a lost ping: see `torture --help`.

use std::fs;
use std::process::ExitCode;

use clap::Parser;
use testkit::runs::{Failure, Profile, daybook};
use tokio::signal::unix::{SignalKind, signal};
use torture::options::Options;
use torture::report::Report;
use torture::run::{Order, until_found};
use torture::sabotage::Sabotage;
use torture::say::{complain, say};
use torture::world::Setup;

/// How many people there are: few, because each must register, which costs a processor on purpose.
const PEOPLE: usize = 12;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let outcome = tokio::select! {
        outcome = all(&options) => outcome,
        stopped = stopped() => Err(stopped),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            complain(&format!("torture: {}", failure.in_full()));
            ExitCode::from(2)
        }
    }
}

/// Waits until somebody wants the run to end, which takes everything of it away.
async fn stopped() -> Failure {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            // Then it is ended without a word, and its programs by the kernel.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Failure::new("interrupted"),
        () = terminated => Failure::new("terminated"),
    }
}

/// Carries out all that was asked for; whether everything is as it should be.
async fn all(options: &Options) -> Result<bool, Failure> {
    let daybook = match &options.daybook {
        Some(program) => program.clone(),
        None => daybook(Profile::Release)?,
    };
    let controls: Vec<Option<Sabotage>> = match options.control {
        _ if options.controls => Sabotage::ALL.into_iter().map(Some).collect(),
        control => vec![control],
    };
    let mut reports = Vec::new();
    for sabotage in controls {
        let order = Order {
            seed: options.seed(),
            lasts: options.lasts(sabotage),
            people: PEOPLE,
            setup: Setup {
                daybook: daybook.clone(),
                data_dir: options.data_dir.clone(),
                keep: options.keep,
                sabotage,
            },
        };
        let report = until_found(&order).await?;
        say(&report.to_string());
        reports.push(report);
    }
    if let Some(path) = &options.json {
        let json =
            serde_json::to_vec_pretty(&reports).map_err(Failure::because("could not write the report as JSON"))?;
        fs::write(path, json).map_err(Failure::because(format!("could not write {}", path.display())))?;
    }
    Ok(reports.iter().all(Report::is_as_it_should_be))
}
