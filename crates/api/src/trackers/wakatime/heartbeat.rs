//! Makes of what a tracker sends a heartbeat of ours, or says why it is none. Of a file nothing is kept but its editor, of an address only the host.

use std::collections::BTreeMap;

use domain::fault::Fault;
use domain::time::UnixMs;
use domain::trackers::wakatime::{self, Said, clean};
use domain::usage::{Attention, HeartbeatPing, Kind, Label, Patience};
use serde_json::value::RawValue;
use services::usage::Claimable;

use crate::fields::Fields;

/// Every field that is looked at. Others are passed over.
const FIELDS: &[&str] = &[
    "id",
    "entity",
    "type",
    "time",
    "category",
    "project",
    "alternate_project",
    "branch",
    "language",
    "alternate_language",
    "is_write",
    "user_agent",
    "plugin",
    "machine",
];

/// The most bytes of an id that is repeated in the answer: a UUID, with some room.
const ID_BYTES_MAX: usize = 64;

/// What holds for all heartbeats of a request.
pub(super) struct Sender {
    /// The request's `User-Agent`.
    pub(super) agent: String,
    /// The request's `X-Machine-Name`, as it was meant.
    pub(super) machine: Option<String>,
    /// How long the person's heartbeats wait for a later one.
    pub(super) patience: Patience,
}

/// A heartbeat that was accepted, and what is said of it in the answer.
#[derive(Debug)]
pub(super) struct Accepted {
    /// The id that the tracker gave it.
    pub(super) id: Option<String>,
    pub(super) beat: HeartbeatPing,
}

/// What is wrong with a heartbeat, by field: the shape in which trackers take it for final.
pub(super) type Faults = BTreeMap<&'static str, Vec<String>>;

/// The heartbeat that `item` is.
///
/// # Errors
/// Every fault of what nobody could make a heartbeat of. What is only odd beside that is left out.
pub(super) fn judge(item: &str, sender: &Sender, claimable: &Claimable) -> Result<Accepted, Faults> {
    let raw: &RawValue = serde_json::from_str(item).map_err(|_| fault("heartbeat", "must be JSON"))?;
    let fields = Fields::of_value(raw, FIELDS).map_err(|_| fault("heartbeat", "must be an object"))?;
    let kind = text(&fields, "type").and_then(|word| Kind::of_word(&word.to_ascii_lowercase()));
    let given = Given {
        fields,
        sender,
        kind: kind.unwrap_or(Kind::File),
    };
    let said = given.said();
    match (given.at(claimable), given.label(&said)) {
        (Ok(at), Ok(label)) => Ok(Accepted {
            id: given.id(),
            beat: HeartbeatPing {
                at,
                label,
                attention: Attention::Active,
                context: said.context(),
                patience: sender.patience,
            },
        }),
        (at, label) => {
            let faults = at.err().into_iter().chain(label.err());
            Err(faults.flatten().collect())
        }
    }
}

fn fault(field: &'static str, detail: impl Into<String>) -> Faults {
    Faults::from([(field, vec![detail.into()])])
}

/// A heartbeat as it was sent.
struct Given<'a> {
    fields: Fields<'a>,
    sender: &'a Sender,
    kind: Kind,
}

impl Given<'_> {
    fn at(&self, claimable: &Claimable) -> Result<UnixMs, Faults> {
        let Some(time) = text(&self.fields, "time") else {
            return Err(fault("time", "must be given, in seconds since 1970"));
        };
        let at = wakatime::instant(&time).ok_or_else(|| fault("time", "must be seconds since 1970"))?;
        claimable.instant(at).map_err(|faults: Vec<Fault>| {
            Faults::from([("time", faults.into_iter().map(|fault| fault.detail).collect())])
        })
    }

    fn label(&self, said: &Said) -> Result<Label, Faults> {
        self.fields
            .value("entity")
            .ok_or_else(|| fault("entity", "must be given"))?;
        said.label().map_err(|found| fault(found.field, found.detail))
    }

    fn said(&self) -> Said {
        let said = |name| text(&self.fields, name);
        let machine = said("machine").and_then(|name| clean(&name));
        Said {
            kind: self.kind,
            // A file's name is not even read: it may hold what is no Unicode.
            entity: if self.kind == Kind::File { None } else { said("entity") },
            program: self.program(),
            system: self
                .agents()
                .find_map(|given| wakatime::system(&given))
                .map(str::to_owned),
            machine: machine.or_else(|| self.sender.machine.clone()),
            category: said("category"),
            project: [said("project"), said("alternate_project")],
            branch: said("branch"),
            language: [said("language"), said("alternate_language")],
            is_write: said("is_write").map(|word| word == "true" || word == "1"),
        }
    }

    /// The program that has the attention, or that sent it.
    fn program(&self) -> Option<String> {
        self.agents()
            .find_map(|given| wakatime::program(&given))
            .and_then(|name| clean(&name))
    }

    /// Where its program and system are named, the closest to it first.
    fn agents(&self) -> impl Iterator<Item = String> {
        let own = ["user_agent", "plugin"]
            .into_iter()
            .filter_map(|name| text(&self.fields, name));
        own.chain(std::iter::once_with(|| self.sender.agent.clone()))
    }

    fn id(&self) -> Option<String> {
        let id = text(&self.fields, "id")?;
        let is_plain = id.len() <= ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
        (is_plain && !id.is_empty()).then_some(id)
    }
}

/// A field as text, whatever it is, if it is one value and can be read.
fn text(fields: &Fields<'_>, name: &'static str) -> Option<String> {
    let json = fields.value(name)?.get();
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).ok(),
        Some(b'{' | b'[') => None,
        _ => Some(json.to_owned()),
    }
}

#[cfg(test)]
mod tests;
