//! What this node knows of sessions whose access tokens no longer say the truth: asked for every request, so it asks nobody. It never takes for good what
//! it cannot know.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::accounts::{Caller, SessionId};
use ports::accounts::{ANNOUNCED_FOR, StandingChange};
use ports::{PortError, Probe, SteadyClock};

/// How old what is known may be. So much later than its announcement, at most, an end is obeyed everywhere.
const KNOWN_FOR: Duration = Duration::from_secs(1);
/// How long a change is remembered after it became known: longer than any token lives that was issued before it.
const REMEMBERED_FOR: Duration = ANNOUNCED_FOR;
/// How many changes are remembered, which takes some 100 MB. When there are more, nothing is known until the last token that this could concern has expired.
const CHANGES_MAX: usize = 1_000_000;
/// How many are forgotten at once: requests wait meanwhile. What stays longer than it must does no harm.
const FORGOTTEN_MAX: usize = 10_000;
/// In place of an instant: nothing was ever known.
pub(super) const NEVER: u64 = u64::MAX;

/// What a token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its session goes on.
    Good {
        /// The device's precedence by now.
        precedence: i32,
    },
    /// Its session has ended.
    Ended,
    /// Whether its session goes on cannot be known at the moment.
    Unknown,
}

/// The sessions that have ended and the devices that were reordered, as far as tokens from before may be alive.
pub struct Standings {
    clock: Arc<dyn SteadyClock>,
    /// Everything that had been announced at this instant of the clock, in nanoseconds, is in `changes`.
    known_as_of: AtomicU64,
    changes: RwLock<Changes>,
}

impl Standings {
    /// Nothing is known yet. `clock` must be one that goes on while the process is stopped.
    #[must_use]
    pub fn new(clock: Arc<dyn SteadyClock>) -> Self {
        Self::with_room(clock, CHANGES_MAX)
    }

    fn with_room(clock: Arc<dyn SteadyClock>, changes_max: usize) -> Self {
        Self {
            clock,
            known_as_of: AtomicU64::new(NEVER),
            changes: RwLock::new(Changes {
                room: changes_max,
                ..Changes::default()
            }),
        }
    }

    /// What `caller`'s token is worth at this instant.
    #[must_use]
    pub fn of(&self, caller: &Caller) -> Standing {
        // In this order. What is known is at least as new as what it is looked up in; and should the process be stopped in between, the clock, which is read
        // last, shows it.
        let known_as_of = self.known_as_of.load(Ordering::Acquire);
        let changes = self.read();
        let change = changes.of(caller.session);
        let incomplete_until = changes.incomplete_until;
        drop(changes);
        match change {
            // For good, whatever else is not known.
            Some(Change::Ended) => Standing::Ended,
            _ if !is_known(known_as_of, incomplete_until, self.now()) => Standing::Unknown,
            Some(Change::Precedence(precedence)) => Standing::Good { precedence },
            None => Standing::Good {
                precedence: caller.precedence,
            },
        }
    }

    /// How old what is known is; nothing when it never was known.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let age = self.now().checked_sub(self.known_as_of.load(Ordering::Acquire));
        age.map(Duration::from_nanos)
    }

    /// How many ended sessions are remembered.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.read().ended
    }

    /// The instant to give to [`Standings::hear`]: to be taken before the question is asked.
    #[must_use]
    pub(super) fn now(&self) -> u64 {
        nanos(self.clock.elapsed())
    }

    /// Takes in what was announced. With `all_as_of`, nothing more had been announced at that instant.
    pub(super) fn hear(&self, announced: &[StandingChange], all_as_of: Option<u64>) {
        self.write(|changes, now| {
            for change in announced {
                let (session, change) = match *change {
                    StandingChange::Ended(session) => (session, Change::Ended),
                    StandingChange::Precedence { session, precedence } => (session, Change::Precedence(precedence)),
                    StandingChange::Rules { .. } => continue,
                };
                changes.remember(session, change, now);
                if let Some(remembered) = changes.by_session.get_mut(&session) {
                    remembered.is_announced |= remembered.change == change;
                }
            }
        });
        if let Some(as_of) = all_as_of {
            self.known_as_of.store(as_of, Ordering::Release);
        }
    }

    /// Takes in sessions that have ended by another's word, and answers those of them that have not been heard of.
    pub(super) fn learn(&self, ended: &[SessionId]) -> Vec<SessionId> {
        self.write(|changes, now| {
            for session in ended {
                changes.remember(*session, Change::Ended, now);
            }
            let is_heard =
                |session: &SessionId| changes.by_session.get(session).is_some_and(|known| known.is_announced);
            ended.iter().copied().filter(|session| !is_heard(session)).collect()
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Changes> {
        // Whoever panicked while writing left at worst what one call had not yet done, and did not say that all was known.
        self.changes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(&self, change: impl FnOnce(&mut RwLockWriteGuard<'_, Changes>, u64) -> T) -> T {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        // Read behind the lock, so that what is remembered is in the order in which it will be forgotten.
        let now = self.now();
        changes.forget(now);
        change(&mut changes, now)
    }
}

/// Nobody is let in without it.
#[async_trait]
impl Probe for Standings {
    fn name(&self) -> &'static str {
        "ended_sessions"
    }

    async fn check(&self) -> Result<(), PortError> {
        let known_as_of = self.known_as_of.load(Ordering::Acquire);
        let incomplete_until = self.read().incomplete_until;
        if is_known(known_as_of, incomplete_until, self.now()) {
            return Ok(());
        }
        let cause = match self.age() {
            None => "nothing was heard yet".to_owned(),
            Some(age) if age > KNOWN_FOR => format!("nothing was heard for {} ms", age.as_millis()),
            Some(_) => format!("more than {CHANGES_MAX} changes at a time"),
        };
        Err(PortError::unavailable("know which sessions have ended", cause))
    }
}

fn is_known(known_as_of: u64, incomplete_until: u64, now: u64) -> bool {
    is_fresh(known_as_of, now) && now >= incomplete_until
}

/// Whether what was all that had been announced at `known_as_of` still may be taken for all.
pub(super) fn is_fresh(known_as_of: u64, now: u64) -> bool {
    let age = now.checked_sub(known_as_of);
    age.is_some_and(|age| age <= nanos(KNOWN_FOR))
}

pub(super) fn nanos(duration: Duration) -> u64 {
    // 584 years.
    u64::try_from(duration.as_nanos()).unwrap_or(NEVER)
}

/// What is remembered.
#[derive(Default)]
struct Changes {
    by_session: HashMap<SessionId, Remembered>,
    /// When each is to be forgotten, soonest first. What changed again stands here again.
    in_order: VecDeque<(u64, SessionId)>,
    /// How many of them have ended.
    ended: usize,
    /// How many may stand in order.
    room: usize,
    /// Until then something is missing here that there was no room for.
    incomplete_until: u64,
}

struct Remembered {
    change: Change,
    until: u64,
    is_announced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Ended,
    Precedence(i32),
}

impl Changes {
    fn of(&self, session: SessionId) -> Option<Change> {
        self.by_session.get(&session).map(|remembered| remembered.change)
    }

    fn remember(&mut self, session: SessionId, change: Change, now: u64) {
        let known = self.of(session);
        if known == Some(change) || known == Some(Change::Ended) {
            return;
        }
        let until = now.saturating_add(nanos(REMEMBERED_FOR));
        if self.in_order.len() >= self.room {
            self.incomplete_until = until;
            return;
        }
        self.in_order.push_back((until, session));
        self.ended += usize::from(change == Change::Ended);
        let remembered = Remembered {
            change,
            until,
            is_announced: false,
        };
        self.by_session.insert(session, remembered);
    }

    fn forget(&mut self, now: u64) {
        for _ in 0..FORGOTTEN_MAX {
            let Some((until, session)) = self.in_order.pop_front_if(|(until, _)| *until <= now) else {
                return;
            };
            // What changed again is remembered for longer.
            let is_last = self.by_session.get(&session).is_some_and(|last| last.until == until);
            let forgotten = is_last.then(|| self.by_session.remove(&session)).flatten();
            self.ended -= usize::from(forgotten.is_some_and(|last| last.change == Change::Ended));
        }
    }
}

#[cfg(test)]
mod tests;
