//! Metrics for Prometheus, on a port of their own.

use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use crate::failure::Failure;

/// Upper bounds of the buckets for lengths of time, in seconds: from a cached answer to a stalled disk.
const SECONDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
/// Upper bounds of the buckets for numbers of pings.
const PINGS: [f64; 10] = [
    1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 2_048.0, 4_096.0, 8_192.0, 16_384.0,
];
/// How often what was measured is tidied up when nobody reads it.
const UPKEEP: Duration = Duration::from_secs(5);

/// Records metrics from now on and serves them at `http://<address>/metrics`, on the present runtime.
pub fn serve(address: SocketAddr) -> Result<(), Failure> {
    let failed = || format!("metrics cannot be served at {address}");
    // Bound here first, so that an address in use is said at start and not in a task that nobody watches.
    drop(std::net::TcpListener::bind(address).map_err(Failure::because(failed()))?);
    PrometheusBuilder::new()
        .with_http_listener(address)
        .upkeep_timeout(UPKEEP)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_pings".to_owned()), &PINGS))
        .and_then(PrometheusBuilder::install)
        .map_err(Failure::because(failed()))
}
