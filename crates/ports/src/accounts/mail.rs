//! Mail to people.

use async_trait::async_trait;
use domain::accounts::Email;

use crate::PortError;

/// Who takes mail to people.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over. `Ok` means that it was taken, not that it arrives; an error names neither the address nor the text.
    async fn send(&self, mail: &Mail) -> Result<(), PortError>;
}

/// A mail of plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who gets it.
    pub to: Email,
    /// What it is about, on one line.
    pub subject: String,
    /// The text; its lines end in a line feed.
    pub text: String,
}

/// Shows neither the address nor the text: it may hold a token.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail(…)")
    }
}
