//! What a tracker says of a heartbeat besides its label: the project, the language, the machine. It decides nothing in the timeline; reports ask for it.

use std::fmt;
use std::sync::Arc;

use crate::fault::Fault;
use crate::usage::visible_text;

/// What a heartbeat is about, besides its label. Never a path or a whole address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Context {
    /// What sort of thing had the attention.
    pub kind: Kind,
    /// What was done: `coding`, `browsing`.
    pub category: Option<ContextText>,
    /// The project.
    pub project: Option<Mention>,
    /// The branch.
    pub branch: Option<Mention>,
    /// The language.
    pub language: Option<Mention>,
    /// The editor, or whatever program sent it.
    pub editor: Option<ContextText>,
    /// The machine.
    pub machine: Option<ContextText>,
    /// What the machine runs.
    pub operating_system: Option<ContextText>,
    /// Whether something was saved; `None` where nothing was said.
    pub is_write: Option<bool>,
}

impl Context {
    /// A context of which nothing else is known.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            kind,
            category: None,
            project: None,
            branch: None,
            language: None,
            editor: None,
            machine: None,
            operating_system: None,
            is_write: None,
        }
    }
}

/// What sort of thing had the attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file in an editor.
    File,
    /// An application.
    App,
    /// A site.
    Domain,
    /// A page, of which only the site is kept.
    Url,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::File, Self::App, Self::Domain, Self::Url];

    /// Its word, the one that trackers use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::App => "app",
            Self::Domain => "domain",
            Self::Url => "url",
        }
    }

    /// The kind of a word; `None` for one that is not known.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Something that a heartbeat names, or leaves to the one before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mention {
    /// What its device named last: found out when it is read, because heartbeats come in any order.
    Last,
    /// This.
    Named(ContextText),
}

/// A short text: trimmed, 1 to 255 characters, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextText(Arc<str>);

impl ContextText {
    /// The most characters it may have.
    pub const CHARS_MAX: usize = 255;

    /// The text, trimmed.
    ///
    /// # Errors
    /// A fault of `field` that names the limit.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Fault> {
        visible_text(field, text, Self::CHARS_MAX).map(Self::trusted)
    }

    /// The text as it was stored or queued: it passed the door once and is not checked again.
    #[must_use]
    pub fn trusted(text: &str) -> Self {
        Self(text.into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ContextText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_bounded_in_characters() {
        let parse = |text: &str| ContextText::parse("project", text).map_err(|fault| (fault.field, fault.code));
        assert_eq!(
            parse("  daybook ").map(|text| text.as_str().to_owned()),
            Ok("daybook".to_owned())
        );
        assert!(parse(&"ä".repeat(255)).is_ok());
        assert_eq!(parse(&"ä".repeat(256)), Err(("project", "too_long")));
        assert_eq!(parse(" "), Err(("project", "empty")));
        assert_eq!(parse("a\nb"), Err(("project", "control_character")));
    }

    #[test]
    fn each_kind_is_found_by_its_word() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_word(kind.word()), Some(kind));
        }
        assert_eq!(Kind::of_word("File"), None);
    }
}
