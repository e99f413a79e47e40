//! HTTP in: routes, bodies, problems and the OpenAPI document. No drivers, no SQL.

mod accounts;
mod address;
mod answer;
mod body;
mod calendar;
mod caller;
mod connections;
mod cookies;
mod cors;
mod cross_site;
mod device_page;
mod docs;
mod door;
mod faults;
mod fields;
mod health;
mod limits;
mod observe;
mod openapi;
mod origin;
mod pages;
mod problem;
mod query;
mod reports;
mod routes;
mod security_headers;
mod server;
mod trackers;
mod usage;

pub use address::TrustedProxies;
pub use door::Edge;
pub use limits::{Rate, Rates};
pub use openapi::openapi_json;
pub use origin::Origin;
pub use server::{ListenError, Server, Settings, serve};

use std::sync::Arc;

use ports::usage::PendingPings;
use ports::{Clock, Ids, Probe};
use services::accounts::{
    ApiKeys, Authenticate, ChangeEmail, ChangePassword, DeviceSignIn, DeviceVisits, Devices, Privacy, Profile, Refresh,
    Register, ResetPassword, SecondFactorUse, SecurityLog, SignIn, SignOut,
};
use services::reports::{Export, Reports};
use services::trackers::ActivityWatch;
use services::usage::{Erase, ImportHistory, OwnLetters, TrackPings};

/// What the routes call.
#[derive(Clone)]
pub struct Services {
    /// Registers people.
    pub register: Register,
    /// Signs devices in.
    pub sign_in: SignIn,
    /// Signs devices in by a code.
    pub device_sign_in: DeviceSignIn,
    /// Recognises people at the page where they confirm devices.
    pub device_visits: DeviceVisits,
    /// Keeps devices signed in.
    pub refresh: Refresh,
    /// Signs devices out.
    pub sign_out: SignOut,
    /// Shows and changes devices.
    pub devices: Devices,
    /// Makes and revokes API keys.
    pub api_keys: ApiKeys,
    /// Shows and changes profiles.
    pub profile: Profile,
    /// Changes passwords.
    pub change_password: ChangePassword,
    /// Sets forgotten passwords anew.
    pub reset_password: ResetPassword,
    /// Changes e-mail addresses.
    pub change_email: ChangeEmail,
    /// Puts second factors into use.
    pub second_factor: SecondFactorUse,
    /// Shows what happened to an account.
    pub security_log: SecurityLog,
    /// Gives people everything that is kept of them.
    pub export: Export,
    /// Forgets people.
    pub erase: Erase,
    /// Shows and changes privacy rules.
    pub privacy: Privacy,
    /// Takes pings.
    pub track: TrackPings,
    /// Takes history from other trackers.
    pub import: ImportHistory,
    /// Takes what ActivityWatch's watchers send.
    pub activitywatch: ActivityWatch,
    /// Tells what of somebody's is not merged yet.
    pub pending: Arc<dyn PendingPings>,
    /// Shows people what of theirs could not be merged.
    pub letters: OwnLetters,
    /// Answers where time went.
    pub reports: Reports,
    /// Tells who a token or a key speaks for.
    pub authenticate: Authenticate,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where request ids begin.
    pub ids: Arc<dyn Ids>,
    /// What must be there before this node is ready.
    pub probes: Vec<Arc<dyn Probe>>,
}
