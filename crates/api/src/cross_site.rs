//! Refuses requests that carry a cookie, or ask for one, and come from another site's page: the browser says where from, and a page cannot forge it.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

use crate::door::Door;
use crate::origin::Origin;
use crate::problem::{Problem, ProblemType};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Makes sure that `request` comes from a page of this server. `Sec-Fetch-Site` must say `same-origin`: `none`, for what a person types or bookmarks, is no
/// word for a POST. Where a browser does not send that header, which it does only to hosts that it trusts, `Origin` must be where people reach this server. What
/// sends neither is no page in a browser: those send `Origin` with every POST, and a program that has the cookie was given it.
///
/// # Errors
/// A request from elsewhere.
pub(crate) fn check(request: &HttpRequest) -> Result<(), Problem> {
    if is_same_origin(request.headers(), Door::of(request).public_url.as_ref()) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemType::CrossSite,
        "a session in a cookie is for pages of this server; elsewhere, take the refresh token from the body",
    ))
}

fn is_same_origin(headers: &HeaderMap, public_url: Option<&Origin>) -> bool {
    if headers.contains_key(SEC_FETCH_SITE) {
        return only(headers, SEC_FETCH_SITE).is_some_and(|site| site.as_bytes() == b"same-origin");
    }
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let Some(origin) = only(headers, ORIGIN) else {
        return false;
    };
    match public_url {
        Some(public_url) => public_url.is(origin),
        None => only(headers, HOST).is_some_and(|host| authority(origin) == Some(host.as_bytes().to_ascii_lowercase())),
    }
}

/// The value of a header that is given once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut given = headers.get_all(name);
    given.next().filter(|_| given.next().is_none())
}

/// Host and port of an origin; browsers leave out the port that its scheme implies, there and in `Host`.
fn authority(origin: &HeaderValue) -> Option<Vec<u8>> {
    let origin = origin.as_bytes();
    let authority = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"))?;
    Some(authority.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(given: &[(&'static str, &'static str)], public_url: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let public_url = public_url.map(|url| url.parse().expect("an origin"));
        is_same_origin(&headers, public_url.as_ref())
    }

    const PUBLIC: Option<&str> = Some("https://daybook.example.org");

    #[test]
    fn what_the_browser_says_of_the_site_decides() {
        let mine = ("origin", "https://daybook.example.org");
        assert!(same(&[("sec-fetch-site", "same-origin")], PUBLIC));
        assert!(same(&[("sec-fetch-site", "same-origin")], None));
        for other in [
            "same-site",
            "cross-site",
            "none",
            "",
            "Same-Origin",
            "same-origin, same-origin",
        ] {
            assert!(!same(&[("sec-fetch-site", other), mine], PUBLIC), "{other}");
        }
        let twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")];
        assert!(!same(&twice, PUBLIC));
    }

    #[test]
    fn without_that_the_origin_must_be_the_public_one() {
        assert!(same(&[("origin", "https://daybook.example.org")], PUBLIC));
        for other in [
            "http://daybook.example.org",
            "https://daybook.example.org:8443",
            "https://example.org",
            "https://evil.daybook.example.org",
            "https://daybook.example.org.evil.example",
            "null",
            "",
        ] {
            assert!(!same(&[("origin", other), ("host", "example.org")], PUBLIC), "{other}");
        }
        let twice = [
            ("origin", "https://daybook.example.org"),
            ("origin", "https://daybook.example.org"),
        ];
        assert!(!same(&twice, PUBLIC));
    }

    #[test]
    fn what_says_neither_is_no_page_of_another_site() {
        for host in ["daybook.example.org", "127.0.0.1:8080"] {
            assert!(same(&[("host", host)], PUBLIC));
            assert!(same(&[("host", host)], None));
        }
    }

    #[test]
    fn or_the_host_that_was_asked_where_none_is_set() {
        assert!(same(
            &[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")],
            None
        ));
        assert!(same(&[("origin", "https://a.example"), ("host", "A.example")], None));
        for (origin, host) in [
            ("http://127.0.0.1:8081", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080.evil.example", "127.0.0.1:8080"),
            ("null", "null"),
            ("ftp://a.example", "a.example"),
            ("a.example", "a.example"),
        ] {
            assert!(!same(&[("origin", origin), ("host", host)], None), "{origin}");
        }
        assert!(!same(&[("origin", "http://a.example")], None));
        let twice = [
            ("origin", "http://a.example"),
            ("host", "a.example"),
            ("host", "b.example"),
        ];
        assert!(!same(&twice, None));
    }
}
