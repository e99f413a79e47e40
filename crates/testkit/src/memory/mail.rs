//! Mail that arrives nowhere but in the hands of a test.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use domain::accounts::Email;
use ports::PortError;
use ports::accounts::{Mail, Mailer};

use super::away::Away;

/// Everything that was sent.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<Mail>>,
    away: Away,
}

impl MemoryMailer {
    /// From now on every call fails as if the mail server were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    /// What was sent to this address, oldest first.
    #[must_use]
    pub fn sent_to(&self, address: &Email) -> Vec<Mail> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.iter().filter(|mail| mail.to == *address).cloned().collect()
    }

    /// How many mails were sent to anybody.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), PortError> {
        self.away.check("send a mail")?;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push(mail.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn mail_is_kept_for_who_gets_it_unless_the_server_is_away() {
        let mailer = MemoryMailer::default();
        let address = |text: &str| Email::parse(text).expect("an address");
        let mail = Mail {
            to: address("ada@example.org"),
            subject: "A subject".to_owned(),
            text: "A text.\n".to_owned(),
        };
        mailer.send(&mail).await.expect("sent");
        mailer.fail(true);
        assert!(mailer.send(&mail).await.expect_err("away").is_unavailable());
        assert_eq!(mailer.sent_to(&mail.to), [mail]);
        assert_eq!(mailer.sent_to(&address("grace@example.org")), []);
        assert_eq!(mailer.count(), 1);
    }
}
