//! `POST` and `GET /api/v1/api-keys`, `DELETE /api/v1/api-keys/{id}`.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use domain::accounts::{Scopes, SessionId, device_text};
use domain::time::UnixMs;
use ports::accounts::ApiKeyState;
use serde::Serialize;
use services::accounts::WantedKey;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::accounts::path_id;
use crate::address::ClientAddress;
use crate::answer::text;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::fields::Fields;
use crate::pages::{self, Asked};
use crate::problem::Problem;
use crate::query::Query;

/// A key that is wanted.
#[derive(ToSchema)]
#[schema(as = NewApiKey)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct NewApiKeyBody {
    /// What the person calls it.
    #[schema(min_length = 1, max_length = 128, example = "Editor plug-in")]
    name: String,
    /// What its device is called; as the key when not given.
    #[schema(min_length = 1, max_length = 128, example = "Ada's laptop")]
    device_name: Option<String>,
    /// What it may do: `pings:write`, `reports:read`; both when not given.
    #[schema(value_type = Option<Vec<ScopeName>>, min_items = 1, example = json!(["pings:write"]))]
    scopes: Option<Vec<String>>,
}

/// What a key may do.
#[derive(ToSchema)]
#[schema(as = Scope)]
#[expect(dead_code, reason = "tells which names there are; the domain reads and writes them")]
pub(crate) enum ScopeName {
    /// Send pings, and have dead letters tried again.
    #[schema(rename = "pings:write")]
    PingsWrite,
    /// Read reports and dead letters.
    #[schema(rename = "reports:read")]
    ReportsRead,
}

/// A key that has been made.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeApiKey)]
pub(crate) struct MadeApiKeyBody<'a> {
    /// The key, for `Authorization: Bearer KEY`. It is not shown again.
    #[schema(
        pattern = "^(waka_)?[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        example = "waka_0a9a3fd0-1b5c-4d0e-9c3e-6a2f4b8d7e10"
    )]
    key: String,
    #[serde(flatten)]
    state: ApiKeyBody<'a>,
}

/// An API key.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyBody<'a> {
    id: Uuid,
    name: &'a str,
    /// What it may do.
    #[schema(value_type = Vec<ScopeName>, min_items = 1, example = json!(["pings:write"]))]
    scopes: Vec<&'static str>,
    /// Its device.
    device_id: Uuid,
    device_name: &'a str,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    created_at: UnixMs,
    /// To a few minutes.
    #[schema(required, value_type = Option<String>, format = DateTime, example = "2026-03-01T09:00:00Z")]
    last_used_at: Option<String>,
}

/// A person's API keys.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeys)]
pub(crate) struct ApiKeysBody<'a> {
    /// The newest first.
    api_keys: Vec<ApiKeyBody<'a>>,
    /// For the next page; `null` when there is none.
    #[schema(required, pattern = "^[0-9a-f]{32}$")]
    next_cursor: Option<String>,
}

/// Make an API key
///
/// For a tracker that cannot sign in. It is a device of its own, works until it is revoked, and is shown once: only its hash is kept.
#[utoipa::path(
    operation_id = "make_api_key",
    tag = "accounts",
    request_body = NewApiKeyBody,
    responses((status = 201, description = "Made", body = MadeApiKeyBody)),
    security(("access_token" = []))
)]
#[post("/api/v1/api-keys")]
pub(crate) async fn make(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let wanted = Fields::read_by(&caller, body.text()?, &["name", "device_name", "scopes"], wanted)?;
    let address = Some(ClientAddress::of(&request).0);
    let made = services.api_keys.make(&caller, wanted, address).await?;
    Ok(HttpResponse::Created().json(MadeApiKeyBody {
        key: made.text.text(),
        state: ApiKeyBody::from(&made.state),
    }))
}

/// Show one's own API keys
#[utoipa::path(
    operation_id = "list_api_keys",
    tag = "accounts",
    params(
        ("limit" = Option<u32>, Query, description = "How many keys at most; 1,000 when not given", minimum = 1, maximum = 1000, example = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[0-9a-f]{32}$")
    ),
    responses((status = 200, description = "The keys", body = ApiKeysBody)),
    security(("access_token" = []))
)]
#[get("/api/v1/api-keys")]
pub(crate) async fn list(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let asked = Query::read(&request, &caller, &pages::PARAMETERS, Asked::read)?;
    let keys = services.api_keys.list(&caller).await?;
    let (api_keys, next_cursor) = asked.of(keys.iter().map(ApiKeyBody::from).collect(), |key| key.id)?;
    Ok(HttpResponse::Ok().json(ApiKeysBody { api_keys, next_cursor }))
}

/// Revoke an API key
///
/// It is good for nothing from then on, on every node.
#[utoipa::path(
    operation_id = "revoke_api_key",
    tag = "accounts",
    params(("id" = Uuid, Path, description = "The key")),
    responses((status = 204, description = "Revoked")),
    security(("access_token" = []))
)]
#[delete("/api/v1/api-keys/{id}")]
pub(crate) async fn revoke(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let key = SessionId(path_id(&request)?);
    let address = Some(ClientAddress::of(&request).0);
    services.api_keys.revoke(&caller, key, address).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn wanted(body: &mut Fields<'_>) -> Option<WantedKey> {
    let name = body.required("name", |text: Cow<'_, str>| device_text("name", &text));
    let device_name = body.optional("device_name", None, |text: Cow<'_, str>| {
        device_text("device_name", &text).map(Some)
    });
    let scopes = body.optional("scopes", Scopes::all(), |names: Vec<Cow<'_, str>>| {
        Scopes::parse(names.iter().map(AsRef::as_ref))
    });
    Some(WantedKey {
        name: name?,
        device_name: device_name?,
        scopes: scopes?,
    })
}

impl<'a> From<&'a ApiKeyState> for ApiKeyBody<'a> {
    fn from(key: &'a ApiKeyState) -> Self {
        Self {
            id: key.id.0,
            name: &key.name,
            scopes: key.scopes.iter().map(domain::accounts::Scope::as_str).collect(),
            device_id: key.device.0,
            device_name: &key.device_name,
            created_at: key.created_at,
            last_used_at: key.last_used_at.map(|at| at.to_string()),
        }
    }
}
