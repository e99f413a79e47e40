//! Metrics for Prometheus, on a port of their own: what this process counts, and what the queue holds at the moment it is asked.

mod page;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::sleep;

use crate::failure::Failure;
use crate::parts::Parts;
use crate::say::say;
use page::Page;

/// Upper bounds of the buckets for lengths of time, in seconds: from a cached answer to a stalled disk.
const SECONDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
/// The same for how long pings are on their way from the door to the timeline: up to a backlog of a day.
const LAG_SECONDS: [f64; 16] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 86_400.0,
];
/// Upper bounds of the buckets for numbers of pings.
const PINGS: [f64; 10] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 2_048.0, 4_096.0, 8_192.0, 16_384.0,
];
/// How often what was measured is tidied up when nobody reads it.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// How long Redis is waited for when somebody asks.
const LOOK_MAX: Duration = Duration::from_millis(500);

/// Records metrics from now on and serves them at `http://<address>/metrics`, on the present runtime.
pub fn serve(address: SocketAddr, parts: &Parts) -> Result<(), Failure> {
    let failed = || format!("metrics cannot be served at {address}");
    let listener = server::listen(address).map_err(Failure::because(failed()))?;
    let recorded = record().map_err(Failure::because(failed()))?;
    let address = listener.local_addr().map_err(Failure::because(failed()))?;
    let page = Page::new(recorded.clone(), parts.queue_watch(LOOK_MAX));
    tokio::spawn(server::serve(listener, Arc::new(page)));
    tokio::spawn(async move {
        loop {
            sleep(UPKEEP_EVERY).await;
            recorded.run_upkeep();
        }
    });
    say(format!("Metrics are at http://{address}/metrics"));
    Ok(())
}

fn record() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("daybook_lag_seconds".to_owned()), &LAG_SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_pings".to_owned()), &PINGS)?
        .install_recorder()
}
