//! The server's address, and the rule that secrets go over plain HTTP to this machine only.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The address of a Daybook server that may be given secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress(Url);

/// The address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not the address of a web server.
    #[error("the server must be a URL such as https://daybook.example.org, without user, query or fragment")]
    Invalid,
    /// Others on the way could read what is sent.
    #[error(
        "{0} is plain http, and not this machine: everybody on the way could read what you do, and take over the session. Use https; or, where you \
         trust the network in between, add --allow-http"
    )]
    Plain(String),
}

impl ServerAddress {
    /// The address, with an optional path below which the server's routes lie. `http` is for loopback addresses, or wherever `allow_http` is set.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, AddressError> {
        let mut url = Url::parse(text.trim()).map_err(|_| AddressError::Invalid)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_more = !url.username().is_empty() || url.password().is_some();
        if !is_web || has_more || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Invalid);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        let address = Self(url);
        if address.0.scheme() == "http" && !allow_http && !address.is_loopback() {
            return Err(AddressError::Plain(address.to_string()));
        }
        Ok(address)
    }

    /// The full address of a route such as `/api/v1/usage/track`.
    #[must_use]
    pub fn route(&self, route: &str) -> String {
        format!("{self}{route}")
    }

    /// Whether it names this machine and nothing else.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
            None => false,
        }
    }
}

/// Without a slash at the end.
impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_lie_below_the_address() {
        for (text, route) in [
            ("https://day.example.org", "https://day.example.org/api/x"),
            ("https://day.example.org/", "https://day.example.org/api/x"),
            ("https://example.org:8443/day/", "https://example.org:8443/day/api/x"),
            (" http://127.0.0.1:8080 ", "http://127.0.0.1:8080/api/x"),
        ] {
            let address = ServerAddress::parse(text, false).expect(text);
            assert_eq!(address.route("/api/x"), route);
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_or_where_it_was_allowed() {
        for text in ["http://localhost:8080", "http://127.1.2.3", "http://[::1]:1"] {
            assert!(ServerAddress::parse(text, false).is_ok(), "{text}");
        }
        for text in [
            "http://192.168.1.2",
            "http://day.example.org",
            "http://localhost.example.org",
            "http://[::2]",
        ] {
            assert!(
                matches!(ServerAddress::parse(text, false), Err(AddressError::Plain(_))),
                "{text}"
            );
            assert!(ServerAddress::parse(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_server_address_is_refused() {
        for text in [
            "",
            "day.example.org",
            "ftp://example.org",
            "https://user@example.org",
            "https://:secret@example.org",
            "https://example.org/?a=b",
            "https://example.org/#a",
            "file:///etc/passwd",
        ] {
            assert_eq!(ServerAddress::parse(text, true), Err(AddressError::Invalid), "{text}");
        }
    }
}
