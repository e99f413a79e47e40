//! Who is let in, and how much of anything.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use agent::relay::joiner::Joiner;
use agent::relay::server::{BODY_BYTES_MAX, CONNECTIONS_MAX};
use agent::relay::{Plan, Relay, RelayError};
use serde_json::{Value, json};

use crate::stub::BOUND;

use super::{Listening, event};

/// What is answered to a request as it stands here, its status line and headers.
fn raw(relay: &Listening, request: &str) -> String {
    let mut connection = connect(relay);
    connection.write_all(request.as_bytes()).expect("sent");
    head(&mut connection)
}

fn connect(relay: &Listening) -> TcpStream {
    let connection =
        TcpStream::connect(("127.0.0.1", relay.relay.as_ref().expect("started").port())).expect("connected");
    connection.set_read_timeout(Some(BOUND)).expect("set");
    connection
}

fn head(connection: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).expect("an answer in time") == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

#[test]
fn a_page_that_calls_this_machine_by_another_name_gets_nothing() {
    let relay = Listening::start();
    relay.create("w", "currentwindow", "here");
    assert!(
        raw(
            &relay,
            "GET /api/0/buckets/ HTTP/1.1\r\nHost: evil.example:5600\r\n\r\n"
        )
        .starts_with("HTTP/1.1 400")
    );
    assert!(raw(&relay, "GET /api/0/buckets/ HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
    let path = "buckets/w/heartbeat?pulsetime=2";
    let body = event(0.0, 0.0, &json!({"app": "A"})).to_string().into_bytes();
    let from = |origin: &'static str| {
        relay
            .send(
                "POST",
                path,
                &[("Origin", origin), ("Content-Type", "text/plain")],
                body.clone(),
            )
            .0
    };
    assert_eq!(from("https://evil.example"), 403);
    assert_eq!(relay.get("buckets/w/events/count"), 0);
    assert_eq!(from("moz-extension://9f3c6e1c-0000-4000-8000-000000000000"), 200);
}

#[test]
fn extensions_are_allowed_in_and_may_read() {
    let relay = Listening::start();
    let origin = "chrome-extension://nglaklhklhcoonedhgnpgddginnjdadi";
    let asked = format!(
        "OPTIONS /api/0/buckets/x HTTP/1.1\r\nHost: 127.0.0.1:5600\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
    );
    let answer = raw(&relay, &asked);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for header in [
        format!("access-control-allow-origin: {origin}"),
        "access-control-allow-methods: GET, POST, PUT, DELETE".to_owned(),
        "access-control-allow-headers: content-type".to_owned(),
    ] {
        assert!(answer.contains(&header), "no {header} in {answer}");
    }
}

#[test]
fn a_body_is_bounded_whether_it_says_so_or_not() {
    let relay = Listening::start();
    relay.create("w", "currentwindow", "here");
    let body = |length: usize| {
        let mut text = event(0.0, 0.0, &json!({"app": "A"})).to_string();
        text.push_str(&" ".repeat(length - text.len()));
        text.into_bytes()
    };
    let json = [("Content-Type", "application/json")];
    assert_eq!(
        relay
            .send("POST", "buckets/w/heartbeat?pulsetime=2", &json, body(BODY_BYTES_MAX))
            .0,
        200
    );
    let told = format!(
        "POST /api/0/buckets/w/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        BODY_BYTES_MAX + 1
    );
    assert!(raw(&relay, &told).starts_with("HTTP/1.1 413"));
    let mut connection = connect(&relay);
    connection
        .write_all(b"POST /api/0/buckets/w/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        .expect("sent");
    let chunk = format!("{BODY_BYTES_MAX:x}\r\n{}\r\n1\r\n \r\n", " ".repeat(BODY_BYTES_MAX));
    // It may hang up before it has heard all of it.
    let _ = connection.write_all(chunk.as_bytes());
    assert!(head(&mut connection).starts_with("HTTP/1.1 413"));
}

#[test]
fn one_connection_too_many_waits_until_another_ends() {
    let relay = Listening::start();
    let request = b"GET /api/0/info HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut connection = connect(&relay);
        connection.write_all(request).expect("sent");
        assert!(head(&mut connection).starts_with("HTTP/1.1 200"));
        open.push(connection);
    }
    let mut waiting = connect(&relay);
    waiting.write_all(request).expect("sent");
    waiting.set_read_timeout(Some(Duration::from_millis(100))).expect("set");
    assert!(waiting.read(&mut [0]).is_err(), "it was answered");
    open.pop();
    waiting.set_read_timeout(Some(BOUND)).expect("set");
    assert!(head(&mut waiting).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_port_that_is_taken_is_said_as_such() {
    let relay = Listening::start();
    let port = relay.relay.as_ref().expect("started").port();
    let dir = tempfile::tempdir().expect("a directory");
    let plan = Plan {
        port,
        ..super::plan(dir.path())
    };
    let second = Relay::start(plan, Joiner::new(Box::new(|_| Ok(())), std::sync::Arc::default()));
    let error = second.expect_err("the port is taken");
    assert!(matches!(error, RelayError::Port { .. }));
    assert_eq!(
        error.to_string(),
        format!("cannot listen on 127.0.0.1:{port}, which another program has: ActivityWatch itself?")
    );
    assert_eq!(relay.call("GET", "info", &Value::Null).0, 200);
}
