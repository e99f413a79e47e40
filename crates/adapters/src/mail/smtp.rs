//! Mail by SMTP.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use ports::accounts::{Mail, Mailer};
use ports::{PortError, PortErrorKind};
use tokio::time::timeout;

use super::letter::Letterhead;
use super::route::SmtpUrl;

/// How long a mail may take, from the connection to the server's last word.
const MAIL_MAX: Duration = Duration::from_secs(30);

/// Hands each mail to a mail server, over a connection of its own.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    mail_max: Duration,
    letterhead: Letterhead,
}

impl SmtpMailer {
    /// To this server; nothing is said to it yet.
    ///
    /// # Errors
    /// When the machine has no certificates to know servers by.
    pub fn new(server: &SmtpUrl, letterhead: Letterhead) -> Result<Self, PortError> {
        Self::within(server, letterhead, MAIL_MAX)
    }

    fn within(server: &SmtpUrl, letterhead: Letterhead, mail_max: Duration) -> Result<Self, PortError> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(server.expose())
            .map_err(|error| PortError::bug("make ready to speak to the mail server", Failure::of(&error)))?;
        Ok(Self {
            transport: transport.timeout(Some(mail_max)).build(),
            mail_max,
            letterhead,
        })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), PortError> {
        let (id, message) = self.letterhead.write(mail)?;
        // The transport's own bound is for each answer, and not for the first.
        let sent = timeout(self.mail_max, self.transport.send(message)).await;
        let failure = match sent {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => Failure::of(&error),
            Err(_) => Failure::Slow,
        };
        let attempted = format!("send the mail {id}");
        Err(match failure.kind() {
            PortErrorKind::Unavailable => PortError::unavailable(attempted, failure),
            PortErrorKind::Bug => PortError::bug(attempted, failure),
        })
    }
}

/// Why a mail could not be handed over. Holds nothing that the server said, which likes to repeat the address.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the mail server refused it with status {0}")]
    Refused(String),
    #[error("the mail server cannot take it now, status {0}")]
    NotNow(String),
    #[error("the mail server took too long")]
    Slow,
    #[error("the mail server cannot be reached securely: {0}")]
    Tls(String),
    #[error("the mail server cannot be reached: {0}")]
    Away(String),
    #[error("the mail server said what nobody understands")]
    Unreadable,
    #[error("it is not a mail that this mail server takes, or offers no TLS where it is required")]
    Unfit,
}

impl Failure {
    fn of(error: &lettre::transport::smtp::Error) -> Self {
        let cause = || {
            error
                .source()
                .map_or_else(|| "no cause is known".to_owned(), ToString::to_string)
        };
        match error.status() {
            Some(status) if error.is_permanent() => Self::Refused(status.to_string()),
            Some(status) => Self::NotNow(status.to_string()),
            None if error.is_timeout() => Self::Slow,
            None if error.is_tls() => Self::Tls(cause()),
            None if error.is_response() => Self::Unreadable,
            None if error.is_client() => Self::Unfit,
            None => Self::Away(cause()),
        }
    }

    /// Whether it may be taken another time.
    fn kind(&self) -> PortErrorKind {
        match self {
            Self::Refused(_) | Self::Unfit => PortErrorKind::Bug,
            Self::NotNow(_) | Self::Slow | Self::Tls(_) | Self::Away(_) | Self::Unreadable => {
                PortErrorKind::Unavailable
            }
        }
    }
}

#[cfg(test)]
mod tests;
