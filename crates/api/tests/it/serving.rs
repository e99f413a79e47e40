//! How the server listens, waits for slow clients and stops.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use domain::usage::{Arrival, Lane};
use ports::PortError;
use ports::usage::PingQueue;
use tokio::sync::Semaphore;

use crate::client::{connect, read};
use crate::house::{House, good_ping};
use crate::wiring::door_to;

const SHORT: Duration = Duration::from_millis(100);

#[test]
fn a_connection_whose_head_does_not_arrive_is_closed() {
    let house = House::with(|_, settings| settings.head_within = SHORT);
    for part in ["", "GET /health/live HTTP/1.1\r\nHost: te"] {
        let mut stream = connect(house.address());
        stream.write_all(part.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("closed before the bound of the test");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[test]
fn a_body_that_does_not_arrive_is_408() {
    let house = House::with(|_, settings| settings.body_within = SHORT);
    let ada = house.person("ada");
    for (route, part) in [("usage/track", "{\"app_"), ("users/register", "")] {
        let mut stream = connect(house.address());
        let head = format!(
            "POST /api/v1/{route} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n",
            ada.token
        );
        stream.write_all((head + part).as_bytes()).expect("sent");
        let answer = read(&mut stream).expect(408);
        assert_eq!(answer.json()["type"], "urn:problem-type:daybook:body_timeout");
    }
    assert_eq!(house.waiting(), 0);
}

#[test]
fn a_body_that_is_cut_short_reaches_nothing() {
    let house = House::new();
    let ada = house.person("ada");
    let mut stream = connect(house.address());
    let body = good_ping().to_string();
    let head = format!(
        "POST /api/v1/usage/track HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        ada.token,
        body.len() + 1
    );
    stream.write_all((head + &body).as_bytes()).expect("sent");
    stream.shutdown(std::net::Shutdown::Write).expect("half closed");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("closed before the bound of the test");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(house.waiting(), 0);
}

#[test]
fn an_idle_connection_is_kept_for_its_time_and_then_closed() {
    let house = House::with(|_, settings| settings.keep_alive = SHORT);
    let mut stream = connect(house.address());
    let request = "GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n";
    stream.write_all(request.repeat(2).as_bytes()).expect("sent");
    let mut answers = String::new();
    stream
        .read_to_string(&mut answers)
        .expect("closed before the bound of the test");
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2);
}

#[test]
fn a_connection_over_the_limit_waits_until_one_closes() {
    let house = House::with(|_, settings| settings.connections_max = 1.try_into().expect("not 0"));
    let request = b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut first = connect(house.address());
    first.write_all(request).expect("sent");
    let mut answer = [0; 12];
    first.read_exact(&mut answer).expect("answered");
    assert_eq!(&answer, b"HTTP/1.1 200");

    let mut second = connect(house.address());
    second.write_all(request).expect("sent");
    second.set_read_timeout(Some(SHORT)).expect("a bound");
    assert!(second.read_exact(&mut answer).is_err(), "not while the first is open");
    drop(first);
    second.set_read_timeout(Some(Duration::from_secs(30))).expect("a bound");
    second.read_exact(&mut answer).expect("answered");
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let house = House::new();
    let address = house.address();
    let taken = std::panic::catch_unwind(|| House::with(|_, settings| settings.listen = address));
    let message = taken
        .err()
        .and_then(|panic| panic.downcast_ref::<String>().cloned())
        .expect("refused");
    assert!(message.contains(&house.address().to_string()), "{message}");
}

/// A queue that lets nothing in until it is told to.
struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

#[async_trait]
impl PingQueue for Gate {
    async fn push_by(&self, _: Lane, _: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        self.arrived.add_permits(1);
        let permit = self.open.acquire().await;
        permit.map(|_| None).map_err(|closed| PortError::bug("wait", closed))
    }
}

#[test]
fn a_request_that_is_under_way_finishes_while_the_server_stops() {
    let (arrived, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let mut house = House::with(|services, _| {
        let gate = Gate {
            arrived: Arc::clone(&arrived),
            open: Arc::clone(&open),
        };
        services.track = door_to(gate, services);
    });
    let ada = house.person("ada");
    let idle = connect(house.address());
    let call = house
        .call("POST", "/api/v1/usage/track")
        .token(&ada.token)
        .json(&good_ping());
    let request = thread::spawn(move || call.send());
    house.runtime.block_on(arrived.acquire()).expect("open").forget();

    let server = house.server();
    let address = house.address();
    let stopping = house.runtime.spawn(server.stop());
    // Once nobody listens any more the server is stopping, and the request is still under way.
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
    assert!(!stopping.is_finished() && !request.is_finished());
    open.add_permits(1);
    request.join().expect("no panic").expect(202);
    house
        .runtime
        .block_on(stopping)
        .expect("no panic")
        .expect("it never failed");
    drop(idle);
}

#[test]
fn a_request_that_never_finishes_does_not_hold_the_server_up_for_ever() {
    let (arrived, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let mut house = House::with(|services, settings| {
        settings.stop_within = Duration::from_secs(1);
        let gate = Gate {
            arrived: Arc::clone(&arrived),
            open: Arc::clone(&open),
        };
        services.track = door_to(gate, services);
    });
    let ada = house.person("ada");
    let mut stream = connect(house.address());
    let body = good_ping().to_string();
    let head = format!(
        "POST /api/v1/usage/track HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        ada.token,
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).expect("sent");
    house.runtime.block_on(arrived.acquire()).expect("open").forget();
    let server = house.server();
    house.runtime.block_on(server.stop()).expect("it never failed");
    let mut answer = Vec::new();
    // However the connection ends, nothing was promised.
    drop(stream.read_to_end(&mut answer));
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn a_connection_whose_request_is_under_way_does_not_rest_however_long_it_takes() {
    let (arrived, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let house = House::with(|services, settings| {
        settings.keep_alive = SHORT;
        // Long enough for an honest client on a busy machine.
        settings.head_within = Duration::from_secs(2);
        let gate = Gate {
            arrived: Arc::clone(&arrived),
            open: Arc::clone(&open),
        };
        services.track = door_to(gate, services);
    });
    let ada = house.person("ada");
    let call = house
        .call("POST", "/api/v1/usage/track")
        .token(&ada.token)
        .json(&good_ping());
    let request = thread::spawn(move || call.send());
    house.runtime.block_on(arrived.acquire()).expect("open").forget();

    // A connection that began later and does rest, in the middle of its second head, is closed first.
    let mut resting = connect(house.address());
    let request_line = b"GET /health/live HTTP/1.1\r\n";
    resting
        .write_all(&[request_line, &b"Host: test\r\n\r\n"[..]].concat())
        .expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"status\":\"live\"}") {
        let mut byte = [0];
        resting.read_exact(&mut byte).expect("answered");
        answer.extend(byte);
    }
    resting.write_all(request_line).expect("sent");
    assert_eq!(resting.read(&mut [0]).expect("closed"), 0);
    assert!(!request.is_finished());
    open.add_permits(1);
    request.join().expect("no panic").expect(202);
}
