//! Reads pings: quickly as long as nothing is wrong with their types, otherwise field by field, so that every fault of every ping is told.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use domain::accounts::Caller;
use domain::fault::Fault;
use domain::time::UnixMs;
use domain::usage::{AppName, Attention, Domain, Label, Ping, Seq};
use serde::de::{self, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use services::usage::Claimable;

use crate::calendar::{instant, instant_of};
use crate::caller::check_owner;
use crate::faults::{Faults, FieldFault};
use crate::fields::{Fields, FromJson, Text};
use crate::problem::Problem;

/// The most pings that one request may hold.
pub(super) const PINGS_MAX: usize = 1_000;

const LIST_FIELDS: &[&str] = &["pings", "user_id", "device_id"];
const PING_FIELDS: &[&str] = &[
    "app_name",
    "url",
    "start_time",
    "end_time",
    "passive",
    "seq",
    "user_id",
    "device_id",
];

/// What a request sends.
pub(super) enum Sent<'a> {
    /// A ping by itself.
    One(SentPing<'a>),
    /// A list of pings.
    Many(Vec<SentPing<'a>>),
}

/// A ping as it was sent, as far as it could be read.
#[derive(Default)]
pub(super) struct SentPing<'a> {
    app_name: Option<Cow<'a, str>>,
    url: Option<Cow<'a, str>>,
    start: Option<UnixMs>,
    end: Option<UnixMs>,
    passive: bool,
    /// Its number, where it has a sound one.
    pub(super) seq: Option<Seq>,
    faults: Faults,
}

impl<'a> Sent<'a> {
    /// The pings that `caller` sends in `body`.
    ///
    /// # Errors
    /// Malformed JSON, a list that is none or has too many or no pings or company that means nothing, or somebody else's name. Faults of single pings
    /// stay with them.
    pub(super) fn read(body: &'a str, caller: &Caller) -> Result<Self, Problem> {
        // Only a hint: whatever it leads to reads all of the body or nothing.
        let start = body.trim_ascii_start().strip_prefix('{').unwrap_or_default();
        let quick = if start.trim_ascii_start().starts_with("\"pings\"") {
            QuickList::read(body, caller).map(Self::Many)
        } else {
            Quick::read(body, caller).map(Self::One)
        };
        match quick {
            Some(sent) => Ok(sent),
            None => Self::read_thoroughly(body, caller),
        }
    }

    fn read_thoroughly(body: &'a str, caller: &Caller) -> Result<Self, Problem> {
        let mut list = Fields::of_body(body, LIST_FIELDS)?;
        list.owned_by(caller)?;
        if list.value("pings").is_none() {
            let ping = Fields::of_body(body, PING_FIELDS)?;
            return SentPing::of_fields(ping, caller).map(Self::One);
        }
        let pings = list.into_value(|list| list.required("pings", Few::into_pings))?;
        let pings = pings.into_iter().map(|raw| SentPing::of_value(raw, caller));
        pings.collect::<Result<_, _>>().map(Self::Many)
    }
}

impl<'a> SentPing<'a> {
    /// The ping, if it may be.
    ///
    /// # Errors
    /// Every fault, with pointers that start at the ping.
    pub(super) fn judge(self, claimable: &Claimable) -> Result<Ping, Faults> {
        let mut faults = self.faults;
        let app_name = self.app_name.and_then(|name| faults.keep("", AppName::parse(&name)));
        let domain = self.url.and_then(|url| faults.keep("", Domain::of_url(&url))).flatten();
        let span = self.start.zip(self.end).and_then(|(start, end)| {
            let span = claimable.span(start, end);
            span.map_err(|found| faults.extend(Faults::of("", found).into_vec()))
                .ok()
        });
        match (app_name, span) {
            (Some(app_name), Some(span)) if faults.is_empty() => Ok(Ping {
                span,
                label: Label { app_name, domain },
                attention: if self.passive {
                    Attention::Passive
                } else {
                    Attention::Active
                },
                seq: self.seq,
            }),
            _ => Err(faults),
        }
    }

    /// The ping that stands at a place of a list.
    ///
    /// # Errors
    /// Somebody else's name. Every other fault stays with the ping.
    pub(super) fn of_value(raw: &'a RawValue, caller: &Caller) -> Result<Self, Problem> {
        if let Some(ping) = Quick::read(raw.get(), caller) {
            return Ok(ping);
        }
        match Fields::of_value(raw, PING_FIELDS) {
            Ok(fields) => Self::of_fields(fields, caller),
            Err(fault) => Ok(Self {
                faults: fault.into(),
                ..Self::default()
            }),
        }
    }

    fn of_fields(mut ping: Fields<'a>, caller: &Caller) -> Result<Self, Problem> {
        ping.owned_by(caller)?;
        let app_name = ping.required("app_name", Ok::<Cow<'_, str>, _>);
        let url = ping.optional("url", None, |url: Cow<'_, str>| Ok(Some(url)));
        let start = ping.required("start_time", |text: Cow<'_, str>| instant("start_time", &text));
        let end = ping.required("end_time", |text: Cow<'_, str>| instant("end_time", &text));
        let passive = ping.optional("passive", false, Ok);
        // A number that does not fit is out of range, as 0 is.
        let seq = ping.optional("seq", None, |seq: i128| {
            Seq::new(u64::try_from(seq).unwrap_or_default()).map(Some)
        });
        Ok(Self {
            app_name,
            url: url.flatten(),
            start,
            end,
            passive: passive.unwrap_or_default(),
            seq: seq.flatten(),
            faults: ping.into_faults(),
        })
    }
}

/// A ping without a fault of type. What it does not know it passes over: a newer tracker may know more than this server.
#[derive(Deserialize)]
struct Quick<'a> {
    #[serde(borrow)]
    app_name: Text<'a>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
    start_time: QuickInstant,
    end_time: QuickInstant,
    passive: Option<bool>,
    seq: Option<u64>,
    #[serde(borrow, default)]
    user_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    device_id: Option<Text<'a>>,
    pings: Option<IgnoredAny>,
}

/// A list of pings of which none has a fault of type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuickList<'a> {
    #[serde(borrow)]
    pings: Few<Quick<'a>>,
    #[serde(borrow, default)]
    user_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    device_id: Option<Text<'a>>,
}

impl<'a> Quick<'a> {
    fn read(json: &'a str, caller: &Caller) -> Option<SentPing<'a>> {
        let ping: Self = serde_json::from_str(json).ok()?;
        // With `pings` it is a list that starts with something else.
        if ping.pings.is_some() {
            return None;
        }
        ping.sent(caller)
    }

    /// Nothing, where there is a fault to be told.
    fn sent(self, caller: &Caller) -> Option<SentPing<'a>> {
        own(caller, self.user_id, self.device_id).then_some(())?;
        Some(SentPing {
            app_name: Some(self.app_name.0),
            url: self.url.map(|url| url.0),
            start: Some(self.start_time.0),
            end: Some(self.end_time.0),
            passive: self.passive.unwrap_or_default(),
            seq: self.seq.map(Seq::new).transpose().ok()?,
            faults: Faults::default(),
        })
    }
}

impl<'a> QuickList<'a> {
    fn read(json: &'a str, caller: &Caller) -> Option<Vec<SentPing<'a>>> {
        let list: Self = serde_json::from_str(json).ok()?;
        own(caller, list.user_id, list.device_id).then_some(())?;
        let pings = list.pings.into_pings().ok()?;
        pings.into_iter().map(|ping| ping.sent(caller)).collect()
    }
}

fn own(caller: &Caller, user_id: Option<Text<'_>>, device_id: Option<Text<'_>>) -> bool {
    let own = |name, id: Option<Text<'_>>| id.is_none_or(|id| check_owner(caller, name, Some(id.0)).is_ok());
    own("user_id", user_id) && own("device_id", device_id)
}

struct QuickInstant(UnixMs);

impl<'de> Deserialize<'de> for QuickInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(InstantVisitor)
    }
}

struct InstantVisitor;

impl Visitor<'_> for InstantVisitor {
    type Value = QuickInstant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instant")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<QuickInstant, E> {
        instant_of(text)
            .map(QuickInstant)
            .ok_or_else(|| E::custom("no instant"))
    }
}

/// A list of which no more than [`PINGS_MAX`] items are kept, and all are counted.
pub(super) struct Few<T> {
    items: Vec<T>,
    count: usize,
}

impl<T> Few<T> {
    /// The items, when there are neither none nor too many.
    fn into_pings(self) -> Result<Vec<T>, Fault> {
        if (1..=PINGS_MAX).contains(&self.count) {
            return Ok(self.items);
        }
        let detail = format!("must hold 1 to {PINGS_MAX} pings, not {}", self.count);
        Err(Fault::new("pings", "out_of_range", detail))
    }

    /// No items.
    pub(super) fn none() -> Self {
        Self {
            items: Vec::new(),
            count: 0,
        }
    }

    /// How many items there were.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The items that were kept.
    pub(super) fn into_items(self) -> Vec<T> {
        self.items
    }
}

impl<'a> FromJson<'a> for Few<&'a RawValue> {
    const TYPE: &'static str = "a list";

    fn from_json(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() < PINGS_MAX
            && let Some(item) = list.next_element()?
        {
            items.push(item);
        }
        let mut count = items.len();
        if count == PINGS_MAX {
            while list.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
        }
        Ok(Few { items, count })
    }
}

/// The faults of an item, where it stands at `index` of a list of the body.
pub(super) fn in_list(list: &str, index: usize, faults: Faults) -> impl Iterator<Item = FieldFault> + use<> {
    let parent = format!("/{list}/{index}");
    faults.into_vec().into_iter().map(move |fault| fault.under(&parent))
}
