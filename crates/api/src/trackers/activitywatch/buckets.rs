//! Buckets: made, shown, changed, forgotten.

use std::collections::BTreeMap;

use activitywatch::event::{Bucket, Extent};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::fault::Fault;
use serde::Deserialize;
use serde_json::json;

use super::answers::{extent, parameter, part, read, refused, wanted};
use super::key::Writing;
use crate::Services;
use crate::body::JsonBody;
use crate::problem::Problem;

/// What a bucket may be changed to; what is not named stays.
#[derive(Deserialize)]
struct Changed {
    #[serde(rename = "type")]
    kind: Option<String>,
    client: Option<String>,
    hostname: Option<String>,
}

/// All of the device that the key is for.
pub(super) async fn list(Writing(caller): Writing, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let buckets = services.activitywatch.buckets(&caller).await?;
    let by_name: BTreeMap<String, Extent> = buckets
        .into_iter()
        .map(|bucket| (bucket.id.clone(), extent(bucket)))
        .collect();
    Ok(HttpResponse::Ok().json(by_name))
}

/// One.
pub(super) async fn show(
    request: HttpRequest,
    Writing(caller): Writing,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let bucket = services
        .activitywatch
        .bucket(&caller, &part(&request, "bucket")?)
        .await?;
    Ok(HttpResponse::Ok().json(extent(bucket)))
}

/// Makes one: 304 where there is one of that name, which clients take for success.
pub(super) async fn create(
    request: HttpRequest,
    Writing(caller): Writing,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let body = JsonBody::bytes(&request, payload.into_inner()).await?;
    let now_us = services.clock.now().0.saturating_mul(1_000);
    let bucket = wanted(part(&request, "bucket")?, read::<Bucket>(&body)?, now_us)?;
    Ok(if services.activitywatch.create(&caller, &bucket).await? {
        HttpResponse::Ok().json(json!({}))
    } else {
        HttpResponse::NotModified().finish()
    })
}

/// Keeps other properties of one.
pub(super) async fn change(
    request: HttpRequest,
    Writing(caller): Writing,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let body = JsonBody::bytes(&request, payload.into_inner()).await?;
    let changed: Changed = read(&body)?;
    let id = part(&request, "bucket")?;
    let bucket = extent(services.activitywatch.bucket(&caller, &id).await?).bucket;
    let changed = Bucket {
        kind: changed.kind.unwrap_or(bucket.kind),
        client: changed.client.unwrap_or(bucket.client),
        hostname: changed.hostname.unwrap_or(bucket.hostname),
        ..bucket
    };
    let bucket = wanted(id, changed, 0)?;
    services.activitywatch.change(&caller, &bucket).await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// Forgets one and its events, for those who say that they mean it.
pub(super) async fn delete(
    request: HttpRequest,
    Writing(caller): Writing,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    if parameter(&request, "force")?.is_none_or(|force| force == "0") {
        let detail = "a bucket goes with all its events; say that you mean it: ?force=1";
        return Err(refused("/query", Fault::new("force", "missing", detail)));
    }
    services
        .activitywatch
        .delete(&caller, &part(&request, "bucket")?)
        .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}
