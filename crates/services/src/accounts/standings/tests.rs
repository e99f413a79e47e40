use std::sync::Mutex;

use domain::accounts::{DeviceId, UserId};
use uuid::Uuid;

use super::*;

/// A clock that stands still until it is moved. (The one of the test kit counts milliseconds.)
#[derive(Default)]
struct Steady(Mutex<Duration>);

impl Steady {
    fn advance(&self, by: Duration) {
        *self.0.lock().expect("not poisoned") += by;
    }
}

impl SteadyClock for Steady {
    fn elapsed(&self) -> Duration {
        *self.0.lock().expect("not poisoned")
    }
}

const TICK: Duration = Duration::from_nanos(1);
/// A tick less than [`REMEMBERED_FOR`].
const ALMOST: Duration = REMEMBERED_FOR.saturating_sub(TICK);

struct World {
    clock: Arc<Steady>,
    standings: Standings,
}

impl World {
    fn new() -> Self {
        Self::with_room(CHANGES_MAX)
    }

    fn with_room(room: usize) -> Self {
        let clock = Arc::new(Steady::default());
        clock.advance(Duration::from_secs(100));
        let standings = Standings::with_room(clock.clone(), room);
        Self { clock, standings }
    }

    /// Hears this, and that it is all.
    fn hear(&self, announced: &[StandingChange]) {
        self.standings.hear(announced, Some(self.standings.now()));
    }

    /// What the token of the session says, with precedence 7, is worth.
    fn of(&self, session: u128) -> Standing {
        let caller = Caller {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            session: id(session),
            precedence: 7,
        };
        self.standings.of(&caller)
    }

    /// The same after nothing more was announced.
    fn now_of(&self, session: u128) -> Standing {
        self.hear(&[]);
        self.of(session)
    }
}

const GOOD: Standing = Standing::Good { precedence: 7 };

fn id(session: u128) -> SessionId {
    SessionId(Uuid::from_u128(session))
}

fn ended(session: u128) -> StandingChange {
    StandingChange::Ended(id(session))
}

fn precedence(session: u128, precedence: i32) -> StandingChange {
    StandingChange::Precedence {
        session: id(session),
        precedence,
    }
}

#[test]
fn before_anything_was_heard_nothing_is_known() {
    let world = World::new();
    assert_eq!((world.of(1), world.standings.age()), (Standing::Unknown, None));
    world.standings.hear(&[ended(2)], None);
    assert_eq!(world.of(1), Standing::Unknown, "there may be more");
    assert_eq!(world.now_of(1), GOOD);
}

#[test]
fn what_is_known_is_good_for_a_second_and_no_longer() {
    let world = World::new();
    let asked = world.standings.now();
    world.clock.advance(Duration::from_millis(400));
    // The answer is as old as its question.
    world.standings.hear(&[], Some(asked));
    assert_eq!(world.standings.age(), Some(Duration::from_millis(400)));
    world.clock.advance(Duration::from_millis(600));
    assert_eq!(world.of(1), GOOD);
    world.clock.advance(TICK);
    assert_eq!(world.of(1), Standing::Unknown);
    assert_eq!(world.now_of(1), GOOD);
}

#[test]
fn an_ended_session_is_refused_at_once_and_the_others_are_not() {
    let world = World::new();
    world.hear(&[ended(1), ended(2)]);
    assert_eq!(
        [1, 2, 3].map(|session| world.of(session)),
        [Standing::Ended, Standing::Ended, GOOD]
    );
    assert_eq!(world.standings.ended(), 2);
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.of(1), Standing::Ended, "also while nothing else is known");
}

#[test]
fn the_last_precedence_counts_and_none_brings_an_ended_session_back() {
    let world = World::new();
    world.hear(&[precedence(1, 3), precedence(1, -2), precedence(2, 9), ended(2)]);
    assert_eq!(world.of(1), Standing::Good { precedence: -2 });
    assert_eq!(world.of(2), Standing::Ended);
    world.hear(&[precedence(2, 4), precedence(1, 3)]);
    assert_eq!(world.of(1), Standing::Good { precedence: 3 });
    assert_eq!(world.of(2), Standing::Ended);
    assert_eq!(world.standings.ended(), 1);
}

#[test]
fn a_change_is_forgotten_after_its_time_and_never_before() {
    let world = World::new();
    world.hear(&[ended(1), precedence(2, 3)]);
    world.clock.advance(ALMOST);
    assert_eq!(
        (world.now_of(1), world.now_of(2)),
        (Standing::Ended, Standing::Good { precedence: 3 })
    );
    world.clock.advance(TICK);
    assert_eq!((world.now_of(1), world.now_of(2)), (GOOD, GOOD));
    assert_eq!(world.standings.ended(), 0);
    assert!(world.standings.read().in_order.is_empty());
}

#[test]
fn nobody_waits_for_more_than_so_many_to_be_forgotten() {
    let world = World::new();
    let many = u128::try_from(FORGOTTEN_MAX).expect("small") + 1;
    let announced: Vec<_> = (0..many).map(ended).collect();
    world.hear(&announced);
    world.clock.advance(REMEMBERED_FOR);
    for left in [1, 0] {
        world.hear(&[]);
        assert_eq!(world.standings.ended(), left);
    }
}

#[test]
fn what_changes_again_is_remembered_for_longer_and_what_is_told_again_is_not() {
    let world = World::new();
    world.hear(&[precedence(1, 3), precedence(2, 3), ended(3)]);
    world.clock.advance(Duration::from_mins(10));
    world.hear(&[ended(1), precedence(2, 3), ended(3)]);
    world.clock.advance(Duration::from_mins(5));
    assert_eq!(
        [1, 2, 3].map(|session| world.now_of(session)),
        [Standing::Ended, GOOD, GOOD]
    );
    assert_eq!(world.standings.ended(), 1);
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.now_of(1), GOOD);
    assert_eq!(world.standings.ended(), 0);
}

#[test]
fn what_there_is_no_room_for_makes_everything_unknown_until_no_token_can_be_meant() {
    let world = World::with_room(2);
    world.hear(&[ended(1), precedence(2, 3)]);
    world.hear(&[ended(1), precedence(2, 3)]);
    assert_eq!(world.of(3), GOOD, "the last there is room for, and nothing new");
    world.clock.advance(Duration::from_mins(1));
    world.hear(&[ended(3)]);
    assert_eq!(
        [1, 2, 3, 4].map(|session| world.of(session)),
        [Standing::Ended, Standing::Unknown, Standing::Unknown, Standing::Unknown]
    );
    world.clock.advance(ALMOST);
    assert_eq!(world.now_of(4), Standing::Unknown);
    world.clock.advance(TICK);
    assert_eq!(world.now_of(4), GOOD);
    world.hear(&[ended(5), ended(6)]);
    assert_eq!(world.of(4), GOOD, "there is room again");
}

#[test]
fn what_another_tells_counts_and_is_asked_for_until_it_was_announced() {
    let world = World::new();
    world.hear(&[ended(1)]);
    for _ in 0..2 {
        assert_eq!(world.standings.learn(&[id(1), id(2)]), [id(2)]);
        assert_eq!(world.of(2), Standing::Ended);
    }
    world.hear(&[precedence(2, 3)]);
    assert_eq!(world.standings.learn(&[id(2)]), [id(2)], "that was no end");
    world.hear(&[ended(2)]);
    assert_eq!(world.standings.learn(&[id(1), id(2)]), []);
    let full = World::with_room(0);
    full.hear(&[]);
    assert_eq!(full.standings.learn(&[id(1)]), [id(1)]);
    assert_eq!(full.of(1), Standing::Unknown);
}
