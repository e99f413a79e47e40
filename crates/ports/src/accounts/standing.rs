//! What became of sign-ins after their access tokens were issued, and of privacy rules after they were read: told by whoever changes it, heard by every node
//! that checks tokens and takes pings.

use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::{SessionId, UserId};
use domain::time::UnixMs;

use crate::PortError;

/// How long what was announced can be heard: three times the life of an access token. What is older concerns no token that is alive, and no rules that a node
/// has not read since.
pub const ANNOUNCED_FOR: Duration = Duration::from_mins(15);

/// What changed for access tokens that are out already, and for rules that are known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StandingChange {
    /// The session has ended: its tokens are good for nothing. An ended session stays ended.
    Ended(SessionId),
    /// The session's device has another precedence than its tokens say. Of several, the one that was announced last counts.
    Precedence {
        /// The session that the device is signed in with.
        session: SessionId,
        /// The precedence from now on.
        precedence: i32,
    },
    /// A person's privacy rules are of this version at least.
    Rules {
        /// Whose.
        user: UserId,
        /// The version.
        version: u64,
    },
}

/// Where changes are told.
#[async_trait]
pub trait Announcements: Send + Sync {
    /// Tells every node of `changes`, in their order. After `Ok` each node that can hear at all knows of them within a second, and so does a node that
    /// starts within [`ANNOUNCED_FOR`]. After an error some of them may be known. Telling twice changes nothing.
    async fn announce(&self, changes: &[StandingChange]) -> Result<(), PortError>;
}

/// Where changes are heard.
#[async_trait]
pub trait Hearing: Send + Sync {
    /// What was announced after `heard`, in order; with nothing heard before, everything that still can be. Answers at once when there is something or
    /// when nothing was heard before, and otherwise waits for it, at most a quarter of a second.
    ///
    /// After an error hearing begins anew, with nothing heard before: what follows may come from another place.
    async fn after(&self, heard: Option<&Heard>) -> Result<News, PortError>;
}

/// How far a node has heard: the adapter's own word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard(pub String);

/// What there is to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The changes, in the order of their announcements.
    pub changes: Vec<StandingChange>,
    /// With these, so far has been heard.
    pub heard: Heard,
    /// Whether nothing more had been announced when this was asked.
    pub is_all: bool,
}

/// A session that has ended, as it is kept beside the sessions that go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedSession {
    /// When, by the clock of whoever ended it.
    pub ended_at: UnixMs,
    /// Which.
    pub session: SessionId,
}

/// The sessions that have ended, kept in the same step that ends them: what a crash between that step and its announcement leaves to be told.
#[async_trait]
pub trait EndedSessions: Send + Sync {
    /// The first `limit` of those that sort after `place`: by instant, then by id.
    async fn after(&self, place: EndedSession, limit: u16) -> Result<Vec<EndedSession>, PortError>;

    /// Forgets those that ended before `at`.
    async fn forget_before(&self, at: UnixMs) -> Result<(), PortError>;
}
