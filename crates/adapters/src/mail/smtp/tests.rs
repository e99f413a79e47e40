use std::sync::{Arc, Mutex, PoisonError};

use domain::accounts::Email;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::letter::tests::{letterhead, mail};
use super::super::route::Route;
use super::*;

/// How a server behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// Takes everything, and says that it speaks TLS if asked to, which it does not.
    Willing { says_tls: bool },
    /// Answers `RCPT TO` with this.
    AnswersRecipient(&'static str),
    /// Says nothing at all.
    Silent,
    /// Says something else.
    Nonsense,
    /// Hangs up after the greeting.
    HangsUp,
}

/// A mail server that talks to the tests alone.
struct Server {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
    work: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let work = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                // A client that hangs up is no fault of the server's.
                let _ = talk(stream, manner, &log).await;
            }
        });
        Self { address, heard, work }
    }

    /// Every line that was said to it.
    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn mailer(&self, query: &str) -> SmtpMailer {
        mailer(&format!("smtp://{}{query}", self.address))
    }
}

async fn talk(stream: TcpStream, manner: Manner, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    match manner {
        Manner::Silent => return lines.next_line().await.map(drop),
        Manner::Nonsense => write.write_all(b"what do you want, ada@example.org?\r\n").await?,
        _ => write.write_all(b"220 ready\r\n").await?,
    }
    if matches!(manner, Manner::HangsUp) {
        return Ok(());
    }
    let mut in_data = false;
    while let Some(line) = lines.next_line().await? {
        log.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match (in_data, line.as_str(), verb.as_str(), manner) {
            (true, ".", ..) => {
                in_data = false;
                "250 taken"
            }
            (true, ..) => continue,
            (_, _, "EHLO", Manner::Willing { says_tls: true }) => "250-here\r\n250 STARTTLS",
            (_, _, "EHLO", _) => "250-here\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            // And here it hangs up.
            (_, _, "STARTTLS", _) => return write.write_all(b"220 go on\r\n").await,
            (_, _, "RCPT", Manner::AnswersRecipient(answer)) => answer,
            (_, _, "DATA", _) => {
                in_data = true;
                "354 go on"
            }
            (_, _, "AUTH", _) => "235 come in",
            (_, _, "QUIT", _) => "221 bye",
            _ => "250 fine",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn mailer(url: &str) -> SmtpMailer {
    mailer_within(url, Duration::from_secs(20))
}

fn mailer_within(url: &str, mail_max: Duration) -> SmtpMailer {
    let Ok(Route::Smtp(server)) = url.parse::<Route>() else {
        panic!("no server: {url}");
    };
    SmtpMailer::within(&server, letterhead(), mail_max).expect("a mailer")
}

/// The mail is refused, and the error does not say to whom it was. It may be taken later, or not.
async fn refused(mailer: &SmtpMailer) -> (PortErrorKind, String) {
    let error = mailer.send(&mail("ada@example.org")).await.expect_err("refused");
    let chain = error.chain();
    assert!(!chain.contains("ada") && !chain.contains("secret"), "{chain}");
    (error.kind, chain)
}

#[tokio::test]
async fn a_mail_is_handed_over_as_it_was_written() {
    let server = Server::start(Manner::Willing { says_tls: false }).await;
    server.mailer("").send(&mail("ada@example.org")).await.expect("sent");
    let heard = server.heard();
    let position = |line: &str| {
        let at = heard.iter().position(|heard| heard == line);
        at.unwrap_or_else(|| panic!("{line} in {heard:#?}"))
    };
    assert!(heard[0].starts_with("EHLO "), "{heard:#?}");
    let from = heard
        .iter()
        .position(|line| line.starts_with("MAIL FROM:<daybook@example.org>"));
    assert!(from < Some(position("RCPT TO:<ada@example.org>")));
    assert!(position("DATA") < position("To: ada@example.org"));
    assert!(position("Subject: Your password") < position("here is a link."));
}

#[tokio::test]
async fn who_has_a_password_says_it_and_it_may_have_any_character() {
    let server = Server::start(Manner::Willing { says_tls: false }).await;
    let url = format!("smtp://ada%40example.org:a%3Ab%2Fc@{}", server.address);
    mailer(&url).send(&mail("grace@example.org")).await.expect("sent");
    // printf '\0ada@example.org\0a:b/c' | base64
    let said = "AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBhOmIvYw==".to_owned();
    assert!(server.heard().contains(&said), "{:#?}", server.heard());
}

#[tokio::test]
async fn a_line_of_one_dot_does_not_end_the_mail() {
    let server = Server::start(Manner::Willing { says_tls: false }).await;
    let mail = Mail {
        text: "before\n.\nRSET\nafter\n".to_owned(),
        ..mail("ada@example.org")
    };
    server.mailer("").send(&mail).await.expect("sent");
    let heard = server.heard();
    let text = heard.iter().position(|line| line == "before").expect("the text");
    assert_eq!(heard[text + 1..text + 4], ["..", "RSET", "after"], "{heard:#?}");
}

#[tokio::test]
async fn nothing_in_a_mail_becomes_a_command_or_a_header() {
    let server = Server::start(Manner::Willing { says_tls: false }).await;
    let mailer = server.mailer("");
    for subject in [
        "a\r\nBcc: eve@example.org",
        "a\nBcc: eve@example.org",
        "a\r\n.\r\nMAIL FROM:<x@y.z>",
    ] {
        let mail = Mail {
            subject: subject.to_owned(),
            ..mail("ada@example.org")
        };
        let error = mailer.send(&mail).await.expect_err(subject);
        assert_eq!(error.kind, PortErrorKind::Bug);
    }
    for address in [
        "ada>@example.org",
        "ada@example.org>,<eve",
        "\"ada\\@example.org",
        "ada,eve@example.org",
    ] {
        let Ok(to) = Email::parse(address) else { continue };
        let mail = Mail {
            to,
            ..mail("ada@example.org")
        };
        let error = mailer.send(&mail).await.expect_err(address);
        assert_eq!(error.kind, PortErrorKind::Bug);
    }
    assert!(server.heard().is_empty(), "{:#?}", server.heard());
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let server = Server::start(Manner::AnswersRecipient("550 <ada@example.org>: nobody here")).await;
    let (kind, chain) = refused(&server.mailer("")).await;
    assert_eq!(kind, PortErrorKind::Bug);
    assert!(chain.contains("550"), "{chain}");
}

#[tokio::test]
async fn what_is_refused_for_now_may_be_tried_again() {
    let server = Server::start(Manner::AnswersRecipient("451 <ada@example.org>: come back")).await;
    let (kind, chain) = refused(&server.mailer("")).await;
    assert_eq!(kind, PortErrorKind::Unavailable);
    assert!(chain.contains("451"), "{chain}");
}

#[tokio::test]
async fn a_server_that_is_away_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let (kind, chain) = refused(&mailer(&format!("smtp://u:secret@{address}"))).await;
    assert_eq!(kind, PortErrorKind::Unavailable, "{chain}");
}

#[tokio::test]
async fn a_server_that_hangs_up_or_talks_nonsense_may_come_to_its_senses() {
    for manner in [Manner::HangsUp, Manner::Nonsense] {
        let server = Server::start(manner).await;
        let (kind, chain) = refused(&server.mailer("")).await;
        assert_eq!(kind, PortErrorKind::Unavailable, "{chain}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_within_bounds() {
    let server = Server::start(Manner::Silent).await;
    let url = format!("smtp://{}", server.address);
    let (kind, chain) = refused(&mailer_within(&url, Duration::from_millis(20))).await;
    assert_eq!(kind, PortErrorKind::Unavailable);
    assert!(chain.contains("too long"), "{chain}");
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_said_without_it() {
    for says_tls in [false, true] {
        let server = Server::start(Manner::Willing { says_tls }).await;
        let url = format!("smtp://u:secret@{}?tls=required", server.address);
        refused(&mailer(&url)).await;
        let heard = server.heard();
        let said = |verb: &str| heard.iter().any(|line| line.starts_with(verb));
        assert!(said("EHLO"), "{heard:#?}");
        assert!(!said("AUTH") && !said("MAIL") && !said("DATA"), "{heard:#?}");
    }
    let server = Server::start(Manner::Willing { says_tls: false }).await;
    let url = format!("smtps://u:secret@{}", server.address);
    refused(&mailer(&url)).await;
    let said = server.heard().concat();
    assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{said}");
}
