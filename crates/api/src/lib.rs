//! HTTP in: routes, bodies, problems and the OpenAPI document. No drivers, no SQL.

mod accounts;
mod answer;
mod body;
mod calendar;
mod caller;
mod docs;
mod faults;
mod fields;
mod health;
mod observe;
mod openapi;
mod problem;
mod query;
mod reports;
mod routes;
mod server;
mod usage;

pub use openapi::openapi_json;
pub use server::{ListenError, Server, Settings, serve};

use std::sync::Arc;

use ports::accounts::AccessTokens;
use ports::{Clock, Ids, Probe};
use services::accounts::{Profile, Refresh, Register, SignIn};
use services::reports::Reports;
use services::usage::TrackPings;

/// What the routes call.
#[derive(Clone)]
pub struct Services {
    /// Registers people.
    pub register: Register,
    /// Signs devices in.
    pub sign_in: SignIn,
    /// Keeps devices signed in.
    pub refresh: Refresh,
    /// Shows and changes profiles.
    pub profile: Profile,
    /// Takes pings.
    pub track: TrackPings,
    /// Answers where time went.
    pub reports: Reports,
    /// Who a token speaks for.
    pub access_tokens: Arc<dyn AccessTokens>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where request ids begin.
    pub ids: Arc<dyn Ids>,
    /// What must be there before this node is ready.
    pub probes: Vec<Arc<dyn Probe>>,
}
