//! Routes of people and their sign-ins.

pub(crate) mod api_keys;
pub(crate) mod device_sign_in;
pub(crate) mod devices;
pub(crate) mod email;
pub(crate) mod erase;
pub(crate) mod password;
pub(crate) mod privacy;
pub(crate) mod profile;
mod proof;
pub(crate) mod refresh;
mod refusal;
pub(crate) mod register;
pub(crate) mod second_factor;
pub(crate) mod security_log;
pub(crate) mod sign_in;
pub(crate) mod sign_out;

pub(crate) use refusal::end_of_step;

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse};
use domain::accounts::Device;
use serde::Serialize;
use services::accounts::SignedIn;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cookies::Cookie;
use crate::problem::{Problem, ProblemType};

/// What a device that signed in may use from now on.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInBody<'a> {
    /// For the `Authorization` header.
    access_token: &'a str,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How many seconds the access token lives.
    #[schema(example = 300, minimum = 1, maximum = 300)]
    expires_in: u32,
    /// For the next pair of tokens; it can be used once. Not here where it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    refresh_token: Option<&'a str>,
    device: DeviceBody<'a>,
}

/// A device of the person.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceBody<'a> {
    id: Uuid,
    /// What the person calls it; its key, until somebody names it.
    name: &'a str,
    /// What the client sent as `X-Device-Id`; for imported history, its source.
    key: &'a str,
    /// What it runs on, as it says itself.
    #[schema(required)]
    platform: Option<&'a str>,
    /// Which of a person's devices wins an instant that several claim: the greater one.
    precedence: i32,
}

/// The answer to a device that signed in: the refresh token stands in the body, or in `cookie`, where no script can read it.
fn answer(signed_in: &SignedIn, cookie: Option<Cookie>) -> HttpResponse {
    let body = SignedInBody::from(signed_in);
    let Some(cookie) = cookie else {
        return HttpResponse::Ok().json(body);
    };
    HttpResponse::Ok()
        .insert_header((SET_COOKIE, cookie.set(&signed_in.refresh_token)))
        .json(SignedInBody {
            refresh_token: None,
            ..body
        })
}

/// The id in the path of a request.
///
/// # Errors
/// What is no id is the id of nothing.
fn path_id(request: &HttpRequest) -> Result<Uuid, Problem> {
    let id = request
        .match_info()
        .get("id")
        .and_then(|text| Uuid::try_parse(text).ok());
    id.ok_or_else(|| Problem::new(ProblemType::NotFound, "you have nothing of that id"))
}

impl<'a> From<&'a Device> for DeviceBody<'a> {
    fn from(device: &'a Device) -> Self {
        Self {
            id: device.id.0,
            name: &device.name,
            key: device.key.as_str(),
            platform: device.platform.as_deref(),
            precedence: device.precedence,
        }
    }
}

impl<'a> From<&'a SignedIn> for SignedInBody<'a> {
    fn from(signed_in: &'a SignedIn) -> Self {
        Self {
            access_token: &signed_in.access_token,
            token_type: "Bearer",
            expires_in: signed_in.expires_in_secs,
            refresh_token: Some(&signed_in.refresh_token),
            device: DeviceBody::from(&signed_in.device),
        }
    }
}
