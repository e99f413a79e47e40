//! ActivityWatch's watchers, joined: a server that speaks their REST interface on this machine alone, a store that keeps what they send, and the join
//! of it into pings.
//!
//! ```text
//! watchers ⇒ server → routes → desk → discretion → rules → sqlite ⇒ disk
//!                                desk → joiner → domain/trackers (pure) → spool
//! ```
//!
//! Two threads: the server waits for the network, the desk for the disk. [`event`], [`store`] and [`rules`] know nothing of the agent.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::chain::Chain;
use crate::threads;
use crate::watch::Ping;

pub use activitywatch::event;

use desk::{Desk, Times};
use discretion::Discretion;
use joiner::Joiner;
use server::House;
use sqlite::{Bounds, SqliteStore};
use store::StoreError;

mod answer;
pub mod desk;
pub mod discretion;
mod door;
mod focus;
pub mod joiner;
pub mod routes;
pub mod rules;
pub mod server;
pub mod sqlite;
pub mod store;

/// The relay did not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The port cannot be listened on.
    #[error("cannot listen on 127.0.0.1:{port}{}", if is_taken(.source) { ", which another program has: ActivityWatch itself?" } else { "" })]
    Port {
        /// Which.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system has no thread to give.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// What the relay needs to know.
pub struct Plan<'a> {
    /// Where the store is.
    pub dir: &'a Path,
    /// The port to listen on; 0 for any that is free.
    pub port: u16,
    /// This machine's name.
    pub hostname: String,
    /// This installation's name for itself.
    pub device: String,
    /// When to join, by which clock.
    pub times: Times,
    /// What may be kept of what watchers send.
    pub discretion: Arc<dyn Discretion>,
}

/// A relay that runs. Stopped by [`Relay::stop`].
#[derive(Debug)]
pub struct Relay {
    port: u16,
    desk: Desk,
    serving: oneshot::Sender<()>,
    served: Receiver<()>,
    ended: Receiver<()>,
}

impl Relay {
    /// Opens the store and begins to listen.
    pub fn start(plan: Plan<'_>, joiner: Joiner) -> Result<Self, RelayError> {
        let at = (Ipv4Addr::LOCALHOST, plan.port);
        let listener = TcpListener::bind(at).map_err(|source| RelayError::Port {
            port: plan.port,
            source,
        })?;
        let port = listener.local_addr().map_or(plan.port, |address| address.port());
        let store = SqliteStore::open(plan.dir, Bounds::default(), &plan.device)?;
        let (desk, counter) = Desk::over(store, joiner, plan.times);
        let ended = threads::spawn("relay-desk", move || counter.run()).map_err(RelayError::Thread)?;
        let house = House {
            desk: desk.clone(),
            hostname: plan.hostname,
            now: plan.times.now,
            discretion: plan.discretion,
            port,
        };
        let (serving, stop) = oneshot::channel();
        let served = threads::spawn("relay-server", move || {
            if let Err(error) = server::serve(listener, house, stop) {
                tracing::error!(error = %Chain(&error), "ActivityWatch's watchers are not listened to any more");
            }
        });
        let served = served.map_err(RelayError::Thread)?;
        tracing::info!(port, "listening to ActivityWatch's watchers");
        Ok(Self {
            port,
            desk,
            serving,
            served,
            ended,
        })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What takes the pings that the agent made itself, so that sites can be joined to them. It never waits.
    pub fn focus(&self) -> impl Fn(&[Ping]) + Send + 'static {
        let desk = self.desk.clone();
        move |pings: &[Ping]| {
            let pings = pings.to_vec();
            if desk.tell(move |store| focus::keep(store, &pings)).is_err() {
                tracing::debug!("the store of the relay is behind: a stretch of focus gets no site");
            }
        }
    }

    /// Stops listening, joins once more what is left, and waits for that, at most `bound` each. True if it ended in time.
    #[must_use]
    pub fn stop(self, bound: Duration) -> bool {
        drop(self.serving);
        let served = threads::has_ended(&self.served, bound);
        drop(self.desk);
        served && threads::has_ended(&self.ended, bound)
    }
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}
