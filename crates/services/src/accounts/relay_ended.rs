//! Reads which sessions have ended from where they are kept, and announces those that nobody heard of: whoever ended them crashed before they could.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::SessionId;
use domain::time::UnixMs;
use ports::accounts::{ANNOUNCED_FOR, Announcements, EndedSession, EndedSessions, StandingChange};
use ports::{Clock, PortError};

use super::Standings;

/// How many are read at once.
const PAGE_MAX: u16 = 1_000;
/// How much later than its instant an ended session may turn up: a transaction takes 30 s at most, and clocks are 30 s apart at most.
const LATE_MAX: Duration = Duration::from_mins(2);
/// How long ended sessions are kept: more than long enough for a node that starts.
const KEPT_FOR: Duration = Duration::from_hours(1);
/// How often those that are older are looked for.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// The use case.
pub struct RelayEnded {
    outside: RelayFrom,
    standings: Arc<Standings>,
    /// When everything was read for the last time.
    read_at: Option<UnixMs>,
    forgot_at: Option<UnixMs>,
}

/// What it stands on.
#[derive(Clone)]
pub struct RelayFrom {
    /// Where ended sessions are kept.
    pub ended: Arc<dyn EndedSessions>,
    /// Where they are told.
    pub announcements: Arc<dyn Announcements>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl RelayEnded {
    /// Reads for `standings`.
    #[must_use]
    pub fn new(outside: RelayFrom, standings: Arc<Standings>) -> Self {
        Self {
            outside,
            standings,
            read_at: None,
            forgot_at: None,
        }
    }

    /// Takes in what has ended lately, and announces what was not heard of; to be called every second.
    ///
    /// # Errors
    /// When it cannot be read or not be announced. What was read is known to this node all the same; the next call tries the same again.
    pub async fn relay(&mut self) -> Result<(), PortError> {
        let now = self.outside.clock.now();
        let since = match self.read_at {
            Some(read_at) => read_at.min(now).before(LATE_MAX),
            None => now.before(ANNOUNCED_FOR),
        };
        self.read_since(since).await?;
        self.read_at = Some(now);
        let is_due = |forgot_at: UnixMs| now < forgot_at || now >= forgot_at.after(FORGET_EVERY);
        if self.forgot_at.is_none_or(is_due) {
            self.outside.ended.forget_before(now.before(KEPT_FOR)).await?;
            self.forgot_at = Some(now);
        }
        Ok(())
    }

    /// Takes in everything before anything is announced: what this node knows must not wait for Redis.
    async fn read_since(&self, since: UnixMs) -> Result<(), PortError> {
        let mut place = EndedSession {
            ended_at: since.plus_ms(-1),
            session: SessionId(uuid::Uuid::max()),
        };
        let mut unheard = Vec::new();
        loop {
            let page = self.outside.ended.after(place, PAGE_MAX).await?;
            let sessions: Vec<SessionId> = page.iter().map(|ended| ended.session).collect();
            unheard.extend(self.standings.learn(&sessions));
            match page.last() {
                Some(last) if page.len() >= usize::from(PAGE_MAX) => place = *last,
                _ => break,
            }
        }
        for unheard in unheard.chunks(usize::from(PAGE_MAX)) {
            let changes: Vec<_> = unheard.iter().copied().map(StandingChange::Ended).collect();
            self.outside.announcements.announce(&changes).await?;
            tracing::info!(
                sessions = changes.len(),
                "announced sessions whose end nobody had heard of"
            );
        }
        Ok(())
    }
}
