//! The names in files, each held once, and what the person's rules say of them.

use std::collections::HashMap;
use std::sync::Arc;

use domain::fault::Fault;
use domain::usage::{AppName, Domain, Label};

use crate::privacy::Privacy;
use crate::relay::discretion::ANY_BROWSER;

/// All names so far.
#[derive(Debug)]
pub struct Names {
    privacy: Arc<Privacy>,
    apps: HashMap<Box<str>, Named<AppName>>,
    sites: HashMap<Domain, Named<Domain>>,
    labels: HashMap<Label, Option<Label>>,
}

/// A name, and whether the rules leave anything of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named<T> {
    /// They do.
    Open(T),
    /// They exclude it, or hide it.
    Private,
}

impl Names {
    /// None yet, under the wishes of `privacy`.
    #[must_use]
    pub fn under(privacy: Arc<Privacy>) -> Self {
        Self {
            privacy,
            apps: HashMap::new(),
            sites: HashMap::new(),
            labels: HashMap::new(),
        }
    }

    /// The application of that name, in front without a site. A new name of a rule is not given here, since the old one tells what its windows belong to.
    ///
    /// # Errors
    /// A fault of `app_name`.
    pub fn app(&mut self, text: &str) -> Result<Named<AppName>, Fault> {
        let text = text.trim();
        if let Some(known) = self.apps.get(text) {
            return Ok(known.clone());
        }
        let name = AppName::parse(text)?;
        let label = Label {
            app_name: name.clone(),
            domain: None,
        };
        let named = self.privacy.rule(&label).map_or(Named::Private, |_| Named::Open(name));
        self.apps.insert(text.into(), named.clone());
        Ok(named)
    }

    /// What the rules leave of a label.
    pub fn label(&mut self, label: Label) -> Option<Label> {
        if let Some(known) = self.labels.get(&label) {
            return known.clone();
        }
        let kept = self.privacy.rule(&label);
        self.labels.insert(label, kept.clone());
        kept
    }

    /// The site, where any browser may show it.
    pub fn site(&mut self, domain: Domain) -> Named<Domain> {
        if let Some(known) = self.sites.get(&domain) {
            return known.clone();
        }
        let kept = AppName::parse(ANY_BROWSER).ok().and_then(|app_name| {
            let domain = Some(domain.clone());
            self.privacy.rule(&Label { app_name, domain })?.domain
        });
        let named = kept.map_or(Named::Private, |_| Named::Open(domain.clone()));
        self.sites.insert(domain, named.clone());
        named
    }
}

#[cfg(test)]
mod tests {
    use domain::privacy::PlainRule;

    use crate::privacy::rules;

    use super::*;

    fn rule(app: Option<&str>, site: Option<&str>, action: &str, to: Option<&str>) -> PlainRule {
        PlainRule {
            app: app.map(str::to_owned),
            site: site.map(str::to_owned),
            action: action.to_owned(),
            to: to.map(str::to_owned),
        }
    }

    #[test]
    fn rules_decide_what_is_open_and_a_new_name_is_for_later() {
        let dir = tempfile::tempdir().expect("a directory");
        let privacy = Privacy::open(dir.path()).expect("opened");
        for rule in [
            rule(Some("keepass*"), None, "exclude", None),
            rule(Some("code-oss"), None, "rename", Some("Editor")),
            rule(None, Some("bank.example"), "exclude", None),
            rule(None, Some("news.example"), "hide", None),
        ] {
            rules::add(privacy.dir(), rule).expect("added");
        }
        privacy.reload();
        let mut names = Names::under(Arc::new(privacy));
        let mut app = |text: &str| names.app(text).map_err(|fault| fault.code);
        assert_eq!(app("KeePassXC"), Ok(Named::Private));
        let editor = AppName::parse("code-oss").expect("a name");
        assert_eq!(app(" code-oss "), Ok(Named::Open(editor.clone())));
        assert_eq!(app("code-oss"), Ok(Named::Open(editor)));
        assert_eq!(app(" "), Err("empty"));
        let site = |url: &str| Domain::of_url(url).expect("a URL").expect("a host");
        assert_eq!(names.site(site("https://online.bank.example/x")), Named::Private);
        assert_eq!(names.site(site("https://news.example")), Named::Private);
        let label = names.label(Label::trusted("Code-OSS", Some("news.example")));
        assert_eq!(label, Some(Label::trusted("Editor", None)));
        assert_eq!(names.label(Label::trusted("x", Some("bank.example"))), None);
        let open = site("https://example.org/a");
        assert_eq!(names.site(open.clone()), Named::Open(open));
    }
}
