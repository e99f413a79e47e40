//! The bare door: the API as it is, with its HTTP stack, token check, parsing and metrics, but with a queue that keeps nothing and answers at once.
//! What the real door can do at most.

mod wiring;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use adapters::ambient::SystemSteadyClock;
use async_trait::async_trait;
use domain::usage::{Arrival, Lane};
use metrics_exporter_prometheus::PrometheusBuilder;
use ports::PortError;
use ports::accounts::{Heard, Hearing, News, PrivacyStore};
use ports::usage::PingQueue;
use services::accounts::{FollowStandings, RulesInForce, Standings};
use testkit::runs::Failure;
use tracing_subscriber::EnvFilter;

/// How often what was measured is tidied up.
const UPKEEP: Duration = Duration::from_secs(5);

/// How often a node hears that nothing was announced.
const HEAR_EVERY: Duration = Duration::from_millis(250);

/// Serves until this process is ended. At `database_url` is the key of access tokens; of the Redis, pings ask nothing.
#[expect(clippy::print_stdout, reason = "whoever started it waits to be told the port")]
pub fn serve(database_url: &str, redis_url: &str) -> Result<(), Failure> {
    // As the real one logs, and measures itself.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .init();
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.01, 0.1, 1.0])
        .and_then(PrometheusBuilder::install_recorder);
    let recorder = recorder.map_err(Failure::because("could not record metrics"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::because("could not start the bare door's runtime"))?;
    runtime.block_on(async {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                recorder.run_upkeep();
            }
        });
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let services = wiring::services((database_url, redis_url), Arc::new(NoQueue), Arc::new(NoNews)).await?;
        let mut settings = api::Settings::at(listen);
        settings.edge.rates = None;
        let mut server = api::serve(services, &settings).map_err(Failure::because("could not open the bare door"))?;
        println!("ready at http://{}", server.address());
        server
            .ended()
            .await
            .map_err(Failure::because("the bare door broke down"))
    })
}

/// Keeps nothing.
struct NoQueue;

#[async_trait]
impl PingQueue for NoQueue {
    async fn push_by(&self, _: Lane, _: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        Ok(None)
    }
}

/// Where nothing is ever announced.
struct NoNews;

#[async_trait]
impl Hearing for NoNews {
    async fn after(&self, _: Option<&Heard>) -> Result<News, PortError> {
        Ok(News {
            changes: Vec::new(),
            heard: Heard(String::new()),
            is_all: true,
        })
    }
}

/// As a node knows how sessions stand and which rules are in force, and as often as it hears when nothing is announced.
async fn knowledge(hearing: Arc<dyn Hearing>, store: Arc<dyn PrivacyStore>) -> (Arc<Standings>, Arc<RulesInForce>) {
    let standings = Arc::new(Standings::new(Arc::new(SystemSteadyClock)));
    let rules = Arc::new(RulesInForce::new(store, Arc::new(SystemSteadyClock)));
    let mut follow = FollowStandings::new(hearing, Arc::clone(&standings)).with_rules(Arc::clone(&rules));
    // Before anybody is let in.
    let _ = follow.follow().await;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(HEAR_EVERY).await;
            let _ = follow.follow().await;
        }
    });
    (standings, rules)
}
