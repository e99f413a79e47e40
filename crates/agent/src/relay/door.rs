//! Who may ask: programs of this machine, and browser extensions; no page from elsewhere.
//!
//! Everything on this machine may write here, as with ActivityWatch. A page in a browser is on this machine, too, and can reach a loopback address
//! under a name of its own (DNS rebinding), so the name that it asks for has to be a loopback one; and it can post without being allowed to read the
//! answer, so a page of another origin is turned away before anything is read.

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};

/// The extension that ActivityWatch publishes for Chrome.
const CHROME_EXTENSION: &str = "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi";
/// Every installation in Firefox has an id of its own.
const FIREFOX_EXTENSION: &str = "moz-extension://";
/// What a preflight is answered, beside the origin.
pub const METHODS: &str = "GET, POST, PUT, DELETE";

/// Why somebody is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The name asked for is not one of this machine's.
    Host,
    /// A page of another origin asks.
    Origin,
}

/// Lets the request in, with the origin that may read the answer, if one is named that may.
pub fn enter(headers: &HeaderMap, port: u16) -> Result<Option<HeaderValue>, Closed> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if !text(HOST).is_some_and(is_loopback) {
        return Err(Closed::Host);
    }
    let Some(origin) = text(ORIGIN) else {
        return Ok(None);
    };
    let own = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("http://{host}:{port}"));
    if own.iter().any(|own| own == origin) || origin == CHROME_EXTENSION || origin.starts_with(FIREFOX_EXTENSION) {
        return Ok(headers.get(ORIGIN).cloned());
    }
    // Other extensions reach this machine by a right of their own, or not at all; they need no leave to read.
    let is_extension = origin
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.ends_with("-extension"));
    if is_extension { Ok(None) } else { Err(Closed::Origin) }
}

fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let name = name.to_ascii_lowercase();
    ["127.0.0.1", "localhost", "[::1]"].contains(&name.as_str()) && port.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: Option<&'static str>, origin: Option<&'static str>) -> Result<Option<HeaderValue>, Closed> {
        let mut headers = HeaderMap::new();
        headers.extend(host.map(|host| (HOST, HeaderValue::from_static(host))));
        headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
        enter(&headers, 5600)
    }

    #[test]
    fn only_names_of_this_machine_are_answered_to() {
        for host in [
            "127.0.0.1:5600",
            "localhost:5600",
            "LOCALHOST",
            "127.0.0.1",
            "[::1]:5600",
            "[::1]",
        ] {
            assert_eq!(of(Some(host), None), Ok(None), "{host}");
        }
        for host in [
            "evil.example:5600",
            "127.0.0.1.evil.example",
            "localhost.evil.example:5600",
            "192.168.0.2:5600",
            "::1",
            "",
            "127.0.0.1:5600@evil.example",
        ] {
            assert_eq!(of(Some(host), None), Err(Closed::Host), "{host}");
        }
        assert_eq!(of(None, None), Err(Closed::Host));
    }

    #[test]
    fn extensions_may_read_and_pages_from_elsewhere_are_turned_away() {
        for origin in [
            "http://127.0.0.1:5600",
            "http://localhost:5600",
            "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi",
            "moz-extension://9f3c6e1c-0000-4000-8000-000000000000",
        ] {
            assert_eq!(
                of(Some("127.0.0.1:5600"), Some(origin)),
                Ok(Some(HeaderValue::from_static(origin)))
            );
        }
        let other = Some("chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh");
        assert_eq!(of(Some("127.0.0.1:5600"), other), Ok(None));
        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1:8080",
            "https://evil.example/-extension://",
            "file://",
        ] {
            assert_eq!(
                of(Some("127.0.0.1:5600"), Some(origin)),
                Err(Closed::Origin),
                "{origin}"
            );
        }
    }
}
