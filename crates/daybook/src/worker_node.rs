//! `daybook worker`: queued and scheduled work.

use std::convert::Infallible;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::checks::Part;
use crate::failure::Failure;
use crate::metrics;
use crate::parts::{Addresses, Parts};
use crate::say::say;
use crate::settings::Settings;
use crate::signals;

/// A worker at work on the present runtime.
pub struct WorkerNode {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
    upkeep: JoinHandle<Infallible>,
}

/// Runs a worker until somebody asks it to stop.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let parts = Parts::sound(&Addresses::of(settings)?, settings, Part::Worker).await?;
    if let Some(address) = settings.metrics_listen {
        metrics::serve(address, &parts)?;
    }
    let name = settings.worker_name.clone().unwrap_or_else(own_name);
    let worker = start(&parts, &name);
    let asked = signals::stop();
    say(format!("Daybook's worker is ready, as {name}"));
    let asked = asked.await;
    worker.stop().await;
    asked.map_err(Failure::because("cannot listen for signals"))
}

/// Starts a worker under `name` in the queue.
pub fn start(parts: &Parts, name: &str) -> WorkerNode {
    let (stop, stopped) = oneshot::channel::<()>();
    let work = parts.worker(name);
    let ended = tokio::spawn(worker::run(work, async {
        // A sender that is gone is as good as a word.
        let _ = stopped.await;
    }));
    let upkeep = tokio::spawn(parts.keep_watched());
    WorkerNode { stop, ended, upkeep }
}

impl WorkerNode {
    /// Lets the worker finish what it holds.
    pub async fn stop(self) {
        self.upkeep.abort();
        let _ = self.stop.send(());
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the worker did not end well");
        }
    }
}

/// The host and the process: no two workers that run at the same time have the same.
fn own_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}", std::process::id())
}
