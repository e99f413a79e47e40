//! Answers where a person's time went. Reads, never writes.

mod all_time;
mod contexts;
mod export;
mod period;
mod timeline;
mod totals;

pub use all_time::{AllTime, ProjectTime};
pub use contexts::{ContextsAnswer, ContextsQuestion, DayContexts};
pub use export::Export;
pub use period::{Asked, Period};
pub use timeline::{TimelineAnswer, TimelinePeriod};
pub use totals::{DayTotals, TotalsAnswer, TotalsQuestion};

use std::sync::Arc;

use domain::accounts::{Caller, User};
use domain::fault::Fault;
use ports::accounts::Users;
use ports::reports::{ContextReader, TimelineReader};
use ports::{Clock, PortError};

use crate::Kind;

/// The use cases of reading: `totals`, `timeline` and `contexts`.
#[derive(Clone)]
pub struct Reports {
    /// Where timelines are read.
    pub reader: Arc<dyn TimelineReader>,
    /// Where it is read what heartbeats said.
    pub contexts: Arc<dyn ContextReader>,
    /// Whose zone and day start are asked.
    pub users: Arc<dyn Users>,
    /// What "today" is.
    pub clock: Arc<dyn Clock>,
}

/// What can go wrong with a question.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    /// The question cannot be answered as it is put.
    #[error("the question cannot be answered as it is put")]
    Invalid(Vec<Fault>),
    /// The person is gone though their token is alive.
    #[error("the account no longer exists")]
    AccountGone,
    /// Something outside failed.
    #[error(transparent)]
    Outside(#[from] PortError),
}

impl ReportsError {
    /// What sort of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) => Kind::Invalid,
            Self::AccountGone => Kind::Unauthenticated,
            Self::Outside(error) => error.kind.into(),
        }
    }
}

impl Reports {
    async fn user(&self, caller: &Caller) -> Result<User, ReportsError> {
        self.users.by_id(caller.user).await?.ok_or(ReportsError::AccountGone)
    }
}
