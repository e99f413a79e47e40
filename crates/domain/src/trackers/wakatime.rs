//! What WakaTime's heartbeats say, made into labels and contexts of ours. Of a file nothing is kept but its editor, of an address only the host.

mod agent;
mod epoch;

use crate::fault::Fault;
use crate::usage::{AppName, Context, ContextText, Domain, Kind, Label, Mention};

pub use agent::{program, system};
pub use epoch::instant;

/// What programs are called that do not say what they are.
const NAMELESS_EDITOR: &str = "Editor";
const NAMELESS_BROWSER: &str = "Browser";

/// What a heartbeat says where it leaves a field to the one before.
const LAST: [(&str, &str); 3] = [
    ("project", "<<LAST_PROJECT>>"),
    ("branch", "<<LAST_BRANCH>>"),
    ("language", "<<LAST_LANGUAGE>>"),
];

/// Schemes of addresses that have no host, where they are written without `//`.
const HOSTLESS: [&str; 6] = ["about:", "blob:", "data:", "file:", "javascript:", "view-source:"];

/// The fields of a heartbeat that mean something here, each as the text that it was sent as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Said {
    /// What sort of thing had the attention.
    pub kind: Kind,
    /// That thing. Of a file it is not looked at.
    pub entity: Option<String>,
    /// The program that has the attention, or that sent it, by its name for people.
    pub program: Option<String>,
    /// What the machine runs, by its name for people.
    pub system: Option<String>,
    /// The machine.
    pub machine: Option<String>,
    /// What was done.
    pub category: Option<String>,
    /// The project, and what it is where the first is not known.
    pub project: [Option<String>; 2],
    /// The branch.
    pub branch: Option<String>,
    /// The language, and what it is where the first is not known.
    pub language: [Option<String>; 2],
    /// Whether something was saved.
    pub is_write: Option<bool>,
}

impl Said {
    /// A heartbeat that says nothing else.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            kind,
            entity: None,
            program: None,
            system: None,
            machine: None,
            category: None,
            project: [None, None],
            branch: None,
            language: [None, None],
            is_write: None,
        }
    }

    /// What its time is counted under: an editor, an application, or a browser and the site that it shows.
    ///
    /// # Errors
    /// A fault of `entity`.
    pub fn label(&self) -> Result<Label, Fault> {
        let missing = || Fault::new("entity", "missing", "must be given");
        let entity = || self.entity.as_deref().ok_or_else(missing);
        let program = |nameless: &str| self.program.clone().unwrap_or_else(|| nameless.to_owned());
        let (app, domain) = match self.kind {
            Kind::File => (program(NAMELESS_EDITOR), None),
            Kind::App => (clean(entity()?).ok_or_else(missing)?, None),
            Kind::Domain | Kind::Url => (program(NAMELESS_BROWSER), site(entity()?)?),
        };
        let app_name = AppName::parse(&app).map_err(|found| Fault::new("entity", found.code, found.detail))?;
        Ok(Label { app_name, domain })
    }

    /// What it says besides. What is only odd there is left out.
    #[must_use]
    pub fn context(&self) -> Context {
        let said = |name, text: &Option<String>| context_text(name, text.as_deref()?);
        let with_second = |name, [first, second]: &[Option<String>; 2]| {
            mention(name, first.as_deref()).or_else(|| said(name, second).map(Mention::Named))
        };
        Context {
            kind: self.kind,
            category: self.category(),
            project: with_second("project", &self.project),
            branch: mention("branch", self.branch.as_deref()),
            language: with_second("language", &self.language),
            editor: said("editor", &self.program),
            machine: said("machine", &self.machine),
            operating_system: said("operating_system", &self.system),
            is_write: self.is_write,
        }
    }

    /// What was done. Where nothing is said it follows from the type, as the protocol has it.
    fn category(&self) -> Option<ContextText> {
        let said = self.category.as_ref().map(|word| word.to_lowercase());
        let said = said.and_then(|word| context_text("category", &word));
        said.or_else(|| match self.kind {
            Kind::File => context_text("category", "coding"),
            Kind::Domain | Kind::Url => context_text("category", "browsing"),
            Kind::App => None,
        })
    }
}

/// The site of an address, or of a host by itself; `None` for an address without a host.
///
/// # Errors
/// A fault of `entity` when it is neither.
pub fn site(entity: &str) -> Result<Option<Domain>, Fault> {
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
    site.map_err(|found| Fault::new("entity", found.code, "must be a host or an address"))
}

/// The text without what no text of ours may hold, cut where it is too long; `None` when nothing is left.
#[must_use]
pub fn clean(text: &str) -> Option<String> {
    let visible = text.trim().chars().map(|character| match character {
        hidden if hidden.is_control() => ' ',
        other => other,
    });
    let cut: String = visible.take(ContextText::CHARS_MAX).collect();
    let cut = cut.trim();
    (!cut.is_empty()).then(|| cut.to_owned())
}

/// What stands in this field of a heartbeat that leaves it to the one before; none for fields that are never left so.
#[must_use]
pub fn last_of(field: &str) -> Option<&'static str> {
    let place = LAST.iter().find(|(name, _)| *name == field);
    place.map(|(_, word)| *word)
}

fn mention(name: &'static str, said: Option<&str>) -> Option<Mention> {
    let said = said?;
    if last_of(name) == Some(said.trim()) {
        return Some(Mention::Last);
    }
    context_text(name, said).map(Mention::Named)
}

fn context_text(field: &'static str, text: &str) -> Option<ContextText> {
    ContextText::parse(field, &clean(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_counts_for_what_had_the_attention() {
        let label = |kind, entity: &str, program: Option<&str>| {
            let said = Said {
                entity: Some(entity.to_owned()),
                program: program.map(str::to_owned),
                ..Said::of_kind(kind)
            };
            said.label()
                .map(|label| {
                    (
                        label.app_name.as_str().to_owned(),
                        label.domain.map(|site| site.as_str().to_owned()),
                    )
                })
                .map_err(|fault| (fault.field, fault.code))
        };
        let app = |name: &str| Ok((name.to_owned(), None));
        let shows = |name: &str, site: &str| Ok((name.to_owned(), Some(site.to_owned())));
        assert_eq!(label(Kind::File, "/srv/ada/secret.rs", Some("Vim")), app("Vim"));
        assert_eq!(label(Kind::File, "/srv/ada/secret.rs", None), app("Editor"));
        assert_eq!(label(Kind::App, " Slack\u{7} ", Some("desktop")), app("Slack"));
        assert_eq!(
            label(Kind::Url, "https://www.example.org/a?b", Some("Firefox")),
            shows("Firefox", "example.org")
        );
        assert_eq!(
            label(Kind::Domain, "example.org", None),
            shows("Browser", "example.org")
        );
        assert_eq!(label(Kind::Url, "about:blank", None), app("Browser"));
        assert_eq!(
            label(Kind::Url, "https://exa mple/", None),
            Err(("entity", "invalid_url"))
        );
        assert_eq!(label(Kind::App, " \n", None), Err(("entity", "missing")));
        assert_eq!(
            Said::of_kind(Kind::App).label().map_err(|fault| fault.code),
            Err("missing")
        );
    }

    #[test]
    fn what_is_left_to_the_one_before_and_what_is_not_said_is_told_apart() {
        let text = |text: &str| Some(text.to_owned());
        let said = Said {
            project: [text("<<LAST_PROJECT>>"), text("second")],
            branch: text("main"),
            language: [None, text("Rust")],
            ..Said::of_kind(Kind::File)
        };
        let context = said.context();
        let named = |name: &str| Some(Mention::Named(ContextText::trusted(name)));
        assert_eq!(
            (context.project, context.branch, context.language),
            (Some(Mention::Last), named("main"), named("Rust"))
        );
        assert_eq!(context.category, Some(ContextText::trusted("coding")));
        assert_eq!(Said::of_kind(Kind::App).context(), Context::of_kind(Kind::App));
    }
}
