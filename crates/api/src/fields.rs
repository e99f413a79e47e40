//! Reads a JSON object field by field, so that every fault of it is told at once: what is missing, of the wrong type, given twice or unknown.

mod whole;

use std::borrow::Cow;
use std::fmt;
use std::mem;

use domain::accounts::Caller;
use domain::fault::Fault;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::caller;
use crate::faults::{Faults, FieldFault, Strangers, pointer};
use crate::problem::{Problem, ProblemType};

/// An object that is being read. Holds no more than its known fields and its owner, however many it was given.
pub(crate) struct Fields<'a> {
    known: &'static [&'static str],
    values: Vec<Option<&'a RawValue>>,
    /// Whom it names where that is none of its known fields.
    owners: [Option<&'a RawValue>; caller::OWNER_FIELDS.len()],
    strangers: Strangers,
    faults: Faults,
}

/// A JSON type that a field may have.
pub(crate) trait FromJson<'a>: Sized {
    /// The type in words.
    const TYPE: &'static str;

    /// The value, when it is of this type.
    fn from_json(raw: &'a RawValue) -> Option<Self>;
}

impl<'a> FromJson<'a> for Cow<'a, str> {
    const TYPE: &'static str = "text";

    fn from_json(raw: &'a RawValue) -> Option<Self> {
        read::<Text<'a>>(raw).map(|text| text.0)
    }
}

impl<'a> FromJson<'a> for Vec<Cow<'a, str>> {
    const TYPE: &'static str = "a list of texts";

    fn from_json(raw: &'a RawValue) -> Option<Self> {
        let texts: Vec<Text<'a>> = read(raw)?;
        Some(texts.into_iter().map(|text| text.0).collect())
    }
}

/// Whatever its items are: how many there may be has to be looked at before they are.
impl<'a> FromJson<'a> for Vec<&'a RawValue> {
    const TYPE: &'static str = "a list";

    fn from_json(raw: &'a RawValue) -> Option<Self> {
        read(raw)
    }
}

impl FromJson<'_> for bool {
    const TYPE: &'static str = "true or false";

    fn from_json(raw: &RawValue) -> Option<Self> {
        read(raw)
    }
}

/// A whole number, held at the ends of the range: whoever reads it has narrower limits of their own.
impl FromJson<'_> for i128 {
    const TYPE: &'static str = "a whole number";

    fn from_json(raw: &RawValue) -> Option<Self> {
        whole::number(raw.get())
    }
}

/// Text, borrowed from the body unless it holds escapes. (`Option<Cow<str>>` alone would always be copied.)
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

impl<'a> Fields<'a> {
    /// Reads the body of a request with the fields `known`; `all` makes of them what the body stands for.
    ///
    /// # Errors
    /// Malformed JSON, or every fault of the fields.
    pub(crate) fn read<T>(
        body: &'a str,
        known: &'static [&'static str],
        all: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Problem> {
        Self::of_body(body, known)?.into_value(all)
    }

    /// The same of a body that may name whom it is about, which is the caller.
    ///
    /// # Errors
    /// A `user_id` or `device_id` that is not the caller's, malformed JSON, or every fault of the fields.
    pub(crate) fn read_by<T>(
        caller: &Caller,
        body: &'a str,
        known: &'static [&'static str],
        all: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Problem> {
        let mut fields = Self::of_body(body, known)?;
        fields.owned_by(caller)?;
        fields.into_value(all)
    }

    /// The fields `known` of a body.
    ///
    /// # Errors
    /// Malformed JSON, or JSON that is no object.
    pub(crate) fn of_body(body: &'a str, known: &'static [&'static str]) -> Result<Self, Problem> {
        // The whole is looked at for syntax before a part of it for sense, so that what is no JSON is never called a wrong type.
        let raw: &'a RawValue = serde_json::from_str(body).map_err(|error| malformed(&error))?;
        Self::of_value(raw, known).map_err(|fault| Problem::invalid(fault.into()))
    }

    /// The fields `known` of a value.
    ///
    /// # Errors
    /// The fault of a value that is no object.
    pub(crate) fn of_value(raw: &'a RawValue, known: &'static [&'static str]) -> Result<Self, FieldFault> {
        let mut fields = Self {
            known,
            values: vec![None; known.len()],
            owners: Default::default(),
            strangers: Strangers::default(),
            faults: Faults::default(),
        };
        if !raw.get().starts_with('{') {
            return Err(wrong_type(String::new(), "an object", raw));
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        match Filling(&mut fields).deserialize(&mut reader) {
            Ok(()) => Ok(fields),
            // What is left is text that JSON allows and Unicode does not, in a name.
            Err(_) => Err(FieldFault::new("", "invalid_text", "its names must be Unicode text")),
        }
    }

    /// Makes sure that the object names nobody but the caller. It may name them, whatever it is about.
    ///
    /// # Errors
    /// A `user_id` or `device_id` that is not the caller's.
    pub(crate) fn owned_by(&mut self, caller: &Caller) -> Result<(), Problem> {
        let owners = mem::take(&mut self.owners);
        caller::OWNER_FIELDS
            .into_iter()
            .zip(owners)
            .filter_map(|(name, beside)| Some((name, self.value(name).or(beside)?)))
            .filter(|(_, raw)| raw.get() != "null")
            .try_for_each(|(name, raw)| caller::check_owner(caller, name, Cow::from_json(raw)))
    }

    /// What `all` makes of the fields, when none of them has a fault and there are no others.
    ///
    /// # Errors
    /// Every fault.
    pub(crate) fn into_value<T>(self, all: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Problem> {
        self.judged(all).map_err(Problem::invalid)
    }

    /// The same of a part of a body.
    ///
    /// # Errors
    /// Every fault, with pointers that start at the part.
    pub(crate) fn judged<T>(mut self, all: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Faults> {
        let value = all(&mut self);
        for (name, _) in caller::OWNER_FIELDS
            .iter()
            .zip(self.owners)
            .filter(|(_, named)| named.is_some())
        {
            self.strangers.note(name);
        }
        self.faults
            .extend(self.strangers.into_faults("", &self.known.join(", ")));
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(self.faults),
        }
    }

    /// The faults that were found, with no regard to unknown fields.
    pub(crate) fn into_faults(self) -> Faults {
        self.faults
    }

    /// A field that must be there, through `parse`.
    pub(crate) fn required<J: FromJson<'a>, T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(J) -> Result<T, Fault>,
    ) -> Option<T> {
        let Some(raw) = self.value(name) else {
            let fault = FieldFault::new(pointer("", name), "required", "must be given");
            self.faults.add(fault);
            return None;
        };
        self.parse(name, raw, parse)
    }

    /// A field that need not be there, through `parse`; `absent` where it is not, or `null`.
    pub(crate) fn optional<J: FromJson<'a>, T>(
        &mut self,
        name: &'static str,
        absent: T,
        parse: impl FnOnce(J) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.value(name) {
            Some(raw) => self.parse(name, raw, parse),
            None => Some(absent),
        }
    }

    /// What was read beside the object, of a header say: its fault is told with those of the fields.
    pub(crate) fn beside<T>(&mut self, read: Result<T, FieldFault>) -> Option<T> {
        read.map_err(|fault| self.faults.add(fault)).ok()
    }

    /// The field as it was written, unless it is not there or `null`.
    pub(crate) fn value(&self, name: &'static str) -> Option<&'a RawValue> {
        let at = self.known.iter().position(|known| *known == name)?;
        self.values[at].filter(|raw| raw.get() != "null")
    }

    fn parse<J: FromJson<'a>, T>(
        &mut self,
        name: &'static str,
        raw: &'a RawValue,
        parse: impl FnOnce(J) -> Result<T, Fault>,
    ) -> Option<T> {
        let Some(json) = J::from_json(raw) else {
            self.faults.add(wrong_type(pointer("", name), J::TYPE, raw));
            return None;
        };
        self.faults.keep("", parse(json))
    }
}

/// The fault of `raw`, which should be of the type `wanted`.
pub(crate) fn wrong_type(pointer: String, wanted: &str, raw: &RawValue) -> FieldFault {
    let given = match raw.get().as_bytes().first() {
        // Nothing but a lone half of a surrogate pair makes a string of sound syntax unreadable.
        Some(b'"') if wanted == <Cow<'_, str>>::TYPE => {
            return FieldFault::new(pointer, "invalid_text", "must be Unicode text, without lone surrogates");
        }
        Some(b'"') => "text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ if raw.get().contains(['.', 'e', 'E']) => "a number with a fraction",
        _ => "a number",
    };
    FieldFault::new(pointer, "wrong_type", format!("must be {wanted}, not {given}"))
}

/// The problem of a body that is no JSON. The position is the client's own; nothing of the body is repeated.
pub(crate) fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(ProblemType::MalformedBody, format!("the body is not JSON: {error}"))
}

struct Filling<'f, 'a>(&'f mut Fields<'a>);

impl<'de> DeserializeSeed<'de> for Filling<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Filling<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let fields = self.0;
        while let Some(Text(name)) = map.next_key()? {
            let place = |names: &[&str]| names.iter().position(|known| *known == name);
            let field = match (place(fields.known), place(&caller::OWNER_FIELDS)) {
                (Some(at), _) => &mut fields.values[at],
                (None, Some(at)) => &mut fields.owners[at],
                (None, None) => {
                    fields.strangers.note(&name);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if field.replace(map.next_value()?).is_some() {
                let fault = FieldFault::new(pointer("", &name), "duplicate", "must not be given twice");
                fields.faults.add(fault);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use domain::accounts::{DeviceId, SessionId, UserId};
    use uuid::Uuid;

    use super::*;
    use crate::faults::FieldFault;

    fn faults(body: &str) -> Vec<(String, &'static str)> {
        let raw: &RawValue = serde_json::from_str(body).expect("JSON");
        let mut fields = Fields::of_value(raw, &["name", "count", "on"]).expect("an object");
        fields.required("name", |name: Cow<'_, str>| Ok(name.into_owned()));
        fields.optional("count", 0, |count: i128| Ok(count));
        fields.optional("on", false, Ok::<bool, Fault>);
        let all = fields.judged(|_| None::<()>).expect_err("faults");
        let all = all.into_vec().into_iter();
        all.map(|FieldFault { pointer, code, .. }| (pointer, code)).collect()
    }

    fn told(pointer: &str, code: &'static str) -> (String, &'static str) {
        (pointer.to_owned(), code)
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let all = faults(r#"{"name": 1, "count": "x", "on": [], "odd/one": {}, "on": null}"#);
        let expected = [
            told("/on", "duplicate"),
            told("/name", "wrong_type"),
            told("/count", "wrong_type"),
            told("/odd~1one", "unknown_field"),
        ];
        assert_eq!(all, expected);
        assert_eq!(faults("{}"), [told("/name", "required")]);
    }

    #[test]
    fn an_object_may_name_the_caller_and_nobody_else() {
        let caller = Caller {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(2)),
            session: SessionId(Uuid::from_u128(3)),
            precedence: 1,
        };
        let read = |text: &str| {
            let body = format!(r#"{{"name": "x", {text}}}"#);
            let name = |body: &mut Fields<'_>| body.required("name", |name: Cow<'_, str>| Ok(name.into_owned()));
            Fields::read_by(&caller, &body, &["name"], name).map_err(|problem| problem.status_code().as_u16())
        };
        let id = |number: u128| Uuid::from_u128(number);
        assert!(read(&format!(r#""user_id": "{}", "device_id": "{}""#, id(1), id(2))).is_ok());
        assert!(read(r#""user_id": null"#).is_ok());
        assert_eq!(read(&format!(r#""user_id": "{}""#, id(2))), Err(403));
        assert_eq!(read(&format!(r#""device_id": "{}""#, id(1))), Err(403));
        assert_eq!(read(r#""device_id": 2"#), Err(403));
        let twice = format!(r#""user_id": "{0}", "user_id": "{0}""#, id(1));
        assert_eq!(read(&twice), Err(422));
        // Where nobody is signed in yet, there is nobody to name.
        assert_eq!(
            faults(r#"{"name": "x", "user_id": "y"}"#),
            [told("/user_id", "unknown_field")]
        );
    }

    #[test]
    fn null_is_as_good_as_absent() {
        assert_eq!(faults(r#"{"name": "x", "count": null, "on": null}"#), []);
        assert_eq!(faults(r#"{"name": null}"#), [told("/name", "required")]);
    }

    #[test]
    fn text_that_unicode_does_not_allow_is_told_apart_from_a_wrong_type() {
        assert_eq!(faults(r#"{"name": "\ud800"}"#), [told("/name", "invalid_text")]);
    }
}
