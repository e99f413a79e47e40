//! `daybook api`: HTTP in.

use std::num::NonZeroUsize;

use api::Server;

use crate::checks::Part;
use crate::failure::Failure;
use crate::metrics;
use crate::parts::{Addresses, Parts};
use crate::say::say;
use crate::settings::Settings;
use crate::signals;

/// Runs the API until somebody asks it to stop.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let parts = Parts::sound(&Addresses::of(settings)?, settings, Part::Api).await?;
    if let Some(address) = settings.metrics_listen {
        metrics::serve(address)?;
    }
    let mut server = start(&parts, settings).await?;
    say(format!("Daybook's API is ready at http://{}", server.address()));
    tokio::select! {
        asked = signals::stop() => {
            asked.map_err(Failure::because("cannot listen for signals"))?;
            server.stop().await.map_err(Failure::because("the API did not end well"))
        }
        ended = server.ended() => Err(gone(ended)),
    }
}

/// Why the API ended though nobody asked it to.
pub fn gone(ended: std::io::Result<()>) -> Failure {
    match ended {
        Ok(()) => Failure::new("the API ended by itself"),
        Err(error) => Failure::because("the API ended by itself")(error),
    }
}

/// Starts the API on the present runtime.
pub async fn start(parts: &Parts, settings: &Settings) -> Result<Server, Failure> {
    let workers = NonZeroUsize::new(usize::from(settings.api_threads)).unwrap_or(NonZeroUsize::MIN);
    let at = api::Settings {
        workers,
        ..api::Settings::at(settings.listen)
    };
    let services = parts.api().await?;
    api::serve(services, &at).map_err(Failure::because("the API cannot be served"))
}
