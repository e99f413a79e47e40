//! The cookie that keeps a browser signed in: its refresh token, where no script can read it and no other site can send it.

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use services::accounts::REFRESH_LIFETIME;

/// Where the cookie is sent back to, unless its name demands otherwise.
const PATH: &str = "/api/v1/auth";

/// How the cookie is named and scoped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefreshCookie {
    name: &'static str,
    path: &'static str,
    secure: &'static str,
}

impl RefreshCookie {
    /// For a server that is reached through TLS, or one that may not be. Of a name that begins with `__Host-` a browser knows that no other host and no
    /// unencrypted connection has set it; it must then be sent to every path (RFC 6265bis, section 4.1.3.2).
    pub(crate) fn new(https: bool) -> Self {
        if https {
            Self {
                name: "__Host-daybook_refresh",
                path: "/",
                secure: "; Secure",
            }
        } else {
            Self {
                name: "daybook_refresh",
                path: PATH,
                secure: "",
            }
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
        self.line(token, REFRESH_LIFETIME.as_secs())
    }

    /// `Set-Cookie` that makes the browser forget it.
    pub(crate) fn clear(&self) -> HeaderValue {
        self.line("", 0)
    }

    fn line(&self, token: &str, max_age_secs: u64) -> HeaderValue {
        let Self { name, path, secure } = self;
        let line = format!("{name}={token}; Path={path}; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::try_from(line).expect("a refresh token of ours is an id, a dot and Base64")
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
        RefreshCookie::new(false).read(&headers).map(str::to_owned)
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
        let (plain, tls) = (RefreshCookie::new(false), RefreshCookie::new(true));
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
}
