//! `GET /health/live` and `/health/ready`.

use std::time::Duration;

use actix_web::rt::time::timeout;
use actix_web::{HttpResponse, get, web};
use futures_util::future::join_all;
use ports::Probe;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Services;
use crate::problem::Problem;

/// How long a probe may take; it promises to be quicker.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// The node is there.
#[derive(Serialize, ToSchema)]
#[schema(as = Live)]
pub(crate) struct LiveBody {
    /// Always `live`.
    #[schema(example = "live")]
    status: &'static str,
}

/// The node can work.
#[derive(Serialize, ToSchema)]
#[schema(as = Ready)]
pub(crate) struct ReadyBody {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// What was asked for a sign of life and gave one.
    #[schema(example = json!(["postgres", "redis"]))]
    up: Vec<&'static str>,
}

/// Tell that this node is there
///
/// Asks nobody else, so it holds whatever else is away.
#[utoipa::path(
    operation_id = "health_live", tag = "operations", responses((status = 200, description = "It is", body = LiveBody)))]
#[get("/health/live")]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(LiveBody { status: "live" })
}

/// Tell whether this node can work
///
/// Asks everything that it stands on; 503 names in `down` what is away.
#[utoipa::path(
    operation_id = "health_ready", tag = "operations", responses((status = 200, description = "It can", body = ReadyBody)))]
#[get("/health/ready")]
pub(crate) async fn ready(services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let checked = join_all(services.probes.iter().map(|probe| check(probe.as_ref()))).await;
    let faults: Vec<&(&str, String)> = checked.iter().filter_map(|check| check.as_ref().err()).collect();
    if !faults.is_empty() {
        let down = faults.iter().map(|(name, _)| *name).collect();
        let causes: Vec<String> = faults.iter().map(|(name, cause)| format!("{name}: {cause}")).collect();
        return Err(Problem::not_ready(down, causes.join("; ")));
    }
    Ok(HttpResponse::Ok().json(ReadyBody {
        status: "ready",
        up: checked.into_iter().flatten().collect(),
    }))
}

async fn check(probe: &dyn Probe) -> Result<&'static str, (&'static str, String)> {
    let name = probe.name();
    match timeout(PROBE_WITHIN, probe.check()).await {
        Ok(Ok(())) => Ok(name),
        Ok(Err(error)) => Err((name, error.chain())),
        Err(_) => Err((name, format!("no sign of life within {} s", PROBE_WITHIN.as_secs()))),
    }
}
