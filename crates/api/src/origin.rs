//! An origin (RFC 6454): scheme, host and port, as browsers write it.

use std::str::FromStr;

use actix_web::http::header::HeaderValue;
use url::Url;

/// Where a page comes from, or where people reach this server: `https://daybook.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// Whether a header says just this.
    pub(crate) fn is(&self, header: &HeaderValue) -> bool {
        self.0 == *header
    }

    /// As it is written in a header.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// As it is written in a link.
    pub(crate) fn text(&self) -> &str {
        self.0.to_str().expect("an origin is ASCII")
    }

    /// Whether it is reached through TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.0.as_bytes().starts_with(b"https:")
    }
}

impl FromStr for Origin {
    type Err = ();

    /// An http or https URL that names nothing but a host and perhaps a port.
    fn from_str(text: &str) -> Result<Self, ()> {
        let url = Url::parse(text.trim()).map_err(|_| ())?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare || !["http", "https"].contains(&url.scheme()) {
            return Err(());
        }
        let origin = url.origin().ascii_serialization();
        HeaderValue::try_from(origin).map(Self).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_browsers_write_it() {
        for (text, origin) in [
            ("https://daybook.example.org", "https://daybook.example.org"),
            ("https://Daybook.Example.ORG:443/", "https://daybook.example.org"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            let origin = HeaderValue::from_static(origin);
            assert!(text.parse::<Origin>().expect("an origin").is(&origin), "{text}");
        }
    }

    #[test]
    fn what_names_more_or_less_than_a_host_is_none() {
        for text in [
            "",
            "*",
            "null",
            "daybook.example.org",
            "ftp://example.org",
            "https://",
            "https://example.org/app",
            "https://example.org?x",
            "https://example.org#x",
            "https://ada@example.org",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(()), "{text}");
        }
    }
}
