//! Announcements of sessions, and the sessions that have ended, in memory.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::SessionId;
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{Announcements, EndedSession, EndedSessions, Heard, Hearing, News, StandingChange};
use tokio::sync::watch;
use tokio::time::timeout;

use super::away::Away;

/// How long it waits for something to be announced.
const WAIT: Duration = Duration::from_millis(250);
/// How many changes are heard at once.
const NEWS_MAX: usize = 100;

/// Announcements that can be heard as long as the value lives.
#[derive(Debug, Default)]
pub struct MemoryAnnouncements {
    told: watch::Sender<Vec<StandingChange>>,
    away: Away,
}

impl MemoryAnnouncements {
    /// From now on every call fails as if Redis were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    /// Forgets all that was announced, as a Redis that lost its data.
    pub fn lose(&self) {
        self.told.send_modify(Vec::clear);
    }
}

#[async_trait]
impl Announcements for MemoryAnnouncements {
    async fn announce(&self, changes: &[StandingChange]) -> Result<(), PortError> {
        self.away.check("announce changes of sessions")?;
        self.told.send_modify(|told| told.extend(changes));
        Ok(())
    }
}

#[async_trait]
impl Hearing for MemoryAnnouncements {
    async fn after(&self, heard: Option<&Heard>) -> Result<News, PortError> {
        let attempted = "hear what is announced of sessions";
        self.away.check(attempted)?;
        let from: usize = match heard {
            None => 0,
            Some(heard) => {
                let from = heard.0.parse().map_err(|error| PortError::bug(attempted, error))?;
                let mut told = self.told.subscribe();
                // Whether something came or the time is up: what there is to hear is looked at below.
                let _ = timeout(WAIT, told.wait_for(|told| told.len() > from)).await;
                self.away.check(attempted)?;
                from
            }
        };
        let told = self.told.borrow();
        let changes: Vec<_> = told.iter().skip(from).take(NEWS_MAX).copied().collect();
        Ok(News {
            heard: Heard((from + changes.len()).to_string()),
            is_all: from + changes.len() >= told.len(),
            changes,
        })
    }
}

/// Ended sessions that live as long as the value.
#[derive(Debug, Default)]
pub struct MemoryEndedSessions {
    kept: Mutex<BTreeSet<EndedSession>>,
    away: Away,
}

impl MemoryEndedSessions {
    /// Keeps that `session` ended at `ended_at`.
    pub fn keep(&self, session: SessionId, ended_at: UnixMs) {
        self.kept().insert(EndedSession { ended_at, session });
    }

    /// From now on every call fails as if the database were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    fn kept(&self) -> MutexGuard<'_, BTreeSet<EndedSession>> {
        self.kept.lock().expect("no test panicked while it wrote")
    }
}

#[async_trait]
impl EndedSessions for MemoryEndedSessions {
    async fn after(&self, place: EndedSession, limit: u16) -> Result<Vec<EndedSession>, PortError> {
        self.away.check("read which sessions have ended")?;
        let kept = self.kept();
        let later = kept.iter().filter(|ended| **ended > place);
        Ok(later.take(usize::from(limit)).copied().collect())
    }

    async fn forget_before(&self, at: UnixMs) -> Result<(), PortError> {
        self.away.check("forget sessions that have ended")?;
        self.kept().retain(|ended| ended.ended_at >= at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::announcements_contract!(((), MemoryAnnouncements::default()));

    mod ended_sessions {
        use async_trait::async_trait;

        use crate::contract::ended_sessions::EndedSessionsUnderTest;

        use super::*;

        #[async_trait]
        impl EndedSessionsUnderTest for MemoryEndedSessions {
            async fn keep(&self, ended: EndedSession) {
                MemoryEndedSessions::keep(self, ended.session, ended.ended_at);
            }
        }

        crate::ended_sessions_contract!(((), MemoryEndedSessions::default()));
    }

    #[tokio::test]
    async fn while_they_are_away_every_call_is_unavailable() {
        let announcements = MemoryAnnouncements::default();
        announcements.fail(true);
        assert!(announcements.announce(&[]).await.expect_err("away").is_unavailable());
        assert!(announcements.after(None).await.expect_err("away").is_unavailable());
        announcements.fail(false);
        announcements.announce(&[]).await.expect("back");

        let ended = MemoryEndedSessions::default();
        ended.fail(true);
        assert!(ended.forget_before(UnixMs(0)).await.expect_err("away").is_unavailable());
        ended.fail(false);
        ended.forget_before(UnixMs(0)).await.expect("back");
    }

    #[tokio::test]
    async fn what_is_lost_is_not_heard_and_what_follows_is() {
        let announcements = MemoryAnnouncements::default();
        let change = StandingChange::Ended(SessionId(uuid::Uuid::from_u128(1)));
        announcements.announce(&[change]).await.expect("told");
        announcements.lose();
        assert_eq!(announcements.after(None).await.expect("heard").changes, []);
        announcements.announce(&[change]).await.expect("told");
        assert_eq!(announcements.after(None).await.expect("heard").changes, [change]);
    }
}
