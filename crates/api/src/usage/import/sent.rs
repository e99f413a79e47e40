//! Reads history as it is sent: pings as at the other door, and heartbeats with everything that a tracker says of them.

use std::borrow::Cow;

use domain::accounts::{Caller, ImportSource};
use domain::fault::Fault;
use domain::trackers::wakatime::last_of;
use domain::usage::{AppName, Attention, Context, ContextText, Domain, HeartbeatPing, Kind, Label, Mention, Patience};
use serde_json::value::RawValue;
use services::usage::{Claimable, History};

use crate::calendar::instant;
use crate::faults::{Faults, FieldFault};
use crate::fields::Fields;
use crate::problem::Problem;
use crate::usage::ping::{Few, PINGS_MAX, SentPing, in_list};

const FIELDS: &[&str] = &["source", "pings", "heartbeats", "user_id", "device_id"];
const HEARTBEAT_FIELDS: &[&str] = &[
    "time",
    "app_name",
    "url",
    "kind",
    "category",
    "project",
    "branch",
    "language",
    "editor",
    "machine",
    "operating_system",
    "is_write",
    "user_id",
    "device_id",
];

/// A history as it was sent, as far as it could be read.
pub(super) struct SentHistory<'a> {
    source: ImportSource,
    pings: Vec<&'a RawValue>,
    heartbeats: Vec<&'a RawValue>,
}

/// What of a history is good, and what is wrong with the rest.
pub(super) struct Judged {
    /// What is good.
    pub(super) history: History,
    /// Every fault of the others, each with the index of its ping or heartbeat.
    pub(super) rejected: Vec<(usize, FieldFault)>,
    /// How many those are.
    pub(super) refused: usize,
}

impl<'a> SentHistory<'a> {
    /// The history that `caller` sends in `body`.
    ///
    /// # Errors
    /// Malformed JSON, every fault of what is no part of the lists, too many items or none, or somebody else's name.
    pub(super) fn read(body: &'a str, caller: &Caller) -> Result<Self, Problem> {
        let mut history = Fields::of_body(body, FIELDS)?;
        history.owned_by(caller)?;
        history.into_value(|history| {
            let source = history.required("source", |text: Cow<'_, str>| ImportSource::parse(&text));
            let pings = history.optional("pings", Few::none(), Ok);
            let heartbeats = history.optional("heartbeats", Few::none(), Ok);
            let (pings, heartbeats) = pings.zip(heartbeats)?;
            history.beside(check_count(pings.count(), heartbeats.count()));
            Some(Self {
                source: source?,
                pings: pings.into_items(),
                heartbeats: heartbeats.into_items(),
            })
        })
    }

    /// What of it may be.
    ///
    /// # Errors
    /// Somebody else's name. Faults stay with what they are of.
    pub(super) fn judge(self, caller: &Caller, claimable: &Claimable) -> Result<Judged, Problem> {
        let mut judged = Judged {
            history: History {
                source: self.source,
                pings: Vec::with_capacity(self.pings.len()),
                heartbeats: Vec::with_capacity(self.heartbeats.len()),
            },
            rejected: Vec::new(),
            refused: 0,
        };
        for (index, raw) in self.pings.into_iter().enumerate() {
            match SentPing::of_value(raw, caller)?.judge(claimable) {
                Ok(ping) => judged.history.pings.push(ping),
                Err(faults) => judged.refuse("pings", index, faults),
            }
        }
        for (index, raw) in self.heartbeats.into_iter().enumerate() {
            match heartbeat(raw, caller, claimable)? {
                Ok(beat) => judged.history.heartbeats.push(beat),
                Err(faults) => judged.refuse("heartbeats", index, faults),
            }
        }
        Ok(judged)
    }
}

impl Judged {
    fn refuse(&mut self, list: &str, index: usize, faults: Faults) {
        self.refused += 1;
        let faults = in_list(list, index, faults).map(|fault| (index, fault));
        self.rejected.extend(faults);
    }
}

/// Makes sure that both lists together have neither too many items nor none.
fn check_count(pings: usize, heartbeats: usize) -> Result<(), FieldFault> {
    let count = pings + heartbeats;
    if (1..=PINGS_MAX).contains(&count) {
        return Ok(());
    }
    let list = if pings >= heartbeats { "/pings" } else { "/heartbeats" };
    let detail = format!("must hold 1 to {PINGS_MAX} together with the other list, not {count}");
    Err(FieldFault::new(list, "out_of_range", detail))
}

/// The heartbeat that `raw` is, or every fault of it.
fn heartbeat(raw: &RawValue, caller: &Caller, claimable: &Claimable) -> Result<Result<HeartbeatPing, Faults>, Problem> {
    let mut beat = match Fields::of_value(raw, HEARTBEAT_FIELDS) {
        Ok(beat) => beat,
        Err(fault) => return Ok(Err(fault.into())),
    };
    beat.owned_by(caller)?;
    let at = beat.required("time", |text: Cow<'_, str>| instant("time", &text));
    let app_name = beat.required("app_name", |text: Cow<'_, str>| AppName::parse(&text));
    let domain = beat.optional("url", None, |text: Cow<'_, str>| Domain::of_url(&text));
    let context = context(&mut beat);
    let mut faults = beat.into_faults();
    let at = at.and_then(|at| {
        let at = claimable.instant(at);
        at.map_err(|found| faults.extend(Faults::of("", found).into_vec())).ok()
    });
    Ok(match (at, app_name, domain, context) {
        (Some(at), Some(app_name), Some(domain), Some(context)) if faults.is_empty() => Ok(HeartbeatPing {
            at,
            label: Label { app_name, domain },
            attention: Attention::Active,
            context,
            // That of the source takes its place once it is known.
            patience: Patience::default(),
        }),
        _ => Err(faults),
    })
}

/// What is said of it besides. All of it is looked at, so that every fault is told.
fn context(beat: &mut Fields<'_>) -> Option<Context> {
    let kind = beat.optional("kind", Kind::App, |text: Cow<'_, str>| {
        Kind::of_word(&text).ok_or_else(|| {
            let words = Kind::ALL.map(Kind::word).join(", ");
            Fault::new("kind", "unknown_kind", format!("must be one of: {words}"))
        })
    });
    let mut said = |name| {
        beat.optional(name, None, |text: Cow<'_, str>| {
            ContextText::parse(name, &text).map(Some)
        })
    };
    let (category, editor, machine) = (said("category"), said("editor"), said("machine"));
    let operating_system = said("operating_system");
    let mut mentioned = |name| {
        beat.optional(name, None, |text: Cow<'_, str>| {
            if last_of(name) == Some(text.trim()) {
                return Ok(Some(Mention::Last));
            }
            ContextText::parse(name, &text).map(|text| Some(Mention::Named(text)))
        })
    };
    let (project, branch, language) = (mentioned("project"), mentioned("branch"), mentioned("language"));
    let is_write = beat.optional("is_write", None, |is_write: bool| Ok(Some(is_write)));
    Some(Context {
        kind: kind?,
        category: category?,
        project: project?,
        branch: branch?,
        language: language?,
        editor: editor?,
        machine: machine?,
        operating_system: operating_system?,
        is_write: is_write?,
    })
}
