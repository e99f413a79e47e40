//! Where mail goes, as a setting says it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::{Host, Url};

/// Where mail goes: `dir:/path`, or the URL of a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Into a folder.
    Folder(PathBuf),
    /// To a mail server.
    Smtp(SmtpUrl),
}

/// A mail server that may be spoken to: with TLS from the start (`smtps://user:password@host`), with TLS before anything of a mail is said
/// (`smtp://host?tls=required`), or without TLS on this machine alone (`smtp://localhost`).
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpUrl(Url);

impl SmtpUrl {
    /// The URL, with its password.
    pub(super) fn expose(&self) -> &str {
        self.0.as_str()
    }
}

/// Shows nothing but the scheme: user names are addresses often.
impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://…", self.0.scheme())
    }
}

/// Why a text names no place that mail may go to. Holds nothing of the text, which has a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Another scheme, or none.
    #[error("neither a folder (dir:/path) nor a mail server (smtps://host, smtp://host?tls=required)")]
    Form,
    /// What would be said could be read on its way.
    #[error("a mail server on another machine, and no TLS")]
    Plain,
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        if let Some(path) = text.strip_prefix("dir:") {
            let path = Path::new(path);
            return path
                .is_absolute()
                .then(|| Self::Folder(path.to_owned()))
                .ok_or(RouteError::Form);
        }
        let url = Url::parse(text).map_err(|_| RouteError::Form)?;
        let host = url
            .host()
            .filter(|host| *host != Host::Domain(""))
            .ok_or(RouteError::Form)?;
        match (url.scheme(), url.query()) {
            ("smtps", None) | ("smtp", Some("tls=required")) => {}
            ("smtp", None) if is_here(&host) => {}
            ("smtp", None) => return Err(RouteError::Plain),
            _ => return Err(RouteError::Form),
        }
        let has_more = !matches!(url.path(), "" | "/") || url.fragment().is_some();
        if has_more {
            return Err(RouteError::Form);
        }
        Ok(Self::Smtp(SmtpUrl(url)))
    }
}

/// Whether nobody else's machine lies on the way. The parser leaves the hosts of schemes that browsers do not know as they are written.
fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Result<Route, RouteError> {
        text.parse()
    }

    #[test]
    fn mail_goes_into_a_folder_or_to_a_server() {
        assert_eq!(
            route("dir:/var/mail/x"),
            Ok(Route::Folder(PathBuf::from("/var/mail/x")))
        );
        for good in [
            "smtps://ada%40example.org:secret@mail.example.org",
            "smtps://mail.example.org:465/",
            "smtp://ada:secret@mail.example.org:587?tls=required",
            "smtp://localhost:1025",
            "smtp://127.0.0.1",
            "smtp://[::1]:25",
        ] {
            assert!(matches!(route(good), Ok(Route::Smtp(_))), "{good}");
        }
    }

    #[test]
    fn no_mail_is_said_aloud_to_another_machine() {
        for bad in [
            "smtp://mail.example.org",
            "smtp://10.0.0.1:25",
            "smtp://[2001:db8::1]",
            "smtp://localhost.example.org",
        ] {
            assert_eq!(route(bad), Err(RouteError::Plain), "{bad}");
        }
        assert_eq!(
            route("smtp://mail.example.org?tls=opportunistic"),
            Err(RouteError::Form)
        );
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for bad in [
            "",
            "dir:",
            "dir:mail",
            "/var/mail",
            "mail.example.org",
            "https://mail.example.org",
            "smtps://",
            "smtps:mail.example.org",
            "smtps://mail.example.org?tls=no",
            "smtp://mail.example.org?tls=required&tls=opportunistic",
            "smtps://mail.example.org/path",
            "smtps://mail.example.org#x",
        ] {
            assert_eq!(route(bad), Err(RouteError::Form), "{bad}");
        }
    }

    #[test]
    fn neither_the_password_nor_the_user_is_shown() {
        let route = route("smtps://ada%40example.org:hunter2@mail.example.org").expect("a route");
        assert_eq!(format!("{route:?}"), "Smtp(smtps://…)");
    }
}
