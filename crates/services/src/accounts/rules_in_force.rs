//! The privacy rules of those who send pings to this node: asked for every ping, so it asks nobody whom it has asked already. It never lets through what it
//! cannot know to be let through.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use domain::accounts::UserId;
use domain::privacy::{PrivacyRules, Screening};
use domain::usage::{Domain, Label};
use ports::accounts::{KeptRules, PrivacyStore, StandingChange};
use ports::{PortError, SteadyClock};

use super::standings::{NEVER, is_fresh, nanos};

/// How long rules are in force before they are read again. That they changed is heard of at once; this is for a change that nobody could announce.
const READ_AGAIN: Duration = Duration::from_mins(5);
/// How long after it failed reading is tried again. Meanwhile they stay in force: who cannot read them cannot change them either, or announces it.
const TRY_AGAIN: Duration = Duration::from_mins(1);
/// How many people are known at least, some 100 bytes each. Up to twice as many are, of which those who have sent nothing for longer go together.
const PEOPLE_MAX: usize = 100_000;
/// How much memory the rules of as many may take.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// How often rules are read that turn out to be older than what was announced.
const READS_MAX: usize = 3;

/// The rules of this node.
pub struct RulesInForce {
    store: Arc<dyn PrivacyStore>,
    clock: Arc<dyn SteadyClock>,
    /// Everything that had been announced at this instant of the clock, in nanoseconds, is in `known`.
    known_as_of: AtomicU64,
    known: RwLock<Known>,
}

/// What is in force for one person: nothing for nearly everybody.
#[derive(Debug, Clone, Default)]
pub struct InForce(Option<Arc<PrivacyRules>>);

impl InForce {
    /// For one list of the person's.
    #[must_use]
    pub fn screening(&self) -> Screening<'_> {
        Screening::under(self.0.as_deref())
    }

    /// Makes of one label what may be kept of it; `false` where that is nothing, and nothing of it may go any further.
    #[must_use]
    pub fn admits(&self, label: &mut Label) -> bool {
        self.screening().admits(label)
    }

    /// What may be kept of a site whose application is not known yet.
    #[must_use]
    pub fn admitted_site(&self, site: Domain) -> Option<Domain> {
        match &self.0 {
            Some(rules) => rules.admitted_site(&site),
            None => Some(site),
        }
    }

    fn of(rules: PrivacyRules) -> Self {
        Self((!rules.is_empty()).then(|| Arc::new(rules)))
    }

    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |rules| rules.bytes())
    }
}

impl RulesInForce {
    /// Of nobody yet. `clock` must be one that goes on while the process is stopped.
    #[must_use]
    pub fn new(store: Arc<dyn PrivacyStore>, clock: Arc<dyn SteadyClock>) -> Self {
        Self::with_room(store, clock, (PEOPLE_MAX, BYTES_MAX))
    }

    pub(super) fn with_room(store: Arc<dyn PrivacyStore>, clock: Arc<dyn SteadyClock>, room: (usize, usize)) -> Self {
        Self {
            store,
            clock,
            known_as_of: AtomicU64::new(NEVER),
            known: RwLock::new(Known {
                room,
                ..Known::default()
            }),
        }
    }

    /// What is in force for `user` at this instant.
    ///
    /// # Errors
    /// When it cannot be known: nothing was heard for too long, or it has to be read and cannot be.
    pub async fn of(&self, user: UserId) -> Result<InForce, PortError> {
        let in_force = match self.known_of(user) {
            Some(in_force) => in_force,
            None => self.read(user).await?,
        };
        // Last, as reading may have taken its time.
        if is_fresh(self.known_as_of.load(Ordering::Acquire), self.now()) {
            return Ok(in_force);
        }
        Err(unknown(user, "it was not heard lately what was announced"))
    }

    /// Takes in what was announced. With `all_as_of`, nothing more had been announced at that instant.
    pub(super) fn hear(&self, announced: &[StandingChange], all_as_of: Option<u64>) {
        let changed = announced.iter().filter_map(|change| match *change {
            StandingChange::Rules { user, version } => Some((user, version)),
            StandingChange::Ended(_) | StandingChange::Precedence { .. } => None,
        });
        let mut known = None;
        for (user, version) in changed {
            known.get_or_insert_with(|| self.write()).outdate(user, version);
        }
        drop(known);
        if let Some(as_of) = all_as_of {
            self.known_as_of.store(as_of, Ordering::Release);
        }
    }

    /// What is known without asking.
    fn known_of(&self, user: UserId) -> Option<InForce> {
        let now = self.now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let one = known.young.get(&user)?;
        (now < one.read_again_at).then(|| one.in_force.clone()).flatten()
    }

    async fn read(&self, user: UserId) -> Result<InForce, PortError> {
        for _ in 0..READS_MAX {
            // Somebody may have read them meanwhile, or be about to.
            let begun_at = self.now();
            // By itself, so that nobody waits while they are read.
            let known = self.write().begin_to_read(user, begun_at);
            if let Some(in_force) = known {
                return Ok(in_force);
            }
            let kept = self.store.rules(user).await;
            let now = self.now();
            match kept {
                Ok(kept) => {
                    if let Some(in_force) = self.write().learn(user, kept, now) {
                        return Ok(in_force);
                    }
                }
                Err(error) if error.is_unavailable() => {
                    return self.write().go_on(user, now).ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(unknown(user, "what was read is older than what was announced"))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        // Whoever panicked while writing left at worst what one call had not yet done: rules that are not known, or are read again.
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        nanos(self.clock.elapsed())
    }
}

fn unknown(user: UserId, cause: &'static str) -> PortError {
    PortError::unavailable(format!("know the privacy rules of {user}"), cause)
}

/// Who is known. Of those whom nobody asked about since the last time that there was no more room, half the knowledge is forgotten at once.
#[derive(Default)]
struct Known {
    young: HashMap<UserId, One>,
    old: HashMap<UserId, One>,
    /// How much memory the rules of the young take.
    bytes: usize,
    /// How many people and how many bytes there may be among the young.
    room: (usize, usize),
}

#[derive(Default)]
struct One {
    /// Their rules are of this version, or of a later one that has not been read.
    version: u64,
    /// `None` where they have to be read before anything may be let through.
    in_force: Option<InForce>,
    read_again_at: u64,
}

impl Known {
    /// Notes that the rules of `user` are of `version` at least.
    fn outdate(&mut self, user: UserId, version: u64) {
        let one = self.one(user);
        if version > one.version {
            let outdated = mem::replace(
                one,
                One {
                    version,
                    ..One::default()
                },
            );
            self.bytes -= outdated.bytes();
        }
    }

    /// What is in force, where it need not be read now. Where it is read again, what was in force is for all others in the meantime.
    fn begin_to_read(&mut self, user: UserId, now: u64) -> Option<InForce> {
        let one = self.one(user);
        if now < one.read_again_at {
            return one.in_force.clone();
        }
        if one.in_force.is_some() {
            one.read_again_at = now.saturating_add(nanos(TRY_AGAIN));
        }
        None
    }

    /// What is in force with what was read; nothing when that is out of date.
    fn learn(&mut self, user: UserId, kept: KeptRules, now: u64) -> Option<InForce> {
        let one = self.one(user);
        if kept.version < one.version {
            return None;
        }
        let before = one.bytes();
        let in_force = InForce::of(kept.rules);
        *one = One {
            version: kept.version,
            in_force: Some(in_force.clone()),
            read_again_at: now.saturating_add(nanos(READ_AGAIN)),
        };
        self.bytes = self.bytes - before + in_force.bytes();
        Some(in_force)
    }

    /// What stays in force because it could not be read again.
    fn go_on(&mut self, user: UserId, now: u64) -> Option<InForce> {
        let one = self.one(user);
        one.read_again_at = now.saturating_add(nanos(TRY_AGAIN));
        one.in_force.clone()
    }

    /// The one, among the young.
    fn one(&mut self, user: UserId) -> &mut One {
        if !self.young.contains_key(&user) {
            // Before the old are forgotten.
            let one = self.old.remove(&user).unwrap_or_default();
            let (people_max, bytes_max) = self.room;
            if self.young.len() >= people_max || self.bytes >= bytes_max {
                self.old = mem::take(&mut self.young);
                self.bytes = 0;
            }
            self.bytes += one.bytes();
            self.young.insert(user, one);
        }
        self.young.entry(user).or_default()
    }
}

impl One {
    fn bytes(&self) -> usize {
        self.in_force.as_ref().map_or(0, InForce::bytes)
    }
}

#[cfg(test)]
mod tests;
