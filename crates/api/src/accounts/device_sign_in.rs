//! `POST /api/v1/auth/device-code` and `/api/v1/auth/device-token` for the device that asks; `GET` and `POST /api/v1/auth/device-codes/{user_code}` for the
//! person who confirms it.

use std::borrow::Cow;

use actix_web::http::header::HOST;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::accounts::{UserCode, device_text};
use domain::time::UnixMs;
use ports::accounts::{DeviceClaim, WaitingDevice};
use serde::Serialize;
use services::accounts::{AccountsError, AskingDevice, DEVICE_CODE_LIFETIME};
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::sign_in::device_key;
use crate::accounts::{SignedInBody, answer};
use crate::address::ClientAddress;
use crate::answer::text;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::device_page;
use crate::door::Door;
use crate::fields::Fields;
use crate::limits::ByAddress;
use crate::origin::Origin;
use crate::problem::Problem;
use crate::query::Query;

/// A device that wants to be signed in.
#[derive(ToSchema)]
#[schema(as = DeviceCodeRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct DeviceCodeBody {
    /// What the device is called; kept as it is when not given, at first the value of `X-Device-Id`.
    #[schema(min_length = 1, max_length = 128, example = "Ada's laptop")]
    device_name: Option<String>,
    /// What the device runs on; kept as it is when not given.
    #[schema(min_length = 1, max_length = 128, example = "linux")]
    platform: Option<String>,
}

/// What the device shows, and how it asks (RFC 8628, section 3.2).
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceCode)]
pub(crate) struct ShownCodeBody {
    /// For `POST /api/v1/auth/device-token`; good once.
    device_code: String,
    /// What the device shows, and the person types.
    #[schema(
        pattern = "^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$",
        example = "WDJB-MJHT"
    )]
    user_code: String,
    /// Where the person types it.
    #[schema(example = "https://daybook.example.org/device")]
    verification_uri: String,
    /// The same with the code in it.
    #[schema(example = "https://daybook.example.org/device?user_code=WDJB-MJHT")]
    verification_uri_complete: String,
    /// For how many seconds both codes are good.
    #[schema(example = 600, minimum = 1)]
    expires_in: u64,
    /// How many seconds to wait between two questions; 5 more after each `slow_down`.
    #[schema(example = 5, minimum = 1)]
    interval: i64,
}

/// A device that asks whether it was confirmed.
#[derive(ToSchema)]
#[schema(as = DeviceToken)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct DeviceTokenBody {
    /// As it was given.
    device_code: String,
}

/// A device that waits to be confirmed. What it says of itself is not proven.
#[derive(Serialize, ToSchema)]
#[schema(as = WaitingDevice)]
pub(crate) struct WaitingDeviceBody<'a> {
    /// What it shows.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    /// What it calls itself, if it does.
    #[schema(required)]
    device_name: Option<&'a str>,
    /// What it says it runs on.
    #[schema(required)]
    platform: Option<&'a str>,
    /// Where it asked from.
    #[schema(required, example = "192.0.2.7")]
    address: Option<String>,
    /// When it asked.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    asked_at: UnixMs,
    /// Until when it waits.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: UnixMs,
}

/// A person's word on a device.
#[derive(ToSchema)]
#[schema(as = DeviceAnswer)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct DeviceAnswerBody {
    /// Whether the device may sign in.
    approve: bool,
}

/// Ask for a code to sign a device in with
///
/// For a device on which nobody types a password: it shows `user_code`, the person opens `verification_uri` on another one, signs in there and confirms it.
/// Meanwhile the device asks `POST /api/v1/auth/device-token` every `interval` seconds. Only so many devices may wait at once, in all and from one address.
#[utoipa::path(
    operation_id = "begin_device_sign_in",
    tag = "accounts",
    params(("X-Device-Id" = String, Header, description = "The client's own name for its device, stable across sign-ins: 1 to 128 visible ASCII characters",
        min_length = 1, max_length = 128, pattern = "^[!-~]+$", example = "laptop-7f3a")),
    request_body = DeviceCodeBody,
    responses((status = 200, description = "The codes", body = ShownCodeBody))
)]
#[post("/api/v1/auth/device-code")]
pub(crate) async fn begin(
    _: ByAddress,
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let asking = Fields::read(body.text()?, &["device_name", "platform"], |body| {
        asking(&request, body)
    })?;
    let shown = services.device_sign_in.begin(asking).await?;
    let user_code = shown.user_code.text();
    let page = format!("{}{}", public_address(&request, &door), device_page::PATH);
    Ok(HttpResponse::Ok().json(ShownCodeBody {
        device_code: shown.device_code,
        verification_uri_complete: format!("{page}?user_code={user_code}"),
        verification_uri: page,
        user_code,
        expires_in: DEVICE_CODE_LIFETIME.as_secs(),
        interval: DeviceClaim::INTERVAL_SECS,
    }))
}

/// Ask whether a device was confirmed
///
/// A device that was confirmed is signed in as by `POST /api/v1/auth/login`, once. Until then the answer is 400, and `code` tells what to do (RFC 8628, section
/// 3.5): ask again after the interval (`authorization_pending`), or after one that is 5 seconds longer from then on (`slow_down`); begin anew, or not at all
/// (`access_denied`, `expired_token`).
#[utoipa::path(
    operation_id = "claim_device_sign_in",
    tag = "accounts",
    request_body = DeviceTokenBody,
    responses((status = 200, description = "Signed in", body = SignedInBody))
)]
#[post("/api/v1/auth/device-token")]
pub(crate) async fn claim(
    _: ByAddress,
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let code = Fields::read(body.text()?, &["device_code"], |body| {
        body.required("device_code", Ok::<Cow<'_, str>, _>)
    })?;
    let signed_in = services
        .device_sign_in
        .claim(&code, Some(ClientAddress::of(&request).0))
        .await?;
    Ok(answer(&signed_in, None))
}

/// Show the device that shows a code
///
/// For the person who is to confirm it. After a few codes that no device shows, the next has to wait (429).
#[utoipa::path(
    operation_id = "show_waiting_device",
    tag = "accounts",
    params(("user_code" = String, Path, description = "What the device shows; case and the dash do not matter", example = "WDJB-MJHT")),
    responses((status = 200, description = "The device", body = WaitingDeviceBody)),
    security(("access_token" = []))
)]
#[get("/api/v1/auth/device-codes/{user_code}")]
pub(crate) async fn show(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let code = path_code(&request)?;
    let device = services
        .device_sign_in
        .look(&caller, &code, Some(ClientAddress::of(&request).0))
        .await?;
    Ok(HttpResponse::Ok().json(body(code, &device)))
}

/// Confirm the device that shows a code, or turn it down
///
/// The first answer counts. A device that was confirmed is signed in as the caller when it asks next.
#[utoipa::path(
    operation_id = "answer_waiting_device",
    tag = "accounts",
    params(("user_code" = String, Path, description = "What the device shows; case and the dash do not matter", example = "WDJB-MJHT")),
    request_body = DeviceAnswerBody,
    responses((status = 204, description = "The device is told when it asks next")),
    security(("access_token" = []))
)]
#[post("/api/v1/auth/device-codes/{user_code}")]
pub(crate) async fn decide(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let approve = Fields::read_by(&caller, body.text()?, &["approve"], |body| {
        body.required("approve", Ok::<bool, _>)
    })?;
    let code = path_code(&request)?;
    let answered = services
        .device_sign_in
        .answer(&caller, &code, approve, Some(ClientAddress::of(&request).0));
    answered.await?;
    Ok(HttpResponse::NoContent().finish())
}

fn asking(request: &HttpRequest, body: &mut Fields<'_>) -> Option<AskingDevice> {
    let key = body.beside(device_key(request.headers()));
    let name = body.optional("device_name", None, |text: Cow<'_, str>| {
        device_text("device_name", &text).map(Some)
    });
    let platform = body.optional("platform", None, |text: Cow<'_, str>| {
        device_text("platform", &text).map(Some)
    });
    Some(AskingDevice {
        key: key?,
        name: name?,
        platform: platform?,
        address: Some(ClientAddress::of(request).0),
    })
}

/// Where people reach this server: as it is set, else as the device did.
fn public_address(request: &HttpRequest, door: &Door) -> String {
    let asked = || {
        let host = request.headers().get(HOST)?.to_str().ok()?;
        format!("http://{host}").parse::<Origin>().ok()
    };
    let origin = door.public_url.clone().or_else(asked);
    origin.map_or_else(String::new, |origin| origin.text().to_owned())
}

/// The code in the path of a request. What is none is shown by no device.
fn path_code(request: &HttpRequest) -> Result<UserCode, Problem> {
    let code = request.match_info().get("user_code");
    let code = code.and_then(|text| UserCode::parse(text).ok());
    code.ok_or_else(|| AccountsError::NoSuchDeviceCode.into())
}

fn body(code: UserCode, device: &WaitingDevice) -> WaitingDeviceBody<'_> {
    WaitingDeviceBody {
        user_code: code.text(),
        device_name: device.name.as_deref(),
        platform: device.platform.as_deref(),
        address: device.address.map(|address| address.to_string()),
        asked_at: device.asked_at,
        expires_at: device.expires_at,
    }
}
