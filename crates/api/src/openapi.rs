//! The OpenAPI document: generated from the routes, with the problems that are common to them added in one place.

mod door;

use actix_web::{App, HttpResponse, get, web};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, Info, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{OpenApi, PartialSchema, ToSchema};
use utoipa_actix_web::AppExt;

use crate::accounts::privacy::PATH as PRIVACY_RULES;
use crate::limits::ByAddress;
use crate::problem::{PROBLEM_JSON, ProblemBody};
use crate::routes;

/// Where the document is.
pub(crate) const PATH: &str = "/api/openapi.json";

/// The document as it is served.
pub(crate) struct Document(pub(crate) web::Bytes);

#[derive(OpenApi)]
#[openapi(tags(
    (name = "accounts", description = "People, and the devices they sign in on."),
    (name = "usage", description = "Pings: what a tracker sends."),
    (name = "reports", description = "Where a person's time went."),
    (name = "operations", description = "For those who run the server."),
))]
struct Base;

/// The OpenAPI 3.1 document of all routes, as JSON.
#[must_use]
pub fn openapi_json() -> String {
    json(&document())
}

/// The document of all routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(routes::documented)
        .split_for_parts();
    document.info = info();
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), ProblemBody::schema());
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let bearer = bearer.description(Some("The `access_token` of a sign-in or a refresh."));
    components
        .security_schemes
        .insert("access_token".to_owned(), SecurityScheme::Http(bearer.build()).into());
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let key = key.description(Some("An API key, with the scope that the operation takes."));
    components
        .security_schemes
        .insert("api_key".to_owned(), SecurityScheme::Http(key.build()).into());
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            add_problems(path, operation);
            door::describe(path, operation);
        }
    }
    document
}

/// The methods of each route and its path, in the words of `Allow`.
pub(crate) fn methods(item: &PathItem) -> String {
    let methods = [
        (&item.get, "GET, HEAD"),
        (&item.post, "POST"),
        (&item.put, "PUT"),
        (&item.patch, "PATCH"),
        (&item.delete, "DELETE"),
    ];
    let methods = methods
        .into_iter()
        .filter_map(|(operation, name)| operation.as_ref().map(|_| name));
    methods.collect::<Vec<_>>().join(", ")
}

/// Show this document
#[utoipa::path(
    operation_id = "show_openapi",
    tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object))
)]
#[get("/api/openapi.json")]
pub(crate) async fn show(_: ByAddress, document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(document.0.clone())
}

/// The document as JSON.
pub(crate) fn json(document: &utoipa::openapi::OpenApi) -> String {
    let json = serde_json::to_string(document);
    json.expect("a document of maps with text for keys serialises")
}

fn info() -> Info {
    let mut info = Info::new("Daybook", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Self-hosted time tracking: from a tracker's pings to one exact timeline for each person.\n\n\
         Every error is `application/problem+json` (RFC 9457), also 404 for what is not here and 405, with `Allow`, for a method that a route does not take. \
         Values that cannot be are told all at once in `errors`, each with a pointer: into the body, to `/query/NAME` for a parameter of the query, to \
         `/headers/NAME` for a header. Fields and parameters that are given twice or mean nothing here are refused by name (422); only in a ping, what means \
         nothing is passed over. `null` is as good as absent.\n\n\
         A `+` in a query stands for itself, and may be written `%2B`.\n\n\
         Every answer carries an `X-Request-Id`: that of the request, if it has one of 1 to 128 visible ASCII characters, or a new one."
            .to_owned(),
    );
    info
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

/// Adds the problems that an operation shares with others of its kind.
fn add_problems(path: &str, operation: &mut Operation) {
    for (_, status, description) in problems(path, operation).into_iter().filter(|(applies, ..)| *applies) {
        let response = RefOr::T(problem(status, description));
        operation.responses.responses.insert(status.to_owned(), response);
    }
}

/// Each with whether the operation can answer it; what two say of one status, the later one says.
fn problems(path: &str, operation: &Operation) -> [(bool, &'static str, &'static str); 18] {
    let signed_in = operation.security.is_some();
    let has_body = operation.request_body.is_some();
    let asks = path.starts_with("/api/v1/");
    let signs_in = door::keeps_cookie(path);
    [
        (asks, "400", "Malformed JSON, or a malformed query"),
        (
            signed_in || signs_in,
            "401",
            "Nobody is signed in, or no longer; see `WWW-Authenticate`",
        ),
        (
            signed_in,
            "403",
            "A `user_id` or `device_id` that is not the caller's, an API key that may not do this, or a password or code that is wrong",
        ),
        (
            signs_in,
            "403",
            "A session in a cookie, and the request does not come from a page of this server",
        ),
        (
            path.ends_with("/{user_code}"),
            "404",
            "No device that waits shows this code",
        ),
        (has_body, "408", "The body did not arrive in time"),
        (path.contains("/{id}"), "404", "One has nothing of that id"),
        (
            ["/api/v1/users/register", "/api/v1/users/me/email"].contains(&path),
            "409",
            "The e-mail address is taken",
        ),
        (
            ["/api/v1/auth/login", "/api/v1/auth/device-token"].contains(&path),
            "409",
            "The person has as many devices as they may",
        ),
        (
            path == "/api/v1/api-keys" && has_body,
            "409",
            "The person has as many keys as they may",
        ),
        (
            path.starts_with("/api/v1/users/me/totp"),
            "409",
            "The second factor is not in the state for this",
        ),
        (
            path == PRIVACY_RULES && has_body,
            "412",
            "The rules are none of those that `If-Match` names: they were changed meanwhile",
        ),
        (has_body, "413", "The body is too large"),
        (has_body, "415", "The body is not JSON in UTF-8 by its own word"),
        (asks, "422", "Values that cannot be, all of them in `errors`"),
        (
            door::is_limited(path),
            "429",
            "More requests than are allowed; see `Retry-After`",
        ),
        (asks, "500", "A mistake of the server"),
        (
            asks || path == "/health/ready",
            "503",
            "Something the server stands on is away; see `Retry-After`",
        ),
    ]
}

fn problem(status: &str, description: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new()
        .description(description)
        .content(PROBLEM_JSON, content);
    let header = |schema_type| {
        let schema = ObjectBuilder::new().schema_type(schema_type).build();
        HeaderBuilder::new().schema(Some(schema)).build()
    };
    match status {
        "401" => response.header("WWW-Authenticate", header(Type::String)),
        "429" | "503" => response.header("Retry-After", header(Type::Integer)),
        _ => response,
    }
    .build()
}
