//! Listens, serves the routes on actix' workers, and stops without dropping what is under way.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer, web};
use tokio::task::JoinHandle;
use utoipa_actix_web::AppExt;

use crate::body::BodyLimits;
use crate::connections::Connections;
use crate::door::{Door, Edge};
use crate::limits::Rates;
use crate::observe::Observe;
use crate::openapi::{self, Document};
use crate::routes::{self, Methods};
use crate::trackers::{activitywatch, wakatime};
use crate::{Services, docs};

/// How and where to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where to listen; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// How many threads serve.
    pub workers: NonZeroUsize,
    /// How many connections may be open at once, on all workers together; more wait until one closes.
    pub connections_max: NonZeroUsize,
    /// The largest body that is taken.
    pub body_bytes_max: usize,
    /// How long the first head of a connection may take to arrive.
    pub head_within: Duration,
    /// How long a body may take to arrive.
    pub body_within: Duration,
    /// How long a connection may be idle.
    pub keep_alive: Duration,
    /// How long requests that are under way may take to finish once the server stops; cut to whole seconds.
    pub stop_within: Duration,
    /// What stands between the network and the routes.
    pub edge: Edge,
}

impl Settings {
    /// The usual settings, listening there.
    #[must_use]
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            workers: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            connections_max: NonZeroUsize::MIN.saturating_add(9_999),
            body_bytes_max: 1 << 20,
            head_within: Duration::from_secs(5),
            body_within: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            stop_within: Duration::from_secs(20),
            edge: Edge {
                rates: Some(Rates::default()),
                ..Edge::default()
            },
        }
    }
}

/// A server that listens. It goes on when this is dropped; only [`Server::stop`] ends it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<io::Result<()>>,
}

/// The server could not listen.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {listen}")]
pub struct ListenError {
    /// Where.
    pub listen: SocketAddr,
    source: io::Error,
}

/// Serves `services`. Must be called within a tokio runtime, after the recorder of metrics is installed, if there is one.
///
/// # Errors
/// When the address is taken, or not of this machine.
pub fn serve(services: Services, settings: &Settings) -> Result<Server, ListenError> {
    let failed = |source| ListenError {
        listen: settings.listen,
        source,
    };
    let document = openapi::document();
    let door = web::Data::new(Door::new(&settings.edge));
    let shared = Shared {
        methods: web::Data::new(Methods::of(&document)),
        document: web::Data::new(Document(openapi::json(&document).into())),
        docs: web::Data::from(docs::config()),
        limits: web::Data::new(BodyLimits {
            bytes_max: settings.body_bytes_max,
            arrives_within: settings.body_within,
        }),
        door: door.clone(),
        services: web::Data::new(services),
    };
    // An idle connection is closed after its time, and a head has its time on top of that.
    let connections = Arc::new(Connections::resting_at_most(settings.keep_alive + settings.head_within));
    let watching = Arc::clone(&connections);
    let connections_max = settings.connections_max.get().div_ceil(settings.workers.get());
    let server = HttpServer::new(move || app(&shared))
        .workers(settings.workers.get())
        .on_connect(move |stream, data| watching.watch(stream, data))
        .max_connections(connections_max)
        .client_request_timeout(settings.head_within)
        .keep_alive(KeepAlive::Timeout(settings.keep_alive))
        .shutdown_timeout(settings.stop_within.as_secs())
        .tcp_nodelay(true)
        .disable_signals()
        .bind(settings.listen)
        .map_err(failed)?;
    let address = server.addrs().first().copied().unwrap_or(settings.listen);
    let server = server.run();
    Ok(Server {
        address,
        handle: server.handle(),
        running: tokio::spawn(async move {
            tokio::select! {
                ended = server => ended,
                never = sweep(&door) => match never {},
                never = connections.close_resting() => match never {},
            }
        }),
    })
}

impl Server {
    /// Where it listens: the port too, when it was free to choose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, lets requests that are under way finish within the time of [`Settings::stop_within`], and ends.
    ///
    /// # Errors
    /// When the server had failed.
    pub async fn stop(self) -> io::Result<()> {
        self.handle.stop(true).await;
        flat(self.running.await)
    }

    /// Waits until the server ends by itself, which it only does when it fails.
    ///
    /// # Errors
    /// Why it failed.
    pub async fn ended(&mut self) -> io::Result<()> {
        flat((&mut self.running).await)
    }
}

/// Keeps the door tidy for as long as the server runs.
async fn sweep(door: &Door) -> Infallible {
    match &door.limits {
        Some(limits) => limits.sweep().await,
        None => pending().await,
    }
}

fn flat(ended: Result<io::Result<()>, tokio::task::JoinError>) -> io::Result<()> {
    ended.unwrap_or_else(|failed| Err(io::Error::other(failed)))
}

/// What all workers share.
#[derive(Clone)]
struct Shared {
    services: web::Data<Services>,
    limits: web::Data<BodyLimits>,
    methods: web::Data<Methods>,
    document: web::Data<Document>,
    docs: web::Data<utoipa_swagger_ui::Config<'static>>,
    door: web::Data<Door>,
}

fn app(
    shared: &Shared,
) -> App<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = actix_web::Error, InitError = ()>
    + use<>,
> {
    App::new()
        .app_data(shared.services.clone())
        .app_data(shared.limits.clone())
        .app_data(shared.methods.clone())
        .app_data(shared.document.clone())
        .app_data(shared.docs.clone())
        .app_data(shared.door.clone())
        .into_utoipa_app()
        .configure(routes::documented)
        .into_app()
        .configure(wakatime::routes)
        .configure(activitywatch::routes)
        .configure(routes::pages)
        .default_service(web::to(routes::fallback))
        .wrap(Observe::new(shared.services.ids.clone(), shared.door.clone()))
}
