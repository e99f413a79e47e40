//! `GET /api/v1/devices`, `PATCH` and `DELETE /api/v1/devices/{id}`.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, web};
use domain::accounts::{Caller, DeviceId, ImportDevice, device_text, precedence};
use domain::time::UnixMs;
use ports::accounts::{DeviceChange, DeviceState};
use serde::Serialize;
use services::accounts::AccountsError;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::accounts::{DeviceBody, path_id};
use crate::address::ClientAddress;
use crate::answer::text;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::fields::Fields;
use crate::pages::{self, Asked};
use crate::problem::Problem;
use crate::query::Query;

/// Where a person is signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Devices)]
pub(crate) struct DevicesBody<'a> {
    /// The one that wins an instant that several claim first.
    devices: Vec<DeviceStateBody<'a>>,
    /// For the next page; `null` when there is none.
    #[schema(required, pattern = "^[0-9a-f]{32}$")]
    next_cursor: Option<String>,
}

/// A device that is signed in, or has an API key, or holds imported history.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceState)]
pub(crate) struct DeviceStateBody<'a> {
    #[serde(flatten)]
    device: DeviceBody<'a>,
    /// `tracker`: one that sends what it records. `import`: imported history, of the source that `key` names; nobody signs in on it, and its precedence is below that
    /// of every tracker, for ever.
    #[schema(pattern = "^(tracker|import)$", example = "tracker")]
    kind: &'static str,
    /// Whether this is the device that asks.
    current: bool,
    /// The API key it sends with, if it has one.
    #[schema(required)]
    api_key_id: Option<Uuid>,
    /// For imported history, when something was imported first.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    signed_in_at: UnixMs,
    /// To a few minutes; for imported history, when something was imported last.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    last_seen_at: UnixMs,
    /// From where that was.
    #[schema(required, example = "192.0.2.7")]
    last_address: Option<String>,
}

/// What to change of a device; what is not named stays.
#[derive(ToSchema)]
#[schema(as = DeviceChange)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct DeviceChangeBody {
    #[schema(min_length = 1, max_length = 128, example = "Ada's laptop")]
    name: Option<String>,
    /// Of a person's devices, the one with the greater precedence wins an instant that several claim; this holds for pings that are sent from then on. Once
    /// it was given to any device, signing in again moves none of them. Not of imported history, which is always below.
    #[schema(minimum = 1, maximum = 1_000_000, example = 3)]
    precedence: Option<i32>,
}

/// Show where one is signed in
#[utoipa::path(
    operation_id = "list_devices",
    tag = "accounts",
    params(
        ("limit" = Option<u32>, Query, description = "How many devices at most; 1,000 when not given", minimum = 1, maximum = 1000, example = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[0-9a-f]{32}$")
    ),
    responses((status = 200, description = "The devices", body = DevicesBody)),
    security(("access_token" = []))
)]
#[get("/api/v1/devices")]
pub(crate) async fn list(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let asked = Query::read(&request, &caller, &pages::PARAMETERS, Asked::read)?;
    let devices = services.devices.list(&caller).await?;
    let imports = services.devices.imports(&caller).await?;
    let trackers = devices.iter().map(|device| body(&caller, device));
    let all = trackers.chain(imports.iter().map(import_body)).collect();
    let (devices, next_cursor) = asked.of(all, |state| state.device.id)?;
    Ok(HttpResponse::Ok().json(DevicesBody { devices, next_cursor }))
}

/// Rename or reorder a device
#[utoipa::path(
    operation_id = "change_device",
    tag = "accounts",
    params(("id" = Uuid, Path, description = "The device")),
    request_body = DeviceChangeBody,
    responses((status = 200, description = "The device afterwards", body = DeviceStateBody)),
    security(("access_token" = []))
)]
#[patch("/api/v1/devices/{id}")]
pub(crate) async fn change(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let change = Fields::read_by(&caller, body.text()?, &["name", "precedence"], device_change)?;
    let device = DeviceId(path_id(&request)?);
    match services.devices.change(&caller, device, &change).await {
        Err(AccountsError::NoSuchDevice) => {
            let changed = services.devices.change_import(&caller, device, &change).await?;
            Ok(HttpResponse::Ok().json(import_body(&changed)))
        }
        changed => Ok(HttpResponse::Ok().json(self::body(&caller, &changed?))),
    }
}

/// Sign a device out
///
/// Its tokens are good for nothing from then on, on every node; an API key that it has is revoked. What was tracked on it stays. Imported history is not listed any
/// more until something is imported from its source again, and stays too.
#[utoipa::path(
    operation_id = "sign_device_out",
    tag = "accounts",
    params(("id" = Uuid, Path, description = "The device")),
    responses((status = 204, description = "Signed out")),
    security(("access_token" = []))
)]
#[delete("/api/v1/devices/{id}")]
pub(crate) async fn sign_out(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let device = DeviceId(path_id(&request)?);
    let address = Some(ClientAddress::of(&request).0);
    services.devices.sign_out(&caller, device, address).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn device_change(body: &mut Fields<'_>) -> Option<DeviceChange> {
    let name = body.optional("name", None, |text: Cow<'_, str>| device_text("name", &text).map(Some));
    let precedence = body.optional("precedence", None, |number: i128| precedence(number).map(Some));
    Some(DeviceChange {
        name: name?,
        precedence: precedence?,
    })
}

fn body<'a>(caller: &Caller, state: &'a DeviceState) -> DeviceStateBody<'a> {
    DeviceStateBody {
        device: DeviceBody::from(&state.device),
        kind: "tracker",
        current: state.device.id == caller.device,
        api_key_id: state.api_key.map(|key| key.0),
        signed_in_at: state.signed_in_at,
        last_seen_at: state.last_seen_at,
        last_address: state.last_address.map(|address| address.to_string()),
    }
}

fn import_body(import: &ImportDevice) -> DeviceStateBody<'_> {
    DeviceStateBody {
        device: DeviceBody {
            id: import.id.0,
            name: &import.name,
            key: import.source.as_str(),
            platform: None,
            precedence: import.precedence,
        },
        kind: "import",
        current: false,
        api_key_id: None,
        signed_in_at: import.made_at,
        last_seen_at: import.used_at,
        last_address: None,
    }
}
