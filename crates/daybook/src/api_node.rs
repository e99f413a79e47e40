//! `daybook api`: HTTP in.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use adapters::mail::Post;
use api::Server;
use services::accounts::KeyRing;

use crate::checks::Part;
use crate::failure::Failure;
use crate::parts::{Addresses, Parts};
use crate::say::say;
use crate::settings::Settings;
use crate::signals;
use crate::{files, metrics};

/// An API at work on the present runtime.
pub struct ApiNode {
    server: Server,
    post: Post,
    keys: Arc<KeyRing>,
}

/// Runs the API until somebody asks it to stop.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let parts = Parts::sound(&Addresses::of(settings)?, settings, Part::Api).await?;
    if let Some(address) = settings.metrics_listen {
        metrics::serve(address, &parts)?;
    }
    let mut api = start(&parts, settings).await?;
    let asked = signals::stop();
    say(format!("Daybook's API is ready at http://{}", api.address()));
    tokio::select! {
        asked = asked => {
            asked.map_err(Failure::because("cannot listen for signals"))?;
            api.stop().await
        }
        ended = api.ended() => Err(gone(ended)),
    }
}

/// Why the API ended though nobody asked it to.
pub fn gone(ended: std::io::Result<()>) -> Failure {
    match ended {
        Ok(()) => Failure::new("the API ended by itself"),
        Err(error) => Failure::because("the API ended by itself")(error),
    }
}

/// Starts the API on the present runtime, once it knows which sessions have ended; what keeps it informed ends with the process.
pub async fn start(parts: &Parts, settings: &Settings) -> Result<ApiNode, Failure> {
    let workers = NonZeroUsize::new(usize::from(settings.api_threads)).unwrap_or(NonZeroUsize::MIN);
    let connections_max = usize::try_from(settings.connections_max)
        .ok()
        .and_then(NonZeroUsize::new);
    let at = api::Settings {
        workers,
        connections_max: connections_max.unwrap_or(NonZeroUsize::MIN),
        head_within: settings.head_within,
        body_within: settings.body_within,
        edge: settings.edge.clone(),
        ..api::Settings::at(settings.listen)
    };
    files::allow(settings.connections_max);
    let rules = parts.rules_in_force();
    let mut keep = parts.keep_standings(&rules);
    let post = parts.post()?;
    let services = parts.api(Arc::clone(&keep.standings), rules, post.mailer()).await?;
    let caught_up = keep.catch_up().await;
    caught_up.map_err(Failure::because("it cannot be known which sessions have ended"))?;
    tokio::spawn(keep.go_on());
    let keys = Arc::clone(&services.authenticate.keys);
    tokio::spawn(worker::keep_key_uses(Arc::clone(&keys)));
    tokio::spawn(parts.keep_log_short());
    tokio::spawn(parts.keep_device_codes_few());
    let server = api::serve(services, &at).map_err(Failure::because("the API cannot be served"))?;
    Ok(ApiNode { server, post, keys })
}

impl ApiNode {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Waits until the API ends by itself.
    pub async fn ended(&mut self) -> std::io::Result<()> {
        self.server.ended().await
    }

    /// Answers what was asked, then sends the mail that came of it, and keeps when API keys were used.
    pub async fn stop(self) -> Result<(), Failure> {
        let stopped = self.server.stop().await;
        self.post.stop().await;
        if let Err(error) = self.keys.keep_uses().await {
            tracing::warn!(error = error.chain(), "when API keys were used last could not be kept");
        }
        stopped.map_err(Failure::because("the API did not end well"))
    }
}
