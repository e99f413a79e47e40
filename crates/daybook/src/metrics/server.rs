//! The port that Prometheus asks: one page, one request a connection, and nobody holds it up.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::page::Page;

/// How many may ask at once; more wait in the kernel's queue.
const ASKING_MAX: usize = 16;
/// How long one may take from its first byte to our last, however slowly it sends or reads.
const CONNECTION_MAX: Duration = Duration::from_secs(5);
/// How many bytes the head of a request may have.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// How long nobody is let in after that failed, as when there is no file descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// The text format that Prometheus reads.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Takes the port.
pub(super) fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Answers whoever asks, for ever.
pub(super) async fn serve(listener: TcpListener, page: Arc<Page>) -> Infallible {
    let places = Arc::new(Semaphore::new(ASKING_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let page = Arc::clone(&page);
                tokio::spawn(async move {
                    // Whoever is too slow is gone, and whoever sends nonsense has been told.
                    let _ = timeout(CONNECTION_MAX, answer(stream, &page)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "nobody can ask for metrics");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, page: &Page) -> Result<(), hyper::Error> {
    let answered = service_fn(|request: Request<Incoming>| async move {
        let (status, body) = match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => (StatusCode::OK, page.render().await),
            (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "GET it\n".to_owned()),
            _ => (StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
        };
        Response::builder().status(status).header(CONTENT_TYPE, TEXT).body(body)
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answered)
        .await
}
