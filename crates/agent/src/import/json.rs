//! JSON read as it comes, for a few fields of its objects, whatever the others are and whatever those hold. Nothing but broken JSON is an error here.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What to do with a value, by its shape. A shape that is not dealt with is read over.
pub trait Shape<'de>: Sized {
    /// What comes out.
    type Out;

    /// Reads an object.
    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.other())
    }

    /// Reads a list.
    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Out, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.other())
    }

    /// Anything else.
    fn other(self) -> Self::Out;
}

/// Reads a value by its shape.
pub struct As<S>(pub S);

impl<'de, S: Shape<'de>> DeserializeSeed<'de> for As<S> {
    type Value = S::Out;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Shape<'de>> Visitor<'de> for As<S> {
    type Value = S::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<S::Out, A::Error> {
        self.0.object(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<S::Out, A::Error> {
        self.0.list(list)
    }

    fn visit_unit<E: Error>(self) -> Result<S::Out, E> {
        Ok(self.0.other())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<S::Out, E> {
        Ok(self.0.other())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<S::Out, E> {
        Ok(self.0.other())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<S::Out, E> {
        Ok(self.0.other())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<S::Out, E> {
        Ok(self.0.other())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<S::Out, E> {
        Ok(self.0.other())
    }
}

/// The name of a field as its place among these names, if it is one of them.
pub struct Key<'n>(pub &'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

/// Picks these fields out of an object. Of anything else comes out nothing.
pub struct Pick(pub &'static [&'static str]);

/// Fields as they were written.
#[derive(Debug)]
pub struct Picked {
    names: &'static [&'static str],
    values: Vec<Option<Box<RawValue>>>,
}

impl<'de> Shape<'de> for Pick {
    type Out = Option<Picked>;

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Picked>, A::Error> {
        let mut picked = Picked::empty(self.0);
        while let Some(place) = map.next_key_seed(Key(self.0))? {
            match place {
                Some(place) => picked.set(place, map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(picked))
    }

    fn other(self) -> Option<Picked> {
        None
    }
}

impl Picked {
    /// None of these fields yet.
    #[must_use]
    pub fn empty(names: &'static [&'static str]) -> Self {
        let values = names.iter().map(|_| None).collect();
        Self { names, values }
    }

    /// Takes in the field at this place of the names. Of two with one name the last counts.
    pub fn set(&mut self, place: usize, value: Box<RawValue>) {
        if let Some(field) = self.values.get_mut(place) {
            *field = Some(value);
        }
    }

    /// Whether the field was there, be it null.
    #[must_use]
    pub fn was_given(&self, name: &str) -> bool {
        let place = self.names.iter().position(|known| *known == name);
        place.is_some_and(|place| self.values.get(place).is_some_and(Option::is_some))
    }

    /// A field as it was written, unless it is null.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        let place = self.names.iter().position(|known| *known == name)?;
        let value = self.values.get(place)?.as_ref()?.get();
        (value != "null").then_some(value)
    }

    /// A field as text, whatever it is, if it is one value.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).and_then(text)
    }
}

/// A value as text, whatever it is, if it is one value.
#[must_use]
pub fn text(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'{' | b'[' => None,
        b'"' => Some(unescaped(json)),
        _ => Some(json.into()),
    }
}

fn unescaped(json: &str) -> Cow<'_, str> {
    // Most texts are as they stand between their marks.
    let plain = json.get(1..json.len() - 1).unwrap_or_default();
    if !plain.contains('\\') {
        return plain.into();
    }
    let bytes = serde_json::Deserializer::from_str(json).deserialize_bytes(Bytes);
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned().into()
}

/// The bytes of a text, also where it holds half of a character, as texts do that a program has cut.
struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(json: &str) -> Option<Picked> {
        let mut reader = serde_json::Deserializer::from_reader(json.as_bytes());
        As(Pick(&["a", "b"])).deserialize(&mut reader).expect("JSON")
    }

    #[test]
    fn fields_are_picked_whatever_they_are_and_whatever_is_beside_them() {
        let fields =
            picked(r#"{"x": {"a": [1]}, "a": 1.50, "b": null, "y": "\ud800", "a": "t\u00e4x\n"}"#).expect("an object");
        assert_eq!((fields.text("a").as_deref(), fields.raw("b")), (Some("täx\n"), None));
        let fields = picked(r#"{"a": 1.50, "b": {"c": 1}}"#).expect("an object");
        assert_eq!((fields.text("a").as_deref(), fields.text("b")), (Some("1.50"), None));
        assert_eq!(fields.raw("b"), Some(r#"{"c": 1}"#));
        for other in ["[1, {}]", "\"text\"", "1", "-1", "1.5", "true", "null"] {
            assert!(picked(other).is_none(), "{other}");
        }
    }

    #[test]
    fn half_a_character_is_no_end_of_the_file() {
        let fields = picked(r#"{"a": "cut \ud83d", "b": "whole \ud83d\ude00"}"#).expect("an object");
        assert!(fields.text("a").is_some_and(|text| text.starts_with("cut ")));
        assert_eq!(fields.text("b").as_deref(), Some("whole \u{1f600}"));
    }
}
