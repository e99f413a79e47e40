//! What trackers sent, kept beside the server, and what their timelines must be.

use std::time::{Duration, SystemTime};

use domain::accounts::DeviceId;
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Attention, Holder, Label, Rank, Segment, Timeline};
use serde_json::{Value, json};

use crate::client::{Caller, Client};
use crate::program::wait_for;

pub const USERS: usize = 20;
const DEVICES: usize = 2;
const PINGS_A_DEVICE: usize = 250;

/// Numbers that look random and are the same for a seed, everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).expect("an index");
            items.swap(last, other);
        }
    }
}

/// A ping and whose it is.
#[derive(Clone)]
pub struct Sent {
    pub user: usize,
    pub device: usize,
    span: Span,
    label: Label,
    attention: Attention,
}

impl Sent {
    pub fn body(&self) -> Value {
        let mut body = json!({
            "app_name": self.label.app_name.as_str(),
            "start_time": self.span.start().to_string(),
            "end_time": self.span.end().to_string(),
            "passive": self.attention == Attention::Passive,
        });
        if let Some(domain) = &self.label.domain {
            body["url"] = format!("https://www.{}/page?private=1", domain.as_str()).into();
        }
        body
    }
}

/// Pings of [`USERS`] people on two devices each, in order of time: mostly contiguous, with overlaps, gaps, and a UTC midnight crossed.
pub fn pings(seed: u64) -> Vec<Sent> {
    let mut random = Random::new(seed);
    let midnight = UnixMs(now_ms()).day_start().plus_ms(-DAY_MS);
    let mut pings = Vec::new();
    for (user, device) in (0..USERS).flat_map(|user| (0..DEVICES).map(move |device| (user, device))) {
        let mut at = midnight.plus_ms(-20 * 60_000 + ms(&mut random, 60_000));
        let mut label = label(&mut random);
        for _ in 0..PINGS_A_DEVICE {
            if random.below(4) == 0 {
                label = self::label(&mut random);
            }
            at = match random.below(10) {
                0 => at.plus_ms(ms(&mut random, 60_000)),
                1 => at.plus_ms(-ms(&mut random, 10_000)),
                _ => at,
            };
            let end = at.plus_ms(1 + ms(&mut random, 10_000));
            let span = Span::new(at, end).expect("not empty");
            let attention = if random.below(5) == 0 {
                Attention::Passive
            } else {
                Attention::Active
            };
            pings.push(Sent {
                user,
                device,
                span,
                label: label.clone(),
                attention,
            });
            at = end;
        }
    }
    pings.sort_by_key(|ping| ping.span.start());
    pings
}

fn label(random: &mut Random) -> Label {
    match random.below(6) {
        0 => Label::trusted("Browser", Some("example.org")),
        1 => Label::trusted("Browser", Some("docs.example.org")),
        2 => Label::trusted("Browser", None),
        3 => Label::trusted("Terminal", None),
        4 => Label::trusted("Éditeur «ü»", None),
        _ => Label::trusted("Mail", None),
    }
}

fn ms(random: &mut Random, bound: u64) -> i64 {
    i64::try_from(random.below(bound)).expect("small")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server under test runs on the system's clock, and so must its clients"
)]
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).expect("this side of the year 292,000,000")
}

/// The people of a ledger, signed in on each of their devices.
pub struct People(Vec<Vec<Caller>>);

impl People {
    pub fn register(client: &Client) {
        for user in 0..USERS {
            client.register(&email(user), "Europe/Berlin");
        }
    }

    /// In order of devices, so that the second has the greater precedence.
    pub fn sign_in(client: &Client) -> Self {
        let devices = |user: usize| {
            (0..DEVICES)
                .map(|device| client.sign_in(&email(user), &format!("device-{device}")))
                .collect()
        };
        Self((0..USERS).map(devices).collect())
    }

    pub fn caller(&self, ping: &Sent) -> &Caller {
        &self.0[ping.user][ping.device]
    }

    /// What the law makes of `pings`, as the API writes it, person by person.
    pub fn expected(&self, pings: &[Sent]) -> Vec<Value> {
        let of = |user: usize| {
            pings
                .iter()
                .filter(move |ping| ping.user == user)
                .map(|ping| self.segment(ping))
        };
        (0..USERS)
            .map(|user| Timeline::of(of(user)).segments().iter().map(written).collect())
            .collect()
    }

    fn segment(&self, ping: &Sent) -> Segment {
        let caller = self.caller(ping);
        let device = DeviceId(caller.device.parse().expect("a UUID"));
        let rank = Rank {
            attention: ping.attention,
            precedence: caller.precedence,
            device,
            beat: None,
        };
        Segment {
            span: ping.span,
            holder: Holder {
                rank,
                label: ping.label.clone(),
            },
        }
    }

    /// Waits until the server's timelines are the `expected` ones, and answers them byte for byte.
    pub fn timelines(&self, client: &Client, expected: &[Value]) -> Vec<String> {
        let (from, to) = (
            UnixMs(now_ms() - 4 * DAY_MS).day_start().to_string(),
            UnixMs(now_ms()).to_string(),
        );
        let of = |(devices, expected): (&Vec<Caller>, &Value)| {
            let mut last = String::new();
            wait_for("the expected timeline", || {
                last = client.timeline(&devices[0], &from, &to);
                let answer: Value = serde_json::from_str(&last).expect("JSON");
                (answer["segments"] == *expected).then(|| last.clone())
            })
        };
        self.0.iter().zip(expected).map(of).collect()
    }
}

fn email(user: usize) -> String {
    format!("person-{user}@example.org")
}

#[expect(clippy::cast_precision_loss, reason = "a test's spans are far below 2^52 ms")]
fn written(segment: &Segment) -> Value {
    let span = segment.span;
    let seconds = if span.ms() % 1_000 == 0 {
        json!(span.ms() / 1_000)
    } else {
        json!(span.ms() as f64 / 1_000.0)
    };
    json!({
        "start_time": span.start().to_string(),
        "end_time": span.end().to_string(),
        "app_name": segment.holder.label.app_name.as_str(),
        "domain": segment.holder.label.domain.as_ref().map(domain::usage::Domain::as_str),
        "device_id": segment.holder.rank.device.to_string(),
        "seconds": seconds,
    })
}
