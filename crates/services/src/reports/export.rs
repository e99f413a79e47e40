//! Everything that is kept of a person, for themselves: their account at once, their timeline piece by piece.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, User};
use domain::time::{DAY_MS, Span};
use domain::usage::{Heartbeat, Segment};
use ports::reports::{ContextReader, TimelineReader};
use ports::trackers::{WatchReader, WatchedEvent};
use ports::{Clock, PortError};

use crate::accounts::{AccountsError, ExportAccount, ExportedAccount};

/// How much is read at once: some thousand pieces of a busy person.
const WINDOW_DAYS: i64 = 7;
/// How long before they registered a person's first ping can be: the oldest that any setting lets in.
const BEFORE_DAYS: i64 = 3_653;

/// The use case.
#[derive(Clone)]
pub struct Export {
    /// The account's part.
    pub account: ExportAccount,
    /// Where timelines are read.
    pub reader: Arc<dyn TimelineReader>,
    /// Where heartbeats are read.
    pub contexts: Arc<dyn ContextReader>,
    /// Where what watchers told is read.
    pub watched: Arc<dyn WatchReader>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl Export {
    /// The caller's account. That it was exported is noted in their security log.
    ///
    /// # Errors
    /// [`AccountsError::AccountGone`], or something outside.
    pub async fn account(&self, caller: &Caller, address: Option<IpAddr>) -> Result<ExportedAccount, AccountsError> {
        self.account.export(caller, address).await
    }

    /// The stretches of whole UTC days in which everything of `user` lies, earliest first. No piece lies in two.
    #[must_use]
    pub fn windows(&self, user: &User) -> Vec<Span> {
        let first = user.created_at.day_start().plus_ms(-BEFORE_DAYS * DAY_MS);
        let end = self.clock.now().day_start().plus_ms(2 * DAY_MS);
        let starts = std::iter::successors(Some(first), |start| Some(start.plus_ms(WINDOW_DAYS * DAY_MS)));
        starts
            .take_while(|start| *start < end)
            .filter_map(|start| Span::new(start, start.plus_ms(WINDOW_DAYS * DAY_MS)))
            .collect()
    }

    /// The caller's pieces in one of those, earliest first.
    ///
    /// # Errors
    /// Something outside.
    pub async fn pieces(&self, caller: &Caller, window: Span) -> Result<Vec<Segment>, PortError> {
        self.reader.pieces(caller.user, window).await
    }

    /// The caller's heartbeats in one of those, earliest first.
    ///
    /// # Errors
    /// Something outside.
    pub async fn heartbeats(&self, caller: &Caller, window: Span) -> Result<Vec<Heartbeat>, PortError> {
        self.contexts.heartbeats(caller.user, window).await
    }

    /// What the caller's watchers told in one of those, earliest first.
    ///
    /// # Errors
    /// Something outside.
    pub async fn watched(&self, caller: &Caller, window: Span) -> Result<Vec<WatchedEvent>, PortError> {
        self.watched.watched_events(caller.user, window).await
    }
}
