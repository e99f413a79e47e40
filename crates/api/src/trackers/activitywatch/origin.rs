//! Which pages may see the answers: those of ActivityWatch's extension in Chrome, of extensions in Firefox, where each installation has an origin of its own,
//! and of this server. They show a key as everybody does; a browser shows none by itself.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, HeaderMap, HeaderValue, ORIGIN,
};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use crate::door::Door;
use crate::limits::ByAddress;

/// The extension that ActivityWatch publishes for Chrome.
const CHROME_EXTENSION: &str = "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi";
const FIREFOX_EXTENSION: &str = "moz-extension://";

const METHODS: &str = "GET, HEAD, POST, PUT, DELETE";
/// What a page may send beside what every page may.
const HEADERS: &str = "Authorization, Content-Type, X-Request-Id";
/// How long a browser may remember the permission.
const REMEMBERED_SECS: &str = "7200";

/// Marks a request to which pages of this origin may see the answer.
#[derive(Clone)]
pub(crate) struct WatcherPage(pub(crate) HeaderValue);

/// Marks the request, if it comes from such a page.
pub(super) fn note(request: &HttpRequest) {
    if let Some(origin) = of(request.headers(), Door::of(request)) {
        request.extensions_mut().insert(WatcherPage(origin));
    }
}

fn of(headers: &HeaderMap, door: &Door) -> Option<HeaderValue> {
    let mut given = headers.get_all(ORIGIN);
    let origin = given.next().filter(|_| given.next().is_none())?;
    let is_own = door.public_url.as_ref().is_some_and(|own| own.is(origin));
    (is_own || is_of_extension(origin)).then(|| origin.clone())
}

fn is_of_extension(origin: &HeaderValue) -> bool {
    let installation = |text: &str| {
        let id = text.strip_prefix(FIREFOX_EXTENSION)?;
        Some(!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    };
    let origin = origin.to_str().unwrap_or_default();
    origin == CHROME_EXTENSION || installation(origin) == Some(true)
}

/// The answer to a browser that asks first.
pub(super) async fn permission(_: ByAddress, request: HttpRequest, door: web::Data<Door>) -> HttpResponse {
    if let Some(permission) = door.cors.preflight(&request) {
        return permission;
    }
    note(&request);
    if !request.extensions().contains::<WatcherPage>() {
        return HttpResponse::NoContent().finish();
    }
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, REMEMBERED_SECS))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_extensions_may_see_the_answers() {
        for origin in [CHROME_EXTENSION, "moz-extension://9f3c6e1c-0000-4000-8000-000000000000"] {
            assert!(is_of_extension(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh",
            "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi.evil.example",
            "moz-extension://",
            "moz-extension://a/b",
            "https://evil.example/moz-extension://a",
            "https://evil.example",
            "null",
            "",
        ] {
            assert!(!is_of_extension(&HeaderValue::from_static(origin)), "{origin}");
        }
    }
}
