//! History from other trackers: in through its door, behind everything else, and foretold.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::accounts::{Caller, DayStart, DeviceId, Email, EntryId, FullName, ImportSource, SecurityEntry};
use domain::accounts::{SecurityEvent, User, UserId};
use domain::privacy::{PlainRule, PrivacyRules};
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{
    Arrival, Attention, Context, Forecast, HeartbeatPing, Kind, Label, Patience, Ping, Rules, Segment,
};
use ports::accounts::{
    IMPORT_DEVICES_MAX, ImportDevices, PasswordHash, PrivacyStore, ProfileChange, RulesChange, Users,
};
use ports::reports::TimelineReader;
use ports::usage::{Batch, OwnTimeline, Part, PingSource};
use services::usage::{Foretold, History, ImportError, ImportHistory, Imported, MergePings};
use testkit::clock::TestIds;

use crate::world::{NOW, World, caller, numbered, ping, span};

/// How long ago what is imported at random was.
const PAST: i64 = 3 * 365 * DAY_MS;

fn import(world: &World) -> ImportHistory {
    ImportHistory {
        queue: Arc::new(world.queue.clone()),
        pending: Arc::new(world.queue.clone()),
        devices: world.accounts.clone(),
        timeline: world.timelines.clone(),
        privacy: world.rules_in_force(),
        rules: Rules {
            age_max: Rules::IMPORT_AGE_MAX,
            ..Rules::default()
        },
        clock: world.clock.clone(),
        ids: Arc::new(TestIds::default()),
    }
}

fn history(source: &str, pings: Vec<Ping>, heartbeats: Vec<HeartbeatPing>) -> History {
    History {
        source: ImportSource::parse(source).expect("a source"),
        pings,
        heartbeats,
    }
}

fn heartbeat(after_secs: i64) -> HeartbeatPing {
    HeartbeatPing {
        at: NOW.plus_ms(after_secs * 1_000),
        label: Label::trusted("vim", None),
        attention: Attention::Active,
        context: Context::of_kind(Kind::File),
        patience: Patience::default(),
    }
}

fn beat_patience(secs: i64) -> Patience {
    Patience::from_secs(secs).expect("in range")
}

/// Has the heartbeats of the person wait so long for a later one from now on.
async fn with_timeout(world: &World, caller: &Caller, secs: i64) {
    let change = ProfileChange {
        heartbeat_timeout: Some(beat_patience(secs)),
        ..ProfileChange::default()
    };
    world.accounts.update(caller.user, &change).await.expect("kept");
}

async fn registered(world: &World, caller: &Caller, timeout_secs: i64) {
    let user = User {
        id: caller.user,
        email: Email::parse(&format!("{}@example.org", caller.user)).expect("an address"),
        full_name: FullName::parse("Ada").expect("a name"),
        timezone: "UTC".parse().expect("a zone"),
        day_start: DayStart::default(),
        heartbeat_timeout: Patience::from_secs(timeout_secs).expect("in range"),
        created_at: NOW,
    };
    let entry = entry(caller, SecurityEvent::Registered);
    let kept = world
        .accounts
        .insert(&user, &PasswordHash("x".to_owned()), &entry)
        .await;
    assert!(kept.expect("the accounts are there"));
}

fn entry(caller: &Caller, event: SecurityEvent) -> SecurityEntry {
    SecurityEntry {
        id: EntryId(caller.session.0),
        user: Some(caller.user),
        at: NOW,
        event,
        device: None,
        session: None,
        address: None,
        count: None,
    }
}

/// Has the person exclude an application and rename another.
async fn with_rules(world: &World, caller: &Caller) {
    let rule = |app: &str, action: &str, to: Option<&str>| PlainRule {
        app: Some(app.to_owned()),
        site: None,
        action: action.to_owned(),
        to: to.map(str::to_owned),
    };
    let rules = [rule("Secret", "exclude", None), rule("Draft", "rename", Some("Editor"))];
    let change = RulesChange {
        user: caller.user,
        seen: 0,
        rules: PrivacyRules::parse(&rules).expect("sound rules"),
        entry: entry(caller, SecurityEvent::PrivacyRulesChanged),
    };
    world.accounts.change(&change).await.expect("kept");
}

/// What waits in the bulk lane, taken.
async fn taken(world: &World) -> Batch {
    let live = world.source.take(0, Part::Live, Batch::ARRIVALS_MAX).await;
    assert_eq!(live.expect("there"), None, "nothing goes before live pings");
    let taken = world.source.take(0, Part::Bulk, Batch::ARRIVALS_MAX).await;
    taken.expect("there").expect("a batch")
}

async fn merge_all(world: &World) {
    let merge = MergePings::new(world.timelines.clone(), world.source.clone());
    for part in [Part::Live, Part::Bulk] {
        while let Some(batch) = world.source.take(0, part, Batch::ARRIVALS_MAX).await.expect("there") {
            merge.merge(&batch).await.expect("merged");
        }
    }
}

fn refused(outcome: Result<Imported, ImportError>) -> (&'static str, &'static str) {
    match outcome {
        Err(ImportError::Invalid(fault)) => (fault.field, fault.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn history_goes_by_the_bulk_lane_as_that_of_a_device_below_the_callers_without_numbers() {
    let world = World::new();
    let ada = caller(1);
    registered(&world, &ada, 900).await;
    let sent = history("Old", vec![numbered(ping("Editor", -10, -5), 7)], vec![heartbeat(-60)]);
    let imported = import(&world).import(&ada, sent).await.expect("kept");
    assert_eq!((imported.accepted, imported.excluded), (2, 0));
    assert_eq!(imported.patience, Some(beat_patience(900)));
    let devices = ImportDevices::list(&*world.accounts, ada.user).await.expect("listed");
    let [device] = devices.as_slice() else {
        panic!("{devices:?}")
    };
    let batch = taken(&world).await;
    let [Arrival::Claim { claim, seq: None }, Arrival::Heartbeat { heartbeat }] = batch.arrivals.as_slice() else {
        panic!("{batch:?}")
    };
    let rank = claim.segment.holder.rank;
    assert_eq!((claim.user, rank.device, rank.precedence), (ada.user, device.id, 0));
    let beat = &heartbeat.beat;
    assert_eq!((heartbeat.user, beat.device, beat.precedence), (ada.user, device.id, 0));
    assert_eq!(beat.patience.secs(), 900, "the person's own");
}

#[tokio::test]
async fn what_is_excluded_is_counted_and_makes_no_device() {
    let world = World::new();
    let ada = caller(1);
    registered(&world, &ada, 600).await;
    with_rules(&world, &ada).await;
    let door = import(&world);
    let secret = || ping("Secret", -10, -5);
    let none = door
        .import(&ada, history("Old", vec![secret()], vec![]))
        .await
        .expect("kept");
    assert_eq!((none.accepted, none.excluded), (0, 1));
    assert_eq!(
        ImportDevices::list(&*world.accounts, ada.user).await.expect("listed"),
        []
    );
    world.assert_settled().await;
    let some = vec![secret(), ping("Draft", -10, -5)];
    let some = door.import(&ada, history("Old", some, vec![])).await.expect("kept");
    assert_eq!((some.accepted, some.excluded), (1, 1));
    let batch = taken(&world).await;
    let [Arrival::Claim { claim, .. }] = batch.arrivals.as_slice() else {
        panic!("{batch:?}")
    };
    assert_eq!(claim.segment.holder.label, Label::trusted("Editor", None));
}

#[tokio::test]
async fn a_source_too_many_and_an_account_that_is_gone_are_refused() {
    let world = World::new();
    let ada = caller(1);
    let one = |source: &str| history(source, vec![ping("Editor", -10, -5)], vec![]);
    let door = import(&world);
    let gone = door.import(&ada, one("Old")).await;
    assert!(matches!(gone, Err(ImportError::AccountGone)));
    registered(&world, &ada, 600).await;
    for number in 0..IMPORT_DEVICES_MAX {
        door.import(&ada, one(&number.to_string())).await.expect("kept");
    }
    assert_eq!(refused(door.import(&ada, one("Old")).await), ("source", "too_many"));
    let foretold = door
        .foretell(&ada, one("Old"), None)
        .await
        .map(|foretold| foretold.imported);
    assert_eq!(refused(foretold), ("source", "too_many"));
    door.import(&ada, one("0")).await.expect("it is known");
}

#[tokio::test]
async fn nothing_is_kept_while_anything_is_away() {
    let world = World::new();
    let ada = caller(1);
    registered(&world, &ada, 600).await;
    let door = import(&world);
    let one = || history("Old", vec![ping("Editor", -10, -5)], vec![]);
    // The rules are known from here on.
    door.import(&ada, one()).await.expect("kept");
    merge_all(&world).await;
    let is_away = |outcome: Result<Imported, ImportError>| match outcome {
        Err(ImportError::Outside(error)) => assert!(error.is_unavailable()),
        other => panic!("{other:?}"),
    };
    world.queue.fail(true);
    is_away(door.import(&ada, one()).await);
    let foretold = door.foretell(&ada, one(), None).await;
    is_away(foretold.map(|foretold| foretold.imported));
    world.queue.fail(false);
    world.accounts.fail(true);
    is_away(door.import(&ada, one()).await);
    world.accounts.fail(false);
    world.timelines.fail(true);
    is_away(door.foretell(&ada, one(), None).await.map(|foretold| foretold.imported));
    world.timelines.fail(false);
    world.assert_settled().await;
}

#[tokio::test]
async fn what_lies_in_31_days_is_foretold_and_a_millisecond_more_is_not() {
    let world = World::new();
    let ada = caller(1);
    registered(&world, &ada, 600).await;
    let door = import(&world);
    let days = 31 * DAY_MS;
    let at = |ms: i64, label: &str| Ping {
        span: Span::new(NOW.plus_ms(ms), NOW.plus_ms(ms + 1)).expect("not empty"),
        ..ping(label, 0, 1)
    };
    let point = |ms: i64| HeartbeatPing {
        at: NOW.plus_ms(ms),
        ..heartbeat(0)
    };
    for (pings, points, field) in [
        (vec![at(-days, "a"), at(-1, "a")], vec![], None),
        (vec![at(-days, "a"), at(0, "a")], vec![], Some("pings")),
        (vec![at(-days, "a")], vec![point(0)], None),
        (vec![at(-days, "a")], vec![point(1)], Some("heartbeats")),
        (vec![], vec![point(-days), point(0)], None),
        (vec![at(0, "a")], vec![point(-days)], Some("pings")),
    ] {
        let foretold = door.foretell(&ada, history("Old", pings, points), None).await;
        let told = foretold.map(|foretold| foretold.imported);
        match field {
            Some(field) => assert_eq!(refused(told), (field, "too_long")),
            None => assert!(told.is_ok(), "{told:?}"),
        }
    }
}

/// Numbers that look random and are the same for a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn ms(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).expect("small")
    }

    fn label(&mut self) -> Label {
        match self.below(5) {
            0 => Label::trusted("Secret", None),
            1 => Label::trusted("Draft", None),
            2 => Label::trusted("Browser", Some("example.org")),
            3 => Label::trusted("Browser", None),
            _ => Label::trusted("Editor", None),
        }
    }

    /// Within half a day, three years back; so close together that most overlap.
    fn at(&mut self) -> UnixMs {
        NOW.plus_ms(self.ms(12 * 3_600_000) - PAST)
    }

    fn ping(&mut self) -> Ping {
        let start = self.at();
        Ping {
            span: Span::new(start, start.plus_ms(1 + self.ms(1_800_000))).expect("not empty"),
            label: self.label(),
            attention: if self.below(3) == 0 {
                Attention::Passive
            } else {
                Attention::Active
            },
            seq: None,
        }
    }

    fn history(&mut self, source: &str) -> History {
        let pings = (0..self.below(20)).map(|_| self.ping()).collect();
        let points = (0..=self.below(30)).map(|_| HeartbeatPing {
            at: self.at(),
            label: self.label(),
            ..heartbeat(0)
        });
        let points = points.collect();
        history(source, pings, points)
    }
}

/// What is stored of the time that is imported at random.
async fn stored(world: &World, user: UserId) -> Vec<Segment> {
    let window = Span::new(NOW.plus_ms(-PAST - DAY_MS), NOW.plus_ms(-PAST + 2 * DAY_MS)).expect("not empty");
    world.timelines.pieces(user, window).await.expect("read")
}

/// What became otherwise, by application: milliseconds that were nobody's, and milliseconds of another label.
fn changed(before: &[Segment], after: &[Segment]) -> BTreeMap<String, (i64, i64)> {
    let mut ends: Vec<UnixMs> = before
        .iter()
        .chain(after)
        .flat_map(|piece| [piece.span.start(), piece.span.end()])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let holding = |pieces: &[Segment], part: Span| {
        let piece = pieces.iter().find(|piece| piece.span.clip(part).is_some());
        piece.map(|piece| piece.holder.label.clone())
    };
    let mut changed: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for part in ends.windows(2).filter_map(|pair| Span::new(pair[0], pair[1])) {
        let Some(label) = holding(after, part) else { continue };
        let of_app = label.app_name.as_str().to_owned();
        match holding(before, part) {
            None => changed.entry(of_app).or_default().0 += part.ms(),
            Some(old) if old != label => changed.entry(of_app).or_default().1 += part.ms(),
            Some(_) => {}
        }
    }
    changed
}

fn by_app(forecast: &Forecast) -> BTreeMap<String, (i64, i64)> {
    let items = forecast.items.iter();
    items
        .map(|item| (item.app_name.as_str().to_owned(), (item.added_ms, item.replaced_ms)))
        .collect()
}

#[tokio::test]
async fn what_is_foretold_is_what_the_merge_then_does_and_nothing_the_second_time() {
    let mut random = Random(20_260_301);
    let mut replaced = 0;
    for round in 0..60 {
        let world = World::new();
        let ada = caller(1);
        registered(&world, &ada, 600).await;
        with_rules(&world, &ada).await;
        let door = import(&world);
        // What a device saw that is signed in, and what was imported before from here and elsewhere.
        let live = (0..random.below(30)).map(|_| random.ping().sent_by(&ada)).collect();
        world.push(live).await;
        for source in ["Old", "Older", "Old"] {
            let past = random.history(source);
            door.import(&ada, past).await.expect("kept");
        }
        merge_all(&world).await;

        let sent = random.history("Old");
        let before = stored(&world, ada.user).await;
        let foretold = door.foretell(&ada, sent.clone(), None).await.expect("told");
        assert!(!foretold.is_early);
        let (foreseen, forecast) = (foretold.imported, foretold.forecast);
        assert_eq!(stored(&world, ada.user).await, before);
        world.assert_settled().await;
        let imported = door.import(&ada, sent.clone()).await.expect("kept");
        assert_eq!(foreseen, imported);
        merge_all(&world).await;
        let after = stored(&world, ada.user).await;
        assert_eq!(by_app(&forecast), changed(&before, &after), "round {round}");
        replaced += forecast.replaced_ms;

        let again = door.foretell(&ada, sent, None).await.expect("told").forecast;
        let kept_ms = forecast.added_ms + forecast.replaced_ms + forecast.kept_ms;
        let nothing = Forecast {
            kept_ms,
            ..Forecast::default()
        };
        assert_eq!(again, nothing, "round {round}");
    }
    assert!(replaced > 0, "what was imported before is relabelled now and then");
}

#[tokio::test]
async fn the_parts_of_a_history_are_told_as_the_whole_is_though_heartbeats_reach_across_them() {
    let mut random = Random(20_261_122);
    let mut shared_ms = 0;
    for round in 0..60 {
        let world = World::new();
        let ada = caller(1);
        registered(&world, &ada, 900).await;
        let door = import(&world);
        let live = (0..random.below(20)).map(|_| random.ping().sent_by(&ada)).collect();
        world.push(live).await;
        let points = |random: &mut Random| {
            let mut points = random.history("Old").heartbeats;
            points.sort_by_key(|beat| beat.at);
            points.dedup_by_key(|beat| beat.at);
            points
        };
        // Some of the same points, and others between them.
        let all = points(&mut random);
        let known = all.iter().filter(|_| random.below(3) == 0).cloned().collect::<Vec<_>>();
        // Time up to a heartbeat of another part that only others claim is there, and the part need not say so.
        let has_others = round % 2 == 1;
        let others = if has_others { points(&mut random) } else { Vec::new() };
        door.import(&ada, history("Old", vec![], [known, others].concat()))
            .await
            .expect("kept");
        merge_all(&world).await;
        let whole = door.foretell(&ada, history("Old", vec![], all.clone()), None);
        let whole = whole.await.expect("told").forecast;
        let (mut sums, mut apart_ms, mut from) = ((0, 0, 0), 0, 0);
        while from < all.len() {
            let to = (from + 1 + usize::try_from(random.below(5)).expect("small")).min(all.len());
            // The first of the next part, so that the last one of this claims as far as it will.
            let part = || history("Old", vec![], all[from..(to + 1).min(all.len())].to_vec());
            let begin = if from == 0 { UnixMs(i64::MIN) } else { all[from].at };
            let within = Span::new(begin, all.get(to).map_or(UnixMs(i64::MAX), |beat| beat.at));
            let told = door.foretell(&ada, part(), within).await.expect("told").forecast;
            sums = (sums.0 + told.added_ms, sums.1 + told.replaced_ms, sums.2 + told.kept_ms);
            let apart = door.foretell(&ada, part(), None).await.expect("told").forecast;
            apart_ms += apart.added_ms + apart.replaced_ms + apart.kept_ms;
            from = to;
        }
        assert_eq!((sums.0, sums.1), (whole.added_ms, whole.replaced_ms), "round {round}");
        let is_kept = if has_others {
            sums.2 <= whole.kept_ms
        } else {
            sums.2 == whole.kept_ms
        };
        assert!(is_kept, "round {round}: {} of {}", sums.2, whole.kept_ms);
        shared_ms += apart_ms - sums.0 - sums.1 - sums.2;
    }
    assert!(shared_ms > 0, "without their bounds the parts share time");
}

#[tokio::test]
async fn a_dry_run_says_whether_it_comes_before_what_was_imported_is_merged() {
    let world = World::new();
    let (ada, bob) = (caller(1), caller(2));
    registered(&world, &ada, 600).await;
    registered(&world, &bob, 600).await;
    let door = import(&world);
    let one = || history("Old", vec![ping("Editor", -10, -5)], vec![]);
    let told = async |person: &Caller| {
        let Foretold { forecast, is_early, .. } = door.foretell(person, one(), None).await.expect("told");
        (forecast.added_ms, forecast.kept_ms, is_early)
    };
    assert_eq!(told(&ada).await, (5_000, 0, false));
    door.import(&ada, one()).await.expect("kept");
    assert_eq!(told(&ada).await, (5_000, 0, true));
    assert_eq!(told(&bob).await, (5_000, 0, false), "another's is nothing to them");
    merge_all(&world).await;
    assert_eq!(told(&ada).await, (0, 5_000, false));
    // What a tracker sends now changes nothing of that.
    world.push(vec![ping("Live", 100, 200).sent_by(&ada)]).await;
    assert_eq!(told(&ada).await, (0, 5_000, false));
    merge_all(&world).await;
}

#[tokio::test]
async fn the_same_again_changes_nothing_whatever_the_persons_timeout_is_by_then() {
    let world = World::new();
    let ada = caller(1);
    registered(&world, &ada, 600).await;
    let door = import(&world);
    // 11 minutes apart: with the time-out of the first import nobody's, with the second one claimed.
    let dump = || history("wakatime", vec![], [0, 300, 960].map(heartbeat).to_vec());
    let minutes = |from: i64, to: i64| span(from * 60, to * 60);
    let held_ms = async |world: &World| {
        let pieces = world.timelines.pieces(ada.user, minutes(-1, 30)).await.expect("read");
        pieces.iter().map(|piece| piece.span.ms()).sum::<i64>()
    };
    door.import(&ada, dump()).await.expect("kept");
    merge_all(&world).await;
    assert_eq!(held_ms(&world).await, 300_000);
    for secs in [900, 60] {
        with_timeout(&world, &ada, secs).await;
        let foretold = door.foretell(&ada, dump(), None).await.expect("told");
        let (foreseen, forecast) = (foretold.imported, foretold.forecast);
        assert_eq!(foreseen.patience, Some(beat_patience(600)));
        let nothing = Forecast {
            kept_ms: 300_000,
            ..Forecast::default()
        };
        assert_eq!(forecast, nothing);
        assert_eq!(door.import(&ada, dump()).await.expect("kept"), foreseen);
        merge_all(&world).await;
        assert_eq!(held_ms(&world).await, 300_000);
        let near = [(device_of(&world, &ada).await, minutes(-1, 30))];
        let points = world.timelines.beats(ada.user, &near).await.expect("read");
        assert_eq!(points.len(), 3, "no point is there twice");
    }
    // A source that is new goes by what is set now.
    with_timeout(&world, &ada, 900).await;
    let fresh = History {
        source: ImportSource::parse("another").expect("a source"),
        ..dump()
    };
    let fresh = door.foretell(&ada, fresh, None).await.expect("told");
    assert_eq!(fresh.imported.patience, Some(beat_patience(900)));
}

/// The device of the only source.
async fn device_of(world: &World, caller: &Caller) -> DeviceId {
    let devices = ImportDevices::list(&*world.accounts, caller.user)
        .await
        .expect("listed");
    devices[0].id
}

#[tokio::test]
async fn of_an_instant_that_both_claim_a_device_that_signs_in_keeps_it() {
    let world = World::new();
    let ada = caller(1);
    registered(&world, &ada, 600).await;
    let door = import(&world);
    world.push(vec![ping("Live", 100, 200).sent_by(&ada)]).await;
    merge_all(&world).await;
    let sent = history("Old", vec![ping("Past", 50, 250)], vec![]);
    let Foretold { forecast, .. } = door.foretell(&ada, sent.clone(), None).await.expect("told");
    assert_eq!(
        (forecast.added_ms, forecast.replaced_ms, forecast.kept_ms),
        (100_000, 0, 100_000)
    );
    door.import(&ada, sent).await.expect("kept");
    merge_all(&world).await;
    let pieces = world.timelines.pieces(ada.user, span(0, 300)).await.expect("read");
    let labels: Vec<_> = pieces
        .iter()
        .map(|piece| piece.holder.label.app_name.as_str())
        .collect();
    assert_eq!(labels, ["Past", "Live", "Past"]);
    // Also where it comes afterwards.
    world.push(vec![ping("Late", 200, 220).sent_by(&ada)]).await;
    merge_all(&world).await;
    let pieces = world.timelines.pieces(ada.user, span(205, 206)).await.expect("read");
    assert_eq!(pieces[0].holder.label, Label::trusted("Late", None));
    assert_ne!(pieces[0].holder.rank.device, DeviceId(uuid::Uuid::nil()));
}
