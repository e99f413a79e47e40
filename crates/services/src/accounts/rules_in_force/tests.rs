use async_trait::async_trait;
use domain::privacy::PlainRule;
use domain::time::UnixMs;
use domain::usage::Label;
use ports::accounts::{RulesChange, RulesOutcome};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use testkit::clock::TestClock;
use tokio::sync::Notify;
use uuid::Uuid;

use super::*;

/// Answers each question with the next of its answers, and the last again and again.
#[derive(Default)]
struct Store {
    answers: Mutex<Vec<Option<KeptRules>>>,
    asked: AtomicUsize,
    /// Whoever asks is noticed, and waits until they may go on.
    gate: Option<(Notify, Notify)>,
}

impl Store {
    fn answering(answers: &[Option<KeptRules>]) -> Self {
        Self {
            answers: Mutex::new(answers.to_vec()),
            ..Self::default()
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl PrivacyStore for Store {
    async fn rules(&self, _: UserId) -> Result<KeptRules, PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = {
            let mut answers = self.answers.lock().expect("no test panicked here");
            if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            }
        };
        if let Some((asked, go_on)) = &self.gate {
            asked.notify_one();
            go_on.notified().await;
        }
        answer.ok_or_else(|| PortError::unavailable("read privacy rules", "it is away"))
    }

    async fn change(&self, _: &RulesChange) -> Result<RulesOutcome, PortError> {
        Ok(RulesOutcome::Gone)
    }
}

struct Node {
    store: Arc<Store>,
    clock: Arc<TestClock>,
    rules: RulesInForce,
}

impl Node {
    fn over(store: Store) -> Self {
        Self::with_room(store, (PEOPLE_MAX, BYTES_MAX))
    }

    fn with_room(store: Store, room: (usize, usize)) -> Self {
        let (store, clock) = (Arc::new(store), Arc::new(TestClock::at(UnixMs(0))));
        let rules = RulesInForce::with_room(store.clone(), clock.clone(), room);
        let node = Self { store, clock, rules };
        node.hear(&[]);
        node
    }

    fn hear(&self, changes: &[StandingChange]) {
        self.rules.hear(changes, Some(self.rules.now()));
    }

    /// Time passes, in which everything is heard that is announced: nothing.
    fn wait(&self, time: Duration) {
        self.clock.advance(time);
        self.hear(&[]);
    }

    /// What becomes of an application of this name; `None` where that cannot be known.
    async fn admits(&self, user: UserId, app: &str) -> Option<bool> {
        let in_force = self.rules.of(user).await;
        if let Err(error) = &in_force {
            assert!(error.is_unavailable(), "{}", error.chain());
        }
        in_force
            .ok()
            .map(|in_force| in_force.screening().admits(&mut Label::trusted(app, None)))
    }
}

fn user(id: u128) -> UserId {
    UserId(Uuid::from_u128(id))
}

fn changed(version: u64) -> StandingChange {
    StandingChange::Rules { user: user(1), version }
}

/// Rules that exclude an application.
fn excluding(version: u64, app: &str) -> KeptRules {
    let rule = PlainRule {
        app: Some(app.to_owned()),
        action: "exclude".to_owned(),
        ..PlainRule::default()
    };
    let rules = PrivacyRules::parse(&[rule]).expect("a rule");
    KeptRules { version, rules }
}

fn none() -> KeptRules {
    KeptRules::default()
}

#[tokio::test]
async fn rules_are_read_at_first_sight_and_not_for_every_ping() {
    let node = Node::over(Store::answering(&[Some(excluding(1, "a"))]));
    for _ in 0..3 {
        assert_eq!(node.admits(user(1), "a").await, Some(false));
        assert_eq!(node.admits(user(1), "b").await, Some(true));
    }
    assert_eq!(node.store.asked(), 1);
}

/// What is not could not be moved to another thread, and holds a lock while it waits for the store.
#[test]
fn nobody_waits_for_a_lock_while_rules_are_read() {
    fn is_send<T: Send>(_: &T) {}
    let node = Node::over(Store::answering(&[Some(none())]));
    is_send(&node.rules.of(user(1)));
}

#[tokio::test]
async fn who_has_no_rules_is_asked_for_once_too() {
    let node = Node::over(Store::answering(&[Some(none())]));
    for _ in 0..3 {
        assert_eq!(node.admits(user(1), "a").await, Some(true));
    }
    assert_eq!(node.store.asked(), 1);
}

#[tokio::test]
async fn a_change_that_is_announced_is_obeyed_at_once() {
    let node = Node::over(Store::answering(&[
        Some(none()),
        Some(excluding(1, "a")),
        Some(excluding(2, "b")),
    ]));
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    node.hear(&[changed(1)]);
    assert_eq!(node.admits(user(1), "a").await, Some(false));
    node.hear(&[changed(2)]);
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    assert_eq!(node.admits(user(1), "b").await, Some(false));
    // Told twice, or late.
    node.hear(&[changed(2), changed(1)]);
    assert_eq!(node.admits(user(1), "b").await, Some(false));
    assert_eq!(node.store.asked(), 3);
}

#[tokio::test]
async fn after_a_change_that_cannot_be_read_nothing_is_let_through() {
    let node = Node::over(Store::answering(&[Some(none()), None, Some(excluding(1, "a"))]));
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    node.hear(&[changed(1)]);
    assert_eq!(node.admits(user(1), "a").await, None);
    assert_eq!(node.admits(user(1), "a").await, Some(false));
}

#[tokio::test]
async fn who_was_never_seen_is_not_let_through_while_nothing_can_be_read() {
    let node = Node::over(Store::answering(&[None, Some(none())]));
    assert_eq!(node.admits(user(1), "a").await, None);
    assert_eq!(node.admits(user(1), "a").await, Some(true));
}

#[tokio::test]
async fn what_is_read_is_no_older_than_what_was_announced() {
    let node = Node::over(Store::answering(&[
        Some(none()),
        Some(excluding(1, "a")),
        Some(excluding(2, "b")),
    ]));
    node.hear(&[changed(2)]);
    assert_eq!(node.admits(user(1), "b").await, Some(false));
    assert_eq!(node.store.asked(), 3);
    let behind = Node::over(Store::answering(&[Some(none())]));
    behind.hear(&[changed(1)]);
    assert_eq!(behind.admits(user(1), "a").await, None);
    assert_eq!(behind.store.asked(), READS_MAX);
}

#[tokio::test]
async fn a_change_that_is_announced_while_the_rules_are_read_is_not_missed() {
    let store = Store {
        gate: Some((Notify::new(), Notify::new())),
        ..Store::answering(&[Some(none()), Some(excluding(1, "a"))])
    };
    let node = Node::over(store);
    let (asked, go_on) = node.store.gate.as_ref().expect("a gate");
    let meanwhile = async {
        asked.notified().await;
        node.hear(&[changed(1)]);
        go_on.notify_one();
        asked.notified().await;
        go_on.notify_one();
    };
    let (admitted, ()) = tokio::join!(node.admits(user(1), "a"), meanwhile);
    assert_eq!(admitted, Some(false));
}

#[tokio::test]
async fn nothing_is_let_through_a_second_after_the_last_time_that_everything_was_heard() {
    let node = Node::over(Store::answering(&[Some(none())]));
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    node.clock.advance(Duration::from_secs(1));
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    node.clock.advance(Duration::from_millis(1));
    assert_eq!(node.admits(user(1), "a").await, None);
    assert_eq!(node.admits(user(2), "a").await, None);
    // Something was heard, and not everything.
    node.rules.hear(&[changed(0)], None);
    assert_eq!(node.admits(user(1), "a").await, None);
    node.hear(&[]);
    assert_eq!(node.admits(user(1), "a").await, Some(true));
}

#[tokio::test]
async fn before_anything_was_heard_nothing_is_known() {
    let store = Arc::new(Store::answering(&[Some(none())]));
    let rules = RulesInForce::new(store, Arc::new(TestClock::at(UnixMs(0))));
    assert!(rules.of(user(1)).await.expect_err("not heard").is_unavailable());
}

#[tokio::test]
async fn a_change_that_nobody_could_announce_is_obeyed_after_five_minutes() {
    let node = Node::over(Store::answering(&[Some(none()), Some(excluding(1, "a"))]));
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    node.wait(READ_AGAIN.saturating_sub(Duration::from_millis(1)));
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    node.wait(Duration::from_millis(1));
    assert_eq!(node.admits(user(1), "a").await, Some(false));
    assert_eq!(node.store.asked(), 2);
}

#[tokio::test]
async fn what_is_known_stays_in_force_while_it_cannot_be_read_again_and_not_every_ping_tries() {
    let node = Node::over(Store::answering(&[
        Some(excluding(1, "a")),
        None,
        None,
        Some(excluding(2, "b")),
    ]));
    assert_eq!(node.admits(user(1), "a").await, Some(false));
    node.wait(READ_AGAIN);
    for _ in 0..3 {
        assert_eq!(node.admits(user(1), "a").await, Some(false));
    }
    assert_eq!(node.store.asked(), 2);
    node.wait(TRY_AGAIN);
    assert_eq!(node.admits(user(1), "a").await, Some(false));
    assert_eq!(node.store.asked(), 3);
    node.wait(TRY_AGAIN);
    assert_eq!(node.admits(user(1), "a").await, Some(true));
    assert_eq!(node.store.asked(), 4);
}

#[tokio::test]
async fn while_one_ping_has_the_rules_read_again_the_others_do_not_wait() {
    let store = Store {
        gate: Some((Notify::new(), Notify::new())),
        ..Store::answering(&[Some(excluding(1, "a"))])
    };
    let node = Node::over(store);
    let (asked, go_on) = node.store.gate.as_ref().expect("a gate");
    go_on.notify_one();
    assert_eq!(node.admits(user(1), "a").await, Some(false));
    asked.notified().await;
    node.wait(READ_AGAIN);
    let others = async {
        asked.notified().await;
        assert_eq!(node.admits(user(1), "a").await, Some(false));
        go_on.notify_one();
    };
    let (first, ()) = tokio::join!(node.admits(user(1), "a"), others);
    assert_eq!((first, node.store.asked()), (Some(false), 2));
}

#[tokio::test]
async fn so_many_people_are_known_and_of_more_those_who_still_send() {
    let node = Node::with_room(Store::answering(&[Some(none())]), (3, BYTES_MAX));
    let asked_by = async |id: u128| {
        let before = node.store.asked();
        assert_eq!(node.admits(user(id), "a").await, Some(true));
        node.store.asked() - before
    };
    for id in 1..=3 {
        assert_eq!(asked_by(id).await, 1);
    }
    // No more room: these three are the old ones from now on.
    assert_eq!(asked_by(4).await, 1);
    assert_eq!(asked_by(1).await, 0);
    assert_eq!(asked_by(5).await, 1);
    // And those that were not asked about since are forgotten.
    assert_eq!(asked_by(6).await, 1);
    assert_eq!([asked_by(1).await, asked_by(2).await], [0, 1]);
    let known = node.rules.write();
    assert!(known.young.len() <= 3 && known.old.len() <= 3);
}

#[tokio::test]
async fn rules_take_so_much_memory_and_no_more() {
    let rules = excluding(1, &"x".repeat(200));
    let bytes = rules.rules.bytes();
    let node = Node::with_room(Store::answering(&[Some(rules)]), (PEOPLE_MAX, 2 * bytes));
    for id in 1..=100 {
        assert_eq!(node.admits(user(id), "x").await, Some(true));
        let known = node.rules.write();
        let held = |people: &HashMap<UserId, One>| people.values().map(One::bytes).sum::<usize>();
        assert_eq!(held(&known.young), known.bytes);
        assert!(known.bytes <= 2 * bytes && held(&known.old) <= 2 * bytes, "{id}");
    }
    // What is out of date takes none.
    node.hear(&[StandingChange::Rules {
        user: user(100),
        version: 2,
    }]);
    let known = node.rules.write();
    assert_eq!(known.young.values().map(One::bytes).sum::<usize>(), known.bytes);
}
