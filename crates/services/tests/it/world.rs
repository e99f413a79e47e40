//! What the tests share: ports in memory, a person on a device, pings.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, DeviceId, SessionId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Attention, Label, Ping, Seq};
use futures_util::FutureExt;
use ports::usage::{PingQueue, PingSource};
use services::accounts::{FollowStandings, RulesInForce, Standings};
use testkit::clock::TestClock;
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::queue::{MemoryPingSource, MemoryQueue};
use testkit::memory::standing::MemoryAnnouncements;
use testkit::memory::timelines::MemoryTimelines;

/// 2026-03-01T09:00:00Z.
pub const NOW: UnixMs = UnixMs(1_772_355_600_000);

pub struct World {
    pub clock: Arc<TestClock>,
    pub queue: MemoryQueue,
    pub source: Arc<MemoryPingSource>,
    pub timelines: Arc<MemoryTimelines>,
    pub accounts: Arc<MemoryAccounts>,
    pub announcements: Arc<MemoryAnnouncements>,
    /// The clock by which knowledge grows old.
    pub steady: Arc<TestClock>,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(TestClock::at(NOW));
        let queue = MemoryQueue::new(1, clock.clone());
        let source = Arc::new(queue.source("worker", Duration::ZERO));
        Self {
            clock,
            queue,
            source,
            timelines: Arc::default(),
            accounts: Arc::default(),
            announcements: Arc::default(),
            steady: Arc::new(TestClock::at(UnixMs(0))),
        }
    }

    /// What a node that starts knows of people's rules.
    pub fn rules_in_force(&self) -> Arc<RulesInForce> {
        let rules = Arc::new(RulesInForce::new(self.accounts.clone(), self.steady.clone()));
        let mut follow = self.follow(&rules);
        let heard = follow
            .follow()
            .now_or_never()
            .expect("the first question is answered at once");
        assert!(heard.expect("it can be heard"));
        rules
    }

    /// What keeps a node informed.
    pub fn follow(&self, rules: &Arc<RulesInForce>) -> FollowStandings {
        let standings = Arc::new(Standings::new(self.steady.clone()));
        FollowStandings::new(self.announcements.clone(), standings).with_rules(rules.clone())
    }

    pub async fn push(&self, arrivals: Vec<Arrival>) {
        self.queue.push(arrivals).await.expect("the queue is there");
    }

    /// Asserts that nothing waits and nothing is held.
    pub async fn assert_settled(&self) {
        let backlog = self.source.backlog().await.expect("the queue is there");
        assert_eq!((backlog.entries, backlog.in_flight), (0, 0));
    }
}

pub fn caller(user: u128) -> Caller {
    let id = uuid::Uuid::from_u128;
    Caller {
        user: UserId(id(user)),
        device: DeviceId(id(user + 100)),
        session: SessionId(id(user + 200)),
        precedence: 1,
    }
}

/// From and to in seconds after [`NOW`], which may be negative.
pub fn span(from_secs: i64, to_secs: i64) -> Span {
    Span::new(NOW.plus_ms(from_secs * 1_000), NOW.plus_ms(to_secs * 1_000)).expect("not empty")
}

pub fn ping(app: &str, from_secs: i64, to_secs: i64) -> Ping {
    Ping {
        span: span(from_secs, to_secs),
        label: Label::trusted(app, None),
        attention: Attention::Active,
        seq: None,
    }
}

pub fn numbered(ping: Ping, seq: u64) -> Ping {
    Ping {
        seq: Some(Seq::new(seq).expect("in range")),
        ..ping
    }
}
