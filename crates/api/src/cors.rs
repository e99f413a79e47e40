//! Which pages of other origins may call the API (the CORS protocol of the Fetch standard): none, unless the operator names them; never with cookies.

use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};
use actix_web::{HttpRequest, HttpResponse};

use crate::origin::Origin;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What a page may send beside what every page may.
const HEADERS: &str = "Authorization, Content-Type, If-Match, If-None-Match, X-Device-Id, X-Request-Id";
/// What a page may read beside what every page may.
const EXPOSED: &str = "ETag, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id";
/// How long a browser may remember the permission: as long as browsers are willing to.
const REMEMBERED_SECS: &str = "7200";

/// Says in the headers of an answer that pages of every origin may see it. They send no cookies then, whatever they want (Fetch standard, section 3.2.5).
pub(crate) fn tell_all(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

/// Says in the headers of an answer that pages of this origin may see it.
pub(crate) fn tell_one(origin: HeaderValue, headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

/// The origins that may.
pub(crate) struct Cors(Vec<Origin>);

impl Cors {
    pub(crate) fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    /// The origin of a request with these headers, if its pages may call.
    pub(crate) fn permission(&self, headers: &HeaderMap) -> Option<&HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let mut given = headers.get_all(ORIGIN);
        let (Some(origin), None) = (given.next(), given.next()) else {
            return None;
        };
        self.0.iter().find(|allowed| allowed.is(origin)).map(Origin::header)
    }

    /// Says so in the headers of the answer.
    pub(crate) fn tell(&self, permission: Option<HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        // What is answered depends on it, whoever asks.
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = permission {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    /// The answer to a browser that asks first; `None` when it is not asked for, or not given.
    pub(crate) fn preflight(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        self.permission(request.headers())?;
        Some(
            HttpResponse::NoContent()
                .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
                .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
                .insert_header((ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECS))
                .finish(),
        )
    }
}
