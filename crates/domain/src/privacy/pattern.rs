//! Patterns over names: no letter case, `*` for any run of characters, and no more work than the text and the pattern are long.

use std::borrow::Cow;
use std::ops::Range;

use crate::fault::Fault;
use crate::usage::{Domain, visible_text};

/// The most characters a pattern may have.
const CHARS_MAX: usize = 255;
/// The most `*` in a pattern: what stands between two is looked for by itself, for each rule and each ping.
const STARS_MAX: usize = 8;
/// What the door takes off a site.
const WWW: &str = "www.";

/// Which applications.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct AppPattern {
    written: Box<str>,
    /// In the form in which names are compared: see [`folded`].
    folded: Glob,
}

/// Which sites.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SitePattern {
    written: Box<str>,
    /// In the form in which sites are kept: lower case, IDNA.
    host: Glob,
    /// Whether it asks for something in front of a dot, which may be the `www.` that the door takes off.
    asks_in_front: bool,
}

/// A text in which `*` stands for any run of characters, taken apart when the rule is made and not for each ping.
#[derive(Clone, PartialEq, Eq)]
struct Glob {
    text: Box<str>,
    /// Where it holds any.
    parts: Option<Parts>,
}

/// What stands around the `*` of a text. Places in it, not texts of their own: comparing with an empty one that lies nowhere takes a processor longer than all
/// the rest.
#[derive(Clone, PartialEq, Eq)]
struct Parts {
    /// In front of the first.
    head: Range<usize>,
    /// Between two, where anything is.
    pieces: Box<[Range<usize>]>,
    /// Behind the last.
    tail: Range<usize>,
}

impl AppPattern {
    /// The pattern, trimmed.
    ///
    /// # Errors
    /// A fault of `app` that names the limit.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let written = written("app", text)?;
        Ok(Self {
            written: written.into(),
            folded: Glob::new(&folded(written)),
        })
    }

    /// Whether it matches a name that was [`folded`].
    pub(super) fn matches(&self, name: &str) -> bool {
        self.folded.matches(name)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    pub(super) fn bytes(&self) -> usize {
        self.written.len() + self.folded.bytes()
    }
}

impl SitePattern {
    /// The pattern, trimmed.
    ///
    /// # Errors
    /// A fault of `site` that says what it must be.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let written = written("site", text)?;
        let host = if written.contains('*') {
            starred(written)?
        } else {
            host("site", written)?.as_str().to_owned()
        };
        Ok(Self {
            written: written.into(),
            host: Glob::new(&host),
            asks_in_front: ["*.", WWW, "*www."].iter().any(|front| host.starts_with(front)),
        })
    }

    /// Whether it matches a site, given [`with_www`]. Without `*` it matches every name below it as well. The door takes a leading `www.` off, so a
    /// pattern that asks for something in front of a dot (`*.example.org`) is asked with that as well.
    pub(super) fn matches(&self, with_www: &str) -> bool {
        let site = with_www.strip_prefix(WWW).unwrap_or(with_www);
        if self.host.parts.is_some() {
            return self.host.matches(site) || self.asks_in_front && self.host.matches(with_www);
        }
        let below = site.strip_suffix(&*self.host.text);
        below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    pub(super) fn bytes(&self) -> usize {
        self.written.len() + self.host.bytes()
    }
}

impl Glob {
    fn new(text: &str) -> Self {
        let stars: Vec<usize> = text.match_indices('*').map(|(at, _)| at).collect();
        let parts = stars.first().zip(stars.last()).map(|(first, last)| Parts {
            head: 0..*first,
            pieces: stars
                .windows(2)
                .map(|around| around[0] + 1..around[1])
                .filter(|piece| !piece.is_empty())
                .collect(),
            tail: last + 1..text.len(),
        });
        Self {
            text: text.into(),
            parts,
        }
    }

    /// Whether it matches all of `text`. What stands between two `*` is looked for from left to right, each behind the one before, and the first place where
    /// it stands leaves the most for the rest: so nothing is ever tried twice.
    fn matches(&self, text: &str) -> bool {
        let Some(Parts { head, pieces, tail }) = &self.parts else {
            return *self.text == *text;
        };
        let part = |place: &Range<usize>| &self.text[place.clone()];
        let behind_head = text.strip_prefix(part(head));
        let Some(mut between) = behind_head.and_then(|text| text.strip_suffix(part(tail))) else {
            return false;
        };
        for piece in pieces {
            let Some((_, behind)) = between.split_once(part(piece)) else {
                return false;
            };
            between = behind;
        }
        true
    }

    fn bytes(&self) -> usize {
        let pieces = self.parts.as_ref().map_or(0, |parts| size_of_val(&*parts.pieces));
        self.text.len() + pieces
    }
}

/// The text of a pattern, trimmed.
fn written<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Fault> {
    let written = visible_text(field, text, CHARS_MAX)?;
    if written.matches('*').count() > STARS_MAX {
        let detail = format!("must hold at most {STARS_MAX} `*`");
        return Err(Fault::new(field, "too_many_stars", detail));
    }
    Ok(written)
}

/// `text` without letter case: names that differ in nothing else become equal. Both ways and back again, because some letters have a small or a capital
/// form that is another letter's (`ß` and `ẞ`, `ς` and `σ`).
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.chars().flat_map(char::to_lowercase);
    let upper = lower.flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

/// The site with `www.` in front.
pub(super) fn with_www(domain: &Domain) -> String {
    [WWW, domain.as_str()].concat()
}

/// The site that is named by its host alone, in the form in which sites are kept.
///
/// # Errors
/// A fault of `field` when it is no host, or more than one.
pub(super) fn host(field: &'static str, text: &str) -> Result<Domain, Fault> {
    let text = text.trim();
    let site = if is_bare(text) && !text.contains('*') {
        Domain::of_url(&format!("https://{text}/")).ok().flatten()
    } else {
        None
    };
    // One with nothing between two dots would be taken, and be no page's.
    let site = site.filter(|site| site.as_str().split('.').all(|label| !label.is_empty()));
    site.ok_or_else(|| {
        no_host(
            field,
            "must be a host such as example.org, without scheme, port and path",
        )
    })
}

/// A pattern with `*` in the form in which sites are kept.
fn starred(written: &str) -> Result<String, Fault> {
    if !is_bare(written) || written.contains(|c: char| c.is_whitespace() || "[]<>^|".contains(c)) {
        let detail = "must be a host such as *.example.org, without scheme, port and path";
        return Err(no_host("site", detail));
    }
    let labels = written.strip_suffix('.').unwrap_or(written).split('.');
    let labels: Vec<Cow<'_, str>> = labels.map(label).collect::<Result<_, _>>()?;
    Ok(labels.join("."))
}

/// One name of a host. What is not ASCII has a form that a part of it does not show, so there `*` could not mean what it seems to.
fn label(label: &str) -> Result<Cow<'_, str>, Fault> {
    if label.is_empty() {
        return Err(no_host(
            "site",
            "must have a name between each two dots, and before the first",
        ));
    }
    if label.is_ascii() {
        return Ok(label.to_ascii_lowercase().into());
    }
    if label.contains('*') {
        let detail = "must not hold `*` between two dots together with letters outside ASCII";
        return Err(no_host("site", detail));
    }
    Ok(host("site", label)?.as_str().to_owned().into())
}

/// Whether nothing in it belongs to another part of an address than the host. Colons stand in addresses of IPv6 alone.
fn is_bare(text: &str) -> bool {
    let is_address = text.starts_with('[') && text.ends_with(']');
    !text.contains(['/', '\\', '?', '#', '@', '%']) && (is_address || !text.contains(':'))
}

fn no_host(field: &'static str, detail: &'static str) -> Fault {
    Fault::new(field, "invalid_host", detail)
}
