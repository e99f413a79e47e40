//! Arrivals for tests that do not care what is in them.

use std::sync::Arc;

use domain::accounts::{DeviceId, UserId};
use domain::time::{Span, UnixMs};
use domain::usage::{
    Arrival, Attention, Beat, Claim, Context, ContextText, Heartbeat, Holder, Kind, Label, Mention, Patience, Rank,
    Segment, Seq,
};
use uuid::Uuid;

/// When the first ping of everybody starts: 2026-03-01T09:00:00Z.
pub const START: UnixMs = UnixMs(1_772_355_600_000);
/// How long each ping is.
pub const PING_MS: i64 = 5_000;

/// The person of a number.
#[must_use]
pub fn user(number: u64) -> UserId {
    UserId(Uuid::from_u128(0xA << 120 | u128::from(number)))
}

/// The one device of the person of that number.
#[must_use]
pub fn device(number: u64) -> DeviceId {
    DeviceId(Uuid::from_u128(0xD << 120 | u128::from(number)))
}

/// The `count`th ping of a person, from 0: each starts where the one before ends.
#[must_use]
pub fn ping(number: u64, count: u64) -> Arrival {
    claim(number, count, None)
}

/// The same, numbered from 1.
#[must_use]
pub fn numbered(number: u64, count: u64) -> Arrival {
    claim(number, count, Some(seq(count)))
}

/// The number of a ping that was refused in the place of the `count`th.
#[must_use]
pub fn refused(number: u64, count: u64) -> Arrival {
    Arrival::Refused {
        user: user(number),
        device: device(number),
        seq: seq(count),
    }
}

/// A heartbeat where the `count`th ping of the person starts.
#[must_use]
pub fn heartbeat(number: u64, count: u64) -> Arrival {
    let beat = Beat {
        device: device(number),
        at: START.plus_ms(PING_MS * count.cast_signed()),
        attention: Attention::Active,
        precedence: 1,
        label: Label::trusted("Editor", None),
        patience: Patience::default(),
    };
    let context = Context {
        project: Some(Mention::Named(ContextText::trusted("daybook"))),
        language: Some(Mention::Last),
        ..Context::of_kind(Kind::File)
    };
    let heartbeat = Heartbeat {
        user: user(number),
        beat,
        context: Arc::new(context),
    };
    Arrival::Heartbeat { heartbeat }
}

fn seq(count: u64) -> Seq {
    Seq::new(count + 1).expect("a test does not count that far")
}

fn claim(number: u64, count: u64, seq: Option<Seq>) -> Arrival {
    let start = START.plus_ms(PING_MS * count.cast_signed());
    let span = Span::new(start, start.plus_ms(PING_MS)).expect("a ping is not empty");
    let is_site = count.is_multiple_of(2);
    let rank = Rank {
        attention: if is_site { Attention::Active } else { Attention::Passive },
        precedence: 1,
        device: device(number),
        beat: None,
    };
    let label = Label::trusted("Firefox", is_site.then_some("example.org"));
    let segment = Segment {
        span,
        holder: Holder { rank, label },
    };
    let user = user(number);
    Arrival::Claim {
        claim: Claim { user, segment },
        seq,
    }
}
