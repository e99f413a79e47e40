//! The bare door: the API as it is, with its HTTP stack, token check, parsing and metrics, but with a queue that keeps nothing and answers at once.
//! What the real door can do at most.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use adapters::ambient::{SystemClock, SystemIds};
use adapters::crypto::{Argon2Passwords, RandomRefreshTokens};
use adapters::postgres::{self, Accounts, Timelines};
use async_trait::async_trait;
use domain::usage::{Arrival, Rules};
use metrics_exporter_prometheus::PrometheusBuilder;
use ports::PortError;
use ports::accounts::AccessTokens;
use ports::usage::PingQueue;
use services::accounts::{Profile, Refresh, Register, SignIn, Tokens};
use services::reports::Reports;
use services::usage::TrackPings;
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::stage;

/// How often what was measured is tidied up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until this process is ended. `database_url` is where the key of access tokens is.
#[expect(clippy::print_stdout, reason = "whoever started it waits to be told the port")]
pub fn serve(database_url: &str) -> Result<(), Failure> {
    // As the real one logs, and measures itself.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .init();
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.001, 0.01, 0.1, 1.0])
        .and_then(PrometheusBuilder::install_recorder);
    let recorder = recorder.map_err(Failure::because("could not record metrics"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::because("could not start the bare door's runtime"))?;
    runtime.block_on(async {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                recorder.run_upkeep();
            }
        });
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let services = services(database_url).await?;
        let mut server = api::serve(services, &api::Settings::at(listen))
            .map_err(Failure::because("could not open the bare door"))?;
        println!("ready at http://{}", server.address());
        server
            .ended()
            .await
            .map_err(Failure::because("the bare door broke down"))
    })
}

/// Keeps nothing.
struct NoQueue;

#[async_trait]
impl PingQueue for NoQueue {
    async fn push(&self, _: Vec<Arrival>) -> Result<Option<u64>, PortError> {
        Ok(None)
    }
}

/// All as it is in the server, but for the queue; nothing but pings is asked of it.
async fn services(database_url: &str) -> Result<api::Services, Failure> {
    let database = postgres::connect(&postgres::Settings::new(database_url))
        .map_err(Failure::because("could not read the database's URL"))?;
    let accounts = Arc::new(Accounts::new(database.clone()));
    let passwords = Arc::new(Argon2Passwords::new(NonZeroUsize::MIN));
    let access_tokens: Arc<dyn AccessTokens> = Arc::new(stage::tokens(&database).await?);
    let tokens = Tokens::new(Arc::clone(&access_tokens), Arc::new(RandomRefreshTokens));
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    Ok(api::Services {
        register: Register {
            users: accounts.clone(),
            passwords: passwords.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        },
        sign_in: SignIn {
            users: accounts.clone(),
            passwords,
            sessions: accounts.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        },
        refresh: Refresh {
            sessions: accounts.clone(),
            tokens,
            clock: clock.clone(),
        },
        profile: Profile {
            users: accounts.clone(),
        },
        track: TrackPings::new(Arc::new(NoQueue), clock.clone(), Rules::default()),
        reports: Reports {
            reader: Arc::new(Timelines::new(database)),
            users: accounts,
            clock: clock.clone(),
        },
        access_tokens,
        clock,
        ids,
        probes: Vec::new(),
    })
}
