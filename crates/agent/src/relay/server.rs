//! The HTTP server on the loopback address: connections, their bounds, and the door. What is asked goes to [`routes`].

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use domain::time::UnixMs;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::LocalSet;

use super::answer::Answer;
use super::desk::Desk;
use super::discretion::Discretion;
use super::door::{self, Closed};
use super::routes::{self, Asked};

/// Connections at a time; one more waits until another ends.
pub const CONNECTIONS_MAX: usize = 64;
/// How long a connection may be without a request. Longer than the minute between two heartbeats of a browser.
const HEAD_WAIT_MAX: Duration = Duration::from_secs(100);
/// How long a request's body may take.
const BODY_WAIT_MAX: Duration = Duration::from_mins(1);
/// Bytes in a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes in the body of anything but an import.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes in an import: as many as the store holds.
pub const IMPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long to wait when the system has no more connections to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What every request is answered from.
#[derive(Debug)]
pub struct House {
    /// The way to the store.
    pub desk: Desk,
    /// This machine's name.
    pub hostname: String,
    /// The wall clock.
    pub now: fn() -> UnixMs,
    /// What may be kept of what watchers send.
    pub discretion: Arc<dyn Discretion>,
    /// The port that is listened on.
    pub port: u16,
}

/// Serves until `stop` is dropped or sent to. Requests that are under way then are not answered.
pub fn serve(listener: TcpListener, house: House, stop: oneshot::Receiver<()>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            () = accept(listener, Arc::new(house)) => {}
            _ = stop => {}
        }
        Ok(())
    })
}

async fn accept(listener: tokio::net::TcpListener, house: Arc<House>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Ok((connection, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let house = Arc::clone(&house);
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| answer(Arc::clone(&house), request));
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WAIT_MAX)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(connection), service);
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection of an ActivityWatch client ended");
            }
            drop(place);
        });
    }
}

async fn answer(house: Arc<House>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let origin = match door::enter(&head.headers, house.port) {
        Ok(origin) => origin,
        Err(Closed::Host) => {
            return Ok(respond(Answer::refusal(
                StatusCode::BAD_REQUEST,
                "Host header is invalid",
            )));
        }
        Err(Closed::Origin) => {
            return Ok(respond(Answer::refusal(
                StatusCode::FORBIDDEN,
                "Pages of other origins may not ask",
            )));
        }
    };
    let mut response = if head.method == Method::OPTIONS {
        preflight(&head.headers)
    } else {
        match read(&head.headers, body, head.uri.path()).await {
            Ok(body) => {
                let asked = Asked::new(head.method, &head.uri, &head.headers, body);
                respond(routes::answer(&house, asked).await)
            }
            Err(refusal) => respond(refusal),
        }
    };
    if let Some(origin) = origin {
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let vary = HeaderValue::from_static("Origin");
        response.headers_mut().insert(header::VARY, vary);
    }
    Ok(response)
}

async fn read(headers: &HeaderMap, body: Incoming, path: &str) -> Result<Bytes, Answer> {
    let max = if path.trim_end_matches('/').ends_with("/import") {
        IMPORT_BYTES_MAX
    } else {
        BODY_BYTES_MAX
    };
    let too_large = || {
        Answer::refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("A body has at most {max} bytes here"),
        )
    };
    let told = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if told.is_some_and(|told| told > max) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_WAIT_MAX, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Answer::refusal(StatusCode::BAD_REQUEST, "The body did not come whole")),
        Err(_) => Err(Answer::refusal(StatusCode::REQUEST_TIMEOUT, "The body took too long")),
    }
}

fn preflight(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = respond(Answer::empty());
    let answered = response.headers_mut();
    answered.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(door::METHODS),
    );
    if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answered.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if answer.status != StatusCode::NOT_MODIFIED {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(name) = answer.file_name {
        let disposition = HeaderValue::from_str(&format!("attachment; filename={name}"));
        headers.extend(disposition.ok().map(|value| (header::CONTENT_DISPOSITION, value)));
    }
    response
}
