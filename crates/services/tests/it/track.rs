//! Pings in through the door.

use std::sync::Arc;

use domain::accounts::{DayStart, Email, EntryId, FullName, SecurityEntry, SecurityEvent, User, UserId};
use domain::privacy::{PlainRule, PrivacyRules};
use domain::usage::{Arrival, Attention, Context, HeartbeatPing, Kind, Label, Patience, Rules, Seq};
use ports::accounts::{PasswordHash, PrivacyStore, RulesChange, RulesOutcome, Users};
use ports::usage::{Batch, Part, PingSource};
use services::usage::{MergePings, TrackPings};

use crate::world::{NOW, World, caller, numbered, ping};

fn track(world: &World) -> TrackPings {
    let rules = world.rules_in_force();
    TrackPings::new(
        Arc::new(world.queue.clone()),
        world.clock.clone(),
        Rules::default(),
        rules,
    )
}

#[tokio::test]
async fn a_ping_becomes_a_claim_of_its_caller_and_nobody_else() {
    let world = World::new();
    let caller = caller(1);
    track(&world)
        .track(&caller, vec![ping("Editor", -10, -5)], vec![])
        .await
        .expect("kept");
    let batch = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    let [Arrival::Claim { claim, seq: None }] = batch.arrivals.as_slice() else {
        panic!("{batch:?}")
    };
    let rank = claim.segment.holder.rank;
    assert_eq!(
        (claim.user, rank.device, rank.precedence),
        (caller.user, caller.device, caller.precedence)
    );
}

#[tokio::test]
async fn the_numbers_of_refused_pings_are_settled_with_the_others() {
    let world = World::new();
    let pings = vec![numbered(ping("Editor", -10, -5), 1), numbered(ping("Editor", -5, 0), 3)];
    let refused = vec![Some(Seq::new(2).expect("in range")), None];
    track(&world).track(&caller(1), pings, refused).await.expect("kept");
    let batch = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    MergePings::new(world.timelines.clone(), world.source.clone())
        .merge(&batch)
        .await
        .expect("merged");

    let again = track(&world)
        .track(&caller(1), vec![numbered(ping("Editor", 0, 1), 4)], vec![])
        .await
        .expect("kept");
    assert_eq!(again.merged_through, Some(3));
}

#[tokio::test]
async fn nothing_to_keep_touches_nothing() {
    let world = World::new();
    world.queue.fail(true);
    let tracked = track(&world)
        .track(&caller(1), vec![], vec![])
        .await
        .expect("nothing was asked of the queue");
    assert_eq!(tracked.merged_through, None);
}

#[tokio::test]
async fn a_queue_that_is_away_is_no_202() {
    let world = World::new();
    world.queue.fail(true);
    let refused = track(&world)
        .track(&caller(1), vec![ping("Editor", -10, -5)], vec![])
        .await
        .expect_err("away");
    assert!(refused.is_unavailable());
}

fn heartbeat(after_secs: i64) -> HeartbeatPing {
    HeartbeatPing {
        at: NOW.plus_ms(after_secs * 1_000),
        label: Label::trusted("Editor", None),
        attention: Attention::Active,
        context: Context::of_kind(Kind::File),
        patience: Patience::default(),
    }
}

#[tokio::test]
async fn a_heartbeat_becomes_a_point_of_its_caller_and_none_touches_nothing() {
    let world = World::new();
    let caller = caller(1);
    let track = track(&world);
    track
        .track_heartbeats(&caller, vec![heartbeat(-60)])
        .await
        .expect("kept");
    let taken = world.source.take(0, Part::Live, Batch::ARRIVALS_MAX).await;
    let batch = taken.expect("there").expect("a batch");
    let [Arrival::Heartbeat { heartbeat: point }] = batch.arrivals.as_slice() else {
        panic!("{batch:?}")
    };
    assert_eq!(
        (point.user, point.beat.device, point.beat.precedence, point.beat.at),
        (caller.user, caller.device, caller.precedence, NOW.plus_ms(-60_000))
    );
    world.queue.fail(true);
    track
        .track_heartbeats(&caller, Vec::new())
        .await
        .expect("nothing was asked of the queue");
    let refused = track.track_heartbeats(&caller, vec![heartbeat(0)]).await;
    assert!(refused.expect_err("away").is_unavailable());
}

#[tokio::test]
async fn a_heartbeat_may_be_as_old_as_a_ping_and_no_further_ahead() {
    let now = track(&World::new()).now();
    assert_eq!(now.instant(NOW.plus_ms(120_000)), Ok(NOW.plus_ms(120_000)));
    let faults = now.instant(NOW.plus_ms(120_001)).expect_err("ahead");
    assert_eq!((faults[0].field, faults[0].code), ("time", "in_future"));
}

/// Excludes applications that begin with `secret` and renames `draft`.
async fn rules(world: &World) {
    let rule = |app: &str, action: &str, to: Option<&str>| PlainRule {
        app: Some(app.to_owned()),
        action: action.to_owned(),
        to: to.map(str::to_owned),
        ..PlainRule::default()
    };
    let rules = [
        rule("secret*", "exclude", None),
        rule("draft", "rename", Some("Editor")),
    ];
    let (user, entry) = (caller(1).user, registration());
    let kept = world
        .accounts
        .insert(&person(user), &PasswordHash(String::new()), &entry)
        .await;
    assert!(kept.expect("there"));
    let change = RulesChange {
        user,
        seen: 0,
        rules: PrivacyRules::parse(&rules).expect("rules"),
        entry,
    };
    let changed = world.accounts.change(&change).await.expect("there");
    assert_eq!(changed, RulesOutcome::Changed(1));
}

fn person(id: UserId) -> User {
    User {
        id,
        email: Email::parse("ada@example.org").expect("valid"),
        full_name: FullName::parse("Ada").expect("valid"),
        timezone: domain::reports::Zone::UTC,
        day_start: DayStart::default(),
        heartbeat_timeout: Patience::default(),
        created_at: NOW,
    }
}

fn registration() -> SecurityEntry {
    SecurityEntry {
        id: EntryId(caller(1).user.0),
        user: Some(caller(1).user),
        at: NOW,
        event: SecurityEvent::Registered,
        device: None,
        session: None,
        address: None,
        count: None,
    }
}

/// What waits, by the names of applications and by the numbers that are settled alone.
async fn waiting(world: &World) -> (Vec<String>, Vec<u64>) {
    let batch = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there");
    let (mut names, mut settled) = (Vec::new(), Vec::new());
    for arrival in batch.into_iter().flat_map(|batch| batch.arrivals) {
        match arrival {
            Arrival::Claim { claim, .. } => {
                names.push(claim.segment.holder.label.app_name.as_str().to_owned());
            }
            Arrival::Refused { seq, .. } => settled.push(seq.get()),
            Arrival::Heartbeat { .. } => panic!("nobody sent any"),
        }
    }
    (names, settled)
}

#[tokio::test]
async fn what_is_excluded_goes_nowhere_and_its_number_is_settled() {
    let world = World::new();
    rules(&world).await;
    let pings = vec![
        numbered(ping("Secret plans", -10, -5), 1),
        numbered(ping("Draft", -5, 0), 2),
        ping("SECRET", -15, -10),
        numbered(ping("Mail", -20, -15), 4),
        numbered(ping("Draft", -25, -20), 5),
        numbered(ping("Secret plans", -30, -25), 6),
    ];
    let refused = vec![Some(Seq::new(3).expect("in range"))];
    let tracked = track(&world).track(&caller(1), pings, refused).await.expect("kept");
    assert_eq!(tracked.excluded, 3);
    let kept = ["Editor", "Mail", "Editor"].map(str::to_owned).to_vec();
    let expected = (kept, vec![3, 1, 6]);
    assert_eq!(waiting(&world).await, expected);
}

#[tokio::test]
async fn a_heartbeat_that_is_excluded_goes_nowhere_and_one_that_is_renamed_goes_so() {
    let world = World::new();
    rules(&world).await;
    let of = |after_secs, app: &str| HeartbeatPing {
        label: Label::trusted(app, None),
        ..heartbeat(after_secs)
    };
    let track = track(&world);
    let sent = [
        (-60, "Secret plans"),
        (-30, "draft"),
        (-25, "Secret plans"),
        (-20, "Mail"),
        (-10, "draft"),
    ];
    let beats = sent.map(|(after_secs, app)| of(after_secs, app)).to_vec();
    track.track_heartbeats(&caller(1), beats).await.expect("kept");
    let taken = world.source.take(0, Part::Live, Batch::ARRIVALS_MAX).await;
    let batch = taken.expect("there").expect("a batch");
    let name = |arrival: &Arrival| match arrival {
        Arrival::Heartbeat { heartbeat } => heartbeat.beat.label.app_name.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    let names: Vec<String> = batch.arrivals.iter().map(name).collect();
    assert_eq!(names, ["Editor", "Mail", "Editor"]);
    world.queue.fail(true);
    let excluded = track.track_heartbeats(&caller(1), vec![of(-10, "secret")]).await;
    excluded.expect("nothing was asked of the queue");
}

#[tokio::test]
async fn where_all_is_excluded_and_nothing_numbered_the_queue_is_not_asked() {
    let world = World::new();
    rules(&world).await;
    world.queue.fail(true);
    let tracked = track(&world)
        .track(&caller(1), vec![ping("secret", -10, -5)], vec![])
        .await;
    assert_eq!(tracked.expect("nothing was asked of the queue").excluded, 1);
}

#[tokio::test]
async fn the_rules_of_one_person_say_nothing_of_anothers_pings() {
    let world = World::new();
    rules(&world).await;
    let tracked = track(&world)
        .track(&caller(2), vec![ping("secret", -10, -5)], vec![])
        .await;
    assert_eq!(tracked.expect("kept").excluded, 0);
    assert_eq!(waiting(&world).await, (vec!["secret".to_owned()], vec![]));
}

#[tokio::test]
async fn where_it_cannot_be_known_what_may_be_kept_nothing_is() {
    let world = World::new();
    let track = track(&world);
    world.accounts.fail(true);
    let numbers = vec![Some(Seq::new(1).expect("in range"))];
    let refused = track
        .track(&caller(1), vec![ping("Editor", -10, -5)], numbers.clone())
        .await;
    assert!(refused.expect_err("away").is_unavailable());
    world.assert_settled().await;
    // What is refused whatever the rules say needs no rules.
    track.track(&caller(1), vec![], numbers).await.expect("settled");
    assert_eq!(waiting(&world).await, (vec![], vec![1]));
}
