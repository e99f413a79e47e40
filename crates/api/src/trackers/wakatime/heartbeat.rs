//! Makes of what a tracker sends a heartbeat of ours, or says why it is none. Of a file nothing is kept but its editor, of an address only the host.

use std::collections::BTreeMap;

use domain::fault::Fault;
use domain::time::UnixMs;
use domain::usage::{AppName, Attention, Context, ContextText, Domain, HeartbeatPing, Kind, Label, Mention, Patience};
use serde_json::value::RawValue;
use services::usage::Claimable;

use super::{agent, epoch};
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

/// What a heartbeat says where it leaves a field to the one before.
const LAST: [(&str, &str); 3] = [
    ("project", "<<LAST_PROJECT>>"),
    ("branch", "<<LAST_BRANCH>>"),
    ("language", "<<LAST_LANGUAGE>>"),
];

/// What programs are called that do not say what they are.
const NAMELESS_EDITOR: &str = "Editor";
const NAMELESS_BROWSER: &str = "Browser";

/// The most bytes of an id that is repeated in the answer: a UUID, with some room.
const ID_BYTES_MAX: usize = 64;
/// Schemes of addresses that have no host, where they are written without `//`.
const HOSTLESS: [&str; 6] = ["about:", "blob:", "data:", "file:", "javascript:", "view-source:"];

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
    match (given.at(claimable), given.label()) {
        (Ok(at), Ok(label)) => Ok(Accepted {
            id: given.id(),
            beat: HeartbeatPing {
                at,
                label,
                attention: Attention::Active,
                context: given.context(),
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
        let at = epoch::instant(&time).ok_or_else(|| fault("time", "must be seconds since 1970"))?;
        claimable.instant(at).map_err(|faults: Vec<Fault>| {
            Faults::from([("time", faults.into_iter().map(|fault| fault.detail).collect())])
        })
    }

    /// What its time is counted under: an editor, an application, or a browser and the site that it shows.
    fn label(&self) -> Result<Label, Faults> {
        let missing = || fault("entity", "must be given");
        // A file's name is not even read: it may hold what is no Unicode.
        self.fields.value("entity").ok_or_else(missing)?;
        let entity = text(&self.fields, "entity");
        let program = |nameless: &str| self.program().unwrap_or_else(|| nameless.to_owned());
        let (app, domain) = match self.kind {
            Kind::File => (program(NAMELESS_EDITOR), None),
            Kind::App => (clean(&entity.ok_or_else(missing)?).ok_or_else(missing)?, None),
            Kind::Domain | Kind::Url => (program(NAMELESS_BROWSER), site(&entity.ok_or_else(missing)?)?),
        };
        let app_name = AppName::parse(&app).map_err(|found| fault("entity", found.detail))?;
        Ok(Label { app_name, domain })
    }

    fn context(&self) -> Context {
        let said = |name| text(&self.fields, name).and_then(|text| context_text(name, &text));
        let machine = said("machine").or_else(|| context_text("machine", self.sender.machine.as_deref()?));
        let system = self.agents().find_map(|given| agent::system(&given));
        Context {
            kind: self.kind,
            category: self.category(),
            project: self
                .mention("project")
                .or_else(|| said("alternate_project").map(Mention::Named)),
            branch: self.mention("branch"),
            language: self
                .mention("language")
                .or_else(|| said("alternate_language").map(Mention::Named)),
            editor: self.program().and_then(|name| context_text("editor", &name)),
            machine,
            operating_system: system.and_then(|name| context_text("operating_system", name)),
            is_write: text(&self.fields, "is_write").map(|word| word == "true" || word == "1"),
        }
    }

    /// What was done. Where nothing is said it follows from the type, as the protocol has it.
    fn category(&self) -> Option<ContextText> {
        let said = text(&self.fields, "category").map(|word| word.to_lowercase());
        let said = said.and_then(|word| context_text("category", &word));
        said.or_else(|| match self.kind {
            Kind::File => context_text("category", "coding"),
            Kind::Domain | Kind::Url => context_text("category", "browsing"),
            Kind::App => None,
        })
    }

    fn mention(&self, name: &'static str) -> Option<Mention> {
        let said = text(&self.fields, name)?;
        if LAST.contains(&(name, said.trim())) {
            return Some(Mention::Last);
        }
        context_text(name, &said).map(Mention::Named)
    }

    /// The program that has the attention, or that sent it.
    fn program(&self) -> Option<String> {
        self.agents()
            .find_map(|given| agent::program(&given))
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

/// The site of an address, or of a host by itself.
fn site(entity: &str) -> Result<Option<Domain>, Faults> {
    let entity = entity.trim();
    let begins = |scheme: &&str| {
        entity
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if !entity.contains("://") && HOSTLESS.iter().any(begins) {
        return Ok(None);
    }
    let site = if entity.contains("://") {
        Domain::of_url(entity)
    } else {
        Domain::of_url(&format!("https://{entity}"))
    };
    site.map_err(|_| fault("entity", "must be a host or an address"))
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

fn context_text(field: &'static str, text: &str) -> Option<ContextText> {
    ContextText::parse(field, &clean(text)?).ok()
}

/// The text without what no text of ours may hold, cut where it is too long; `None` when nothing is left.
fn clean(text: &str) -> Option<String> {
    let visible = text.trim().chars().map(|character| match character {
        hidden if hidden.is_control() => ' ',
        other => other,
    });
    let cut: String = visible.take(ContextText::CHARS_MAX).collect();
    let cut = cut.trim();
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests;
