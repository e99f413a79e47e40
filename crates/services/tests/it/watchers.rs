//! ActivityWatch's watchers: what they tell arrives, in whatever order, and whatever is away in between.

mod bounds;
mod ranks;
mod room;

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::{Caller, SecurityEntry, SecurityEvent};
use domain::accounts::{EntryId, UserId};
use domain::privacy::{PlainRule, PrivacyRules};
use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{Presence, Stretch, Tells};
use domain::usage::{AppName, Domain, Rules, Timeline};
use ports::accounts::{Announcements, StandingChange};
use ports::reports::TimelineReader;
use ports::trackers::{EventWindow, WatchBucket, WatchEvents, Watcher};
use ports::usage::{Batch, Part, PingSource};
use services::accounts::RulesInForce;
use services::trackers::{ActivityWatch, ClaimWatched, KeepWatched, SentEvent, WatchError};
use services::usage::MergePings;
use testkit::memory::accounts::MemoryAccounts;
use testkit::memory::watching::MemoryWatching;

use crate::world::{NOW, World, caller};

const WINDOWS: &str = "aw-watcher-window_here";
const AFK: &str = "aw-watcher-afk_here";
const WEB: &str = "aw-watcher-web-firefox_here";
/// How long ago it all begins, in seconds.
const AGO: i64 = 7_200;

/// A node that watchers send to, and the worker behind it.
struct Watched {
    world: World,
    watching: Arc<MemoryWatching>,
    node: ActivityWatch,
    rules: Arc<RulesInForce>,
}

impl Watched {
    fn new() -> Self {
        let world = World::new();
        let watching = Arc::new(MemoryWatching::default());
        let rules = world.rules_in_force();
        let node = ActivityWatch {
            buckets: watching.clone(),
            events: watching.clone(),
            claims: ClaimWatched {
                marks: watching.clone(),
                queue: Arc::new(world.queue.clone()),
                clock: world.clock.clone(),
                rules: Rules::default(),
            },
            privacy: rules.clone(),
        };
        Self {
            world,
            watching,
            node,
            rules,
        }
    }

    fn upkeep(&self) -> KeepWatched {
        KeepWatched {
            claims: self.node.claims.clone(),
            upkeep: self.watching.clone(),
            privacy: self.world.accounts.clone(),
        }
    }

    async fn buckets(&self, caller: &Caller) {
        for (id, kind) in [
            (WINDOWS, "currentwindow"),
            (AFK, "afkstatus"),
            (WEB, "web.tab.current"),
            ("notes", "notes"),
        ] {
            let made = self.node.create(caller, &bucket(id, kind)).await;
            made.expect("made");
        }
    }

    async fn beat(&self, caller: &Caller, beat: &Beat) -> (Option<i64>, Stretch) {
        let (second, bucket, pulsetime, tells) = beat;
        let beating = (sent(*second, 0, tells.clone()), pulsetime * 1_000_000);
        let kept = self.node.heartbeat(caller, bucket, beating).await;
        kept.expect("kept")
    }

    /// Merges all that waits, and gives the timeline of a person in seconds from the beginning.
    async fn timeline(&self, user: UserId) -> Vec<(i64, i64, String)> {
        let merge = MergePings::new(self.world.timelines.clone(), self.world.source.clone());
        for part in [Part::Live, Part::Bulk] {
            while let Some(batch) = self
                .world
                .source
                .take(0, part, Batch::ARRIVALS_MAX)
                .await
                .expect("there")
            {
                merge.merge(&batch).await.expect("merged");
            }
        }
        let window = Span::new(at(-30 * 86_400), at(86_400)).expect("not empty");
        let pieces = self.world.timelines.pieces(user, window).await.expect("read");
        let short = |piece: &domain::usage::Segment| {
            let site = piece.holder.label.domain.as_ref().map_or("", Domain::as_str);
            let name = format!("{} {site}", piece.holder.label.app_name.as_str());
            let seconds = |at: UnixMs| (at.0 - NOW.0) / 1_000 + AGO;
            (
                seconds(piece.span.start()),
                seconds(piece.span.end()),
                name.trim().to_owned(),
            )
        };
        let timeline = Timeline::of(pieces);
        timeline.segments().iter().map(short).collect()
    }

    /// From now on these are somebody's rules.
    async fn set_rules(&self, user: UserId, rules: &[PlainRule]) {
        use ports::accounts::{PrivacyStore, RulesChange};
        let seen = self.world.accounts.rules(user).await.expect("read").version;
        let change = RulesChange {
            user,
            seen,
            rules: PrivacyRules::parse(rules).expect("sound rules"),
            entry: SecurityEntry {
                id: EntryId(user.0),
                user: Some(user),
                at: NOW,
                event: SecurityEvent::PrivacyRulesChanged,
                device: None,
                session: None,
                address: None,
                count: None,
            },
        };
        self.world.accounts.change(&change).await.expect("changed");
        let news = StandingChange::Rules {
            user,
            version: seen + 1,
        };
        self.world.announcements.announce(&[news]).await.expect("announced");
        self.world.follow(&self.rules).follow().await.expect("heard");
    }
}

/// Second, bucket, pulsetime and what it tells.
type Beat = (i64, &'static str, i64, Tells);

fn at(second: i64) -> UnixMs {
    NOW.plus_ms((second - AGO) * 1_000)
}

fn sent(second: i64, length: i64, tells: Tells) -> SentEvent {
    let stretch = Stretch {
        start_us: at(second).0 * 1_000,
        end_us: at(second + length).0 * 1_000,
    };
    SentEvent {
        id: None,
        stretch,
        tells,
    }
}

fn bucket(id: &str, kind: &str) -> WatchBucket {
    WatchBucket {
        id: id.to_owned(),
        kind: kind.to_owned(),
        client: "test".to_owned(),
        hostname: "here".to_owned(),
        created_us: 0,
        stretch: None,
    }
}

fn app(name: &str) -> Tells {
    Tells {
        app: AppName::parse(name).ok(),
        ..Tells::default()
    }
}

fn here() -> Tells {
    Tells {
        presence: Some(Presence::Here),
        ..Tells::default()
    }
}

fn site(host: &str) -> Tells {
    Tells {
        site: Domain::of_url(&format!("https://{host}/")).ok().flatten(),
        ..Tells::default()
    }
}

/// Ten seconds of an application, in front of which somebody was.
async fn ten_seconds(watched: &Watched, caller: &Caller, start: i64, name: &str) {
    for second in (start..=start + 10).step_by(2) {
        watched.beat(caller, &(second, WINDOWS, 3, app(name))).await;
        watched.beat(caller, &(second, AFK, 185, here())).await;
    }
}

#[tokio::test]
async fn windows_presence_and_tabs_become_time() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    for second in (0..=60).step_by(5) {
        watched.beat(&ada, &(second, AFK, 185, here())).await;
    }
    for second in 0..60 {
        let name = if second < 30 { "Editor" } else { "firefox" };
        watched.beat(&ada, &(second, WINDOWS, 2, app(name))).await;
    }
    for (second, host) in [(40, "a.example"), (50, "a.example")] {
        watched.beat(&ada, &(second, WEB, 80, site(host))).await;
    }
    let expected = [
        (0, 30, "Editor".to_owned()),
        (30, 40, "firefox".to_owned()),
        (40, 50, "firefox a.example".to_owned()),
        (50, 59, "firefox".to_owned()),
    ];
    assert_eq!(watched.timeline(ada.user).await, expected);
    assert_eq!(watched.watching.marked(), 0);
    // Another device of the same person has buckets of its own.
    let other = Caller {
        device: caller(9).device,
        ..ada
    };
    assert!(matches!(
        watched.node.bucket(&other, WINDOWS).await,
        Err(WatchError::NoBucket)
    ));
}

#[tokio::test]
async fn what_the_queue_cannot_take_is_kept_and_taken_with_the_next_request() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    watched.world.queue.fail(true);
    ten_seconds(&watched, &ada, 0, "Editor").await;
    assert!(watched.watching.marked() > 0);
    watched.world.queue.fail(false);
    // It tells nothing new, and yet.
    watched.beat(&ada, &(10, WINDOWS, 3, app("Editor"))).await;
    assert_eq!(watched.watching.marked(), 0);
    assert_eq!(watched.timeline(ada.user).await, [(0, 10, "Editor".to_owned())]);
}

#[tokio::test]
async fn what_a_node_left_behind_is_taken_by_the_upkeep_under_the_rules_of_the_moment() {
    let watched = Watched::new();
    let (ada, bob) = (caller(1), caller(2));
    for caller in [&ada, &bob] {
        watched.buckets(caller).await;
    }
    watched.world.queue.fail(true);
    ten_seconds(&watched, &ada, 0, "Editor").await;
    ten_seconds(&watched, &ada, 20, "Secret").await;
    ten_seconds(&watched, &bob, 0, "Editor").await;
    watched.world.queue.fail(false);
    let upkeep = watched.upkeep();
    let exclude = PlainRule {
        app: Some("secret".to_owned()),
        site: None,
        action: "exclude".to_owned(),
        to: None,
    };
    let mut people = MemoryPeople(&watched.world.accounts);
    people.register(ada.user).await;
    watched.set_rules(ada.user, &[exclude]).await;
    assert_eq!(
        upkeep.claim_left_behind().await.expect("done"),
        0,
        "a request may be at it"
    );
    watched.world.clock.advance(Duration::from_secs(61));
    assert_eq!(upkeep.claim_left_behind().await.expect("done"), 2);
    assert_eq!(upkeep.claim_left_behind().await.expect("done"), 0);
    assert_eq!(watched.timeline(ada.user).await, [(0, 10, "Editor".to_owned())]);
    assert_eq!(watched.timeline(bob.user).await, [(0, 10, "Editor".to_owned())]);
}

#[tokio::test]
async fn while_the_storage_or_the_rules_are_away_nothing_is_promised() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    watched.watching.fail(true);
    let refused = watched
        .node
        .heartbeat(&ada, WINDOWS, (sent(0, 0, app("Editor")), 0))
        .await;
    assert!(matches!(refused, Err(WatchError::Outside(error)) if error.is_unavailable()));
    watched.watching.fail(false);
    // Nothing was heard for so long that rules may have changed.
    watched.world.steady.advance(Duration::from_mins(10));
    let refused = watched
        .node
        .heartbeat(&ada, WINDOWS, (sent(0, 0, app("Editor")), 0))
        .await;
    assert!(matches!(refused, Err(WatchError::Outside(error)) if error.is_unavailable()));
    let of = Watcher {
        user: ada.user,
        device: ada.device,
    };
    assert_eq!(watched.watching.events(of, WINDOWS, ALL).await.expect("read"), []);
}

const ALL: EventWindow = EventWindow {
    from_us: i64::MIN,
    to_us: i64::MAX,
    limit: usize::MAX,
};

#[tokio::test]
async fn what_is_excluded_is_kept_without_what_it_says_and_ends_what_was_before() {
    let watched = Watched::new();
    let ada = caller(1);
    MemoryPeople(&watched.world.accounts).register(ada.user).await;
    watched.buckets(&ada).await;
    let rule = |app: Option<&str>, site: Option<&str>, action: &str, to: Option<&str>| PlainRule {
        app: app.map(str::to_owned),
        site: site.map(str::to_owned),
        action: action.to_owned(),
        to: to.map(str::to_owned),
    };
    let rules = [
        rule(Some("secret"), None, "exclude", None),
        rule(Some("private"), None, "rename", Some("Work")),
        rule(None, Some("secret.example"), "exclude", None),
        rule(None, Some("hidden.example"), "hide", None),
        rule(Some("work"), None, "rename", Some("Work")),
        rule(Some("firefox"), None, "rename", Some("firefox")),
        rule(Some("*"), None, "exclude", None),
    ];
    watched.set_rules(ada.user, &rules).await;
    ten_seconds(&watched, &ada, 0, "firefox").await;
    ten_seconds(&watched, &ada, 10, "Secret").await;
    ten_seconds(&watched, &ada, 20, "Private").await;
    for (second, host) in [
        (2, "a.example"),
        (4, "secret.example"),
        (6, "hidden.example"),
        (8, "a.example"),
    ] {
        watched.beat(&ada, &(second, WEB, 80, site(host))).await;
    }
    let told = format!("{:?}", watched.watching);
    for name in ["secret", "Secret", "Private", "hidden"] {
        assert!(!told.contains(name), "{name} is in {told}");
    }
    assert!(told.contains("firefox") && told.contains("a.example") && told.contains("Work"));
    let timeline = watched.timeline(ada.user).await;
    assert_eq!(
        timeline,
        [
            (0, 2, "firefox".to_owned()),
            (2, 4, "firefox a.example".to_owned()),
            (4, 10, "firefox".to_owned()),
            (20, 30, "Work".to_owned()),
        ]
    );
}

#[tokio::test]
async fn what_counts_for_nothing_is_not_kept_and_has_no_number() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    let (id, _) = watched.beat(&ada, &(0, "notes", 0, app("Editor"))).await;
    assert_eq!(id, None);
    let ids = watched.node.insert(&ada, "notes", &[sent(0, 1, app("Editor"))]).await;
    assert_eq!(ids.expect("taken"), [None]);
    assert!(!format!("{:?}", watched.watching).contains("Editor"));
}

#[tokio::test]
async fn an_event_is_taken_from_as_long_ago_as_claims_are_to_a_day_ahead() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    let oldest = NOW.before(Rules::default().age_max);
    let stretch = |start: i64, end: i64| SentEvent {
        id: None,
        stretch: Stretch {
            start_us: start * 1_000,
            end_us: end * 1_000,
        },
        tells: app("Editor"),
    };
    let taken = async |event: SentEvent| watched.node.heartbeat(&ada, WINDOWS, (event, 0)).await;
    let (_, kept) = taken(stretch(oldest.0 - 9_000, oldest.0)).await.expect("taken");
    assert_eq!((kept.start_us, kept.end_us), (oldest.0 * 1_000, oldest.0 * 1_000));
    let old = taken(stretch(oldest.0 - 9_000, oldest.0 - 1)).await;
    assert!(matches!(old, Err(WatchError::TooOld(at)) if at == oldest));
    let day = 86_400_000;
    taken(stretch(NOW.0 + day, NOW.0 + day)).await.expect("taken");
    for start in [NOW.0 + day + 1, NOW.0] {
        let ahead = taken(stretch(start, NOW.0 + day + 1)).await;
        assert!(matches!(ahead, Err(WatchError::InFuture(at)) if at == NOW));
    }
    let many = [sent(0, 1, app("Editor")), stretch(0, 1)];
    assert!(matches!(
        watched.node.insert(&ada, WINDOWS, &many).await,
        Err(WatchError::TooOld(_))
    ));
}

#[tokio::test]
async fn what_is_ahead_of_the_clock_is_claimed_when_it_may_be() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    let ahead = AGO + 3_600;
    ten_seconds(&watched, &ada, ahead, "Editor").await;
    assert_eq!(watched.timeline(ada.user).await, []);
    watched.world.clock.advance(Duration::from_mins(62));
    watched.upkeep().claim_left_behind().await.expect("done");
    assert_eq!(
        watched.timeline(ada.user).await,
        [(ahead, ahead + 10, "Editor".to_owned())]
    );
    assert_eq!(watched.watching.marked(), 0);
}

#[tokio::test]
async fn what_is_too_old_is_forgotten_and_its_watcher_can_go_on() {
    let watched = Watched::new();
    let ada = caller(1);
    watched.buckets(&ada).await;
    ten_seconds(&watched, &ada, 0, "Editor").await;
    let upkeep = watched.upkeep();
    assert_eq!(upkeep.forget_old().await.expect("done"), 0);
    watched
        .world
        .clock
        .advance(Rules::default().age_max + Duration::from_hours(3));
    assert_eq!(upkeep.forget_old().await.expect("done"), 2);
    assert_eq!(watched.node.count(&ada, WINDOWS, ALL).await.expect("counted"), 0);
    // A watcher makes its buckets when it starts, however long it is silent then.
    let later = AGO + 90 * 86_400 + 3 * 3_600 - 60;
    ten_seconds(&watched, &ada, later, "Editor").await;
    assert_eq!(watched.node.count(&ada, WINDOWS, ALL).await.expect("counted"), 1);
    assert_eq!(watched.watching.marked(), 0);
}

#[tokio::test]
async fn importing_twice_is_importing_once() {
    let watched = Watched::new();
    let ada = caller(1);
    let events: Vec<SentEvent> = (0..20).map(|number| sent(number * 60, 30, app("Editor"))).collect();
    for _ in 0..2 {
        let done = watched
            .node
            .import(&ada, &bucket(WINDOWS, "currentwindow"), &events)
            .await;
        done.expect("imported");
        assert_eq!(watched.node.count(&ada, WINDOWS, ALL).await.expect("counted"), 20);
    }
    let done = watched
        .node
        .import(&ada, &bucket(AFK, "afkstatus"), &[sent(0, 90, here())])
        .await;
    done.expect("imported");
    let expected = [(0, 30, "Editor".to_owned()), (60, 90, "Editor".to_owned())];
    assert_eq!(watched.timeline(ada.user).await, expected);
}

/// A linear congruential generator (Knuth's MMIX), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = i64::try_from(self.0 >> 33).expect("31 bits");
        high % bound
    }
}

/// The watchers of a device in two hours, each in its own order.
fn watchers(dice: &mut Dice) -> [Vec<Beat>; 3] {
    const NAMES: [&str; 4] = ["Editor", "Terminal", "firefox", "Mail"];
    const SITES: [&str; 3] = ["a.example", "b.example", "c.example"];
    let (mut windows, mut second, mut name) = (Vec::new(), 0, 0);
    while second < AGO - 60 {
        name = (name + 1 + dice.below(3)) % 4;
        let until = second + 3 + dice.below(57);
        let which = NAMES[usize::try_from(name).expect("small")];
        windows.extend((second..until).map(|second| (second, WINDOWS, 2, app(which))));
        second = until;
    }
    let beats = (0..AGO / 5).map(|number| number * 5);
    let presence = beats
        .filter(|second| second % 2_400 < 1_700)
        .map(|second| (second, AFK, 185, here()))
        .collect();
    let (mut tabs, mut site_number) = (Vec::new(), 0);
    for second in (0..AGO - 60).step_by(45) {
        site_number = (site_number + 1 + dice.below(2)) % 3;
        let host = SITES[usize::try_from(site_number).expect("small")];
        tabs.extend([second, second + 44].map(|second| (second, WEB, 80, site(host))));
    }
    [windows, presence, tabs]
}

#[tokio::test]
async fn ten_thousand_heartbeats_of_two_devices_late_and_anyhow_give_the_timeline_of_the_ordered_run() {
    let mut dice = Dice(20_260_301);
    let devices = [watchers(&mut dice), watchers(&mut dice)];
    let count: usize = devices.iter().flatten().map(Vec::len).sum();
    assert!(count >= 10_000, "{count}");
    let of_device = |number: u128| Caller {
        device: caller(number).device,
        precedence: i32::try_from(number).expect("small"),
        ..caller(1)
    };
    let ordered = Watched::new();
    for (number, watchers) in (1..).zip(&devices) {
        ordered.buckets(&of_device(number)).await;
        let mut beats: Vec<&Beat> = watchers.iter().flatten().collect();
        beats.sort_by_key(|(second, ..)| *second);
        for beat in beats {
            ordered.beat(&of_device(number), beat).await;
        }
    }
    let expected = ordered.timeline(caller(1).user).await;
    assert!(expected.len() > 100);
    for seed in 1..=2 {
        let (late, mut dice) = (Watched::new(), Dice(seed));
        let mut queues: Vec<(Caller, std::slice::Iter<'_, Beat>)> = Vec::new();
        for (number, watchers) in (1..).zip(&devices) {
            late.buckets(&of_device(number)).await;
            queues.extend(watchers.iter().map(|beats| (of_device(number), beats.iter())));
        }
        let mut sent: i64 = 0;
        while !queues.is_empty() {
            // Whoever's turn it is delivers some of what it kept; and the queue is away every now and then.
            let turn = usize::try_from(dice.below(i64::try_from(queues.len()).expect("few"))).expect("small");
            let some = 1 + usize::try_from(dice.below(400)).expect("small");
            let (by, beats) = &mut queues[turn];
            for beat in beats.by_ref().take(some) {
                sent += 1;
                late.world.queue.fail(sent % 97 < 20);
                late.beat(by, beat).await;
            }
            queues.retain(|(_, beats)| !beats.as_slice().is_empty());
        }
        late.world.queue.fail(false);
        late.world.clock.advance(Duration::from_secs(61));
        late.upkeep().claim_left_behind().await.expect("done");
        assert_eq!(late.watching.marked(), 0);
        assert_eq!(late.timeline(caller(1).user).await, expected, "seed {seed}");
    }
}

/// Rules belong to people who are there.
struct MemoryPeople<'a>(&'a MemoryAccounts);

impl MemoryPeople<'_> {
    async fn register(&mut self, user: UserId) {
        use domain::accounts::{Email, FullName, User};
        use ports::accounts::{PasswordHash, Users};
        let person = User {
            id: user,
            email: Email::parse(&format!("{}@example.org", user.0.simple())).expect("an address"),
            full_name: FullName::parse("Ada").expect("a name"),
            timezone: "UTC".parse().expect("a zone"),
            day_start: domain::accounts::DayStart::default(),
            heartbeat_timeout: domain::usage::Patience::default(),
            created_at: NOW,
        };
        let entry = SecurityEntry {
            id: EntryId(user.0),
            user: Some(user),
            at: NOW,
            event: SecurityEvent::Registered,
            device: None,
            session: None,
            address: None,
            count: None,
        };
        let kept = self.0.insert(&person, &PasswordHash(String::new()), &entry).await;
        assert!(kept.expect("kept"));
    }
}
