//! The cookies that a browser keeps for us, where no script can read them and no other site can send them: the refresh token that keeps it signed in, and
//! its visit to the page that confirms devices.

use std::time::Duration;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use services::accounts::{REFRESH_LIFETIME, VISIT_LIFETIME};

/// Where the refresh token is sent back to, unless the name of its cookie demands otherwise.
const REFRESH_PATH: &str = "/api/v1/auth";
/// What a visit is sent to: the page, and where its forms go, have nothing else in common.
const VISIT_PATH: &str = "/";

/// How a cookie is named and scoped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookie {
    name: &'static str,
    path: &'static str,
    secure: &'static str,
    lifetime: Duration,
}

impl Cookie {
    /// That of the refresh token, for a server that is reached through TLS, or one that may not be. Of a name that begins with `__Host-` a browser knows that
    /// no other host and no unencrypted connection has set it; it must then be sent to every path (RFC 6265bis, section 4.1.3.2).
    pub(crate) fn refresh(https: bool) -> Self {
        let (name, path) = if https {
            ("__Host-daybook_refresh", "/")
        } else {
            ("daybook_refresh", REFRESH_PATH)
        };
        Self::new(name, path, https, REFRESH_LIFETIME)
    }

    /// That of a visit.
    pub(crate) fn visit(https: bool) -> Self {
        let name = if https { "__Host-daybook_visit" } else { "daybook_visit" };
        Self::new(name, VISIT_PATH, https, VISIT_LIFETIME)
    }

    fn new(name: &'static str, path: &'static str, https: bool, lifetime: Duration) -> Self {
        let secure = if https { "; Secure" } else { "" };
        Self {
            name,
            path,
            secure,
            lifetime,
        }
    }

    /// The token in the cookie of a request with these headers. A cookie that is given twice, as somebody who may set cookies beside ours could arrange, and
    /// one that is no text hold no token of ours, and read as empty.
    pub(crate) fn read<'r>(&self, headers: &'r HeaderMap) -> Option<&'r str> {
        let pairs = headers
            .get_all(COOKIE)
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        let mut values = pairs.filter_map(|pair| {
            let value = pair.trim_ascii().strip_prefix(self.name.as_bytes())?;
            value.strip_prefix(b"=")
        });
        let value = values.next()?;
        let alone = values.next().is_none();
        let token = std::str::from_utf8(value).ok().filter(|_| alone);
        Some(token.unwrap_or_default())
    }

    /// `Set-Cookie` with `token`, for as long as it lives.
    pub(crate) fn set(&self, token: &str) -> HeaderValue {
        self.line(token, self.lifetime.as_secs())
    }

    /// `Set-Cookie` that makes the browser forget it.
    pub(crate) fn clear(&self) -> HeaderValue {
        self.line("", 0)
    }

    fn line(&self, token: &str, max_age_secs: u64) -> HeaderValue {
        let Self { name, path, secure, .. } = self;
        let line = format!("{name}={token}; Path={path}; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::try_from(line).expect("tokens of ours are ids, dots and Base64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_bytes(line).expect("a header"));
        }
        Cookie::refresh(false).read(&headers).map(str::to_owned)
    }

    #[test]
    fn it_is_found_among_any_others() {
        for lines in [
            &[&b"daybook_refresh=a.b"[..]][..],
            &[b"x=1; daybook_refresh=a.b;y=2"],
            &[b"x=1", b"y", b"=;;; ", b"\tdaybook_refresh=a.b "],
            &[b"daybook_refreshed=c; my_daybook_refresh=d; daybook_refresh=a.b; x=daybook_refresh=e"],
        ] {
            assert_eq!(read(lines).as_deref(), Some("a.b"));
        }
        for lines in [
            &[][..],
            &[&b""[..]],
            &[b"daybook_refresh"],
            &[b"Daybook_Refresh=a"],
            &[b"__Host-daybook_refresh=a"],
        ] {
            assert_eq!(read(lines), None);
        }
    }

    #[test]
    fn what_is_given_twice_or_is_no_text_is_empty() {
        for lines in [
            &[&b"daybook_refresh=a; daybook_refresh=a"[..]][..],
            &[b"daybook_refresh=a", b"daybook_refresh=b"],
            &[b"daybook_refresh=\xff"],
            &[b"daybook_refresh="],
        ] {
            assert_eq!(read(lines).as_deref(), Some(""));
        }
    }

    #[test]
    fn it_lives_as_long_as_its_token_and_is_scoped_as_its_name_demands() {
        let (plain, tls) = (Cookie::refresh(false), Cookie::refresh(true));
        assert_eq!(
            plain.set("a.b-_"),
            "daybook_refresh=a.b-_; Path=/api/v1/auth; Max-Age=2592000; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            tls.set("a.b-_"),
            "__Host-daybook_refresh=a.b-_; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            plain.clear(),
            "daybook_refresh=; Path=/api/v1/auth; Max-Age=0; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            tls.clear(),
            "__Host-daybook_refresh=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"
        );
    }
    #[test]
    fn a_visit_lives_for_minutes_and_is_sent_to_the_page() {
        assert_eq!(
            Cookie::visit(false).set("a.b-_"),
            "daybook_visit=a.b-_; Path=/; Max-Age=300; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            Cookie::visit(true).set("a.b-_"),
            "__Host-daybook_visit=a.b-_; Path=/; Max-Age=300; HttpOnly; SameSite=Strict; Secure"
        );
    }
}
