//! Closes connections that rest for too long. actix bounds the first head of a connection and an idle one, but not a later head that arrives letter by
//! letter, nor a client that does not read its answer: either could hold a connection for ever.

use std::any::Any;
use std::convert::Infallible;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, ServiceResponse};
use actix_web::web::Bytes;
use metrics::{Counter, counter};

/// How often connections are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// With fewer connections than this, those that have ended are forgotten only when all are looked at.
const FORGET_ABOVE: usize = 1_024;

/// The connections of a server.
pub(crate) struct Connections {
    open: Mutex<Open>,
    rest_max: Duration,
    started: Instant,
    closed: Counter,
}

struct Open {
    connections: Vec<Weak<Connection>>,
    forget_at: usize,
}

/// One connection: its socket once more, to close it with, and what it does.
struct Connection {
    socket: TcpStream,
    under_way: AtomicUsize,
    /// Since when nothing is under way, in milliseconds after `started`.
    rests_since_ms: AtomicU64,
    started: Instant,
}

/// A request that is under way; its connection rests no earlier than this is gone.
pub(crate) struct UnderWay(Option<Arc<Connection>>);

/// A body that is made while it is sent, which is part of the work.
struct Streamed {
    body: BoxBody,
    _under_way: UnderWay,
}

impl Connections {
    /// Which may rest for that long: waiting for a request, for the rest of a head, or for somebody to read an answer.
    pub(crate) fn resting_at_most(rest_max: Duration) -> Self {
        Self {
            open: Mutex::new(Open {
                connections: Vec::new(),
                forget_at: FORGET_ABOVE,
            }),
            rest_max,
            started: Instant::now(),
            closed: counter!("daybook_connections_closed_total"),
        }
    }

    /// Watches a new connection from now on.
    pub(crate) fn watch(&self, stream: &dyn Any, data: &mut Extensions) {
        let stream = stream.downcast_ref::<actix_web::rt::net::TcpStream>();
        // Where no more files can be opened, there are no more connections either.
        let Some(Ok(socket)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) else {
            return;
        };
        let connection = Arc::new(Connection {
            socket: socket.into(),
            under_way: AtomicUsize::new(0),
            rests_since_ms: AtomicU64::new(millis(self.started.elapsed())),
            started: self.started,
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.connections.len() >= open.forget_at {
            open.connections.retain(|known| known.strong_count() > 0);
            open.forget_at = FORGET_ABOVE.max(2 * open.connections.len());
        }
        open.connections.push(Arc::downgrade(&connection));
        data.insert(connection);
    }

    /// Closes what rests for too long, for ever.
    pub(crate) async fn close_resting(&self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
        }
    }

    fn look(&self) {
        let now_ms = millis(self.started.elapsed());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.connections.retain(|known| {
            let Some(connection) = known.upgrade() else {
                return false;
            };
            let rests = connection.under_way.load(Ordering::Acquire) == 0
                && now_ms.saturating_sub(connection.rests_since_ms.load(Ordering::Acquire)) >= millis(self.rest_max);
            if rests {
                self.closed.increment(1);
                // It may have ended by itself a moment ago.
                drop(connection.socket.shutdown(Shutdown::Both));
            }
            !rests
        });
    }
}

impl UnderWay {
    /// From now on, for `request`.
    pub(crate) fn begin(request: &HttpRequest) -> Self {
        Self::on(request.conn_data::<Arc<Connection>>())
    }

    fn on(connection: Option<&Arc<Connection>>) -> Self {
        if let Some(connection) = connection {
            connection.under_way.fetch_add(1, Ordering::AcqRel);
        }
        Self(connection.cloned())
    }

    /// Until `answer` is made: now, or once its body has been sent.
    pub(crate) fn until_made(self, answer: ServiceResponse) -> ServiceResponse {
        answer.map_body(|_, body| match body.size() {
            BodySize::Stream => BoxBody::new(Streamed { body, _under_way: self }),
            BodySize::None | BodySize::Sized(_) => body,
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            let now_ms = millis(connection.started.elapsed());
            connection.rests_since_ms.store(now_ms, Ordering::Release);
            connection.under_way.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl MessageBody for Streamed {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use actix_web::HttpResponse;
    use actix_web::test::TestRequest;
    use tokio::net::TcpListener;

    use super::*;

    /// Both ends of a connection, the client's first.
    async fn connection() -> (TcpStream, actix_web::rt::net::TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port 0 is free");
        let address = listener.local_addr().expect("bound");
        let client = TcpStream::connect(address).expect("it listens");
        client.set_read_timeout(Some(Duration::from_secs(30))).expect("a bound");
        (client, listener.accept().await.expect("connected").0)
    }

    fn watched(connections: &Connections, stream: &actix_web::rt::net::TcpStream) -> Extensions {
        let mut data = Extensions::new();
        connections.watch(stream, &mut data);
        data
    }

    fn is_open(client: &mut TcpStream) -> bool {
        client.set_nonblocking(true).expect("not blocking");
        let read = client.read(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    fn watched_now(connections: &Connections) -> usize {
        connections.open.lock().expect("nobody panicked").connections.len()
    }

    #[tokio::test]
    async fn what_rests_for_too_long_is_closed_and_nothing_else() {
        let (mut client, stream) = connection().await;
        let patient = Connections::resting_at_most(Duration::from_hours(1));
        let kept = watched(&patient, &stream);
        patient.look();
        assert!(is_open(&mut client));

        let strict = Connections::resting_at_most(Duration::ZERO);
        let data = watched(&strict, &stream);
        strict.look();
        client.set_nonblocking(false).expect("blocking");
        assert_eq!(client.read(&mut [0]).expect("closed"), 0);
        assert_eq!(watched_now(&strict), 0);
        drop((kept, data));
    }

    #[tokio::test]
    async fn while_a_request_is_under_way_or_its_body_is_being_made_a_connection_does_not_rest() {
        let (mut client, stream) = connection().await;
        let connections = Connections::resting_at_most(Duration::ZERO);
        let data = watched(&connections, &stream);
        let under_way = UnderWay::on(data.get::<Arc<Connection>>());
        connections.look();
        assert!(is_open(&mut client));

        let parts = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let answer = HttpResponse::Ok().streaming(parts);
        let answer = ServiceResponse::new(TestRequest::default().to_http_request(), answer);
        let answer = under_way.until_made(answer);
        connections.look();
        assert!(is_open(&mut client));
        drop(answer);
        connections.look();
        assert!(!is_open(&mut client));
    }

    #[tokio::test]
    async fn an_answer_whose_body_is_made_is_no_longer_under_way() {
        let (_client, stream) = connection().await;
        let connections = Connections::resting_at_most(Duration::ZERO);
        let data = watched(&connections, &stream);
        let answer = ServiceResponse::new(
            TestRequest::default().to_http_request(),
            HttpResponse::Ok().body("made"),
        );
        let answer = UnderWay::on(data.get::<Arc<Connection>>()).until_made(answer);
        connections.look();
        assert_eq!(watched_now(&connections), 0, "closed though the answer is still there");
        drop(answer);
    }

    #[tokio::test]
    async fn connections_that_have_ended_are_forgotten_before_they_are_many() {
        let (_client, stream) = connection().await;
        let connections = Connections::resting_at_most(Duration::from_hours(1));
        for _ in 0..2 * FORGET_ABOVE {
            drop(watched(&connections, &stream));
        }
        assert!(watched_now(&connections) <= FORGET_ABOVE);
        connections.look();
        assert_eq!(watched_now(&connections), 0);
    }
}
