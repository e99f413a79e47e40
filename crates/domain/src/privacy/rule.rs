//! One rule: what it is about, which names it matches, and what becomes of those.

use std::fmt;

use crate::fault::Fault;
use crate::usage::{AppName, Domain};

use super::pattern::{self, AppPattern, SitePattern};

/// A rule as somebody wrote it: words that may mean anything.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PlainRule {
    /// Which applications it is about, by a pattern. A rule is about applications or about sites.
    pub app: Option<String>,
    /// Which sites it is about, by a pattern.
    pub site: Option<String>,
    /// `exclude`, `rename` or, for sites, `hide`.
    pub action: String,
    /// The new name, for `rename`.
    pub to: Option<String>,
}

/// A rule that means something.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// About applications.
    App(AppPattern, AppAction),
    /// About sites.
    Site(SitePattern, SiteAction),
}

/// What becomes of time under an application.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum AppAction {
    /// Nothing of it is kept.
    Exclude,
    /// It is kept under another name.
    Rename(AppName),
}

/// What becomes of time in front of a site.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum SiteAction {
    /// Nothing of it is kept.
    Exclude,
    /// It is kept under another name.
    Rename(Domain),
    /// It is kept under its application alone.
    Hide,
}

const EXCLUDE: &str = "exclude";
const RENAME: &str = "rename";
const HIDE: &str = "hide";

impl Rule {
    /// The rule.
    ///
    /// # Errors
    /// Every fault, by the field's name.
    pub(super) fn parse(plain: &PlainRule) -> Result<Self, Vec<Fault>> {
        match (&plain.app, &plain.site) {
            (Some(app), None) => {
                let pattern = AppPattern::parse(app);
                both(pattern, AppAction::parse(plain)).map(|(pattern, action)| Self::App(pattern, action))
            }
            (None, Some(site)) => {
                let pattern = SitePattern::parse(site);
                both(pattern, SiteAction::parse(plain)).map(|(pattern, action)| Self::Site(pattern, action))
            }
            (None, None) => Err(vec![Fault::new("app", "required", "must be given, or `site`")]),
            (Some(_), Some(_)) => {
                let detail = "must not stand beside `app`: a rule is about one of them";
                Err(vec![Fault::new("site", "not_allowed", detail)])
            }
        }
    }

    /// The rule as it was written.
    pub(super) fn plain(&self) -> PlainRule {
        let (app, site, (action, to)) = match self {
            Self::App(pattern, action) => (Some(pattern.as_str().to_owned()), None, action.plain()),
            Self::Site(pattern, action) => (None, Some(pattern.as_str().to_owned()), action.plain()),
        };
        PlainRule {
            app,
            site,
            action: action.to_owned(),
            to: to.map(str::to_owned),
        }
    }

    /// How much memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let texts = match self {
            Self::App(pattern, action) => pattern.bytes() + action.plain().1.map_or(0, str::len),
            Self::Site(pattern, action) => pattern.bytes() + action.plain().1.map_or(0, str::len),
        };
        size_of::<Self>() + texts
    }
}

impl AppAction {
    fn parse(plain: &PlainRule) -> Result<Self, Fault> {
        match plain.action.as_str() {
            EXCLUDE => without_name(plain, Self::Exclude),
            RENAME => AppName::parse(name(plain)?)
                .map(Self::Rename)
                .map_err(|fault| Fault { field: "to", ..fault }),
            HIDE => {
                let detail = "must be `exclude` or `rename` for an application: what is hidden is a site";
                Err(Fault::new("action", "not_allowed", detail))
            }
            _ => Err(unknown("must be `exclude` or `rename`")),
        }
    }

    fn plain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Exclude => (EXCLUDE, None),
            Self::Rename(to) => (RENAME, Some(to.as_str())),
        }
    }
}

impl SiteAction {
    fn parse(plain: &PlainRule) -> Result<Self, Fault> {
        match plain.action.as_str() {
            EXCLUDE => without_name(plain, Self::Exclude),
            HIDE => without_name(plain, Self::Hide),
            RENAME => pattern::host("to", name(plain)?).map(Self::Rename),
            _ => Err(unknown("must be `exclude`, `rename` or `hide`")),
        }
    }

    fn plain(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Exclude => (EXCLUDE, None),
            Self::Hide => (HIDE, None),
            Self::Rename(to) => (RENAME, Some(to.as_str())),
        }
    }
}

/// Shows the action alone: what else stands there names what its person does not want to see anywhere.
impl fmt::Debug for PlainRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = if self.app.is_some() { "app" } else { "site" };
        f.debug_struct("PlainRule")
            .field("subject", &subject)
            .finish_non_exhaustive()
    }
}

fn both<P, A>(pattern: Result<P, Fault>, action: Result<A, Fault>) -> Result<(P, A), Vec<Fault>> {
    match (pattern, action) {
        (Ok(pattern), Ok(action)) => Ok((pattern, action)),
        (pattern, action) => Err([pattern.err(), action.err()].into_iter().flatten().collect()),
    }
}

fn name(plain: &PlainRule) -> Result<&str, Fault> {
    let missing = || Fault::new("to", "required", "must be given: the name to keep instead");
    plain.to.as_deref().ok_or_else(missing)
}

fn without_name<A>(plain: &PlainRule, action: A) -> Result<A, Fault> {
    match plain.to {
        None => Ok(action),
        Some(_) => Err(Fault::new("to", "not_allowed", "must only be given for `rename`")),
    }
}

fn unknown(detail: &'static str) -> Fault {
    Fault::new("action", "unknown_action", detail)
}
