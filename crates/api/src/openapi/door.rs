//! What the door adds to the operations: limits, and sessions in a cookie.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{HeaderBuilder, ObjectBuilder, RefOr, Required, Type};

const REFRESH: &str = "/api/v1/auth/refresh";

/// Whether the operation may keep a session in a cookie.
pub(super) fn keeps_cookie(path: &str) -> bool {
    ["/api/v1/auth/login", REFRESH].contains(&path)
}

/// Whether an operation ends a session that may be kept in one.
fn clears_cookie(path: &str, status: &str) -> bool {
    status == "204" && ["/api/v1/auth/logout", "/api/v1/auth/logout-all", "/api/v1/users/me"].contains(&path)
}

/// Whether an operation is counted. Whoever watches the server may always do that.
pub(super) fn is_limited(path: &str) -> bool {
    !path.starts_with("/health/")
}

/// Adds to the answers of an operation the headers that say how many more requests are allowed, and to those that may set a cookie that one.
pub(super) fn describe(path: &str, operation: &mut Operation) {
    let header = |description: &str, example: &str| {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .examples([example])
            .build();
        let header = HeaderBuilder::new().schema(Some(schema));
        RefOr::T(header.description(Some(description)).build())
    };
    let left = header(
        "How many more requests are allowed at once (`r`), and in how many seconds all are again (`t`), of the limit that this request was counted by: \
         `device`, `account` or `address`. Not here where limits are off.",
        r#""device";r=999;t=1"#,
    );
    let policy = header(
        "That limit: so many requests at once (`q`), which take so many seconds to be allowed again (`w`).",
        r#""device";q=1000;w=20"#,
    );
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if is_limited(path) && (status.starts_with('2') || status == "429") {
            response.headers.insert("RateLimit".to_owned(), left.clone());
            response.headers.insert("RateLimit-Policy".to_owned(), policy.clone());
        }
        let cookie = match status.as_str() {
            "200" if keeps_cookie(path) => "The next refresh token, where it is kept in a cookie.",
            "401" if path == REFRESH => "Takes a cookie back that is good no longer.",
            status if clears_cookie(path, status) => "Takes the cookie back, if there is one.",
            _ => continue,
        };
        let cookie = header(cookie, "daybook_refresh=…");
        response.headers.insert("Set-Cookie".to_owned(), cookie);
    }
    if path == REFRESH {
        either_cookie_or_body(operation);
    }
}

/// A cookie stands for the body, and is text where there is one.
fn either_cookie_or_body(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required = Some(Required::False);
    }
    for cookie in operation.parameters.iter_mut().flatten() {
        let RefOr::T(cookie) = cookie else { continue };
        cookie.schema = Some(ObjectBuilder::new().schema_type(Type::String).build().into());
    }
}
