//! Reads the query of a request, so that every fault of it is told at once: what cannot be, is given twice or is unknown.
//!
//! Names and values are percent-encoded UTF-8. A `+` stands for itself: no value here has a space in it, and many have an offset or a zone with a plus.

use std::borrow::Cow;

use actix_web::HttpRequest;
use domain::accounts::Caller;
use domain::fault::Fault;

use crate::caller::{OWNER_FIELDS, check_owner};
use crate::faults::{Faults, FieldFault, Strangers, pointer};
use crate::problem::{Problem, ProblemType};

/// Where the faults of a query stand.
const PARENT: &str = "/query";

/// A query that is being read.
pub(crate) struct Query<'a> {
    known: &'static [&'static str],
    values: Vec<Option<Cow<'a, str>>>,
    strangers: Strangers,
    faults: Faults,
}

impl<'a> Query<'a> {
    /// Reads the query of a request of `caller`, where that is known, with the parameters `known`; `all` makes of them what the query stands for.
    ///
    /// # Errors
    /// A query that cannot be decoded, that names another owner, or every fault of its parameters.
    pub(crate) fn read<'c, T>(
        request: &'a HttpRequest,
        caller: impl Into<Option<&'c Caller>>,
        known: &'static [&'static str],
        all: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Problem> {
        let mut query = Self::of(request.query_string(), caller.into(), known)?;
        let value = all(&mut query);
        query.end(value)
    }

    /// Makes sure that a request without parameters has none; `caller` is who sends it, where that is known.
    ///
    /// # Errors
    /// A query that cannot be decoded, that names another owner, or every unknown parameter.
    pub(crate) fn none(request: &HttpRequest, caller: Option<&Caller>) -> Result<(), Problem> {
        if request.query_string().is_empty() {
            return Ok(());
        }
        Query::of(request.query_string(), caller, &[])?.end(Some(()))
    }

    /// A parameter that need not be there, through `parse`; `absent` where it is not.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        absent: T,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        let at = self.known.iter().position(|known| *known == name);
        match at.and_then(|at| self.values[at].as_deref()) {
            Some(value) => self.faults.keep(PARENT, parse(value)),
            None => Some(absent),
        }
    }

    /// Whether the parameter is there, sound or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        let at = self.known.iter().position(|known| *known == name);
        at.is_some_and(|at| self.values[at].is_some())
    }

    /// What several parameters stand for together, unless they do not go together.
    pub(crate) fn keep<T>(&mut self, together: Result<T, Fault>) -> Option<T> {
        self.faults.keep(PARENT, together)
    }

    fn of(query: &'a str, caller: Option<&Caller>, known: &'static [&'static str]) -> Result<Self, Problem> {
        let mut read = Self {
            known,
            values: vec![None; known.len()],
            strangers: Strangers::default(),
            faults: Faults::default(),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            match (caller, known.iter().position(|known| *known == name)) {
                (_, Some(at)) => read.set(at, value),
                (Some(caller), None) if OWNER_FIELDS.contains(&name.as_ref()) => {
                    check_owner(caller, &name, Some(value))?;
                }
                _ => read.strangers.note(&name),
            }
        }
        Ok(read)
    }

    fn set(&mut self, at: usize, value: Cow<'a, str>) {
        if self.values[at].replace(value).is_some() {
            let fault = FieldFault::new(pointer(PARENT, self.known[at]), "duplicate", "must not be given twice");
            self.faults.add(fault);
        }
    }

    fn end<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        let known = match self.known {
            [] => "none".to_owned(),
            known => known.join(", "),
        };
        self.faults.extend(self.strangers.into_faults(PARENT, &known));
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(Problem::invalid(self.faults)),
        }
    }
}

/// The text that percent-encoded UTF-8 stands for.
pub(crate) fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    let malformed = || {
        Problem::new(
            ProblemType::MalformedQuery,
            "a % must be followed by two hexadecimal digits, and what they stand for must be UTF-8",
        )
    };
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => match (rest.next().and_then(hex), rest.next().and_then(hex)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(malformed()),
            },
            other => other,
        });
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| malformed())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        decode(text).ok().map(Cow::into_owned)
    }

    #[test]
    fn percent_codes_are_decoded_and_a_plus_stands_for_itself() {
        for (text, plain) in [
            ("Europe%2FBerlin", "Europe/Berlin"),
            ("09:00+01:00", "09:00+01:00"),
            ("09%3a00%2B01:00", "09:00+01:00"),
            ("%C3%A4", "ä"),
            ("%2B+", "++"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(plain), "{text}");
        }
    }

    #[test]
    fn what_is_no_percent_code_or_no_utf_8_is_malformed() {
        for text in ["%", "%4", "%zz", "a%C3", "%ff", "%+1"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
