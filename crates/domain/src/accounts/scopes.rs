//! What an API key may be used for.

use crate::fault::Fault;

/// One thing that a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Sending pings: `pings:write`.
    PingsWrite,
    /// Reading reports: `reports:read`.
    ReportsRead,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 2] = [Self::PingsWrite, Self::ReportsRead];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PingsWrite => "pings:write",
            Self::ReportsRead => "reports:read",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Everything that a key may be used for: at least one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// The scopes of these names, in any order and any number of times.
    ///
    /// # Errors
    /// A fault of `scopes` when there is none, or one of a name that is not known.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Fault> {
        let mut bits = 0;
        for name in names {
            let known = Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
            bits |= known.ok_or_else(|| fault("unknown_scope"))?.bit();
        }
        if bits == 0 {
            return Err(fault("no_scope"));
        }
        Ok(Self(bits))
    }

    /// Every scope there is: what a person may do who has signed in.
    #[must_use]
    pub fn all() -> Self {
        Self(Scope::ALL.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes, always in the same order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.allow(*scope))
    }
}

fn fault(code: &'static str) -> Fault {
    let names = Scope::ALL.map(Scope::as_str).join(", ");
    Fault::new("scopes", code, format!("must be one or more of: {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<Vec<Scope>, Fault> {
        Scopes::parse(names.iter().copied()).map(|scopes| scopes.iter().collect())
    }

    #[test]
    fn scopes_are_a_set_that_is_never_empty() {
        assert_eq!(parse(&["pings:write"]), Ok(vec![Scope::PingsWrite]));
        assert_eq!(parse(&["reports:read", "reports:read"]), Ok(vec![Scope::ReportsRead]));
        assert_eq!(parse(&["reports:read", "pings:write"]), Ok(Scope::ALL.to_vec()));
        assert_eq!(parse(&[]).expect_err("none").code, "no_scope");
        assert_eq!(Scopes::all().iter().collect::<Vec<_>>(), Scope::ALL);
    }

    #[test]
    fn a_name_that_is_not_known_is_a_fault_that_says_what_is_allowed() {
        for bad in [
            "",
            "pings",
            "PINGS:WRITE",
            "pings:write ",
            "pings:write,reports:read",
            "*",
        ] {
            let fault = parse(&["reports:read", bad]).expect_err(bad);
            assert_eq!((fault.field, fault.code), ("scopes", "unknown_scope"), "{bad}");
            assert_eq!(fault.detail, "must be one or more of: pings:write, reports:read");
        }
    }

    #[test]
    fn a_scope_that_is_not_among_them_is_not_allowed() {
        let scopes = Scopes::parse(["reports:read"]).expect("a scope");
        assert!(scopes.allow(Scope::ReportsRead));
        assert!(!scopes.allow(Scope::PingsWrite));
    }
}
