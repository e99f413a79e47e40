//! What no honest client sends: each is refused in a clean way, or the connection is closed, and the server goes on.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use crate::client::{connect, read};
use crate::house::{House, Person, good_ping};

/// Short for a test, and long enough for an honest client on a busy machine.
const HEAD_WITHIN: Duration = Duration::from_secs(2);
const BODY_WITHIN: Duration = Duration::from_secs(2);
/// How often somebody slow sends a letter.
const LETTER_EVERY: Duration = Duration::from_millis(20);

/// Sends bytes and answers the status of what comes back; `None` where the connection is closed without a word.
fn status(house: &House, bytes: &[u8]) -> Option<u16> {
    let mut stream = connect(house.address());
    // The server may have answered and closed before it took all of it.
    drop(stream.write_all(bytes));
    drop(stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "one answer: {text}");
    Some(status)
}

fn head(lines: &[String]) -> Vec<u8> {
    let mut head = "GET /api/v1/users/me HTTP/1.1\r\nHost: test\r\nConnection: close\r\n".to_owned();
    for line in lines {
        head += line;
        head += "\r\n";
    }
    head += "\r\n";
    head.into_bytes()
}

fn alive(house: &House, person: &Person) {
    house.get(person, "/api/v1/users/me").expect(200);
    assert_eq!(house.waiting(), 0, "nothing of it reached the queue");
}

/// Whether it was refused, or not even answered.
#[track_caller]
fn is_refused(status: Option<u16>) {
    assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
}

#[test]
fn a_megabyte_of_any_header_is_refused() {
    let house = House::new();
    let ada = house.person("ada");
    let token = format!("Authorization: Bearer {}", ada.token);
    let much = "x".repeat(1 << 20);
    for name in [
        "Cookie",
        "Authorization",
        "X-Forwarded-For",
        "X-Request-Id",
        "Origin",
        "Accept-Language",
        &"N".repeat(1 << 20),
    ] {
        let bytes = head(&[token.clone(), format!("{name}: {much}")]);
        assert_eq!(status(&house, &bytes), Some(431), "{}", &name[..1]);
    }
    for line in [format!("GET /{much}"), format!("{much} /")] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(status(&house, bytes.as_bytes()), Some(431));
    }
    alive(&house, &ada);
}

#[test]
fn hundreds_of_headers_are_refused_and_dozens_are_not() {
    let house = House::new();
    let ada = house.person("ada");
    let with = |count: usize| {
        let token = [format!("Authorization: Bearer {}", ada.token)].into_iter();
        let others = (0..count).map(|at| format!("X-{at}: {at}"));
        status(&house, &head(&token.chain(others).collect::<Vec<_>>()))
    };
    assert_eq!(with(50), Some(200));
    for count in [100, 500, 5_000] {
        assert_eq!(with(count), Some(431));
    }
    alive(&house, &ada);
}

#[test]
fn bytes_that_no_header_may_hold_are_400() {
    let house = House::new();
    let ada = house.person("ada");
    let token = format!("Authorization: Bearer {}", ada.token);
    for line in [
        "X-A: \0",
        "X-A: a\0b",
        "X\0A: b",
        "X A: b",
        "X-A : b",
        ": b",
        "no colon",
        "X-A: a\rb",
        " folded: line",
    ] {
        assert_eq!(
            status(&house, &head(&[token.clone(), line.to_owned()])),
            Some(400),
            "{line:?}"
        );
    }
    for line in [
        "GET /\0 HTTP/1.1",
        "GET  / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET /",
        "\0",
        "{}",
    ] {
        let bytes = format!("{line}\r\nHost: test\r\n\r\n");
        is_refused(status(&house, bytes.as_bytes()));
    }
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        &[0; 4_096],
        &[0xff; 4_096],
        b"\r\n\r\n",
        b"",
    ] {
        is_refused(status(&house, bytes));
    }
    alive(&house, &ada);
}

#[test]
fn a_token_that_is_given_twice_or_in_pieces_is_401() {
    let house = House::new();
    let ada = house.person("ada");
    let (token, bob) = (&ada.token, house.person("bob").token);
    for lines in [
        vec![format!("Authorization: Bearer {token}"); 2],
        vec![
            format!("Authorization: Bearer {token}"),
            format!("authorization: Bearer {bob}"),
        ],
        vec![format!("Authorization: Bearer {token}, Bearer {bob}")],
        vec![format!("Authorization: Bearer {token} {bob}")],
        vec![format!("Authorization: Bearer {token}\u{e9}")],
        vec!["Authorization: ".to_owned(), format!("Authorization: Bearer {token}")],
        vec![format!("Authorization: Bearer\t{token}")],
        vec![format!("Authorization: {token}")],
        vec![format!("Proxy-Authorization: Bearer {token}")],
        vec![format!("Cookie: access_token={token}")],
    ] {
        assert_eq!(status(&house, &head(&lines)), Some(401), "{lines:?}");
    }
    alive(&house, &ada);
}

#[test]
fn a_body_of_doubtful_length_is_never_taken() {
    let house = House::new();
    let ada = house.person("ada");
    let body = good_ping().to_string();
    let length = body.len();
    let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let send = |lines: &str, body: &str| {
        let head = format!(
            "POST /api/v1/usage/track HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\n{lines}\r\n\r\n",
            ada.token
        );
        status(&house, (head + body).as_bytes())
    };
    for (lines, body) in [
        (format!("Content-Length: {length}\r\nContent-Length: {length}"), &body),
        (format!("Content-Length: {length}\r\nContent-Length: 1"), &body),
        (format!("Content-Length: {length}, {length}"), &body),
        (format!("Content-Length: +{length}"), &body),
        (format!("Content-Length: -{length}"), &body),
        (format!("Content-Length: 0x{length:x}"), &body),
        ("Content-Length: 99999999999999999999999".to_owned(), &body),
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            &chunked,
        ),
        (
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
            &chunked,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked".to_owned(),
            &chunked,
        ),
        ("Transfer-Encoding: gzip, chunked".to_owned(), &chunked),
        ("Transfer-Encoding: xchunked".to_owned(), &chunked),
        ("Transfer-Encoding: chunked".to_owned(), &body),
    ] {
        assert_eq!((send(&lines, body), house.waiting()), (Some(400), 0), "{lines}");
    }
    alive(&house, &ada);
}

#[test]
fn a_host_that_is_given_twice_or_not_at_all_chooses_nothing() {
    let house = House::new();
    let ada = house.person("ada");
    for hosts in [
        "",
        "Host: a\r\nHost: b\r\n",
        "Host: \r\n",
        "Host: a b\r\n",
        "Host: ../..\r\n",
    ] {
        let bytes = format!(
            "GET /api/v1/users/me HTTP/1.1\r\n{hosts}Connection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            ada.token
        );
        // No route looks at it, but for the check of cookies, which takes one that is given once.
        let status = status(&house, bytes.as_bytes());
        assert!(status.is_none_or(|status| status < 500), "{hosts:?}: {status:?}");
    }
    alive(&house, &ada);
}

#[test]
fn bytes_after_a_request_are_not_taken_for_part_of_another() {
    let house = House::new();
    let ada = house.person("ada");
    let smuggled = "0\r\n\r\nGET /api/v1/users/me HTTP/1.1\r\nHost: test\r\n\r\n";
    let head = format!(
        "POST /api/v1/usage/track HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{smuggled}",
        ada.token,
        smuggled.len()
    );
    assert_eq!(status(&house, head.as_bytes()), Some(400));
    alive(&house, &ada);
}

#[test]
fn a_slow_head_on_a_new_connection_is_cut_off_though_it_never_rests() {
    let house = House::with(|_, settings| settings.head_within = HEAD_WITHIN);
    let mut stream = connect(house.address());
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").expect("sent");
    stream.set_nonblocking(true).expect("not blocking");
    let mut answer = [0; 256];
    let end = loop {
        drop(stream.write(b"x"));
        match stream.read(&mut answer) {
            Ok(read) => break String::from_utf8_lossy(&answer[..read]).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::park_timeout(LETTER_EVERY),
            Err(_) => break String::new(),
        }
    };
    assert!(end.is_empty() || end.starts_with("HTTP/1.1 408"), "{end}");
    let ada = house.person("ada");
    alive(&house, &ada);
}

#[test]
fn a_slow_head_on_a_used_connection_is_cut_off_though_it_never_rests() {
    let house = House::with(|_, settings| {
        settings.keep_alive = Duration::from_millis(100);
        settings.head_within = HEAD_WITHIN;
    });
    let ada = house.person("ada");
    let mut stream = connect(house.address());
    // The second head begins with the first request, so that the connection is never idle.
    let begun = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\nGET /health/live HTTP/1.1\r\nX: ";
    stream.write_all(begun).expect("sent");
    let mut sending = stream.try_clone().expect("the same connection");
    let sender = std::thread::spawn(move || {
        while sending.write_all(b"x").is_ok() {
            // A letter now and then: what is too much is refused for that.
            std::thread::park_timeout(LETTER_EVERY);
        }
    });
    let mut answers = Vec::new();
    // Closed within the bound of the test; a connection with unread letters is reset.
    if let Err(error) = stream.read_to_end(&mut answers) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    let answers = String::from_utf8_lossy(&answers);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
    sender.join().expect("it ends once the server has closed");
    alive(&house, &ada);
}

#[test]
fn a_slow_body_is_cut_off_though_it_never_rests() {
    let house = House::with(|_, settings| settings.body_within = BODY_WITHIN);
    let ada = house.person("ada");
    let mut stream = connect(house.address());
    let head = format!(
        "POST /api/v1/usage/track HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000\r\n\r\n",
        ada.token
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut sending = stream.try_clone().expect("the same connection");
    let sender = std::thread::spawn(move || {
        while sending.write_all(b" ").is_ok() {
            std::thread::park_timeout(LETTER_EVERY);
        }
    });
    read(&mut stream).expect(408);
    drop(stream);
    sender.join().expect("it ends once the server has closed");
    alive(&house, &ada);
}
