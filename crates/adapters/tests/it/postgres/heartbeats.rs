//! Heartbeats through the real store, in any order and with workers that run at the same time: the pieces, the points and the sums of one ordered run.

use std::collections::BTreeSet;
use std::sync::Arc;

use adapters::postgres::Timelines;
use domain::accounts::{DeviceId, UserId};
use domain::reports::{Dimension, SaidTally};
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{
    Arrival, Attention, Beat, Claim, Context, ContextText, Heartbeat, Holder, Kind, Label, Mention, Patience, Rank,
    Segment, Timeline, claims_of,
};
use ports::reports::{ContextReader, TimelineReader};
use ports::usage::TimelineStore;
use uuid::Uuid;

use super::merging::Dice;
use super::{MIDNIGHT, api_pool, database, pool};

/// How many heartbeats one person sends, from several devices.
const HEARTBEATS: usize = 10_000;
/// Over how many days.
const DAYS: i64 = 14;

/// A heartbeat, so many milliseconds after [`MIDNIGHT`].
pub fn heartbeat_of(user: u128, at: i64, device: u128, app: &str) -> Arrival {
    let beat = Beat {
        device: DeviceId(Uuid::from_u128(device)),
        at: UnixMs(MIDNIGHT + at),
        attention: Attention::Active,
        precedence: 1,
        label: Label::trusted(app, None),
        patience: Patience::default(),
    };
    let heartbeat = Heartbeat {
        user: UserId(Uuid::from_u128(user)),
        beat,
        context: Arc::new(Context::of_kind(Kind::File)),
    };
    Arrival::Heartbeat { heartbeat }
}

/// What somebody sends in two weeks around the end of a month: in bouts of work, from four devices, whose precedence and patience change on the way; and now and
/// then a ping.
fn sent(dice: &mut Dice) -> Vec<Arrival> {
    let mut at = -DAYS * DAY_MS / 2;
    let pace = DAYS * DAY_MS / i64::try_from(HEARTBEATS).expect("few");
    (0..HEARTBEATS)
        .map(|_| {
            let device = 1 + u128::from(dice.below(4));
            // Mostly close to the one before, sometimes out of anybody's reach.
            at += match dice.below(40) {
                0 => 16 * pace + below(dice, 30 * pace),
                _ => below(dice, pace),
            };
            let mut arrival = heartbeat_of(1, at, device, ["vim", "code", "firefox"][index(dice, 3)]);
            if let Arrival::Heartbeat { heartbeat } = &mut arrival {
                heartbeat.beat.precedence = i32::from(at > 0) + i32::from(device == 2);
                let secs = if at > DAY_MS { 300 } else { 900 };
                heartbeat.beat.patience = Patience::from_secs(secs).expect("in range");
                heartbeat.beat.attention = [Attention::Passive, Attention::Active][index(dice, 5).min(1)];
                heartbeat.context = Arc::new(context(dice));
            }
            if dice.below(20) == 0 {
                ping_at(&arrival)
            } else {
                arrival
            }
        })
        .collect()
}

fn context(dice: &mut Dice) -> Context {
    let mention = |dice: &mut Dice| match index(dice, 4) {
        0 => None,
        1 => Some(Mention::Last),
        name => Some(Mention::Named(ContextText::trusted(["daybook", "dotfiles"][name - 2]))),
    };
    Context {
        project: mention(dice),
        language: mention(dice),
        editor: Some(ContextText::trusted(["vim", "code"][index(dice, 2)])),
        ..Context::of_kind(Kind::File)
    }
}

/// A ping of ten minutes of the same device, from the heartbeat on.
fn ping_at(heartbeat: &Arrival) -> Arrival {
    let Arrival::Heartbeat { heartbeat } = heartbeat else {
        panic!("it is one")
    };
    let beat = &heartbeat.beat;
    let rank = Rank {
        attention: beat.attention,
        precedence: beat.precedence,
        device: beat.device,
        beat: None,
    };
    let segment = Segment {
        span: Span::new(beat.at, beat.at.plus_ms(600_000)).expect("not empty"),
        holder: Holder {
            rank,
            label: Label::trusted("terminal", None),
        },
    };
    let user = heartbeat.user;
    Arrival::Claim {
        claim: Claim { user, segment },
        seq: None,
    }
}

fn index(dice: &mut Dice, bound: u64) -> usize {
    usize::try_from(dice.below(bound)).expect("an index")
}

fn below(dice: &mut Dice, bound: i64) -> i64 {
    i64::try_from(dice.below(bound.unsigned_abs())).expect("small")
}

/// The same, of another person.
fn as_user(arrivals: &[Arrival], user: u128) -> Vec<Arrival> {
    let user = UserId(Uuid::from_u128(user));
    let moved = arrivals.iter().cloned().map(|arrival| match arrival {
        Arrival::Heartbeat { heartbeat } => Arrival::Heartbeat {
            heartbeat: Heartbeat { user, ..heartbeat },
        },
        Arrival::Claim { claim, seq } => Arrival::Claim {
            claim: Claim { user, ..claim },
            seq,
        },
        refused @ Arrival::Refused { .. } => refused,
    });
    moved.collect()
}

/// All of a person: pieces, points, and seconds by day and project, language and editor.
async fn all_of(timelines: &Timelines, user: u128) -> (Vec<Segment>, Vec<Heartbeat>, Vec<String>) {
    let user = UserId(Uuid::from_u128(user));
    let day = |day: i64| Span::new(UnixMs(MIDNIGHT + day * DAY_MS), UnixMs(MIDNIGHT + (day + 1) * DAY_MS));
    let days: Vec<_> = (-40..40).filter_map(day).collect();
    let ever = Span::new(days[0].start(), days[days.len() - 1].end()).expect("not empty");
    let pieces = timelines.pieces(user, ever).await.expect("read");
    let mut points = timelines.heartbeats(user, ever).await.expect("read");
    for point in &mut points {
        point.user = UserId(Uuid::nil());
    }
    let mut tally = SaidTally::new(days);
    for held in timelines.held(user, ever).await.expect("read") {
        tally.push(&held, ever);
    }
    let totals = tally.into_totals();
    let sums = totals.iter().enumerate().flat_map(|(day, totals)| {
        [Dimension::Project, Dimension::Language, Dimension::Editor]
            .map(|dimension| format!("{day} {dimension:?} {:?}", totals.by(dimension)))
    });
    (pieces, points, sums.collect())
}

async fn merge_in(timelines: &Timelines, arrivals: &[Arrival], batch: usize) {
    for some in arrivals.chunks(batch) {
        let merged = timelines.merge(some).await;
        merged.unwrap_or_else(|error| panic!("{}", error.chain()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_heartbeats_shuffled_and_late_give_the_report_of_the_ordered_run() {
    let (server, worker) = database().await;
    let (one, other) = (Timelines::new(worker), Timelines::new(pool(&server)));
    let reader = Timelines::new(api_pool(&server));
    let mut dice = Dice(20_260_301);
    let ordered = sent(&mut dice);
    merge_in(&one, &ordered, 500).await;

    let mut shuffled = as_user(&ordered, 2);
    let again = shuffled.iter().step_by(9).cloned().collect::<Vec<_>>();
    shuffled.extend(again);
    dice.shuffle(&mut shuffled);
    let (ones, others) = shuffled.split_at(shuffled.len() / 2);
    tokio::join!(merge_in(&one, ones, 211), merge_in(&other, others, 197));

    let (in_order, late) = (all_of(&reader, 1).await, all_of(&reader, 2).await);
    assert_eq!(late.0, in_order.0, "the pieces");
    assert_eq!(late.1, in_order.1, "the points");
    assert_eq!(late.2, in_order.2, "the sums");
    assert_eq!(in_order.0, expected(&ordered), "what the law says");
    let claimed = ordered
        .iter()
        .filter(|arrival| matches!(arrival, Arrival::Heartbeat { .. }));
    assert_eq!(in_order.1.len(), claimed.count(), "each once");
    let beaten = in_order.0.iter().filter(|piece| piece.holder.rank.beat.is_some());
    assert!(beaten.count() > 2_000, "of {} pieces", in_order.0.len());
    assert!(in_order.2.iter().any(|sum| sum.contains("daybook")));
}

/// What the law says of one person's arrivals, all at once.
fn expected(arrivals: &[Arrival]) -> Vec<Segment> {
    let (mut claims, mut points) = (Vec::new(), BTreeSet::new());
    for arrival in arrivals {
        match arrival {
            Arrival::Claim { claim, .. } => claims.push(claim.segment.clone()),
            Arrival::Heartbeat { heartbeat } => drop(points.insert(heartbeat.beat.clone())),
            Arrival::Refused { .. } => {}
        }
    }
    claims.extend(claims_of(&[], &points.into_iter().collect::<Vec<_>>()));
    Timeline::of(claims).pieces().collect()
}
