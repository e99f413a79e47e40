//! A TCP proxy of our own, one for each way between two programs: it delays, holds, cuts and refuses, and loses answers that the server has given.

mod carry;
pub mod resp;
mod trick;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use testkit::runs::Failure;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use trick::Trick;

/// Where a way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// To a node.
    Tcp(SocketAddr),
    /// To a server.
    Unix(PathBuf),
    /// To nobody at present: who connects is refused.
    Nobody,
}

/// What befalls whoever goes this way. Nothing, by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent faults, which may come together"
)]
pub struct Weather {
    /// New connections are refused.
    pub refuses: bool,
    /// How much longer everything takes, in each direction.
    pub delay: Duration,
    /// What clients say waits here until the weather is better.
    pub holds_requests: bool,
    /// What servers answer does.
    pub holds_answers: bool,
    /// The server gets what it is asked and acts; when it answers, the connection is reset instead.
    pub swallows: bool,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// By a reset.
    Reset,
    /// In order, as if both had nothing more to say.
    Close,
}

/// A way between two programs. Gone when dropped, with all who are on it.
#[derive(Debug)]
pub struct Way {
    name: String,
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    listening: tokio::task::JoinHandle<()>,
}

/// What the connections of a way watch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    upstream: Upstream,
    weather: Weather,
    /// How many cuts there have been, and how the last one was.
    cuts: u64,
    cut: Cut,
}

impl Way {
    /// A new one on a port of its own, on the present runtime.
    pub async fn open(name: impl Into<String>, upstream: Upstream, trick: Trick) -> Result<Self, Failure> {
        let name = name.into();
        let failed = || Failure::because(format!("could not open the way {name}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed())?;
        let address = listener.local_addr().map_err(failed())?;
        let state = Arc::new(watch::Sender::new(State {
            upstream,
            weather: Weather::default(),
            cuts: 0,
            cut: Cut::Close,
        }));
        let listening = tokio::spawn(carry::all(listener, Arc::clone(&state), trick));
        Ok(Self {
            name,
            address,
            state,
            listening,
        })
    }

    /// What it is called: `api-1 to redis`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to `upstream` from now on; connections that are there stay where they are.
    pub fn lead_to(&self, upstream: Upstream) {
        self.state.send_modify(|state| state.upstream = upstream);
    }

    /// Changes the weather, for connections that are there too.
    pub fn set(&self, weather: Weather) {
        self.state.send_modify(|state| state.weather = weather);
    }

    /// Cuts all connections that are there.
    pub fn cut(&self, how: Cut) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.cut = how;
        });
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.listening.abort();
        self.cut(Cut::Close);
    }
}
