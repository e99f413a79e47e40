//! Every fault of a request, gathered while it is read, each with the place it stands at.

use domain::fault::Fault;
use serde::Serialize;
use utoipa::ToSchema;

/// One fault of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldFault {
    /// Where it stands: a JSON pointer (RFC 6901) into the body (`/pings/3/end_time`); `/query/NAME` for a parameter of the query, `/headers/NAME` for a
    /// header.
    #[schema(example = "/pings/3/end_time")]
    pub(crate) pointer: String,
    /// A short, stable word for a program.
    #[schema(example = "in_future")]
    pub(crate) code: &'static str,
    /// A sentence that names the limit.
    #[schema(example = "must be at most 2 minutes after the server's clock, which says 2026-03-01T09:00:00Z")]
    pub(crate) detail: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl FieldFault {
    /// A fault at `pointer`.
    pub(crate) fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }

    /// A field's fault, where the field stands in `parent`.
    pub(crate) fn of(parent: &str, fault: Fault) -> Self {
        Self::new(pointer(parent, fault.field), fault.code, fault.detail)
    }

    /// The same fault in a thing that stands at `parent`.
    pub(crate) fn under(mut self, parent: &str) -> Self {
        self.pointer.insert_str(0, parent);
        self
    }
}

impl Faults {
    /// The faults of fields that stand in `parent`.
    pub(crate) fn of(parent: &str, faults: Vec<Fault>) -> Self {
        Self(faults.into_iter().map(|fault| FieldFault::of(parent, fault)).collect())
    }

    /// Gathers one more.
    pub(crate) fn add(&mut self, fault: FieldFault) {
        self.0.push(fault);
    }

    /// The value, or nothing and its fault gathered.
    pub(crate) fn keep<T>(&mut self, parent: &str, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.add(FieldFault::of(parent, fault))).ok()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order in which they were found.
    pub(crate) fn into_vec(self) -> Vec<FieldFault> {
        self.0
    }
}

impl From<FieldFault> for Faults {
    fn from(fault: FieldFault) -> Self {
        Self(vec![fault])
    }
}

impl FromIterator<FieldFault> for Faults {
    fn from_iter<T: IntoIterator<Item = FieldFault>>(faults: T) -> Self {
        Self(faults.into_iter().collect())
    }
}

impl Extend<FieldFault> for Faults {
    fn extend<T: IntoIterator<Item = FieldFault>>(&mut self, faults: T) {
        self.0.extend(faults);
    }
}

/// The pointer to the member `name` of what stands at `parent`.
pub(crate) fn pointer(parent: &str, name: &str) -> String {
    let mut pointer = String::with_capacity(parent.len() + 1 + name.len());
    pointer.push_str(parent);
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
    pointer
}

/// Names that were given and mean nothing here. A request may hold very many, so only the first are named.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    named: Vec<String>,
    more: usize,
}

impl Strangers {
    /// How many are named one by one.
    const NAMED_MAX: usize = 32;
    /// How many characters of a name are repeated.
    const NAME_CHARS_MAX: usize = 64;

    /// Notes one.
    pub(crate) fn note(&mut self, name: &str) {
        if self.named.len() == Self::NAMED_MAX {
            self.more += 1;
            return;
        }
        self.named.push(match name.char_indices().nth(Self::NAME_CHARS_MAX) {
            Some((cut, _)) => format!("{}…", &name[..cut]),
            None => name.to_owned(),
        });
    }

    /// A fault for each, where it stands in `parent`; `known` says which names mean something.
    pub(crate) fn into_faults<'a>(self, parent: &'a str, known: &str) -> impl Iterator<Item = FieldFault> + use<'a> {
        const CODE: &str = "unknown_field";
        let detail = format!("is not known here; known are {known}");
        let more = (self.more > 0)
            .then(|| FieldFault::new(parent, CODE, format!("{} more names are not known here", self.more)));
        self.named
            .into_iter()
            .map(move |name| FieldFault::new(pointer(parent, &name), CODE, detail.clone()))
            .chain(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_means_something_in_it() {
        assert_eq!(pointer("/pings/3", "end_time"), "/pings/3/end_time");
        assert_eq!(pointer("", "a/b~c"), "/a~1b~0c");
    }

    #[test]
    fn of_very_many_strangers_only_the_first_are_named_and_none_at_length() {
        let mut strangers = Strangers::default();
        for _ in 0..=Strangers::NAMED_MAX {
            strangers.note(&"ä".repeat(1_000));
        }
        let faults: Vec<_> = strangers.into_faults("", "a, b").collect();
        assert_eq!(faults.len(), Strangers::NAMED_MAX + 1);
        assert_eq!(faults[0].pointer, format!("/{}…", "ä".repeat(64)));
        assert_eq!(faults[Strangers::NAMED_MAX].detail, "1 more names are not known here");
    }
}
