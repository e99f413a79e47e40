//! A mail as it goes out: its headers, and nothing in them that anybody else wrote.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{Address, Message};
use ports::accounts::Mail;
use ports::{Clock, Ids, PortError};
use uuid::Uuid;

/// The most characters a subject may have; with them it stays on a line (RFC 5322, section 2.1.1).
const SUBJECT_CHARS_MAX: usize = 200;
/// The most bytes a text may have.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Whom mail is from, by address.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender(Address);

impl FromStr for Sender {
    type Err = lettre::address::AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Addresses stay out of logs.
impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender(…)")
    }
}

/// What every mail of ours starts with.
#[derive(Clone)]
pub struct Letterhead {
    /// Whom it is from.
    pub sender: Sender,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

impl Letterhead {
    /// The mail with all its headers, and its id.
    pub(super) fn write(&self, mail: &Mail) -> Result<(Uuid, Message), PortError> {
        let to = Address::from_str(mail.to.as_str()).map_err(|error| bad(error.to_string()))?;
        if mail.subject.chars().any(char::is_control) || mail.subject.chars().nth(SUBJECT_CHARS_MAX).is_some() {
            return Err(bad(format!(
                "its subject is not one line of at most {SUBJECT_CHARS_MAX} characters"
            )));
        }
        if mail.text.len() > TEXT_BYTES_MAX {
            return Err(bad(format!("its text has more than {TEXT_BYTES_MAX} bytes")));
        }
        let id = self.ids.new_id();
        let message = self.headers(id).to(Mailbox::new(None, to)).subject(&mail.subject);
        let message = message
            .body(mail.text.clone())
            .map_err(|error| bad(error.to_string()))?;
        Ok((id, message))
    }

    fn headers(&self, id: Uuid) -> MessageBuilder {
        let Sender(from) = &self.sender;
        Message::builder()
            .date(self.date())
            .message_id(Some(format!("<{id}@{}>", from.domain())))
            .from(Mailbox::new(Some("Daybook".to_owned()), from.clone()))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
    }

    fn date(&self) -> SystemTime {
        let ms = u64::try_from(self.clock.now().0).unwrap_or(0);
        UNIX_EPOCH + Duration::from_millis(ms)
    }
}

fn bad(why: String) -> PortError {
    PortError::bug("write a mail", why)
}

/// Asks for no answers by machines, such as "I am on holiday" (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl AutoSubmitted {
    const VALUE: &str = "auto-generated";
}

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        if text == Self::VALUE {
            Ok(Self)
        } else {
            Err("not ours".into())
        }
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), Self::VALUE.to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use domain::accounts::Email;
    use domain::time::UnixMs;
    use testkit::clock::{TestClock, TestIds};

    use super::*;

    pub fn letterhead() -> Letterhead {
        Letterhead {
            sender: "daybook@example.org".parse().expect("an address"),
            // 2026-03-31T12:00:00Z.
            clock: Arc::new(TestClock::at(UnixMs(1_774_958_400_250))),
            ids: Arc::new(TestIds::default()),
        }
    }

    pub fn mail(to: &str) -> Mail {
        Mail {
            to: Email::parse(to).expect("an address"),
            subject: "Your password".to_owned(),
            text: "Hello Ada,\n\nhere is a link.\n".to_owned(),
        }
    }

    fn written(mail: &Mail) -> String {
        let (_, message) = letterhead().write(mail).expect("a letter");
        String::from_utf8(message.formatted()).expect("UTF-8")
    }

    #[test]
    fn a_mail_has_the_headers_that_every_mail_needs_and_its_text_as_it_is() {
        let expected = [
            "Date: Tue, 31 Mar 2026 12:00:00 +0000",
            "Message-ID: <00000000-0001-7000-8000-000000000000@example.org>",
            "From: Daybook <daybook@example.org>",
            "Auto-Submitted: auto-generated",
            "Content-Type: text/plain; charset=utf-8",
            "To: ada@example.org",
            "Subject: Your password",
            "Content-Transfer-Encoding: 7bit",
            "",
            "Hello Ada,",
            "",
            "here is a link.",
            "",
        ];
        assert_eq!(written(&mail("ada@example.org")), expected.join("\r\n"));
    }

    #[test]
    fn nothing_in_a_subject_or_an_address_becomes_a_header() {
        for subject in ["a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org", "a\rb", "a\0b"] {
            let mail = Mail {
                subject: subject.to_owned(),
                ..mail("ada@example.org")
            };
            let error = letterhead().write(&mail).expect_err(subject);
            assert!(!error.is_unavailable());
            assert!(!error.chain().contains("eve"), "{}", error.chain());
        }
        for address in [
            "ada>,<eve@example.org",
            "ada@example.org>,eve",
            "ada,eve@example.org",
            "\"ada@example.org",
            "<ada@example.org>",
            "ada@[127.0.0.1",
            "ada@example.org;eve",
        ] {
            let error = letterhead().write(&mail(address)).expect_err(address);
            assert!(!error.chain().contains("ada"), "{}", error.chain());
        }
    }

    #[test]
    fn letters_of_all_alphabets_arrive_as_ascii() {
        let mail = Mail {
            subject: "Dein Passwort für Daybook".to_owned(),
            text: "Grüße\n.\nFrom here\n".to_owned(),
            ..mail("ada@example.org")
        };
        let written = written(&mail);
        assert!(written.is_ascii(), "{written}");
        assert!(
            written.contains("Subject: Dein Passwort =?utf-8?b?ZsO8cg==?= Daybook\r\n"),
            "{written}"
        );
        // printf 'Grüße\r\n.\r\nFrom here\r\n' | base64
        assert!(written.ends_with("R3LDvMOfZQ0KLg0KRnJvbSBoZXJlDQo="), "{written}");
    }

    #[test]
    fn subject_and_text_are_bounded() {
        let long = |chars, bytes| Mail {
            subject: "s".repeat(chars),
            text: "t".repeat(bytes),
            ..mail("ada@example.org")
        };
        letterhead()
            .write(&long(SUBJECT_CHARS_MAX, TEXT_BYTES_MAX))
            .expect("just within");
        letterhead()
            .write(&long(SUBJECT_CHARS_MAX + 1, 1))
            .expect_err("a longer subject");
        letterhead()
            .write(&long(1, TEXT_BYTES_MAX + 1))
            .expect_err("a longer text");
    }

    #[test]
    fn a_sender_is_an_address_and_does_not_show() {
        assert!("daybook@localhost".parse::<Sender>().is_ok());
        assert!("daybook".parse::<Sender>().is_err());
        assert!("a@b.c\r\nBcc: eve@example.org".parse::<Sender>().is_err());
        assert_eq!(format!("{:?}", letterhead().sender), "Sender(…)");
    }
}
